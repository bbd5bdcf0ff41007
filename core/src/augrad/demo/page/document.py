"""The report on demos as a self-contained page. Uses page.py, panels.py, ranges.py, orbits.py and demo.html."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from augrad.demo.learned import Reach
from augrad.demo.page.evidence import COLUMNS, draw_evidence, evidence_of, has_evidence, meanings, warnings_of
from augrad.demo.page.orbits import copies_of, draw_copies, draw_original, drawable
from augrad.demo.page.panels import draw_curves, draw_magnitudes, draw_scores, draw_shares
from augrad.demo.page.ranges import draw_distribution, draw_entries, draw_range, entries_height
from augrad.demo.results import DemoResult, Findings
from augrad.demo.words import (
    EVIDENCE,
    METRICS,
    POLICY_HEADINGS,
    RULE_HEADINGS,
    SMALL_SHARE,
    called,
    extent,
    policy_rows,
    rule_rows,
    score_heading,
    short,
    verdict,
)
from augrad.report.page import filled
from augrad.report.style import styled, to_svg
from augrad.report.words import percent

PANEL_SIZE = (6.2, 3.7)
COPY_SIZE = 1.25
"""Width and height of an augmented copy, in inches."""

COPIES_PER_STRIP = 4
"""Copies in a strip. Strips are side by side on a wide page, and below each other on a telephone."""


def render(findings: Findings) -> str:
    """Returns the report on one or several demos: self-contained HTML, without links to files or addresses.

    Args:
        findings: the result of `augrad.demo.run_demos`, with at least one demo.
    """
    results = findings.results
    several = len(results) + len(findings.skipped) + len(findings.failed) > 1
    mixed = score_heading(results) not in METRICS.values()
    return filled(
        "augrad.demo.page",
        "demo.html",
        several=several,
        sections=[_section(result) for result in results],
        summary=[(result.demo, rule_rows(result, name_metric=mixed), verdict(result)) for result in results],
        score_heading=score_heading(results),
        rule_headings=[heading.replace("\n", " ") for heading in RULE_HEADINGS],
        policy_headings=POLICY_HEADINGS,
        skipped=findings.skipped,
        failed=findings.failed,
    )


def _section(result: DemoResult) -> dict[str, Any]:
    """Returns the template's values for a demo."""
    true = result.true_reaches
    evidence = evidence_of(result)
    return {
        "demo": result.demo,
        "environment": result.environment,
        "seeds": result.seeds,
        "metric": METRICS[result.metric],
        "cards": _cards(result),
        "verdict": verdict(result),
        "orbit": _orbit(result),
        "outcomes": [_panel(draw_scores, result, "test score per rule"), *_ranges(result)],
        "course": _course(result),
        "steps": not has_evidence(result),
        "evidence": evidence,
        "about_evidence": EVIDENCE,
        "evidence_warnings": warnings_of(result),
        "evidence_headings": COLUMNS,
        "meanings": meanings() if evidence else [],
        "rules": rule_rows(result),
        "policy": policy_rows(result),
        "truths": [f"{called(each, true)}, {extent(each)}" for each in true],
        "assumptions": [(short(name), result.transforms[name].assumes) for name in result.demo.transforms],
        "confirmations": _confirmations(result),
        "runs": [{"seed": run.seed, "rows": [_policy_cells(row) for row in run.policy]} for run in result.of("augrad")],
    }


def _course(result: DemoResult) -> list[Markup]:
    """Returns the panels on how the policy was found: the evidence, or else what was learned by epoch."""
    curves = _panel(draw_curves, result, "scores by epoch")
    if has_evidence(result):
        return [_panel(draw_evidence, result, "difference of the error by transformation"), curves]
    true = result.true_reaches
    return [
        *(_panel(partial(draw_range, true=each), result, f"{called(each, true)} by epoch") for each in true),
        _panel(draw_shares, result, "selection weights by epoch"),
        _panel(draw_magnitudes, result, "magnitudes by epoch"),
        curves,
    ]


def _confirmations(result: DemoResult) -> list[dict[str, Any]]:
    """Returns, for each seed, the mistakes of the judges with each policy; empty if there was no confirmation."""
    return [
        {
            "seed": run.seed,
            "rows": [
                {
                    "policy": ", ".join(map(short, row["transforms"])) or "nothing",
                    "lost": "-" if row["lost"] is None else f"{row['lost']:.3f}",
                    "kept": row["kept"],
                }
                for row in run.confirmation
            ],
        }
        for run in result.of("augrad")
        if run.confirmation
    ]


