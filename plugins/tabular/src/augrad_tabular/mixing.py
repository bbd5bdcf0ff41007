"""Values from other rows of the batch: swapped, or approached. Uses masks.py, tables.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range
from augrad.options import count
from augrad_tabular.masks import relaxed_bernoulli
from augrad_tabular.schema import Schema
from augrad_tabular.tables import Cells, TableTransform, uniform

Partners = Int[Tensor, "batch columns"]
"""For each value the row that supplies the other value."""


class _Mixing(TableTransform):
    """Base class of the transforms that take values from other rows; missing values are not taken."""

    mixes_samples = True

    def taken(self, x: Tensor, part: Cells, partners: Partners) -> Cells:
        """Returns for each value the partner's value, or the value itself if the partner's value is missing."""
        found = part.gather(0, partners)
        return torch.where(self.missing(x).gather(0, partners), part, found) if self.schema.allow_missing else found


class SwapNoise(_Mixing):
    """Replaces each value by the value of another row of the batch, in the same column, with a learned `probability`.

    The other row is drawn anew for each value. Columns therefore lose their relation but keep their distribution. It
    acts on continuous and ordinal columns; use `category_swap` for the others. A row alone in its batch does not
    change.

    Train / eval: in train mode values move part of the way, mostly hardly at all or almost all the way (see
    `relaxed_bernoulli`), which gives a gradient. In eval mode a value is either replaced or not.

    Example:
        >>> schema = Schema.from_data([[1.0], [3.0]])
        >>> swap, p = SwapNoise(schema=schema).eval(), torch.tensor([0.25, 0.25])
        >>> noise = (torch.tensor([[0.7], [0.8]]), torch.tensor([[1], [0]]))
        >>> swap(torch.tensor([[1.0], [3.0]]), probability=p, noise=noise).tolist()
        [[1.0], [1.0]]
    """

    assumes = "the label stays the same when any single value is another row's, with the learned probability"
    gradient = "relaxed"
    probability = Range(0.5)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        n_samples, size = x.shape[0], (x.shape[0], self.n_features)
        steps = torch.randint(1, max(2, n_samples), size, generator=generator, device=x.device)
        rows = torch.arange(n_samples, device=x.device)[:, None]
        return uniform(x, self.n_features, generator=generator), (rows + steps) % max(1, n_samples)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: tuple[Cells, Partners]) -> Any:
        swapped = relaxed_bernoulli(probability[:, None], noise[0], hard=not self.training)
        return self.on_columns(x, lambda part: part + swapped * (self.taken(x, part, noise[1]) - part))


def nearest_rows(z: Float[Tensor, "batch columns"], k: int) -> Int[Tensor, "batch neighbours"]:
    """Finds the k rows nearest to each row, nearest first; a row's own position stands for missing neighbours.

    Rows that are equal to the row do not count, because they may be its own copies in eval mode.

    Example:
        >>> nearest_rows(torch.tensor([[0.0], [1.0], [5.0]]), 2).tolist()
        [[1, 2], [0, 2], [1, 0]]
        >>> nearest_rows(torch.tensor([[0.0], [0.0], [5.0]]), 2).tolist()
        [[2, 0], [2, 1], [0, 1]]
    """
    n_samples = z.shape[0]
    own = torch.arange(n_samples, device=z.device)[:, None]
    if n_samples < 2:
        return own
    # By differences. torch uses products for many rows; rounding errors would then keep equal rows apart.
    apart = torch.cdist(z.detach(), z.detach(), compute_mode="donot_use_mm_for_euclid_dist")
    apart = torch.where(apart > 0, apart, math.inf)
    nearest = apart.topk(min(k, n_samples - 1), dim=1, largest=False)
    return torch.where(nearest.values.isinf(), own, nearest.indices)


class NeighbourInterpolation(_Mixing):
    """Moves each row a `fraction` of the way towards one of its k nearest rows of the batch.

    Distances are Euclidean, in units of each column's spread, over the columns that the transform changes: continuous
    and ordinal columns. The neighbour is drawn at random from the k nearest. A row without a neighbour does not change.
    Use large batches: in a small batch even the nearest rows are far away.

    Args:
        schema: schema of the table.
        k: number of nearest rows that may be drawn, at least 1.
        **ranges: a different `Range` or limit for `fraction`.

    Raises:
        ArgumentError: `k` is below 1.

    Example:
        >>> schema = Schema.from_data([[0.0], [1.0], [5.0]])
        >>> x, half = torch.tensor([[0.0], [1.0], [5.0]]), torch.full((3,), 0.5)
        >>> NeighbourInterpolation(schema=schema, k=1)(x, fraction=half, noise=torch.zeros(3)).flatten().tolist()
        [0.5, 0.5, 3.0]
    """

    assumes = "the label does not change between a row and its nearest rows, up to the learned fraction of the way"
    statistics = ("spread", "median")
    fraction = Range(1.0, unit="of the way")

    spread: Tensor
    median: Tensor

    def __init__(self, *, schema: Schema | Mapping[str, Any], k: int = 5, **ranges: float | Range) -> None:
        super().__init__(schema=schema, **ranges)
        self.k = count("k", k, owner=self.name)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return uniform(x, generator=generator)

    def forward(self, x: Any, *, fraction: Float[Tensor, " batch"], noise: Float[Tensor, " batch"]) -> Any:
        def approach(part: Cells) -> Cells:
            scale = torch.where(self.spread > 0, 1 / self.spread, 0).to(part)
            nearest = nearest_rows(part * scale, self.k)
            drawn = (noise * nearest.shape[1]).long()[:, None]
            partners = nearest.gather(1, drawn).expand(-1, part.shape[1])
            return part + fraction[:, None] * (self.taken(x, part, partners) - part)

        return self.on_columns(x, approach, missing_as=self.median)
