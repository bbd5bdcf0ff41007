"""Checks of constructor arguments that several transforms share. Used by features.py, nodes.py, edges.py."""

from __future__ import annotations

from typing import Any

from augrad.errors import ArgumentError
from augrad.options import number
from augrad.transform.ranges import Range


def check_temperature(name: str, temperature: Any) -> float:
    """Checks a temperature and returns it as a float.

    Raises:
        ArgumentError: it is not in (0, 1].
    """
    hint = "A lower temperature is harder; above 1 the slope of a relaxed coin has no bound."
    return number("temperature", temperature, above=0, most=1, owner=name, hint=hint)


def check_probability(name: str, parameter: str, declared: Range) -> None:
    """Raises `ArgumentError` unless the range of a probability stays within [0, 1]."""
    low, high = declared.bounds
    if low < 0 or high > 1:
        raise ArgumentError(
            f"{name}: {parameter} lies in [0, 1], but its range is {low:g} to {high:g}.",
            argument=parameter,
            value=(low, high),
        )
