"""Texts and cells of the pages of an audit: summaries, strengths, warnings. Used by render.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from augrad.auditing.measurements import Measurement
from augrad.auditing.verdicts import KINDS, TITLES, Verdict
from augrad.report.words import counted, sentence, words

if TYPE_CHECKING:
    from augrad.auditing.comparison import AuditComparison
    from augrad.auditing.result import AuditReport

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