def _ranges(result: DemoResult) -> list[Markup]:
    """Returns a panel for each true parameter, and for each other drawn parameter that has several entries."""
    true = result.true_reaches
    keys = [(each.transform, each.parameter) for each in true]
    others = [
        found
        for found in result.learned_reaches
        if found.entries and found.share >= SMALL_SHARE and (found.transform, found.parameter) not in keys
    ]
    panels = []
    for found in [*true, *others]:
        label = f"{found.transform} {found.parameter}, learned and true"
        if found.entries:
            size = (PANEL_SIZE[0], entries_height(found, PANEL_SIZE[1]))
            panels.append(_panel(partial(draw_entries, found=found), result, label, size))
        elif found.parameter is not None:
            panels.append(_panel(partial(draw_distribution, true=found), result, label))
    return panels


def _panel(
    draw: Callable[[Axes, DemoResult], None], result: DemoResult, label: str, size: tuple[float, float] = PANEL_SIZE
) -> Markup:
    with styled():
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots(), result)
        return _svg(figure, result, label)


def _orbit(result: DemoResult) -> dict[str, Any] | None:
    """Returns the sample and, for each policy, its copies in strips; None if the samples cannot be drawn."""
    orbit = drawable(result)
    if orbit is None:
        return None
    with styled():
        figure = Figure(figsize=(2 * COPY_SIZE, 2 * COPY_SIZE), layout="constrained")
        draw_original(figure.subplots(), result, orbit)
        original = _svg(figure, result, "a test sample")
        rows = []
        for label, batched in orbit.rows:
            copies, strips = copies_of(batched), []
            for start in range(0, len(copies), COPIES_PER_STRIP):
                some = copies[start : start + COPIES_PER_STRIP]
                figure = Figure(figsize=(COPY_SIZE * len(some), COPY_SIZE))
                draw_copies(figure, result, orbit, label, some)
                strips.append(_svg(figure, result, f"{label}: copies {start + 1} to {start + len(some)}"))
            rows.append({"label": label, "strips": strips})
    return {"original": original, "rows": rows, "n_copies": len(copies)}


def _svg(figure: Figure, result: DemoResult, label: str) -> Markup:
    return Markup(to_svg(figure, f"{result.demo.name}: {label}"))  # noqa: S704 - our own drawing


def _cards(result: DemoResult) -> list[dict[str, str]]:
    """Returns the headline numbers: the value, its name, and a comparison."""
    score, none, oracle = (result.score(rule)[0] for rule in ("augrad", "none", "oracle"))
    before, after = result.mean("none", "model_invariance"), result.mean("augrad", "model_invariance")
    ranges = [(_range_card(result, true)) for true in result.true_reaches]
    found = (percent(result.gain_recovery), "of the oracle's gain recovered")
    if result.gain_recovery is None:
        found = ("no gain", "to recover: the oracle has next to none")
    cards = [
        (*found, f"{METRICS[result.metric]} {none:.3f} \N{RIGHTWARDS ARROW} {score:.3f}; oracle {oracle:.3f}"),
        *ranges,
        (f"{after:.2f}", "invariance of the model", f"without augmentation {before:.2f}; 1 is perfect"),
        (
            f"{result.relative_time('augrad'):.1f} \N{MULTIPLICATION SIGN}",
            "the training time of the bare network",
            f"{result.mean('augrad', 'seconds'):.0f} s per run here",
        ),
    ]
    return [dict(zip(("value", "name", "note"), card, strict=True)) for card in cards]


def _range_card(result: DemoResult, true: Reach) -> tuple[str, str, str]:
    kind = "share" if true.parameter is None else "range"
    name = f"learned {kind} of {called(true, result.true_reaches)}"
    mean = f", mean over {result.declared(true).per}s (least to most)" if true.entries else ""
    return extent(result.learned_range(true)), name + mean, f"true: {extent(true)}"


def _policy_cells(row: Any) -> list[str]:
    drawn = "" if row.low is None else f"{row.low:.3g} to {row.high:.3g} {row.unit}".rstrip()
    magnitude = "" if row.magnitude is None else f"{row.magnitude:.3f}"
    return [str(row.layer), row.transform, row.parameter or "", f"{row.weight:.3f}", magnitude, drawn]
