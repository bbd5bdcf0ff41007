"""The panels about a single parameter: its learned and its true range. Uses style.py and traces.py; see document.py."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from augrad.demo.learned import Reach
from augrad.demo.page.traces import traces
from augrad.demo.results import DemoResult
from augrad.demo.words import interval, short
from augrad.report.style import MUTED, RULE_COLOURS, label_epochs
from augrad.report.words import percent, words

DASHES = (0, (5, 2))
N_BINS = 81
MOST_ENTRIES = 30
"""Largest number of axis entries that are drawn. The entries with the widest ranges are chosen."""

BLUE, ORANGE = RULE_COLOURS["augrad"], RULE_COLOURS["oracle"]


def draw_distribution(axes: Axes, result: DemoResult, true: Reach) -> None:
    """Draws the density of a true parameter under the learned policy, over all layers, and the truth."""
    low, high = float(true.low or 0.0), float(true.high or 0.0)
    identity = result.declared(true).identity
    drawn = result.drawn(true)
    moved = drawn[drawn != identity]
    reach = 1.35 * max(identity - low, high - identity)
    if len(moved):
        reach = max(reach, float(np.quantile(np.abs(moved - identity), 0.999)))
    edges = np.linspace(identity - reach * (low < identity), identity + reach * (high > identity), N_BINS)
    density = np.histogram(moved, edges)[0] / len(drawn) / np.diff(edges)
    axes.stairs(density, edges, fill=True, color=BLUE, alpha=0.35)
    axes.stairs(density, edges, color=BLUE, lw=1.6, label="drawn under the learned policy")
    truth = 1 / (high - low)
    axes.plot(
        [low, low, high, high],
        [0, truth, truth, 0],
        color=ORANGE,
        ls=DASHES,
        label=f"true: even within {interval(true)}",
    )
    still = 1 - len(moved) / len(drawn)
    note = f"{percent(still)} of the samples keep their {words(true.parameter, true.unit)}" if still > 0.005 else None
    axes.set_title(f"{short(true.transform).capitalize()}: drawn and true {words(true.parameter, true.unit)}")
    axes.set_xlabel(f"{words(true.parameter, true.unit)}, all layers together{_in_unit(true)}")
    axes.set_ylabel("density")
    axes.set_yticks([])
    axes.set_ylim(0, 1.5 * max(density.max(), truth))
    axes.legend(loc="upper left", title=note, alignment="left")


def draw_entries(axes: Axes, result: DemoResult, found: Reach) -> None:
    """Draws a bar for each axis entry, such as a column of a table: its learned range, and the true range if known.

    Args:
        axes: a panel whose height grows with the number of entries: see `entries_height`.
        result: result of the demo.
        found: reach of a parameter with `entries`.
    """
    learned = result.learned_range(found).entries
    truths = [
        true for true in result.true_reaches if (true.transform, true.parameter) == (found.transform, found.parameter)
    ]
    true = truths[0].entries if truths else {}
    order = sorted(learned, key=lambda name: (_width(true.get(name)), _width(learned[name])))[-MOST_ENTRIES:]
    for row, name in enumerate(order):
        low, high = learned[name]
        axes.barh(row, high - low, left=low, height=0.62, color=BLUE, alpha=0.75, label="learned" if row == 0 else None)
        for end in {
            each for each in true.get(name, ()) if each != result.declared(found).identity or _width(true[name]) == 0
        }:
            axes.plot([end, end], [row - 0.42, row + 0.42], color=ORANGE, lw=2.6, label="truth" if row == 0 else None)
    per = str(result.declared(found).per)
    axes.set_yticks(range(len(order)), order, fontsize=10 if len(order) <= 15 else 8.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.margins(x=0.04)
    axes.set_title(f"{short(found.transform).capitalize()}: {words(found.parameter, found.unit)} of each {per}")
    axes.set_xlabel(f"{words(found.parameter, found.unit)}, all layers together{_in_unit(found)}")
    if true:
        axes.legend(loc="best")


def entries_height(found: Reach, least: float) -> float:
    """Returns the height of a panel of `draw_entries`, in inches."""
    return max(least, 0.9 + 0.2 * min(MOST_ENTRIES, len(found.entries)))


def draw_range(axes: Axes, result: DemoResult, true: Reach) -> None:
    """Draws the learned range of a true parameter during training: a thin line for each seed, the mean, and the truth.

    A parameter that is learned for each entry of an axis gets two means: over the entries that may move, and over the
    others. For a transform without parameters, the share of changed samples is drawn.
    """
    trace = next((trace for trace in traces(result) if trace.transform == true.transform), None)
    label_epochs(axes)
    axes.margins(x=0, y=0.15)
    if true.parameter is None:
        axes.set_title(f"{short(true.transform).capitalize()}: how often, during training")
        axes.set_ylabel("share of samples that it changes")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.axhline(true.share, color=ORANGE, ls=DASHES, label="truth")
        if trace is not None:
            _draw_seeds(axes, trace.met, BLUE, _learned(result))
        axes.set_ylim(0, 1)
        axes.legend(loc="best")
        return
    declared = result.declared(true)
    axes.set_title(f"{short(true.transform).capitalize()}: its range during training")
    axes.set_ylabel(f"range of the {words(true.parameter, true.unit)}{_in_unit(true)}")
    far = [max(high, low, key=lambda end: abs(end - declared.identity)) for low, high in _all_ends(true)]
    moves = np.array([end != declared.identity for end in far])
    truth = float(np.mean(np.array(far)[moves])) if moves.any() else declared.identity
    axes.axhline(truth, color=ORANGE, ls=DASHES, label="truth")
    if trace is not None:
        ends = declared.identity + trace.reaches[true.parameter] * declared.span
        if not moves.all() and moves.any():
            _draw_seeds(axes, ends[:, :, ~moves].mean(axis=2), MUTED, f"{declared.per}s that must not move")
            ends = ends[:, :, moves]
        _draw_seeds(axes, ends.mean(axis=2), BLUE, _learned(result))
    if declared.identity == 0 < truth:
        axes.set_ylim(0, max(axes.get_ylim()[1], 1.3 * truth))
    axes.legend(loc="best")


def _learned(result: DemoResult) -> str:
    return "learned (thin: seeds)" if len(result.seeds) > 1 else "learned"


def _draw_seeds(axes: Axes, values: np.ndarray, colour: str, label: str) -> None:
    """Draws `(seeds, epochs)` as thin lines with their mean."""
    axes.plot(values.T, color=colour, lw=1, alpha=0.45)
    axes.plot(values.mean(axis=0), color=colour, label=label)


def _all_ends(true: Reach) -> list[tuple[float, float]]:
    return list(true.entries.values()) or [(float(true.low or 0.0), float(true.high or 0.0))]


def _width(ends: tuple[float, float] | None) -> float:
    return 0.0 if ends is None else ends[1] - ends[0]


def _in_unit(true: Reach) -> str:
    return f" ({true.unit})" if true.unit else ""
