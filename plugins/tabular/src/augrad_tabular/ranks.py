"""Changes through fitted quantiles: noise of the rank, and warps that keep the order. Uses tables.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad_tabular.tables import Cells, TableTransform, uniform

Quantiles = Float[Tensor, "columns levels"]
"""Quantiles of each column at levels evenly spaced from 0 to 1, in ascending order."""

N_WAVES = 3
"""Number of half waves of a warp."""


def rank(x: Cells, quantiles: Quantiles) -> Cells:
    """Computes the fraction of the fitted data below each value; the middle of the fraction if the value repeats.

    Example:
        >>> quantiles = torch.tensor([[0.0, 10.0, 10.0, 10.0, 30.0]])
        >>> rank(torch.tensor([[5.0], [10.0], [20.0], [99.0]]), quantiles).flatten().tolist()
        [0.125, 0.5, 0.875, 1.0]
    """
    q, values = quantiles.to(x), x.T.contiguous()
    # Searched from both sides, because the results differ where a value repeats.
    below = _rank(values, q, torch.searchsorted(q, values.detach(), right=False))
    above = _rank(values, q, torch.searchsorted(q, values.detach(), right=True))
    return ((below + above) / 2).T


def _rank(values: Tensor, q: Tensor, above: Tensor) -> Tensor:
    last = q.shape[1] - 1
    above = above.clamp(1, last)
    low, high = q.gather(1, above - 1), q.gather(1, above)
    width = high - low
    share = ((values - low) / torch.where(width > 0, width, 1)).clamp(0, 1)
    return (above - 1 + share) / last


def value_at(ranks: Cells, quantiles: Quantiles) -> Cells:
    """Looks up the value at each rank in [0, 1]: the quantiles, linear between levels.

    Example:
        >>> value_at(torch.tensor([[0.25], [0.75]]), torch.tensor([[0.0, 10.0, 30.0]])).flatten().tolist()
        [5.0, 20.0]
    """
    q, last = quantiles.to(ranks), quantiles.shape[1] - 1
    place = ranks.T * last
    left = place.detach().floor().clamp(0, last - 1).long()
    low, high = q.gather(1, left), q.gather(1, left + 1)
    found: Tensor = low + (place - left) * (high - low)
    return found.T


def folded(ranks: Tensor) -> Tensor:
    """Mirrors ranks in [-1, 2] at 0 and 1, so that no rank moves further than it would without the limit.

    Example:
        >>> folded(torch.tensor([-0.25, 0.5, 1.25])).tolist()
        [0.25, 0.5, 0.75]
    """
    return 1 - (1 - ranks.abs()).abs()


class QuantileNoise(TableTransform):
    """Moves each value by at most `ranks` in rank, drawn uniformly: 0.1 moves it by up to a tenth of the data.

    Values move little where data are dense, far in the tails, and never out of the range of the fitted data. At the
    smallest and the largest value, moves are mirrored. A value outside the fitted range moves like the nearest value
    inside. It acts on continuous and ordinal columns. A constant column does not change.

    Example:
        >>> from augrad_tabular import Schema
        >>> schema = Schema.from_data([[0.0], [1.0], [10.0]])
        >>> x, ranks, noise = torch.tensor([[1.0]]), torch.tensor([0.25]), torch.ones(1, 1)
        >>> QuantileNoise(schema=schema)(x, ranks=ranks, noise=noise).item()
        5.5
    """

    assumes = "the label does not depend on a value's rank in its column, up to the learned fraction of the data"
    statistics = ("quantiles",)
    ranks = Range(0.5, unit="of the data")

    quantiles: Tensor

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return 2 * uniform(x, self.n_features, generator=generator) - 1

    def forward(self, x: Any, *, ranks: Float[Tensor, " batch"], noise: Cells) -> Any:
        def moved(part: Cells) -> Cells:
            before = rank(part, self.quantiles)
            after = folded(before + (ranks[:, None] * noise).to(before))
            return part + value_at(after, self.quantiles) - value_at(before, self.quantiles)

        return self.on_columns(x, moved)


def warped(share: Cells, slope: Float[Tensor, " batch"], waves: Float[Tensor, "batch columns waves"]) -> Cells:
    """Computes how far a warp moves each place in [0, 1]: `sum_k slope waves_k / K sin(k pi share) / (k pi)`.

    The ends stay in place. The warp's slope stays between `1 - slope` and `1 + slope`, so the order is kept.

    Args:
        share: places in [0, 1].
        slope: in [0, 1).
        waves: `K` numbers in [-1, 1] per row and column.

    Example:
        >>> move = warped(torch.tensor([[0.0, 0.5, 1.0]]), torch.tensor([0.9]), torch.ones(1, 3, 1))
        >>> [round(each, 3) for each in move.abs().flatten().tolist()]
        [0.0, 0.286, 0.0]
    """
    k = torch.arange(1, waves.shape[2] + 1, device=share.device, dtype=share.dtype) * math.pi
    terms: Tensor = (waves * torch.sin(k * share[:, :, None]) / k).mean(dim=2)
    return slope[:, None] * terms


class MonotoneWarp(TableTransform):
    """Warps each column smoothly within its range and keeps the order, like an instrument with a different scale.

    The warp is random and differs by row and column. Its local slope is between `1 - slope` and `1 + slope`. The
    smallest and the largest fitted value stay in place, and values outside them do not change. It acts on continuous
    and ordinal columns. A constant column does not change.

    Example:
        >>> from augrad_tabular import Schema
        >>> schema = Schema.from_data([[0.0], [10.0]])
        >>> x, slope = torch.tensor([[0.0], [5.0], [10.0]]), torch.full((3,), 0.9)
        >>> warp = MonotoneWarp(schema=schema)
        >>> [round(each, 2) for each in warp(x, slope=slope, noise=torch.ones(3, 1, 1)).flatten().tolist()]
        [0.0, 7.86, 10.0]
    """

    assumes = "the label does not depend on a smooth change of a column's scale that keeps the order"
    statistics = ("quantiles",)
    slope = Range(0.9)

    quantiles: Tensor

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return 2 * uniform(x, self.n_features, N_WAVES, generator=generator) - 1

    def forward(self, x: Any, *, slope: Float[Tensor, " batch"], noise: Float[Tensor, "batch columns waves"]) -> Any:
        def moved(part: Cells) -> Cells:
            low, high = self.quantiles[:, 0].to(part), self.quantiles[:, -1].to(part)
            extent = high - low
            share = ((part - low) / torch.where(extent > 0, extent, 1)).clamp(0, 1)
            return part + extent * warped(share, slope.to(part), noise.to(part))

        return self.on_columns(x, moved)
