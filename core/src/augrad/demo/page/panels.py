"""The panels about all rules and candidates, each drawn on given axes. Uses style.py and traces.py; see document.py."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from augrad.demo.page.traces import Trace, traces, training_curve, validation_curve
from augrad.demo.results import DemoResult
from augrad.demo.words import METRICS, SMALL_SHARE, short
from augrad.report.style import PAPER, RULE_COLOURS, label_epochs, transform_colours
from augrad.report.words import percent

RULE_NAMES = {"none": "no augmentation", "augrad": "augrad", "oracle": "oracle"}
LABEL_GAP = 0.062
"""Least distance between two names at the margin, as a fraction of the panel's height."""


def draw_scores(axes: Axes, result: DemoResult) -> None:
    """Draws a row for each rule: a dot for each seed, and the mean with its standard deviation."""
    for row, (rule, name) in enumerate(reversed(RULE_NAMES.items())):
        mean, deviation = result.score(rule)
        colour = RULE_COLOURS[rule]
        axes.scatter(
            [run.score for run in result.of(rule)], [row] * len(result.of(rule)), s=26, color=colour, alpha=0.45
        )
        spread = deviation if len(result.seeds) > 1 else None
        axes.errorbar(mean, row, xerr=spread, fmt="o", ms=10, color=colour, lw=2.4, mec=PAPER, mew=1.2)
        axes.annotate(
            _in_metric(result, mean), (mean, row), (0, 11), textcoords="offset points", ha="center", weight="bold"
        )
        axes.annotate(
            name,
            (0.0, row),
            (-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            color=colour,
            weight="bold",
        )
    axes.set_title(_scores_title(result))
    axes.set_ylim(-0.6, 2.6)
    axes.margins(x=0.12)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(METRICS[result.metric] + (" (small dots: seeds)" if len(result.seeds) > 1 else ""))
    if result.metric == "accuracy":
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))


def draw_shares(axes: Axes, result: DemoResult) -> None:
    """Draws stacked areas: how often each transform is drawn, starting before training."""
    found = _true_first(result)
    colours = _colours(result)
    shares = np.array([trace.share.mean(axis=0) for trace in found])
    epochs = np.arange(shares.shape[1])
    axes.stackplot(epochs, shares, colors=[colours[t.transform] for t in found], edgecolor=PAPER, lw=0.8, alpha=0.9)
    axes.set_title("Which transforms are chosen")
    label_epochs(axes)
    axes.set_ylabel("selection weight")
    axes.margins(x=0)
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ends, bottom = [], 0.0
    for trace, share in zip(found, shares[:, -1], strict=True):
        if share >= SMALL_SHARE:
            ends.append((f"{short(trace.transform)} {percent(share)}", bottom + share / 2, colours[trace.transform]))
        bottom += share
    _side_labels(axes, ends)


def draw_magnitudes(axes: Axes, result: DemoResult) -> None:
    """Draws the strength of each transform, as a fraction of its declared range; faint if it is rarely drawn."""
    colours = _colours(result)
    true = {reach.transform for reach in result.true_reaches}
    ends = []
    for trace in reversed(_true_first(result)):
        share = float(trace.share[:, -1].mean())
        for values in trace.magnitudes.values():
            mean = values.mean(axis=0)
            bold = trace.transform in true
            axes.plot(
                mean,
                color=colours[trace.transform],
                lw=2.8 if bold else 1.6,
                alpha=1.0 if bold or share > SMALL_SHARE else 0.4,
            )
            ends.append((short(trace.transform), float(mean[-1]), colours[trace.transform]))
    axes.set_title("How strong each transform is")
    label_epochs(axes)
    axes.set_ylabel("magnitude (share of its declared range)")
    axes.margins(x=0)
    top = min(1.0, 1.2 * max([0.25, *(height for _, height, _ in ends)]))
    axes.set_ylim(0, top)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    _side_labels(axes, [(name, height / top, colour) for name, height, colour in ends])


def draw_curves(axes: Axes, result: DemoResult) -> None:
    """Draws scores by epoch: validation as a line with a band over the seeds, training as a dotted line."""
    shown = []
    for rule, name in RULE_NAMES.items():
        colour = RULE_COLOURS[rule]
        epochs, values = training_curve(result, rule)
        axes.plot(epochs, values.mean(axis=0), color=colour, lw=1.3, ls=":")
        epochs, values = validation_curve(result, rule)
        if len(epochs):
            axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.18, lw=0)
            axes.plot(epochs, values.mean(axis=0), color=colour, label=name)
            shown.append(float(values[:, -1].mean()))
    axes.set_title("Learning curves")
    label_epochs(axes)
    axes.set_ylabel(METRICS[result.metric].removeprefix("test "))
    axes.margins(x=0)
    if result.metric == "accuracy" and shown:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.set_ylim(max(0.0, 1 - 4 * (1 - min(shown))), 1.0)
    if shown:
        axes.legend(loc="best", title="validation (dotted: training)", alignment="left")


def spread_labels(heights: Sequence[float], gap: float) -> list[float]:
    """Moves heights apart to at least `gap`, in the same order, close to the given heights and at most 1.

    Example:
        >>> [round(height, 2) for height in spread_labels([0.5, 0.5, 1.0], gap=0.1)]
        [0.5, 0.6, 1.0]
    """
    order = sorted(range(len(heights)), key=lambda position: heights[position])
    placed = list(heights)
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + gap)
    ceiling = 1.0
    for position in reversed(order):
        placed[position] = min(placed[position], ceiling)
        ceiling = placed[position] - gap
    return placed


def _side_labels(axes: Axes, ends: list[tuple[str, float, str]]) -> None:
    """Writes names at the right margin, each in its colour and near its height in [0, 1]."""
    heights = spread_labels([height for _, height, _ in ends], LABEL_GAP)
    for (name, _, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            (1.0, height),
            (7, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=10,
            annotation_clip=False,
        )


def _true_first(result: DemoResult) -> list[Trace]:
    true = {reach.transform for reach in result.true_reaches}
    return sorted(traces(result), key=lambda trace: trace.transform not in true)


def _colours(result: DemoResult) -> dict[str, str]:
    return transform_colours(result.demo.transforms, [reach.transform for reach in result.true_reaches])


def _in_metric(result: DemoResult, value: float) -> str:
    return f"{value:.1%}".replace("%", " %") if result.metric == "accuracy" else f"{value:.3f}"


def _scores_title(result: DemoResult) -> str:
    if result.gain_recovery is None:
        return "The oracle gains next to nothing"
    if result.gain_recovery < 0:
        return "augrad does worse than none"
    return f"augrad recovers {percent(result.gain_recovery)} of the gain"
