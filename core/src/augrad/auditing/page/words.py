"""Texts and cells of the pages of an audit: summaries, numbers, strengths, policies. Used by render.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from augrad.auditing.intervals import Estimate
from augrad.auditing.measurements import Measurement
from augrad.auditing.verdicts import KINDS, TITLES, Verdict
from augrad.report.words import words

if TYPE_CHECKING:
    from augrad.auditing.comparison import AuditComparison
    from augrad.auditing.result import AuditReport

NO_BREAK = "\N{NO-BREAK SPACE}"
PERCENT = f"{NO_BREAK}%"

MARKS = {
    "over-invariant": "!",
    "missed": "+",
    "invariant": "=",
    "sensitive": "\N{NOT EQUAL TO}",
    "harmful": "!",
    "allowed": "=",
    "undecided": "?",
}
"""A sign for each verdict, so that colours are not needed to distinguish verdicts."""


def summary(report: AuditReport) -> str:
    """Returns the result of the audit in a sentence."""
    verdicts = report.verdicts
    if not has_model(report):
        return _data_summary(verdicts)
    if len(verdicts) == 1:
        return f"{verdicts[0].transform}: {verdicts[0].title}."
    if not knows(report):
        why = "There are no labels" if report.facts.reference is None else "The reference is no better than chance"
        return f"{why}, so it is unknown which of these {len(verdicts)} transforms the model should ignore."
    parts: list[str] = []
    for kinds, one, several in (
        (("over-invariant",), "is ignored although it changes labels", "are ignored although they change labels"),
        (("missed",), "is worth augmenting with", "are worth augmenting with"),
        (("invariant", "sensitive"), "is as it should be", "are as they should be"),
        (("undecided",), "is undecided", "are undecided"),
    ):
        n_found = sum(verdict.kind in kinds for verdict in verdicts)
        if n_found:
            who = f"{n_found} of {len(verdicts)} transforms" if not parts else str(n_found)
            who = f"All {n_found} transforms" if n_found == len(verdicts) else who
            parts.append(f"{who} {one if n_found == 1 else several}")
    return "; ".join(parts) + "."


def _data_summary(verdicts: Sequence[Verdict]) -> str:
    if len(verdicts) > 1:
        found = {TITLES[kind]: sum(verdict.kind == kind for verdict in verdicts) for kind in KINDS}
        return sentence("; ".join(f"{title}: {n_found}" for title, n_found in found.items() if n_found))
    told = {
        "harmful": "The pipeline changes labels",
        "allowed": "Labels survive the pipeline",
        "undecided": "Whether labels survive the pipeline is undecided",
    }
    return f"{told.get(verdicts[0].kind, verdicts[0].title)}: {verdicts[0].because.rstrip('.')}."


def comparison_summary(comparison: AuditComparison) -> str:
    """Returns the differences between two audits in a sentence."""
    names = comparison.transforms
    differing = [name for name in names if comparison.first.verdict(name).kind != comparison.second.verdict(name).kind]
    if not differing:
        return f"Both get the same verdict on {'all ' if len(names) > 1 else ''}{counted(len(names), 'transform')}."
    return f"The verdicts differ on {len(differing)} of {counted(len(names), 'transform')}: {', '.join(differing)}."


def knows(report: AuditReport) -> bool:
    """Whether the audit can tell if labels survive."""
    return any(verdict.safe_strength is not None for verdict in report.verdicts)


def has_model(report: AuditReport) -> bool:
    """Whether a model was audited, and not only data."""
    return any(row.flip_rate is not None for row in report.measurements)


def counted(number: int, noun: str) -> str:
    """Returns a number with a noun.

    Example:
        >>> counted(1, "transform"), counted(2, "transform")
        ('1 transform', '2 transforms')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def share(value: float) -> str:
    """Returns a share of samples as a percentage.

    Example:
        >>> share(0.314).split(), share(-0.0001).split(), share(0.004).split()  # no line breaks before the sign
        (['31', '%'], ['0', '%'], ['0.4', '%'])
    """
    percent = 100 * value
    return f"{_signed(f'{percent:.1f}' if 0 < abs(percent) < 0.95 else f'{percent:.0f}')}{PERCENT}"


