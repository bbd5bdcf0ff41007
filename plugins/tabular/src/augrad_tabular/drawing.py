"""How one row of a table is drawn in a demo's report: a bar per column, in units of its spread. Used by demo.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from augrad_tabular.schema import Schema, as_schema

FAINT = "#b9c1cb"
"""The original behind a copy of it."""

LEAST_REACH, MOST_REACH = 1.0, 3.5
"""At least and at most so many spreads are shown to either side of the mean; longer bars are cut."""


def draw_columns(
    axes: Axes,
    sample: Float[Tensor, "1 features"],
    *,
    original: Tensor | None = None,
    colour: str = "black",
    schema: Schema | Mapping[str, Any],
) -> None:
    """A bar per column from its mean, as long as the value is spreads away from it; the original as broad faint bars.

    The large picture names the columns. Missing values have no bar, nor have constant columns.

    Args:
        axes: to draw on.
        sample: a batch of one row.
        original: what it was before it was changed, which sets the scale; None if `sample` is it.
        colour: of the bars.
        schema: of the table, with mean and spread.

    Raises:
        InputError: the schema's mean or spread is not known.
    """
    known = as_schema(schema)
    reference = _in_spreads(sample if original is None else original, known)
    positions = np.arange(known.n_features)[::-1]
    if original is not None:
        axes.barh(positions, reference, height=0.9, color=FAINT, alpha=0.55)
    axes.barh(positions, _in_spreads(sample, known), height=0.55 if original is not None else 0.7, color=colour)
    axes.axvline(0, color=FAINT, lw=0.6)
    reach = min(MOST_REACH, 1.25 * max(LEAST_REACH, float(np.nanmax(np.abs(reference), initial=0.0))))
    room = 0.06 * known.n_features
    axes.set(xlim=(-reach, reach), ylim=(-0.5 - room, known.n_features - 0.5 + room))
    for spine in axes.spines.values():
        spine.set_visible(False)
    if original is None:
        axes.set_yticks(positions, known.names, fontsize=max(5.0, min(9.0, 130 / known.n_features)))
        axes.tick_params(axis="y", length=0, pad=2)
        axes.set_xticks([0], ["mean"], fontsize=8)


def _in_spreads(sample: Tensor, schema: Schema) -> np.ndarray:
    """`(features,)`: how many spreads each value is from the mean of its column; 0 for constant columns."""
    mean, spread = np.asarray(schema.mean), np.asarray(schema.spread)
    values = sample.detach().double().cpu().numpy()[0]
    away: np.ndarray = np.divide(values - mean, spread, out=np.zeros_like(mean), where=spread > 0)
    return away
