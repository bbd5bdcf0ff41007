"""The bijections between unconstrained `raw_*` parameters and magnitudes or weights."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.errors import ArgumentError, MagnitudeError


def to_unit(raw: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Maps an unconstrained number to a magnitude in [0, 1]: the logistic sigmoid.

    The sigmoid has a gradient at every finite number. A clamp has none outside its range, so a magnitude that once left
    the range could never come back.

    Args:
        raw: unconstrained, any shape. Plus and minus infinity are the exact ends 1 and 0, frozen there.

    Returns:
        The magnitude in [0, 1], same shape.

    Example:
        >>> to_unit(torch.tensor([0.0, float("-inf")])).tolist()
        [0.5, 0.0]
    """
    return torch.sigmoid(raw)


def from_unit(value: Float[Tensor, "..."], name: str = "magnitude") -> Float[Tensor, "..."]:
    """Inverse of `to_unit`.

    Args:
        value: magnitudes in [0, 1], any shape; exactly 0 and 1 give minus and plus infinity.
        name: name of the argument in the error message.

    Returns:
        The raw parameter, same shape.

    Raises:
        MagnitudeError: a value is outside [0, 1] or not a number.

    Example:
        >>> from_unit(torch.tensor([0.5])).tolist()
        [0.0]
    """
    inside = (value >= 0) & (value <= 1)
    if not bool(inside.all()):
        worst = value[~inside].flatten()[0].item()
        raise MagnitudeError(
            f"{name} must lie in [0, 1] (the fraction of its range that a parameter may use), but got {worst:g}.",
            argument=name,
            value=worst,
        )
    return torch.logit(value)


def to_weights(raw: Float[Tensor, "*batch transforms"], temperature: float) -> Float[Tensor, "*batch transforms"]:
    """Maps raw selection weights to a probability per transform: `softmax(raw / temperature)` over the last axis.

    Source: AugNet (Rommel et al., NeurIPS 2022), equation (4).

    Example:
        >>> to_weights(torch.zeros(4), temperature=1.0).tolist()
        [0.25, 0.25, 0.25, 0.25]
    """
    return torch.softmax(raw / temperature, dim=-1)


def from_weights(
    weights: Float[Tensor, " transforms"], temperature: float, name: str = "weights"
) -> Float[Tensor, " transforms"]:
    """Inverse of `to_weights`; the weights are normalised to sum to 1.

    Args:
        weights: at least 0 each, not all 0.
        temperature: temperature of the softmax, above 0.
        name: name of the argument in the error message.

    Raises:
        ArgumentError: a weight is negative or not finite, or all are zero.

    Example:
        >>> to_weights(from_weights(torch.tensor([3.0, 1.0, 0.0]), 0.5), 0.5).round(decimals=4).tolist()
        [0.75, 0.25, 0.0]
    """
    if not bool((weights >= 0).all() & torch.isfinite(weights).all()) or not bool(weights.sum() > 0):
        raise ArgumentError(
            f"{name} must be finite, at least 0 and not all 0, but got {weights.tolist()}.",
            argument=name,
            value=weights.tolist(),
        )
    return torch.log(weights / weights.sum()) * temperature
