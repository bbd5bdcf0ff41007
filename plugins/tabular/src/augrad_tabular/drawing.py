"""Picture of a row of a table for reports: a bar per column. Used by demo.py and tables.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from augrad_tabular.schema import Schema, as_schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT = "#b9c1cb"
"""Colour of the original behind a changed copy."""

LEAST_REACH, MOST_REACH = 1.0, 3.5
"""Smallest and largest number of spreads shown to either side of the mean; longer bars are cut."""


def draw_columns(
    axes: Axes,
    sample: Float[Tensor, "1 features"],
    *,
    original: Tensor | None = None,
    colour: str = "black",
    schema: Schema | Mapping[str, Any],
) -> None:
    """Draws a bar per column from its mean, as long as the value is spreads away from it.

    The original is drawn behind it as broad faint bars. The large picture names the columns. Missing values and
    constant columns have no bar.

    Args:
        axes: axes to draw on.
        sample: a batch of a single row.
        original: the sample before it was changed, which sets the scale; None if `sample` is the original.
        colour: colour of the bars.
        schema: schema of the table, with mean and spread.

    Raises:
        InputError: the schema does not have mean and spread.
    """
    known = as_schema(schema)
    reference = _in_spreads(sample if original is None else original, known)
    reach = min(MOST_REACH, 1.25 * max(LEAST_REACH, float(np.nanmax(np.abs(reference), initial=0.0))))
    behind = None if original is None else reference
    positions = _draw_bars(axes, _in_spreads(sample, known), behind=behind, colour=colour, reach=reach)
    if original is None:
        axes.set_yticks(positions, known.names, fontsize=max(5.0, min(9.0, 130 / known.n_features)))
        axes.tick_params(axis="y", length=0, pad=2)
        axes.set_xticks([0], ["mean"], fontsize=8)


def draw_row(
    axes: Axes, sample: Float[Tensor, "1 features"], *, original: Tensor | None = None, colour: str = "black"
) -> None:
    """Draws a bar per column without a schema, with the original behind it as broad faint bars.

    Nothing is known about the units of the columns. A bar is therefore as long as the inverse hyperbolic sine of the
    value, which equals small values and grows with the logarithm of large values. Missing values have no bar.

    Args:
        axes: axes to draw on.
        sample: a batch of a single row.
        original: the sample before it was changed, which sets the scale; None if `sample` is the original.
        colour: colour of the bars.
    """
    lengths = np.arcsinh(_array(sample))
    reference = lengths if original is None else np.arcsinh(_array(original))
    reach = 1.25 * (float(np.nanmax(np.abs(reference), initial=0.0)) or 1.0)
    _draw_bars(axes, lengths, behind=None if original is None else reference, colour=colour, reach=reach)


def _draw_bars(axes: Axes, lengths: np.ndarray, *, behind: np.ndarray | None, colour: str, reach: float) -> np.ndarray:
    """Draws bars from top to bottom in a picture wide enough for lengths up to `reach`; returns their positions."""
    n_features = len(lengths)
    positions = np.arange(n_features)[::-1]
    if behind is not None:
        axes.barh(positions, behind, height=0.9, color=FAINT, alpha=0.55)
    axes.barh(positions, lengths, height=0.55 if behind is not None else 0.7, color=colour)
    axes.axvline(0, color=FAINT, lw=0.6)
    room = 0.06 * n_features
    axes.set(xlim=(-reach, reach), ylim=(-0.5 - room, n_features - 0.5 + room))
    for spine in axes.spines.values():
        spine.set_visible(False)
    return positions


def _array(sample: Tensor) -> np.ndarray:
    """Converts the sample to an array `(features,)`; NaN and infinity count as missing."""
    values: np.ndarray = sample.detach().double().cpu().numpy()[0]
    return np.where(np.isfinite(values), values, np.nan)


def _in_spreads(sample: Tensor, schema: Schema) -> np.ndarray:
    """Computes each value's distance from its column's mean in spreads, `(features,)`; 0 for constant columns."""
    mean, spread = np.asarray(schema.mean), np.asarray(schema.spread)
    values = sample.detach().double().cpu().numpy()[0]
    away: np.ndarray = np.divide(values - mean, spread, out=np.zeros_like(mean), where=spread > 0)
    return away
