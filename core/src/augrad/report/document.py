"""The report as one self-contained page, the overview as one picture. Uses panels.py, orbits.py, template.html."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from augrad.demo.results import DemoResult
from augrad.demo.words import METRICS, POLICY_HEADINGS, interval, percent, policy_rows, rule_rows, short, verdict
from augrad.registry import get_transform
from augrad.report.orbits import can_draw, draw_orbit
from augrad.report.panels import (
    draw_curves,
    draw_distribution,
    draw_magnitudes,
    draw_range,
    draw_scores,
    draw_shares,
)
from augrad.report.style import styled, to_png, to_svg

PANEL_SIZE = (6.2, 3.7)
WIDE_SIZE = (12.6, 3.3)


def render(result: DemoResult) -> str:
    """The report of a demo: HTML with everything inside it, no file or address beside it.

    Args:
        result: as `augrad.demo.run_demo` returned it.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("augrad.report").joinpath("template.html").read_text(encoding="utf-8"))
    true = result.true_reaches
    return template.render(
        demo=result.demo,
        environment=result.environment,
        seeds=result.seeds,
        metric=METRICS[result.metric],
        cards=_cards(result),
        verdict=verdict(result),
        orbit=_orbit_svg(result),
        outcomes=[
            _panel(draw_scores, result, "test score per rule"),
            *(_distribution(result, reach) for reach in true),
        ],
        course=[
            *(
                _panel(partial(draw_range, true=reach), result, f"range of {reach.transform} by epoch")
                for reach in true
            ),
            _panel(draw_shares, result, "selection weights by epoch"),
            _panel(draw_magnitudes, result, "magnitudes by epoch"),
            _panel(draw_curves, result, "scores by epoch"),
        ],
        rules=rule_rows(result),
        policy=policy_rows(result),
        policy_headings=POLICY_HEADINGS,
        truths=[{"name": short(reach.transform), "interval": interval(reach)} for reach in true],
        assumptions=[(short(name), get_transform(name).assumes) for name in result.demo.transforms],
        runs=[{"seed": run.seed, "rows": [_policy_cells(row) for row in run.policy]} for run in result.of("augrad")],
    )


def overview_png(result: DemoResult) -> bytes:
    """One picture of what came out: the orbit above; scores, learned distribution and chosen transforms below."""
    with styled():
        figure = Figure(figsize=(16, 8.6) if can_draw(result.orbit) else (16, 4.6))
        below: Any = figure
        if can_draw(result.orbit) and result.orbit is not None:
            parts: Any = figure.subfigures(2, 1, height_ratios=[0.92, 1.08])
            above, below = parts
            draw_orbit(above, result.orbit)
        panels = below.subplots(1, 3, gridspec_kw={"width_ratios": [1, 1.1, 0.9]})
        below.subplots_adjust(left=0.105, right=0.9, top=0.86, bottom=0.16, wspace=0.2)
        draw_scores(panels[0], result)
        draw_distribution(panels[1], result, result.true_reaches[0])
        draw_shares(panels[2], result)
        return to_png(figure)


def _panel(draw: Callable[[Axes, DemoResult], None], result: DemoResult, label: str) -> Markup:
    with styled():
        figure = Figure(figsize=PANEL_SIZE, layout="constrained")
        draw(figure.subplots(), result)
        return Markup(to_svg(figure, label))  # noqa: S704 - our own drawing


def _distribution(result: DemoResult, reach: Any) -> Markup:
    return _panel(
        partial(draw_distribution, true=reach), result, f"drawn values of {reach.transform}, learned and true"
    )


def _orbit_svg(result: DemoResult) -> Markup | None:
    if not can_draw(result.orbit) or result.orbit is None:
        return None
    with styled():
        figure = Figure(figsize=WIDE_SIZE)
        draw_orbit(figure, result.orbit)
        return Markup(to_svg(figure, "a test sample and its augmented copies under each policy"))  # noqa: S704


def _cards(result: DemoResult) -> list[dict[str, str]]:
    """The headline numbers: value, what it is, and what to compare it with."""
    score, none, oracle = (result.score(rule)[0] for rule in ("augrad", "none", "oracle"))
    before, after = result.mean("none", "model_invariance"), result.mean("augrad", "model_invariance")
    ranges = [
        (interval(result.learned_range(true)), f"learned range of {short(true.transform)}", f"true: {interval(true)}")
        for true in result.true_reaches
    ]
    cards = [
        (
            percent(result.gain_recovery),
            "of the oracle's gain recovered",
            f"{METRICS[result.metric]} {none:.3f} \N{RIGHTWARDS ARROW} {score:.3f}; oracle {oracle:.3f}",
        ),
        *ranges,
        (f"{after:.2f}", "invariance of the model", f"without augmentation {before:.2f}; 1 is perfect"),
        (
            f"{result.relative_time('augrad'):.1f} \N{MULTIPLICATION SIGN}",
            "the training time of the bare network",
            f"{result.mean('augrad', 'seconds'):.0f} s per run here",
        ),
    ]
    return [dict(zip(("value", "name", "note"), card, strict=True)) for card in cards]


def _policy_cells(row: Any) -> list[str]:
    drawn = "" if row.low is None else f"{row.low:.3g} to {row.high:.3g} {row.unit}".rstrip()
    magnitude = "" if row.magnitude is None else f"{row.magnitude:.3f}"
    return [str(row.layer), row.transform, row.parameter or "", f"{row.weight:.3f}", magnitude, drawn]
