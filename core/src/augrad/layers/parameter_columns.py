"""Slots: which of a layer's magnitudes belongs to which parameter, and what it is worth. Used by layer.py."""

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
class Slot:
    """Where one parameter of one transform stands among a layer's magnitudes.

    Attributes:
        transform: index of the transform in the layer.
        parameter: its name.
        range: what was declared.
        start, stop: its columns; more than one if learned per axis entry.
    """

    transform: int
    parameter: str
    range: Range
    start: int
    stop: int


def slots_of(transforms: Sequence[Transform]) -> tuple[Slot, ...]:
    """A slot for each parameter of each transform, in order; the columns follow each other without gaps."""
    slots, start = [], 0
    for index, transform in enumerate(transforms):
        sizes = transform.sizes
        for name, declared in transform.ranges.items():
            slots.append(Slot(index, name, declared, start, start + sizes[name]))
            start += sizes[name]
    return tuple(slots)


def columns(slots: Sequence[Slot], of: Callable[[Slot], Value]) -> list[Value]:
    """What `of` says of each slot, once per column."""
    return [of(slot) for slot in slots for _ in range(slot.start, slot.stop)]


def magnitude_of(declared: Range, value: float, name: str) -> float:
    """The magnitude at which a parameter reaches `value`, the far end of what is drawn.

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
    """Position of a transform among the names of a layer.

    Raises:
        LayerError: it is not there.
    """
    if name not in names:
        raise LayerError(
            f"no transform {name!r} in this layer; it holds: {', '.join(names)}." + suggestion(name, names),
            argument="transform",
            value=name,
        )
    return names.index(name)


def starting_magnitudes(
    magnitude: float | Mapping[str, float], names: Sequence[str], slots: Sequence[Slot]
) -> Float[Tensor, " parameters"]:
    """One magnitude per column, from a number for all or a mapping from transform name to number.

    Raises:
        LayerError: the mapping names a transform that is not in the layer, or misses one that has a parameter.
        ArgumentTypeError: neither a number nor a mapping.
    """
    if isinstance(magnitude, Mapping):
        for name in magnitude:
            place_of(name, names)
        missing = [slot for slot in slots if names[slot.transform] not in magnitude]
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
    return torch.tensor(columns(slots, lambda slot: float(by_name[names[slot.transform]])))
