"""The invariance card: an audit as Markdown, to keep beside a model or in docs. Used by result.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from augrad.report.estimate import Estimate

if TYPE_CHECKING:
    from augrad.auditing.comparison import AuditComparison
    from augrad.auditing.result import AuditReport


FOOTNOTE = (
    "Shares have exact 95 % intervals, means and medians have bootstrap intervals. Verdicts use wider ones, so that "
    "all of them hold at the same time. An audit is evidence on these samples, not a proof."
)


def card(report: AuditReport) -> str:
    """Returns the invariance card as Markdown: for each transform its assumption, the evidence and the verdict."""
    facts = report.facts
    lines = [f"# Invariance card: {_escaped(facts.subject)}", ""]
    lines += [f"- {line}" for line in _facts(report)]
    lines += [f"- **Mind**: {_escaped(_sentence(warning))}" for warning in report.warnings]
    lines += ["", "## Verdicts", "", *_table(_verdict_rows(report)), ""]
    for verdict in report.verdicts:
        lines += [f"## {_escaped(verdict.transform)}", ""]
        if verdict.assumes:
            lines += [f"**Assumes** that {_escaped(verdict.assumes)}.", ""]
        lines += [f"**Verdict**: {verdict.title}. {_escaped(_sentence(verdict.because))}"]
        for warning in verdict.warnings:
            lines += [f"**Mind**: {_escaped(_sentence(warning))}"]
        if verdict.knee is not None:
            lines += [f"**Knee**: the distance from the data begins to rise at strength {verdict.knee:g}."]
        sensitivity = report.sensitivities.get(verdict.transform)
        if sensitivity is not None:
            lines += [f"**Sensitivity** at the identity: {sensitivity} distances between samples per unit of strength."]
        lines += ["", *_table(_measure_rows(report, verdict.transform)), ""]
    if report.policy:
        lines += ["## Learned augmentation", ""]
        lines += _table([["layer", "transform", "weight", "drawn between"], *(_policy(row) for row in report.policy)])
        lines += [""]
    if facts.skipped:
        lines += ["## Left out", ""]
        lines += [f"- {_escaped(name)}: {_escaped(reason)}" for name, reason in facts.skipped.items()]
        lines += [""]
    return "\n".join([*lines, FOOTNOTE, ""])


def comparison_card(comparison: AuditComparison) -> str:
    """Two audits side by side, as Markdown."""
    first, second = comparison.first, comparison.second
    names = [f"1: {first.facts.subject}", f"2: {second.facts.subject}"]
    rows = [["transform", *(f"verdict {name}" for name in names), *(f"flip rate {name}" for name in names)]]
    for transform in comparison.transforms:
        pair = (first, second)
        rows.append(
            [
                transform,
                *(each.verdict(transform).title for each in pair),
                *(_number(each.of(transform)[-1].flip_rate) for each in pair),
            ]
        )
    return "\n".join(["# Two audits side by side", "", *_table([[_escaped(cell) for cell in row] for row in rows]), ""])


def _facts(report: AuditReport) -> list[str]:
    facts = report.facts
    lines = [f"{facts.n_samples} samples{' (the loader has more)' if facts.more else ''}, seed {facts.seed}"]
    if facts.score is not None:
        lines.append(f"predicted right when unchanged: {_percent(facts.score)}")
    if facts.reference_accuracy is not None and facts.chance is not None:
        lines.append(
            f"reference for the labels: {_escaped(facts.reference or '')}, right for "
            f"{_percent(facts.reference_accuracy)} of the unchanged samples (chance {facts.chance:.0%})"
        )
    lines.append(f"labels survive if at most {facts.epsilon:.0%} are lost")
    hashes = f"data `{facts.data[:16]}`" + (f", model `{facts.model[:16]}`" if facts.model else "")
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    return [*lines, f"{hashes}; {versions}"]


def _verdict_rows(report: AuditReport) -> list[list[str]]:
    rows = [["transform", "verdict", "safe up to", "expected gain"]]
    for verdict in report.verdicts:
        gain = "" if verdict.expected_gain is None else _percent(verdict.expected_gain)
        rows.append([_escaped(verdict.transform), verdict.title, verdict.safe, gain])
    return rows


def _measure_rows(report: AuditReport, transform: str) -> list[list[str]]:
    shown = {
        "invariance": "invariance",
        "flip_rate": "predictions that change",
        "preservation": "labels that survive",
        "changed": "among another label",
        "off_manifold": "off the data",
        "detectable": "told from clean",
        "shortcut": "label read off traces",
        "displacement": "displacement",
    }
    measured = [name for name in shown if any(getattr(row, name) is not None for row in report.of(transform))]
    rows = [["strength", *(shown[name] for name in measured)]]
    for row in report.of(transform):
        where = ", ".join(reach.short for reach in row.reaches) or "applied"
        rows.append([where, *(_number(getattr(row, name)) for name in measured)])
    return rows


def _policy(row: object) -> list[str]:
    given = dict(row)  # type: ignore[call-overload]
    drawn = "" if given["low"] is None else f"{given['low']:.3g} to {given['high']:.3g} {given['unit']}".rstrip()
    named = given["transform"] if given["parameter"] is None else f"{given['transform']} {given['parameter']}"
    return [str(given["layer"]), _escaped(named), f"{given['weight']:.2f}", drawn]


def _table(rows: list[list[str]]) -> list[str]:
    head, *body = rows
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(cells)} |" for cells in body)]


def _number(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.0f} % ({100 * estimate.low:.0f} to {100 * estimate.high:.0f})"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", text.replace("<", "&lt;").replace(">", "&gt;"))
