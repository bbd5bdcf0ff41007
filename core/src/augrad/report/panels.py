"""The panels of the report, each drawn on axes that are given. Uses style.py, traces.py and demo/; laid out by document.py."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from augrad.demo.learned import Reach
from augrad.demo.results import DemoResult
from augrad.demo.words import METRICS, interval, percent, short
from augrad.layer import AugmentationLayer
from augrad.report.style import PAPER, RULE_COLOURS, transform_colours
from augrad.report.traces import Trace, traces, training_curve, validation_curve

RULE_NAMES = {"none": "no augmentation", "augrad": "augrad", "oracle": "oracle"}
N_BINS = 81
PEAK = 0.03
"""Share at which a transform is named at the margin of the stacked shares."""


def draw_scores(axes: Axes, result: DemoResult) -> None:
    """One row per rule: a dot per seed, and the mean with its standard deviation."""
    for row, (rule, name) in enumerate(reversed(RULE_NAMES.items())):
        mean, deviation = result.score(rule)
        colour = RULE_COLOURS[rule]
        axes.scatter([run.score for run in result.of(rule)], [row] * len(result.of(rule)), s=26, color=colour, alpha=0.45)
        axes.errorbar(mean, row, xerr=deviation, fmt="o", ms=10, color=colour, lw=2.4, mec=PAPER, mew=1.2)
        axes.annotate(_in_metric(result, mean), (mean, row), (0, 11), textcoords="offset points", ha="center", weight="bold")
        axes.annotate(name, (0.0, row), (-8, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                      ha="right", va="center", color=colour, weight="bold")
    axes.set_title(_scores_title(result))
    axes.set_ylim(-0.6, 2.6)
    axes.margins(x=0.12)
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"{METRICS[result.metric]} (small dots: seeds; bar: standard deviation)")
    if result.metric == "accuracy":
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))


def draw_distribution(axes: Axes, result: DemoResult, true: Reach) -> None:
    """Density of what is drawn of a true parameter under the learned policy, over all layers, against the truth."""
    parameter, low, high = str(true.parameter), float(true.low or 0.0), float(true.high or 0.0)
    drawn = result.drawn(true.transform, parameter)
    identity = high if low == high else _identity(true)
    moved = drawn[drawn != identity]
    reach = max(abs(low), abs(high)) * 1.35
    if len(moved):
        reach = max(reach, float(np.quantile(np.abs(moved - identity), 0.998)))
    edges = np.linspace(identity - reach if low < identity else identity, identity + reach if high > identity else identity, N_BINS)
    counts, _ = np.histogram(moved, edges)
    density = counts / max(len(drawn), 1) / np.diff(edges)
    axes.stairs(density, edges, fill=True, color=RULE_COLOURS["augrad"], alpha=0.35)
    axes.stairs(density, edges, color=RULE_COLOURS["augrad"], lw=1.6, label="drawn under the learned policy")
    axes.plot([low, low, high, high], [0, 1 / (high - low), 1 / (high - low), 0], color=RULE_COLOURS["oracle"], ls=(0, (5, 2)),
              label=f"true: uniform, {interval(true)}")
    still = 1 - len(moved) / len(drawn)
    axes.set_title(f"How far {short(true.transform)} goes: learned and true")
    axes.set_xlabel(f"{parameter}, sum over layers" + (f" ({true.unit})" if true.unit else ""))
    axes.set_ylabel("density")
    axes.set_yticks([])
    axes.set_ylim(0, 1.45 * max(density.max(), 1 / (high - low)))
    axes.legend(loc="upper left", title=f"{percent(still)} of samples: not drawn at all", alignment="left")


def draw_reach(axes: Axes, result: DemoResult, true: Reach) -> None:
    """How far a true parameter reached during training, in its unit: a thin line per seed, their mean, and the truth."""
    trace = next((t for t in traces(result) if t.transform == true.transform), None)
    axes.set_title(f"The learned range of {short(true.transform)} during training")
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{true.parameter}, farthest draw" + (f" ({true.unit})" if true.unit else ""))
    axes.axhline(_far(true), color=RULE_COLOURS["oracle"], ls=(0, (5, 2)), label="truth")
    if trace is not None:
        declared = AugmentationLayer([true.transform]).transforms[0].ranges[true.parameter]
        values = declared.identity + trace.magnitudes[str(true.parameter)] * declared.span
        epochs = np.arange(values.shape[1])
        axes.plot(epochs, values.T, color=RULE_COLOURS["augrad"], lw=1, alpha=0.45)
        axes.plot(epochs, values.mean(axis=0), color=RULE_COLOURS["augrad"], label="learned (thin: seeds)")
    axes.margins(x=0)
    top = max(axes.get_ylim()[1], 1.25 * _far(true)) if _far(true) > 0 else axes.get_ylim()[1]
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), top)
    axes.legend(loc="lower right")


def draw_shares(axes: Axes, result: DemoResult) -> None:
    """Stacked areas: how often each transform is chosen, from before training on."""
    found = _true_first(result)
    colours = _colours(result)
    shares = np.array([trace.share.mean(axis=0) for trace in found])
    epochs = np.arange(shares.shape[1])
    axes.stackplot(epochs, shares, colors=[colours[t.transform] for t in found], edgecolor=PAPER, lw=0.8, alpha=0.9)
    axes.set_title("Which transforms are chosen")
    axes.set_xlabel("epoch")
    axes.set_ylabel("selection weight")
    axes.margins(x=0)
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    _side_labels(axes, [(short(t.transform), share, colours[t.transform]) for t, share in zip(found, shares[:, -1], strict=True)])


def draw_magnitudes(axes: Axes, result: DemoResult) -> None:
    """How strong each transform became, as a fraction of its declared range; faint where it is hardly ever chosen."""
    colours = _colours(result)
    true = {reach.transform for reach in result.true_reaches}
    ends = []
    for trace in reversed(_true_first(result)):
        share = float(trace.share[:, -1].mean())
        for values in trace.magnitudes.values():
            mean = values.mean(axis=0)
            bold = trace.transform in true
            axes.plot(mean, color=colours[trace.transform], lw=2.8 if bold else 1.6, alpha=1.0 if bold or share > PEAK else 0.4)
            ends.append((short(trace.transform), float(mean[-1]), colours[trace.transform]))
    axes.set_title("How strong each transform is")
    axes.set_xlabel("epoch")
    axes.set_ylabel("magnitude (share of its range)")
    axes.margins(x=0)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    _spread_labels(axes, ends)


def draw_curves(axes: Axes, result: DemoResult) -> None:
    """Scores by epoch: validation as a line with a band from the lowest to the highest seed, training dotted."""
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
    axes.set_xlabel("epoch")
    axes.set_ylabel(METRICS[result.metric].removeprefix("test "))
    axes.margins(x=0)
    if result.metric == "accuracy" and shown:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.set_ylim(max(0.0, 1 - 4 * (1 - min(shown))), 1.0)
    axes.legend(loc="lower right", title="validation (dotted: training)", alignment="left")


def _side_labels(axes: Axes, parts: list[tuple[str, float, str]]) -> None:
    """Names of stacked parts at the right margin, each at the height of its part; small parts are left out."""
    bottom, ends = 0.0, []
    for name, share, colour in parts:
        if share >= PEAK:
            ends.append((f"{name} {percent(share)}", bottom + share / 2, colour))
        bottom += share
    _spread_labels(axes, ends)


def _spread_labels(axes: Axes, ends: list[tuple[str, float, str]], gap: float = 0.062) -> None:
    """Names at the right margin, at their heights in [0, 1] but at least `gap` apart."""
    placed = sorted(ends, key=lambda end: end[1])
    heights: list[float] = []
    for _, height, _ in placed:
        heights.append(max(height, heights[-1] + gap) if heights else height)
    excess = max(0.0, heights[-1] - 1.0) if heights else 0.0
    for position in range(len(heights) - 1, -1, -1):
        ceiling = heights[position + 1] - gap if position + 1 < len(heights) else heights[position] - excess
        heights[position] = min(heights[position], ceiling)
    for (name, _, colour), height in zip(placed, heights, strict=True):
        axes.annotate(name, (1.0, height), (7, 0), xycoords="axes fraction", textcoords="offset points",
                      va="center", color=colour, fontsize=10, annotation_clip=False)


def _true_first(result: DemoResult) -> list[Trace]:
    true = {reach.transform for reach in result.true_reaches}
    return sorted(traces(result), key=lambda trace: trace.transform not in true)


def _colours(result: DemoResult) -> dict[str, str]:
    return transform_colours(result.demo.transforms, [reach.transform for reach in result.true_reaches])


def _identity(true: Reach) -> float:
    return float(AugmentationLayer([true.transform]).transforms[0].ranges[true.parameter].identity)


def _far(true: Reach) -> float:
    """The end of an interval that is farther from the identity."""
    identity = _identity(true)
    return float(max((true.high or 0.0, true.low or 0.0), key=lambda end: abs(end - identity)))


def _in_metric(result: DemoResult, value: float) -> str:
    return f"{value:.1%}".replace("%", " %") if result.metric == "accuracy" else f"{value:.3f}"


def _scores_title(result: DemoResult) -> str:
    if result.gain_recovery is None:
        return "The oracle gains nothing here"
    if result.gain_recovery < 0:
        return "augrad loses against no augmentation"
    return f"augrad recovers {percent(result.gain_recovery)} of the oracle's gain"
