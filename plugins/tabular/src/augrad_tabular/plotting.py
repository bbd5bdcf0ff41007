"""Picture of the learned policy, a bar per column. Loads matplotlib on first use; called by base.py."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import augrad
from augrad.errors import ArgumentError, ArgumentTypeError, MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from augrad.policies.policy import PolicySummary

NOISE = "tabular.feature_noise"
MAX_BARS = 30
MAX_NAME = 28
SELDOM = 0.05


@dataclass(frozen=True)
class Bar:
    """The learned strength for a column.

    Attributes:
        column: name of the column.
        reach: largest value that is drawn, in the parameter's unit.
        label: `reach` as written beside the bar: in the column's own unit, if it has a unit.
    """

    column: str
    reach: float
    label: str


def plot_columns(source: Any, *, transform: str | None = None, ax: Axes | None = None) -> Axes:
    """Draws how far each column may be changed: a bar per column, the most tolerant column on top.

    Args:
        source: a fitted estimator, or a policy.
        transform: the transform to draw, which must be learned per column: `"tabular.feature_noise"` (the default if
            present) or `"tabular.feature_scale"`. Noise is drawn in units of the column's spread; beside the bar it is
            written as a standard deviation in the column's own unit. Several layers are averaged by weight.
        ax: axes to draw on; None makes a new figure of a suitable height.

    Returns:
        The axes. If there are more than 30 columns, they show the 15 most and the 15 least tolerant columns.

    Raises:
        ArgumentTypeError: `source` is neither a fitted estimator nor a policy.
        ArgumentError: nothing was learned per column, or not by that transform.
        MissingDependencyError: matplotlib is not installed.
    """
    policy = _policy(source)
    summaries = list(policy.summary())
    chosen = _chosen(summaries, transform)
    bars = column_bars(policy, chosen)
    shown = bars if len(bars) <= MAX_BARS else [*bars[: MAX_BARS // 2], *bars[-(MAX_BARS // 2) :]]
    own = [each for each in summaries if each.transform == chosen]
    if ax is None:
        ax = _new_axes(len(shown))
    _draw(ax, shown, own[0], len(bars))
    ax.set_title(_title(own[0], [each for each in summaries if each.transform != chosen]), loc="left", fontsize=10)
    return ax


def column_bars(policy: augrad.Policy, transform: str) -> list[Bar]:
    """Collects the strengths that a policy has learned per column for a transform, the largest first.

    Example:
        >>> from augrad_tabular.schema import Schema
        >>> schema = Schema.from_data([[0.0, 10.0], [2.0, 50.0]], names=["length", "weight"])
        >>> layer = augrad.AugmentationLayer(["tabular.feature_noise"], arguments={"schema": schema}, magnitude=0.5)
        >>> column_bars(augrad.Policy.from_module(layer), "tabular.feature_noise")[1]
        Bar(column='weight', reach=0.5, label='10')
    """
    spreads = _spreads(policy, transform)
    bars = []
    for each in policy.summary():
        name = _column(each)
        if each.transform == transform and name is not None and each.high is not None:
            label = f"{each.high * spreads[name]:.3g}" if each.unit == "spread" else f"{each.high:.2g} {each.unit}"
            bars.append(Bar(name, each.high, label))
    return sorted(bars, key=lambda bar: -bar.reach)


def _policy(source: Any) -> augrad.Policy:
    policy = source if isinstance(source, augrad.Policy) else getattr(source, "policy_", None)
    if not isinstance(policy, augrad.Policy):
        raise ArgumentTypeError(
            f"source must be a fitted estimator or an augrad.Policy, but got {type(source).__name__}"
            f"{' that is not fitted: call fit(X, y) first' if hasattr(source, 'fit') else ''}.",
            argument="source",
        )
    return policy


def _chosen(summaries: Sequence[PolicySummary], transform: str | None) -> str:
    found = list(dict.fromkeys(each.transform for each in summaries if _column(each) is not None))
    if not found:
        raise ArgumentError(
            "source has learned nothing per column; train with 'tabular.feature_noise' or 'tabular.feature_scale' "
            "among the transforms.",
            argument="source",
        )
    if transform is None:
        return NOISE if NOISE in found else found[0]
    if transform not in found:
        raise ArgumentError(
            f"transform must be one that was learned per column ({', '.join(map(repr, found))}), but got "
            f"{transform!r}.",
            argument="transform",
            value=transform,
        )
    return transform


def _column(summary: PolicySummary) -> str | None:
    """Finds the column in a parameter such as `"std[age]"`; None if the parameter is not learned per column."""
    match = re.fullmatch(r"\w+\[(.*)\]", summary.parameter or "", re.DOTALL)
    return match[1] if match else None


def _spreads(policy: augrad.Policy, transform: str) -> dict[str, float]:
    """Returns the columns' spreads by name, as the transform knows them."""
    found = next(each for layer in policy.as_module() for each in layer if each.name == transform)
    schema = found.schema
    return dict(zip(schema.names, schema.spread or (), strict=False))


def _new_axes(n_bars: int) -> Axes:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingDependencyError("a plot needs matplotlib. Install it: pip install matplotlib") from error
    _, ax = plt.subplots(figsize=(7.5, 1.9 + 0.28 * n_bars), layout="constrained")
    return ax


def _draw(ax: Axes, bars: Sequence[Bar], summary: PolicySummary, n_columns: int) -> None:
    positions = range(len(bars))
    ax.barh(positions, [bar.reach for bar in bars], height=0.7, color="#3b6ea5")
    for at, bar in zip(positions, bars, strict=True):
        ax.annotate(
            bar.label, (bar.reach, at), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color="0.3"
        )
    ax.set_yticks(positions, [_short(bar.column) for bar in bars])
    ax.set_ylim(len(bars) - 0.4, -0.6)
    # Room for the numbers beside the longest bars.
    ax.set_xlim(0, 1.15 * max(bar.reach for bar in bars) or 1.0)
    if summary.unit == "spread":
        ax.set_xlabel(
            "largest standard deviation, in units of the column's spread\n(beside each bar: in the column's own unit)"
        )
    else:
        ax.set_xlabel(f"how far the column may be changed, in {summary.unit}")
    if n_columns > len(bars):
        ax.axhline(len(bars) / 2 - 0.5, color="0.6", linestyle="--", linewidth=1)
        ax.set_ylabel(f"the {len(bars) // 2} most and least tolerant of {n_columns} columns")
    ax.spines[["top", "right"]].set_visible(False)


def _title(own: PolicySummary, others: Sequence[PolicySummary]) -> str:
    """Says what the bars show, how often the transform is drawn, and which other transforms were learned."""
    name = _base(own)
    head = "How noisy each column may be" if own.transform == NOISE else f"How far {name} may change each column"
    seldom = ", so the bars say little" if own.probability < SELDOM else ""
    beside = [f"{_base(each)} ({each.reach}) for {each.probability:.0%}" for each in others if _column(each) is None]
    # Non-breaking spaces keep each part on a line.
    words = [f"{name} is drawn for {own.probability:.0%} of rows{seldom}", *(w.replace(" ", "\xa0") for w in beside)]
    return "\n".join([head, *textwrap.wrap("; ".join(words), 64)])


def _base(summary: PolicySummary) -> str:
    """Returns a transform's name without its modality."""
    return summary.transform.partition(".")[2]


def _short(name: str) -> str:
    # A dollar sign would start a formula.
    shown = name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
    return shown.replace("$", r"\$")
