"""Renders an audit, or two audits side by side, as a self-contained page.

Uses the other modules here; see audit.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from augrad.auditing.measurements import Measurement
from augrad.auditing.page.examples import strip_of
from augrad.auditing.page.measures import MEASURE_WORDS
from augrad.auditing.page.questions import panels_of
from augrad.auditing.page.scale import alike, scale_of
from augrad.auditing.page.words import (
    MARKS,
    comparison_summary,
    has_model,
    knows,
    short_warnings,
    summary,
    where,
    where_strength,
)
from augrad.auditing.verdicts import Verdict
from augrad.report.page import filled
from augrad.report.panel_drawing import drawn
from augrad.report.panels import BLUE, ORANGE, Curve, Look, Panel, Plot
from augrad.report.scale import Scale
from augrad.report.words import in_words, interval, policy_rows, sentence, share

if TYPE_CHECKING:
    from augrad.auditing.comparison import AuditComparison
    from augrad.auditing.result import AuditReport

MOST_COLUMNS = 6
"""Largest number of strengths side by side in a table of numbers. More strengths need several tables."""

LOOKS = (Look(BLUE), Look(ORANGE, "s", (5, 2)))
"""Looks of the first and the second model."""


def render_audit(report: AuditReport) -> str:
    """Returns the audit as self-contained HTML, without links to files or addresses.

    Args:
        report: a result of `augrad.audit` or `augrad.audit_pipeline`. A report read from JSON has no pictures.
    """
    model = has_model(report)
    sections = [_section(report, verdict, number) for number, verdict in enumerate(report.verdicts, 1)]
    return filled(
        "augrad.auditing.page",
        "audit.html",
        subject=report.facts.subject,
        model=model,
        summary=summary(report),
        warnings=[sentence(each) for each in report.warnings],
        columns=_columns(report),
        sections=sections,
        facts=_facts(report),
        sensitivities=_sensitivities(report),
        policy=policy_rows(report.policy),
        skipped=report.facts.skipped,
        glossary=[(each.title, each.meaning) for name, each in MEASURE_WORDS.items() if _measured(report, name)],
    )


def render_comparison(comparison: AuditComparison) -> str:
    """Returns two audits side by side as self-contained HTML.

    Args:
        comparison: a comparison of two audits of the same data.
    """
    pair = (comparison.first, comparison.second)
    measures = _compared(pair)
    names = [f"{number}: {report.facts.subject}" for number, report in enumerate(pair, 1)]
    first = measures[0]
    return filled(
        "augrad.auditing.page",
        "comparison.html",
        names=names,
        looks=LOOKS,
        summary=comparison_summary(comparison),
        measure=MEASURE_WORDS[first].title,
        rows=[
            {
                "id": f"t{number}",
                "transform": transform,
                "verdicts": [_badge(report.verdict(transform)) for report in pair],
                "numbers": [in_words(getattr(report.of(transform)[-1], first)) or "-" for report in pair],
                "differs": len({report.verdict(transform).kind for report in pair}) > 1,
                "figure": _beside(pair, names, transform, measures, f"t{number}: {transform}"),
                "at": where(comparison.first.of(transform)[-1]),
            }
            for number, transform in enumerate(comparison.transforms, 1)
        ],
        facts=[(name, _facts(report)) for name, report in zip(names, pair, strict=True)],
        glossary=[(MEASURE_WORDS[name].title, MEASURE_WORDS[name].meaning) for name in measures],
    )


def _section(report: AuditReport, verdict: Verdict, number: int) -> dict[str, Any]:
    """Returns the template's values for a transform."""
    rows = report.of(verdict.transform)
    scale = scale_of(rows)
    label = f"t{number}: {verdict.transform}"
    return {
        "id": f"t{number}",
        "transform": verdict.transform,
        "badge": _badge(verdict),
        "cells": _cells(report, verdict, rows),
        "assumes": verdict.assumes.rstrip("."),
        "because": sentence(verdict.because),
        "warnings": [sentence(each) for each in verdict.warnings],
        "short": short_warnings(verdict, rows),
        "numbers": _numbers(report, verdict, rows),
        "panels": [
            {
                "title": panel.title,
                "note": panel.note,
                "key": panel.key if len(rows) > 1 else [],
                "drawing": drawn(panel, scale, f"{label}, {panel.title}"),
            }
            for panel in panels_of(rows, verdict, report.facts.epsilon)
        ],
        "strip": strip_of(report.shown.get(verdict.transform), rows, report.facts.modality, label),
        "tables": _tables(rows),
    }


def _badge(verdict: Verdict) -> dict[str, str]:
    """Returns the verdict as a sign, a word and the remaining text."""
    word, _, rest = verdict.title.partition(": ")
    return {"kind": verdict.kind, "mark": MARKS.get(verdict.kind, "?"), "word": word, "rest": rest}


def _columns(report: AuditReport) -> list[str]:
    """Returns the middle columns of the verdicts' table.

    They depend on whether there is a model and whether there are labels.
    """
    if has_model(report) and knows(report):
        gains = any(verdict.expected_gain is not None for verdict in report.verdicts)
        return ["safe up to", "expected gain"] if gains else ["safe up to"]
    wanted = ("flip_rate", "invariance") if has_model(report) else ("preservation", "displacement")
    return [MEASURE_WORDS[name].title for name in wanted if _measured(report, name)]


