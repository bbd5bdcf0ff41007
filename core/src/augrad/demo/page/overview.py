"""The results as a picture for a README: a single demo in detail, or a row for each demo.

Uses panels.py and orbits.py.
"""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from augrad.demo.page.evidence import draw_evidence, has_evidence
from augrad.demo.page.orbits import ROW_COLOURS, copies_of, draw_copies, draw_original, drawable
from augrad.demo.page.panels import draw_scores, draw_shares
from augrad.demo.page.ranges import draw_distribution, draw_entries, draw_range
from augrad.demo.results import DemoResult, Findings, Orbit
from augrad.report.style import INK, styled, to_png

ROW_HEIGHT = 3.7
"""Width and height of a row for a demo among several, in inches."""


def overview_png(findings: Findings) -> bytes:
    """Returns a picture of the results of one or several demos.

    Args:
        findings: the results, with at least one demo.
    """
    with styled():
        if len(findings.results) == 1:
            return to_png(_single(findings.results[0]))
        figure = Figure(figsize=(16, ROW_HEIGHT * len(findings.results)))
        rows: Any = figure.subfigures(len(findings.results), 1, squeeze=False)
        for (row,), result in zip(rows, findings.results, strict=True):
            _row(row, result)
        return to_png(figure)


def _single(result: DemoResult) -> Figure:
    """Draws the orbit above; below it the scores, the learned and true ranges, and the evidence or selections."""
    orbit = drawable(result)
    figure = Figure(figsize=(16, 4.6 if orbit is None else 9.2))
    below: Any = figure
    if orbit is not None:
        parts: Any = figure.subfigures(2, 1, height_ratios=[1, 1])
        above, below = parts
        _whole_orbit(above, result, orbit)
    panels = below.subplots(1, 3, gridspec_kw={"width_ratios": [1, 1.1, 0.9]})
    below.subplots_adjust(left=0.105, right=0.9, top=0.86, bottom=0.16, wspace=_gap(result, 0.2))
    draw_scores(panels[0], result)
    _draw_truth(panels[1], result)
    if has_evidence(result):
        panels[2].yaxis.tick_right()
        draw_evidence(panels[2], result)
    else:
        draw_shares(panels[2], result)
    return figure


def _whole_orbit(figure: Any, result: DemoResult, orbit: Orbit) -> None:
    left, right = figure.subfigures(1, 2, width_ratios=[0.24, 0.76])
    _large(left, (0.06, 0.14, 0.88, 0.72), result, orbit)
    right.suptitle("the network's input: augmented copies under each policy", fontsize=11, color=INK, y=0.97)
    _, *strips = right.subfigures(len(orbit.rows) + 1, 1, height_ratios=[0.16, *[1] * len(orbit.rows)])
    for strip, (label, copies) in zip(strips, orbit.rows, strict=True):
        name, pictures = strip.subfigures(1, 2, width_ratios=[0.12, 0.88])
        name.text(0.95, 0.5, label.replace(" ", "\n"), ha="right", va="center", color=ROW_COLOURS[label], weight="bold")
        draw_copies(pictures, result, orbit, label, copies_of(copies))


def _row(figure: Any, result: DemoResult) -> None:
    """Draws a demo in a row: a sample with learned copies, the scores, and the learned and true ranges."""
    head, body = figure.subfigures(2, 1, height_ratios=[0.11, 0.89])
    head.text(0.012, 0.25, f"{result.demo.name}: {result.demo.title}", weight="bold", fontsize=13.5, color=INK)
    left, right = body.subfigures(1, 2, width_ratios=[0.37, 0.63])
    orbit = drawable(result)
    if orbit is not None:
        _small_orbit(left, result, orbit)
    panels = right.subplots(1, 2, gridspec_kw={"width_ratios": [0.85, 1]})
    right.subplots_adjust(left=0.175, right=0.98, top=0.86, bottom=0.19, wspace=_gap(result, 0.16))
    draw_scores(panels[0], result)
    _draw_truth(panels[1], result)


def _small_orbit(figure: Any, result: DemoResult, orbit: Orbit) -> None:
    left, right = figure.subfigures(1, 2, width_ratios=[0.4, 0.6])
    _large(left, (0.04, 0.06, 0.92, 0.8), result, orbit)
    copies = copies_of(dict(orbit.rows)["learned"])
    caption, *strips = right.subfigures(3, 1, height_ratios=[0.15, 1, 1])
    caption.text(0.5, 0.35, "as augrad learned to change it", ha="center", fontsize=11, color=ROW_COLOURS["learned"])
    for strip, some in zip(strips, (copies[:3], copies[3:6]), strict=True):
        draw_copies(strip, result, orbit, "learned", some)


def _large(figure: Any, place: tuple[float, float, float, float], result: DemoResult, orbit: Orbit) -> None:
    """Draws the original; narrower if there are names at its left."""
    left, bottom, width, height = place
    axes = figure.add_axes(place)
    draw_original(axes, result, orbit)
    if axes.get_yticklabels():
        axes.set_position((left + 0.46 * width, bottom, 0.54 * width, height))
    axes.set_title("original", fontsize=11, color=INK, loc="center", pad=6)


def _gap(result: DemoResult, least: float) -> float:
    """Returns the gap between panels, as a part of their width; wider if it contains the names of axis entries."""
    return 0.5 if result.true_reaches[0].entries else least


def _draw_truth(axes: Axes, result: DemoResult) -> None:
    """Draws the learned and the true range of the first true parameter, in the form that fits it."""
    true = result.true_reaches[0]
    draw = draw_range if true.parameter is None else draw_entries if true.entries else draw_distribution
    draw(axes, result, true)
