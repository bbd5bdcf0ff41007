"""The evidence of augrad, found before the training: verdicts and errors by candidate. Used by document.py."""

from __future__ import annotations

from math import isfinite
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from augrad.demo.results import DemoResult
from augrad.demo.words import short
from augrad.learning.leave_one_out.evidence import Evidence
from augrad.learning.leave_one_out.findings import Candidate
from augrad.learning.leave_one_out.page.curves import curve_of, interval_of, trials_of
from augrad.learning.leave_one_out.verdicts import HARMLESS, HARMS, HELPS, MARKS, MEANINGS, UNDECIDED, VERDICTS
from augrad.learning.leave_one_out.words import cautions, headline_parts, ordered, ranges_text
from augrad.report.panels import BLUE, GREEN, ORANGE
from augrad.report.style import MUTED, PAPER
from augrad.report.words import in_words, number, sentence

COLUMNS = ("transformation", "verdict", "range", "error", "without it", "difference")

LOOKS = {HELPS: (GREEN, "o"), HARMLESS: (BLUE, "o"), HARMS: (ORANGE, "s"), UNDECIDED: (MUTED, "D")}
"""Colour and marker of each verdict."""

ROW_HEIGHT = 0.6
"""Part of a candidate's row that is filled by its seeds."""


def has_evidence(result: DemoResult) -> bool:
    """Returns whether every policy was found from evidence, so that nothing is learned epoch by epoch."""
    return all(run.evidence is not None for run in result.of("augrad"))


def evidence_of(result: DemoResult) -> list[dict[str, Any]]:
    """Returns the template's values for each seed with evidence; the curves are those of the first one."""
    found = [(run.seed, run.evidence) for run in result.of("augrad") if run.evidence is not None]
    return [_of_seed(result, seed, evidence, with_curves=place == 0) for place, (seed, evidence) in enumerate(found)]


def warnings_of(result: DemoResult) -> list[str]:
    """Returns everything to mind about the evidence, as sentences; what holds for several seeds is said once."""
    found = [run.evidence for run in result.of("augrad") if run.evidence is not None]
    return list(dict.fromkeys(sentence(told) for evidence in found for told in cautions(evidence)))


def meanings() -> list[tuple[dict[str, str], str]]:
    """Returns the badge of each verdict, and its meaning."""
    return [(_badge(verdict), MEANINGS[verdict]) for verdict in VERDICTS]


def draw_evidence(axes: Axes, result: DemoResult) -> None:
    """Draws a row for each candidate: for each seed the difference of the error, with two standard errors."""
    found = [ordered(run.evidence.candidates) for run in result.of("augrad") if run.evidence is not None]
    names = [each.transform for each in found[0]]
    shown = dict.fromkeys(VERDICTS, 0)
    for place, candidates in enumerate(found):
        for each in candidates:
            estimate = interval_of(each)
            row = len(names) - 1 - names.index(each.transform)
            height = row + ROW_HEIGHT * ((len(found) - 1) / 2 - place) / len(found)
            colour, marker = LOOKS[each.verdict]
            axes.plot([estimate.low, estimate.high], [height, height], color=colour, lw=1.8)
            axes.plot([estimate.value], [height], marker, ms=7, color=colour, mec=PAPER, mew=0.8)
            shown[each.verdict] += 1
    axes.axvline(0, color=MUTED, lw=1.1, ls=(0, (3, 3)))
    axes.set_title("Which transformations lower the error")
    axes.set_yticks(range(len(names)), [short(name) for name in reversed(names)])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("difference of the error (below 0 it helps)")
    handles = [
        Line2D([], [], color=LOOKS[verdict][0], marker=LOOKS[verdict][1], label=verdict)
        for verdict in VERDICTS
        if shown[verdict]
    ]
    axes.legend(handles=handles, loc="best", title="a row for each seed" if len(found) > 1 else None, alignment="left")


def _of_seed(result: DemoResult, seed: int, evidence: Evidence, *, with_curves: bool) -> dict[str, Any]:
    """Returns the template's values for a seed."""
    candidates = ordered(evidence.candidates)
    shown = [each for each in candidates if with_curves and isfinite(each.difference)]
    return {
        "seed": seed,
        "headline": " ".join(filter(None, headline_parts(evidence))),
        "facts": f"{evidence.facts.n_samples} samples, {evidence.facts.seconds:.1f} s",
        "rows": [(short(each.transform), _badge(each.verdict), _cells(each)) for each in candidates],
        "curves": [_curve(result, seed, each) for each in shown],
    }


def _cells(candidate: Candidate) -> list[str]:
    if not isfinite(candidate.difference):
        return ["", "", "", "not measured"]
    return [
        ranges_text(candidate.ranges),
        number(candidate.error),
        number(candidate.error_without),
        in_words(interval_of(candidate), as_share=False),
    ]


def _curve(result: DemoResult, seed: int, candidate: Candidate) -> dict[str, Any]:
    """Returns the panel of a candidate: the difference of the error over strength, with intervals."""
    label = f"{result.demo.name}: {candidate.transform}, difference of the error, seed {seed}"
    return {
        "name": short(candidate.transform),
        "badge": _badge(candidate.verdict),
        "single": len(trials_of(candidate)) == 1,
        "panel": curve_of(candidate, label),
    }


def _badge(verdict: str) -> dict[str, str]:
    return {"kind": verdict, "mark": MARKS[verdict], "word": verdict, "rest": ""}