def number(value: float) -> str:
    """Returns a number that is not a share as text.

    Example:
        >>> number(0.123), number(12.34), number(0.0031), number(25000.0)
        ('0.12', '12.3', '0.0031', '25000')
    """
    size = abs(value)
    if value == round(value) and size < 1e6:
        return _signed(f"{value:.0f}")
    if size < 0.1:
        return _signed(f"{float(f'{value:.2g}'):.4f}".rstrip("0"))
    return _signed(
        f"{value:.2f}"
        if size < 10
        else f"{value:.1f}"
        if size < 100
        else f"{value:.0f}"
        if size < 1e6
        else f"{value:.2e}"
    )


def interval(estimate: Estimate, *, as_share: bool) -> tuple[str, str]:
    """Returns the value, and the interval without the unit.

    Example:
        >>> interval(Estimate(0.5, 0.4, 0.6), as_share=False)
        ('0.50', '0.40 to 0.60')
    """
    told = share if as_share else number
    return told(estimate.value), " to ".join(told(end).removesuffix(PERCENT) for end in (estimate.low, estimate.high))


def in_words(estimate: Estimate | None, *, as_share: bool = True) -> str:
    """Returns value and interval, joined by spaces that do not break between lines; empty for None.

    Example:
        >>> in_words(Estimate(0.5, 0.4, 0.6), as_share=False).split(), in_words(None)
        (['0.50', '(0.40', 'to', '0.60)'], '')
    """
    if estimate is None:
        return ""
    value, ends = interval(estimate, as_share=as_share)
    return f"{value} ({ends.replace(' ', NO_BREAK)})"


def where(row: Measurement) -> str:
    """Returns the strength in physical units; for a transform without parameters the word "applied"."""
    several = len(row.reaches) > 1
    named = (
        f"{words(each.parameter, each.unit)} {each.short}" if several or not each.unit else each.short
        for each in row.reaches
    )
    return ", ".join(named) or "applied"


def where_strength(rows: Sequence[Measurement], strength: float | None) -> str | None:
    """Returns the same for the measurement at a strength; None if there is none."""
    return next((where(row) for row in rows if row.strength == strength), None)


def short_warnings(verdict: Verdict, rows: Sequence[Measurement]) -> list[str]:
    """Returns the warnings in few words. The full sentences are in `verdict.warnings`."""
    found = [
        (text, where_strength(rows, strength))
        for text, strength in (("off the data", verdict.off_manifold_from), ("a shortcut", verdict.shortcut_from))
        if strength is not None
    ]
    short = [text if place in (None, "applied") else f"{text} from {place}" for text, place in found]
    n_more = len(verdict.warnings) - len(short)
    return [*short, f"{n_more} more below"] if n_more > 0 else short


def sentence(text: str) -> str:
    """Returns the text with a capital letter and a full stop.

    Example:
        >>> sentence("at 3 deg it breaks")
        'At 3 deg it breaks.'
    """
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def policy_rows(policy: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Returns the cells of a learned policy: layer, transform, weight, and the interval of its values.

    A parameter that is learned for several entries, such as the columns of a table, has a single row from the smallest
    to the largest value.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in policy:
        name = None if row["parameter"] is None else row["parameter"].partition("[")[0]
        groups.setdefault((row["layer"], row["transform"], name), []).append(row)
    found = []
    for (layer, transform, name), rows in groups.items():
        named = transform if name is None else f"{transform}, {words(name, rows[0]['unit'])}"
        told = f"{named} ({len(rows)} entries)" if len(rows) > 1 else named
        found.append([str(layer), told, f"{rows[0]['weight']:.2f}", "" if name is None else _drawn(rows)])
    return found


def _drawn(rows: Sequence[Mapping[str, Any]]) -> str:
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    if abs(low + high) <= 0.005 * (high - low):
        ends = f"±{high:.3g}"
    else:
        ends = " to ".join(_signed(f"{end:.3g}") for end in (low, high))
    return f"{ends} {rows[0]['unit']}".rstrip()


def _signed(text: str) -> str:
    """Returns the number with a typographic minus; a zero without sign or digits."""
    return text.replace("-", "\N{MINUS SIGN}") if text.strip("-0.") else "0"
