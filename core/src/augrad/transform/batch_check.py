"""The check that a transform of tensors makes of a batch. Used by transform.py."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from augrad.errors import InputError, InputTypeError


def check_tensor(transform: str, x: Any) -> None:
    """Raises an error unless `x` is a floating-point tensor with at least 2 axes.

    Args:
        transform: the name of the transform, for the error.
        x: the batch. Only its type, dtype and shape are read.

    Raises:
        InputTypeError: it is not a tensor, or holds integers.
        InputError: it has fewer than 2 axes.
    """
    if not isinstance(x, Tensor):
        raise InputTypeError(
            f"{transform} expects a tensor (batch, ...), but got {type(x).__name__}.", transform=transform
        )
    if not x.is_floating_point():
        raise InputTypeError(
            f"{transform} expects floating-point values, but got {x.dtype}. Convert with x.float() "
            "(and scale images to [0, 1]).",
            transform=transform,
        )
    if x.ndim < 2:
        raise InputError(
            f"{transform} expects a batch (batch, ...) with at least 2 axes, but got shape {tuple(x.shape)}. "
            "Add the batch axis with x[None].",
            transform=transform,
            shape=tuple(x.shape),
        )
