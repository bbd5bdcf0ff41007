"""Displacement: how far an augmented batch moved, in units of the data's own spread.

Used by module.py and penalties.py.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.errors import InputTypeError
from augrad.precision import full_precision

N_REFERENCE = 256
"""Number of samples, at most, from which the directions of variation are computed. It bounds the cost for large
batches."""


@singledispatch
def displacement(before: Any, after: Any) -> Float[Tensor, " batch"]:
    r"""How far each sample moved along the directions in which the batch varies, in units of the batch's spread.

    With `C` the covariance of `before` and `d_i = after_i - before_i`:
    `sqrt(d_i' C d_i) / mean_j sqrt((x_j - x_{j+1})' C (x_j - x_{j+1}))`.
    The result is 0 for a sample that did not move. It is 1 for a sample that moved as far as the typical distance
    between two samples.

    A movement counts more along directions in which the data vary more. A plain Euclidean distance would be dominated
    by noise, which moves every coordinate a little and changes nothing that matters. Here noise hardly counts.

    The columns of a table, `(batch, features)`, have different units, so each column is first divided by its spread in
    the batch. A missing value (NaN) counts as unmoved.

    Args:
        before: the batch, `(batch, *event)` for tensors. Other types register here (`functools.singledispatch`).
        after: the same batch after augmentation. The gradient reaches it, and is 0 for a sample that did not move.

    Returns:
        A number for each sample, at least 0. It is float32 if the batch is in half precision or under autocast.

    Example:
        >>> x = torch.tensor([[[0.0, 0.1]], [[2.0, 0.0]]])  # two signals of one channel
        >>> displacement(x, x + torch.tensor([2.0, 0.0])).round(decimals=2).tolist()
        [1.0, 1.0]
        >>> displacement(x, x + torch.tensor([0.1, 2.0])).round(decimals=2).tolist()  # across the data: little
        [0.0, 0.0]
    """
    raise InputTypeError(
        f"the displacement of a batch of type {type(before).__name__} is not defined: augrad knows tensors; a plugin "
        "registers other types with augrad.displacement.displacement.register.",
        type=type(before).__name__,
    )


@displacement.register
def _(before: Tensor, after: Tensor) -> Tensor:
    dtype = torch.promote_types(before.dtype, torch.float32)
    with full_precision(before.device):
        x, y = before.detach().flatten(1).to(dtype), after.flatten(1).to(dtype)
        if before.ndim == 2:
            x, y = _columns_of_equal_spread(x, y)
        directions = _directions(x[:N_REFERENCE])
        moved = torch.linalg.vector_norm((y - x) @ directions, dim=1)
        others = x.roll(1, dims=0) if len(x) > 1 else torch.zeros_like(x)
        spread = torch.linalg.vector_norm((x - others) @ directions, dim=1).mean()
        share: Tensor = moved / spread.clamp_min(torch.finfo(dtype).tiny)
    return share


Rows = Float[Tensor, "batch event"]


def _columns_of_equal_spread(x: Rows, y: Rows) -> tuple[Rows, Rows]:
    """Divides each column of a table by its spread, since metres and grams do not compare. NaN counts as unmoved."""
    missing = x.isnan()
    known = torch.where(missing, 0, x)
    n_known = (~missing).sum(dim=0).clamp_min(1)
    mean = known.sum(dim=0) / n_known
    centred = torch.where(missing, 0, known - mean)
    spread = (centred.square().sum(dim=0) / n_known).sqrt()
    # A single row or a constant column has no spread.
    spread = torch.where(spread > 0, spread, 1)
    return centred / spread, torch.where(missing, 0, y - mean) / spread


def _directions(x: Rows) -> Float[Tensor, "event batch"]:
    # A square root of the covariance, up to a factor that cancels. A single sample has no covariance, so its own
    # direction is used.
    return (x - x.mean(dim=0) if len(x) > 1 else x).T
