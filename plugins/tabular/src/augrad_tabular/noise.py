"""Additive noise in units of each column's spread: independent, or with the data's covariance. Uses tables.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad_tabular.schema import Schema
from augrad_tabular.tables import Cells, TableTransform, normal


def covariance_root(covariance: Float[Tensor, "columns columns"]) -> Float[Tensor, "columns columns"]:
    """Computes the symmetric square root of a covariance matrix, which may be singular.

    Example:
        >>> covariance_root(torch.tensor([[4.0, 0.0], [0.0, 0.0]])).tolist()
        [[2.0, 0.0], [0.0, 0.0]]
    """
    variances, directions = torch.linalg.eigh(covariance)
    root: Tensor = (directions * variances.clamp_min(0).sqrt()) @ directions.T
    return root


class FeatureNoise(TableTransform):
    """Adds independent normal noise to each column, with standard deviation `std` in units of the column's spread.

    A magnitude is learned per column: how noisy the column may be. It acts on continuous and ordinal columns. A
    constant column does not change.

    Shape:
        Input and output: `(batch, features)`; `std`: `(batch, columns)`, for the columns that the transform changes.

    Example:
        >>> schema = Schema.from_data([[0.0, 10.0], [2.0, 50.0]])
        >>> x, ones = torch.tensor([[1.0, 30.0]]), torch.ones(1, 2)
        >>> FeatureNoise(schema=schema)(x, std=0.5 * ones, noise=ones).tolist()
        [[1.5, 40.0]]
    """

    assumes = "the label does not depend on noise of the learned size in each column"
    statistics = ("spread",)
    std = Range(1.0, unit="spread", per="feature")

    spread: Tensor

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return normal(x, self.n_features, generator=generator)

    def forward(self, x: Any, *, std: Cells, noise: Cells) -> Any:
        return self.on_columns(x, lambda part: part + std * self.spread * noise)


class CorrelatedNoise(TableTransform):
    """Adds normal noise with the covariance of the data, scaled by `std`: at 1 the noise is as wide as the data.

    Columns that vary together in the data vary together in the noise, so a noisy row still looks like a row of the
    table. It acts on continuous and ordinal columns.

    Example:
        >>> schema = Schema.from_data([[0.0, 0.0], [2.0, 4.0]])  # the second column is twice the first
        >>> x, noise = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
        >>> moved = CorrelatedNoise(schema=schema)(x, std=torch.tensor([1.0]), noise=noise)
        >>> round((moved[0, 1] / moved[0, 0]).item(), 3)
        2.0
    """

    assumes = "the label does not depend on small steps along the directions in which the data vary"
    statistics = ("covariance",)
    std = Range(1.0, unit="spread")

    root: Tensor

    def __init__(self, *, schema: Schema | Mapping[str, Any], **ranges: float | Range) -> None:
        super().__init__(schema=schema, **ranges)
        covariance = self.get_buffer("covariance")
        del self.covariance
        self.register_buffer("root", covariance_root(covariance.double()).to(covariance))

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return normal(x, self.n_features, generator=generator)

    def forward(self, x: Any, *, std: Float[Tensor, " batch"], noise: Cells) -> Any:
        return self.on_columns(x, lambda part: part + std[:, None] * (noise @ self.root.to(noise)))
