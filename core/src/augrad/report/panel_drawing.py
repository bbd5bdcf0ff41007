"""Draws panels: lines over strength, or points if there is a single strength. Used by audits and `find_policy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from augrad.report.estimate import Estimate
from augrad.report.panels import GREEN, LOWEST, MARK_DASH, Curve, Panel, Plot, page_svg, plain
from augrad.report.scale import Scale
from augrad.report.style import MUTED, PAPER, styled
from augrad.report.words import share

SIZE = (4.5, 3.2)
"""Width of a panel in inches. Its width in points equals the width of its place on most pages in pixels."""

POINT_HEIGHT, AXIS_HEIGHT, BELOW = 0.46, 0.52, 0.28
"""Heights in inches: of a row with a point, of the margins above and below the rows of an axis, and of the lower
margin alone."""

LEAST_LEFT, DIGIT = 0.125, 6.4
"""The left margin as a share of the width, unless labels need more; and the width of a digit in points."""

MOST_LINEAR = 30.0
"""Larger values are drawn on a logarithmic axis."""


def drawn(panel: Panel, scale: Scale, label: str) -> Markup:
    """Returns the panel as an SVG element: lines over strength, or points if there is a single strength.

    Args:
        panel: the content of the panel.
        scale: the horizontal axis.
        label: a description for readers who cannot see the panel; unique on the page.
    """
    with styled():
        single = all(len(curve.strengths) == 1 for plot in panel.plots for curve in plot.curves)
        return page_svg(_points(panel.plots) if single else _lines(panel, scale), label)


def _lines(panel: Panel, scale: Scale) -> Figure:
    figure = Figure(figsize=SIZE)
    ratios = [1.0 + 0.4 * len(plot.curves) for plot in panel.plots]
    axes: Any = figure.subplots(len(panel.plots), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    top = 0.92 if panel.plots[0].heading else 0.97
    figure.subplots_adjust(
        left=LEAST_LEFT,
        right=0.955,
        top=top,
        bottom=0.125 + 0.06 * scale.n_lines,
        hspace=0.35 if panel.plots[-1].heading else 0.2,
    )
    for each, plot in zip(axes, panel.plots, strict=True):
        _draw_lines(each, plot)
        if panel.safe:
            each.axvspan(0, panel.safe, color=GREEN, alpha=0.09, lw=0)
        if panel.mark is not None:
            each.axvline(panel.mark[0], color=MUTED, lw=1.1, ls=(0, (1, 2)))
    if panel.mark is not None:
        _name_mark(axes[0], *panel.mark, scale.end)
    axes[-1].set_xlim(0, scale.end)
    axes[-1].set_xticks([place for place, _ in scale.ticks], [plain(label) for _, label in scale.ticks])
    axes[-1].set_xlabel(plain(scale.label), fontsize=10)
    longest = max(map(_longest_tick, axes))
    figure.subplots_adjust(left=max(LEAST_LEFT, (DIGIT * longest + 8) / (72 * SIZE[0])))
    return figure


def _longest_tick(axes: Axes) -> int:
    """Returns the number of characters of the longest label on the vertical axis."""
    low, high = axes.get_ylim()
    shown = [place for place in axes.get_yticks() if low <= place <= high]
    return max(map(len, axes.yaxis.get_major_formatter().format_ticks(shown)), default=0)


def _name_mark(axes: Axes, place: float, name: str, end: float) -> None:
    """Writes the name of a marked strength beside its line, on the side that has room."""
    side = 1 if place < 0.75 * end else -1
    axes.annotate(
        plain(name),
        (place, 1),
        (4 * side, -2),
        ("data", "axes fraction"),
        "offset points",
        va="top",
        ha="left" if side > 0 else "right",
        color=MUTED,
    )


def _draw_lines(axes: Axes, plot: Plot) -> None:
    for curve in plot.curves:
        values, lows, highs = _numbers(curve)
        places = np.array(curve.strengths)
        if curve.start is not None:
            places = np.concatenate([[0.0], places])
            values, lows, highs = (np.concatenate([[curve.start], each]) for each in (values, lows, highs))
        look = curve.look
        axes.fill_between(places, lows, highs, color=look.colour, alpha=0.16, lw=0)
        axes.plot(places, values, color=look.colour, lw=1.9, ls=(0, look.dash) if look.dash else "-", zorder=3)
        marked = values[-len(curve.strengths) :]
        axes.plot(
            curve.strengths,
            np.where(marked >= LOWEST, marked, np.nan) if plot.form != "free" else marked,
            color=look.colour,
            ls="",
            marker=look.marker,
            ms=5,
            mec=PAPER,
            mew=0.6,
            zorder=4,
            clip_on=False,
        )
    for height, _ in plot.marks:
        axes.axhline(height, color=MUTED, lw=1.1, ls=(0, MARK_DASH))
    low, high = _limits(plot)
    if high > MOST_LINEAR:
        axes.set_yscale("log")
    else:
        axes.set_ylim(low, high)
        axes.yaxis.set_major_locator(
            MaxNLocator(4 if len(plot.curves) == 1 else 5, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2)
        )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(plot, value)))
    if plot.heading:
        axes.set_title(plain(plot.heading), fontsize=9.5, weight="normal", color=MUTED, pad=4)


def _points(plots: Sequence[Plot]) -> Figure:
    """Draws a row for each measure: its name and the number, and below them the point with its interval."""
    heights = [POINT_HEIGHT * len(plot.curves) + AXIS_HEIGHT for plot in plots]
    whole = sum(heights)
    figure = Figure(figsize=(SIZE[0], whole))
    top = whole
    for plot, height in zip(plots, heights, strict=True):
        top -= height
        _draw_points(
            figure.add_axes((0.045, (top + BELOW) / whole, 0.905, POINT_HEIGHT * len(plot.curves) / whole)), plot
        )
    return figure


def _draw_points(axes: Axes, plot: Plot) -> None:
    across, ground = ("axes fraction", "data"), {"fc": PAPER, "ec": "none", "pad": 1.5}
    for row, curve in enumerate(plot.curves):
        (estimate,) = curve.estimates
        if estimate is None:
            continue
        ends = np.maximum(0, [[estimate.value - estimate.low], [estimate.high - estimate.value]])
        look, height = curve.look, -row - 0.74
        axes.errorbar(
            estimate.value,
            height,
            xerr=ends,
            color=look.colour,
            marker=look.marker,
            ms=7,
            mec=PAPER,
            lw=2.4,
            clip_on=False,
        )
        for text, place, side, weight in (
            (curve.label, 0, "left", "normal"),
            (plot.told(estimate.value), 1, "right", "bold"),
        ):
            axes.annotate(
                plain(text),
                (place, -row - 0.3),
                xycoords=across,
                va="center",
                ha=side,
                weight=weight,
                fontsize=10,
                bbox=ground,
            )
    if plot.heading:
        axes.set_title(plain(plot.heading), fontsize=9.5, weight="normal", color=MUTED, pad=4)
    for value, label in plot.marks:
        axes.axvline(value, color=MUTED, lw=1.1, ls=(0, MARK_DASH))
        axes.annotate(
            plain(label),
            (value, 1),
            (0, 1),
            ("data", "axes fraction"),
            "offset points",
            ha="center",
            color=MUTED,
            fontsize=8.5,
        )
    low, high = _limits(plot)
    if high > MOST_LINEAR:
        axes.set_xscale("log")
    else:
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2))
    axes.set_ylim(-len(plot.curves), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(plot, value)))


def _tick(plot: Plot, value: float) -> str:
    return share(round(value, 6)) if plot.form == "share" else f"{value:.4g}".replace("-", "\N{MINUS SIGN}")


def _numbers(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns values and ends of intervals; NaN if a value was not measured."""
    missing = Estimate(np.nan, np.nan, np.nan)
    found = [missing if each is None else each for each in curve.estimates]
    return tuple(np.array([getattr(each, name) for each in found]) for name in ("value", "low", "high"))  # type: ignore[return-value]


def _limits(plot: Plot) -> tuple[float, float]:
    """Returns the limits of the axis of values."""
    known = [
        end
        for curve in plot.curves
        for each in curve.estimates
        if each is not None
        for end in (each.value, each.low, each.high)
    ]
    known += [curve.start for curve in plot.curves if curve.start is not None]
    known += [value for value, _ in plot.marks]
    low, high = min(known), max(known)
    if plot.form != "free":
        low, high = max(LOWEST, min(0.0, low)), max(1.0, min(2.0, high))
        return low - 0.03 * (high - low) * float(low < 0), high + 0.02 * (high - low)
    room = 0.08 * (high - low) or 0.1
    return low - room, high + room
