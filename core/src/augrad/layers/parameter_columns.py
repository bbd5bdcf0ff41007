"""The columns of a layer's magnitudes: which belong to which parameter. Used by draw.py and layer.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.errors import ArgumentTypeError, LayerError, MagnitudeError, suggestion
from augrad.transform.ranges import Range
from augrad.transform.transform import Transform

Value = TypeVar("Value")


@dataclass(frozen=True)
class ParameterColumns:
    """The columns that one parameter of one transform takes among a layer's magnitudes.

    Attributes:
        transform: index of the transform in the layer.
        parameter: name of the parameter.
        range: the declared range.
        start, stop: the columns `start` to `stop - 1`. A parameter takes one column; a parameter that is learned per
            axis entry takes one for each entry.
    """

    transform: int
    parameter: str
    range: Range
    start: int
    stop: int


def columns_of(transforms: Sequence[Transform]) -> tuple[ParameterColumns, ...]:
    """The columns of each parameter of each transform, in order and without gaps."""
    columns, start = [], 0
    for index, transform in enumerate(transforms):
        sizes = transform.sizes
        for name, declared in transform.ranges.items():
            columns.append(ParameterColumns(index, name, declared, start, start + sizes[name]))
            start += sizes[name]
    return tuple(columns)


def per_column(columns: Sequence[ParameterColumns], of: Callable[[ParameterColumns], Value]) -> list[Value]:
    """The value of `of` for each parameter, repeated for each of its columns."""
    return [of(each) for each in columns for _ in range(each.start, each.stop)]


def magnitude_of(declared: Range, value: float, name: str) -> float:
    """The magnitude whose range ends at `value`: values are then drawn between the identity and `value`.

    Raises:
        MagnitudeError: `value` lies outside the declared range.
    """
    far = declared.identity + declared.span
    low, high = min(declared.identity, far), max(declared.identity, far)
    if not low <= value <= high:
        raise MagnitudeError(
            f"{name} must lie in [{low:g}, {high:g}]{' ' + declared.unit if declared.unit else ''}, but got {value}. "
            f"Declare Range({value}, ...) to widen it.",
            value=value,
            low=low,
            high=high,
        )
    return (value - declared.identity) / declared.span


def place_of(name: str, names: Sequence[str]) -> int:
    """Position of the transform `name` among the names of a layer.

    Raises:
        LayerError: no transform has that name.
    """
    if name not in names:
        raise LayerError(
            f"no transform {name!r} in this layer; it holds: {', '.join(names)}." + suggestion(name, names),
            argument="transform",
            value=name,
        )
    return names.index(name)


def starting_magnitudes(
    magnitude: float | Mapping[str, float], names: Sequence[str], columns: Sequence[ParameterColumns]
) -> Float[Tensor, " parameters"]:
    """One magnitude per column, from a number for all or a mapping from transform name to number.

    Raises:
        LayerError: the mapping names a transform that is not in the layer, or misses one that has a parameter.
        ArgumentTypeError: neither a number nor a mapping.
    """
    if isinstance(magnitude, Mapping):
        for name in magnitude:
            place_of(name, names)
        missing = [each for each in columns if names[each.transform] not in magnitude]
        if missing:
            raise LayerError(
                f"magnitude must name every transform that has a parameter; {names[missing[0].transform]!r} is "
                "missing.",
                argument="magnitude",
            )
    elif isinstance(magnitude, bool) or not isinstance(magnitude, int | float):
        raise ArgumentTypeError(
            f"magnitude must be a number in [0, 1] or a mapping from transform name to number, but got "
            f"{type(magnitude).__name__}.",
            argument="magnitude",
        )
    by_name = magnitude if isinstance(magnitude, Mapping) else dict.fromkeys(names, magnitude)
    return torch.tensor(per_column(columns, lambda each: float(by_name[names[each.transform]])))