def _cells(report: AuditReport, verdict: Verdict, rows: Sequence[Measurement]) -> list[str]:
    """Returns the cells of a verdict for `_columns`. Measures are those at full strength."""
    known = {"safe up to": verdict.safe, "expected gain": in_words(verdict.expected_gain)}
    known |= {
        each.title: in_words(getattr(rows[-1], name), as_share=each.share) for name, each in MEASURE_WORDS.items()
    }
    return [known[column] for column in _columns(report)]


def _numbers(report: AuditReport, verdict: Verdict, rows: Sequence[Measurement]) -> list[tuple[str, str]]:
    """Returns the numbers beside the curves, with their names."""
    last = rows[-1]
    found = []
    if has_model(report):
        found += [("safe up to", verdict.safe), ("expected gain", in_words(verdict.expected_gain))]
    found.append(("distance rises from", where_strength(rows, verdict.knee) or ""))
    moved = f"{in_words(last.displacement, as_share=False)} of the data's spread"
    found.append(("moves samples by", moved if not last.reaches else f"{moved}, at {where(last)}"))
    sensitivity = report.sensitivities.get(verdict.transform)
    if sensitivity is not None:
        found.append(("sensitivity", in_words(sensitivity, as_share=False)))
    return [(name, text) for name, text in found if text]


def _facts(report: AuditReport) -> list[tuple[str, str]]:
    """Returns the circumstances of the audit, with their names."""
    facts = report.facts
    found = [("samples", f"{facts.n_samples}{' (the loader has more)' if facts.more else ''}")]
    if facts.score is not None:
        found.append(("predicted right when unchanged", in_words(facts.score)))
    if facts.reference is not None:
        told = [facts.reference]
        if facts.reference_accuracy is not None:
            told.append(f"right for {in_words(facts.reference_accuracy)} of the unchanged samples")
        if facts.chance is not None:
            told.append(f"chance is {share(facts.chance)}")
        found.append(("reference for the labels", ", ".join(told)))
    else:
        found.append(("reference for the labels", "none: there are no labels"))
    found.append(("epsilon", f"{share(facts.epsilon)} of labels, or of predictions, may change"))
    if facts.layers:
        found.append(("layers", ", ".join(facts.layers)))
    found.append(("data", facts.data[:12]))
    if facts.model:
        found.append(("model", facts.model[:12]))
    found += [("seed", str(facts.seed)), ("modality", facts.modality)]
    found.append(("took", f"{facts.seconds:.0f} s" if facts.seconds >= 1 else f"{facts.seconds:.1f} s"))
    return [*found, ("versions", ", ".join(f"{name} {version}" for name, version in facts.versions.items()))]


def _sensitivities(report: AuditReport) -> list[dict[str, Any]]:
    """Returns for each transform the number and the width of its bar in percent, the largest first."""
    values = {name: -1.0 if each is None else each.value for name, each in report.sensitivities.items()}
    most = max(values.values(), default=0.0)
    return [
        {
            "transform": name,
            "value": in_words(report.sensitivities[name], as_share=False),
            "width": round(100 * max(0.0, values[name]) / most, 1) if most > 0 else 0.0,
        }
        for name in sorted(values, key=lambda name: -values[name])
    ]


def _measured(report: AuditReport, measure: str) -> bool:
    return any(getattr(row, measure) is not None for row in report.measurements)


def _tables(rows: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Returns all measures of a transform, with strengths side by side."""
    return [_table(rows[start : start + MOST_COLUMNS]) for start in range(0, len(rows), MOST_COLUMNS)]


def _table(rows: Sequence[Measurement]) -> dict[str, Any]:
    lines = []
    for name, measure in MEASURE_WORDS.items():
        lines.append((measure.title, [getattr(row, name) for row in rows], measure.share))
        if name == "invariance":
            layers = dict.fromkeys(layer for row in rows for layer in row.layers)
            lines += [(f"invariance of {layer}", [row.layers.get(layer) for row in rows], False) for layer in layers]
    return {
        "strengths": [where(row) for row in rows],
        "lines": [
            (title, [None if each is None else interval(each, as_share=as_share) for each in estimates])
            for title, estimates, as_share in lines
            if any(each is not None for each in estimates)
        ],
    }


def _compared(pair: tuple[AuditReport, AuditReport]) -> tuple[str, ...]:
    """Returns the measures in both audits by which they are compared, the most informative first."""
    wanted = ("flip_rate", "invariance") if all(map(has_model, pair)) else ("preservation", "off_manifold")
    return tuple(name for name in wanted if all(_measured(report, name) for report in pair))


def _beside(
    pair: tuple[AuditReport, AuditReport], names: Sequence[str], transform: str, measures: Sequence[str], label: str
) -> Any:
    """Returns the curves of two models for a transform."""
    both = [report.of(transform) for report in pair]
    plots = tuple(
        Plot(
            tuple(
                Curve(
                    name, tuple(row.strength for row in rows), tuple(getattr(row, measure) for row in rows), look, start
                )
                for name, rows, look in zip(names, both, LOOKS, strict=True)
            ),
            "share" if MEASURE_WORDS[measure].share else "unit",
            MEASURE_WORDS[measure].title,
        )
        for measure, start in (("invariance", 1.0), ("flip_rate", 0.0), ("preservation", 1.0), ("off_manifold", 0.05))
        if measure in measures
    )
    return drawn(Panel(transform, "", plots), _common_scale(both), label)


def _common_scale(both: Sequence[Sequence[Measurement]]) -> Scale:
    if alike(*both):
        return scale_of([row for rows in both for row in rows])
    plain = scale_of([Measurement(**{**vars(row), "reaches": ()}) for rows in both for row in rows])
    return Scale(plain.ticks, "share of each audit's own ranges", plain.end)
