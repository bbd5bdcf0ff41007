"""Lost values: replaced by the column's mean, median or a learned value. Uses masks.py, tables.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from augrad import Range
from augrad.options import one_of
from augrad_tabular.masks import relaxed_bernoulli
from augrad_tabular.schema import Schema
from augrad_tabular.tables import Cells, TableTransform, uniform

FILLS = ("mean", "median", "learned")
"""Possible replacements of a lost value."""


class FeatureDropout(TableTransform):
    """Replaces each value by its column's mean, median or a learned value, with a learned `probability`.

    Acts on continuous and ordinal columns.

    Train / eval: in train mode values move part of the way, mostly hardly at all or almost all the way (see
    `relaxed_bernoulli`), which gives a gradient. In eval mode a value is either replaced or not.

    Args:
        schema: schema of the table.
        fill: `"mean"`, `"median"` or `"learned"`, which is trained with the rest and starts at the median.
        **ranges: a different `Range` or limit for `probability`.

    Raises:
        ArgumentError: `fill` is unknown.

    Example:
        >>> schema = Schema.from_data([[0.0], [2.0]])
        >>> drop, p = FeatureDropout(schema=schema).eval(), torch.tensor([0.25, 0.25])
        >>> drop(torch.tensor([[5.0], [5.0]]), probability=p, noise=torch.tensor([[0.7], [0.8]])).tolist()
        [[5.0], [1.0]]
    """

    assumes = "the label stays the same when any single value is missing, with the learned probability"
    gradient = "relaxed"
    statistics = ("mean", "median", "spread")
    probability = Range(0.5)

    mean: Tensor
    median: Tensor
    spread: Tensor

    def __init__(self, *, schema: Schema | Mapping[str, Any], fill: str = "median", **ranges: float | Range) -> None:
        super().__init__(schema=schema, **ranges)
        one_of("fill", fill, FILLS, owner=self.name)
        self.fill = fill
        if fill == "learned":
            # In units of the spread, so that the same learning rate fits all columns.
            self.raw_fill = nn.Parameter(torch.zeros_like(self.median))

    @property
    def filling(self) -> Float[Tensor, " columns"]:
        """The value that replaces a lost value, per column."""
        if self.fill == "learned":
            return self.median + self.raw_fill * self.spread
        return self.mean if self.fill == "mean" else self.median

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return uniform(x, self.n_features, generator=generator)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: Cells) -> Any:
        lost = relaxed_bernoulli(probability[:, None], noise, hard=not self.training)
        return self.on_columns(x, lambda part: part + lost * (self.filling - part))
