"""Findings as words: ranges in physical units, the headline, cautions. Used by table.py and page/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from augrad.learning.leave_one_out.verdicts import HARMLESS, HARMS, HELPS, UNDECIDED, VERDICTS
from augrad.report.words import counted, drawn_between, percent, words

if TYPE_CHECKING:
    from augrad.learning.leave_one_out.evidence import Evidence
    from augrad.learning.leave_one_out.findings import Candidate, CandidateRange

MOST_NAMED = 4
"""Largest number of transforms that the headline names."""

_COUNTS = {
    HARMLESS: ("is harmless", "are harmless"),
    HARMS: ("harms", "harm"),
    UNDECIDED: ("is undecided", "are undecided"),
    "": ("was not examined", "were not examined"),
}


def ordered(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Returns the candidates by verdict: first those that help, in the order of the policy."""
    return sorted(candidates, key=lambda each: (VERDICTS.index(each.verdict), each.step or 0))


def ranges_text(ranges: Sequence[CandidateRange]) -> str:
    """Returns ranges as text, such as `"±54 deg"` or `"factor 0.8 to 1.2"`; empty without parameters.

    The entries of a parameter that has a range per column, such as `std[age]`, are told together.
    """
    groups: dict[str, list[CandidateRange]] = {}
    for each in ranges:
        groups.setdefault(each.parameter.partition("[")[0], []).append(each)
    found = []
    for name, group in groups.items():
        unit = "" if group[0].unit == name else group[0].unit  # a fraction of 0.1 fraction
        text = drawn_between([{**vars(each), "unit": unit} for each in group])
        if len(groups) > 1 or not unit:
            text = f"{words(name, unit)} {text}"
        found.append(f"{text}, {len(group)} entries" if len(group) > 1 else text)
    return ", ".join(found)


def ranges_at(candidate: Candidate, magnitude: float) -> tuple[CandidateRange, ...] | None:
    """Returns the ranges of a candidate at another magnitude; None if they cannot be known.

    They are proportional to the magnitude, from the identity on. An identity that is not given is 0 if the range has 0.
    """
    found = []
    for each in candidate.ranges:
        start = each.identity if each.identity is not None else 0.0 if each.low <= 0 <= each.high else None
        if start is None or candidate.magnitude <= 0:
            return None
        part = magnitude / candidate.magnitude
        found.append(replace(each, low=start + part * (each.low - start), high=start + part * (each.high - start)))
    return tuple(found)


def strength_text(candidate: Candidate, magnitude: float) -> str:
    """Returns a strength in physical units, or else as a share of the declared range."""
    if not candidate.ranges:
        return "applied"
    ranges = candidate.ranges if magnitude == candidate.magnitude else ranges_at(candidate, magnitude)
    return f"{percent(magnitude)} of the range" if ranges is None else ranges_text(ranges)


def headline(evidence: Evidence) -> str:
    """Returns the result in a sentence or two."""
    return " ".join(filter(None, headline_parts(evidence)))


def headline_parts(evidence: Evidence) -> tuple[str, str]:
    """Returns what was found, and what is to be said about the others; the latter may be empty."""
    candidates = ordered(evidence.candidates)
    helping = [each for each in candidates if each.verdict == HELPS]
    counts = _counts(candidates)
    if not helping:
        names = candidates[0].transform if len(candidates) == 1 else f"of {len(candidates)} transforms"
        found = counts[0].removeprefix("1 ") if len(candidates) == 1 else _listed(counts)
        return f"Nothing helps: {names} {found}.", _more(evidence)
    verb = "helps" if len(helping) == 1 else "help"
    named = [_named(each, "") for each in helping[:MOST_NAMED]]
    if len(helping) > MOST_NAMED:
        named.append(f"{len(helping) - MOST_NAMED} more")
    if len(candidates) == 1:
        return f"{_named(helping[0], ' helps')}.", ""
    if len(helping) == len(candidates):
        return f"All {len(candidates)} transforms help: {_listed(named)}.", ""
    told = f"{len(helping)} of {len(candidates)} transforms {verb}: {_listed(named)}."
    return told, f"Of the others, {_listed(counts)}."


def more_text(candidate: Candidate) -> str:
    """Returns how many samples would tell, if that is known; or that a candidate was not examined."""
    if not candidate.examined:
        return "not examined"
    return "" if candidate.more is None else f"about {candidate.more} samples would tell"


def cautions(evidence: Evidence) -> list[str]:
    """Returns everything to mind, as sentences."""
    early = [] if evidence.facts.complete else ["The search ended early, because max_seconds had passed."]
    return [*early, *evidence.facts.warnings]


def duration(seconds: float) -> str:
    """Returns seconds as text.

    Example:
        >>> duration(0.26), duration(12.3)
        ('0.3 s', '12 s')
    """
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def samples_text(evidence: Evidence) -> str:
    """Returns the number of samples, and whether the loader has more."""
    told = counted(evidence.facts.n_samples, "sample")
    return f"{told} (the loader has more)" if evidence.facts.more_samples else told


def _more(evidence: Evidence) -> str:
    """Returns how many samples would tell about all undecided candidates, as a sentence."""
    needed = [each.more for each in evidence.candidates if each.more is not None]
    return f"About {max(needed)} samples would tell." if needed else ""


def _named(candidate: Candidate, verb: str) -> str:
    """Returns the name with its ranges, such as `"vision.rotate within ±54 deg"`."""
    name, text = f"{candidate.transform}{verb}", ranges_text(candidate.ranges)
    if not text:
        return name
    simple = len(candidate.ranges) == 1 and text.startswith("±")
    return f"{name} within {text}" if simple else f"{name} ({text})"


def _counts(candidates: Sequence[Candidate]) -> list[str]:
    found = []
    kinds = [each.verdict if each.examined else "" for each in candidates]
    for kind, (one, several) in _COUNTS.items():
        n_found = kinds.count(kind)
        if n_found:
            found.append(f"{n_found} {one if n_found == 1 else several}")
    return found


def _listed(parts: Sequence[str]) -> str:
    """Returns parts as an enumeration.

    Example:
        >>> _listed(["a"]), _listed(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last
