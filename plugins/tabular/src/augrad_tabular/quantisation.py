"""Quantisation with random bins, for values of any kind. Uses tables.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad_tabular.tables import Cells, TableTransform, uniform

_NARROWEST = 1e-4
# Narrowest bin that values are divided by. In narrower bins, single precision has no digits for the place in the bin.


def randomised_quantisation(
    x: Float[Tensor, "*shape"],
    width: Float[Tensor, "*#shape"],
    *,
    offset: Float[Tensor, "*#shape"],
    within: Float[Tensor, "*#shape"],
) -> Float[Tensor, "*shape"]:
    """Replaces each value by a point of its bin.

    Bins are `width` wide and shifted by `offset`; the point lies at `within` of the bin.

    The gradient with respect to the value is 1, as if there were no bins. The gradient with respect to the width is the
    move per width: `within` minus the value's place in its bin. If the offset is uniform, that place is uniform for any
    value and width, so the mean gradient is exact.

    Args:
        x: values, of any shape and modality.
        width: width of the bins in units of `x`; at 0 nothing changes.
        offset: in [0, 1), in bins.
        within: in [0, 1), in bins.

    Example:
        >>> x, half = torch.tensor([0.1, 0.6, 1.2]), torch.tensor([0.5])
        >>> randomised_quantisation(x, half, offset=0 * half, within=half).tolist()
        [0.25, 0.75, 1.25]
    """
    bins = x.detach() / width.detach().clamp_min(_NARROWEST) + offset
    return x + width * (within - (bins - bins.floor()))


class RandomisedQuantisation(TableTransform):
    """Rounds each column to bins `width` wide, as a fraction of its range: 0.1 makes about 10 bins, 0.5 makes 2.

    Each row and column has its own bins, shifted at random, and a value becomes a random point of its bin. The gradient
    is straight-through, see `randomised_quantisation`. It acts on continuous and ordinal columns. A constant column
    does not change.

    Example:
        >>> from augrad_tabular import Schema
        >>> schema = Schema.from_data([[0.0], [10.0]])
        >>> noise = (torch.zeros(1, 1), torch.full((1, 1), 0.5))  # bins begin at 0; the middle of the bin
        >>> RandomisedQuantisation(schema=schema)(torch.tensor([[3.0]]), width=torch.tensor([0.5]), noise=noise).item()
        2.5

    References:
        Wu, Lei, Lin, Qi: Randomized quantization: a generic augmentation for data agnostic self-supervised learning,
        ICCV 2023.
    """

    assumes = "the label does not depend on differences within a column that are finer than the learned bins"
    gradient = "straight-through"
    statistics = ("quantiles",)
    width = Range(0.5, unit="of the range")

    quantiles: Tensor

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        offset, within = uniform(x, self.n_features, 2, generator=generator).unbind(2)
        return offset, within

    def forward(self, x: Any, *, width: Float[Tensor, " batch"], noise: tuple[Cells, Cells]) -> Any:
        def rounded(part: Cells) -> Cells:
            low, high = self.quantiles[:, 0].to(part), self.quantiles[:, -1].to(part)
            extent = high - low
            share = (part - low) / torch.where(extent > 0, extent, 1)
            offset, within = (each.to(part) for each in noise)
            moved = randomised_quantisation(share, width[:, None].to(part), offset=offset, within=within)
            return part + extent * (moved - share)

        return self.on_columns(x, rounded)
