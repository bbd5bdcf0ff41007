"""The data of an audit about samples: features for comparing samples, and side effects of transforms.

Used by transform.py.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augrad.errors import InputError, InputTypeError

LEAST_LENGTH = 4
"""Smallest length of an axis whose ends are examined. A shorter axis has no quarters."""


def flat_features(name: str, x: Any) -> Float[Tensor, "batch features"]:
    """Returns all values of each sample, in float32 or float64, without gradient: see `Transform.features`.

    Args:
        name: name of the transform, for the error message.
        x: the batch.

    Example:
        >>> flat_features("vision.rotate", torch.zeros(2, 3, 4, 4)).shape
        torch.Size([2, 48])
    """
    return _values(name, "features", x).flatten(1)


def tensor_side_effects(name: str, x: Any) -> Float[Tensor, "batch effects"]:
    """Returns numbers about traces that a transform may leave on a sample: see `Transform.side_effects`.

    For each sample there are four numbers: the shares of its values that are its minimum, its maximum, 0, and missing.
    With channels, `(batch, channels, *space)`, there are eight more for each axis of space, four for either end: mean,
    standard deviation and share of zeros of the outermost slice, and the share of values in the outer quarter that
    equal their inner neighbour. Missing values (numbers that are not finite) count as 0 for these eight.

    Args:
        name: name of the transform, for the error message.
        x: the batch.

    Example:
        >>> clipped = torch.tensor([[0.0, 0.2, 0.9, 0.9]])
        >>> tensor_side_effects("tabular.scale", clipped).tolist()
        [[0.25, 0.5, 0.25, 0.0]]
        >>> tensor_side_effects("audio.clip", clipped[:, None]).shape
        torch.Size([1, 12])
    """
    values = _values(name, "side_effects", x)
    flat = values.flatten(1)
    known = flat.isfinite()
    # nan_to_num is many times faster than where, and this runs for every strength of every transform of an audit.
    least = flat.nan_to_num(torch.inf, torch.inf, torch.inf).amin(dim=1, keepdim=True)
    greatest = flat.nan_to_num(-torch.inf, -torch.inf, -torch.inf).amax(dim=1, keepdim=True)
    masks = (known & (flat == least), known & (flat == greatest), flat == 0, ~known)
    columns = [share(mask, values.dtype) for mask in masks]
    # The columns of a table have no order, so a table has no ends.
    if x.ndim > 2:
        columns += _ends(values.nan_to_num(0, 0, 0))
    return torch.stack(columns, dim=1)


def share(mask: Bool[Tensor, "batch *event"], dtype: torch.dtype) -> Float[Tensor, " batch"]:
    """Returns the share of true values in each sample.

    Example:
        >>> share(torch.tensor([[True, False], [True, True]]), torch.float32).tolist()
        [0.5, 1.0]
    """
    flat = mask.flatten(1)
    return flat.sum(dim=1, dtype=torch.int32).to(dtype) / flat.shape[1]


def _ends(x: Float[Tensor, "batch channels *space"]) -> list[Float[Tensor, " batch"]]:
    columns = []
    for axis in range(2, x.ndim):
        length, quarter = x.shape[axis], x.shape[axis] // 4
        if length < LEAST_LENGTH:
            continue
        for outermost, first in ((0, 0), (-1, length - 1 - quarter)):
            edge = x.select(axis, outermost).flatten(1)
            equal = x.narrow(axis, first, quarter) == x.narrow(axis, first + 1, quarter)
            mean = edge.mean(dim=1, keepdim=True)
            spread = (edge - mean).square().mean(dim=1).sqrt()
            columns += [mean.flatten(), spread, share(edge == 0, x.dtype), share(equal, x.dtype)]
    return columns


def _values(name: str, method: str, x: Any) -> Float[Tensor, "batch *event"]:
    if not isinstance(x, Tensor) or x.is_complex():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise InputTypeError(
            f"{name}: {method} expects a tensor (batch, ...) of real numbers, but got {got}. For batches of another "
            f"type, override the class method {method}(x) in the base class of the modality.",
            transform=name,
        )
    if x.ndim < 2 or 0 in x.shape[1:]:
        raise InputError(
            f"{name}: {method} expects a batch (batch, ...) with at least 2 axes and at least 1 value per sample, but "
            f"got shape {tuple(x.shape)}." + (" Add the batch axis with x[None]." if x.ndim < 2 else ""),
            transform=name,
            shape=tuple(x.shape),
        )
    return x.detach().to(torch.promote_types(x.dtype, torch.float32))
