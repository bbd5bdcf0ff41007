"""Checks of constructor arguments that several transforms share. Used by features.py, nodes.py, edges.py."""

from __future__ import annotations

import math
from typing import Any

from augrad.errors import ArgumentError, suggestion
from augrad.transform.ranges import Range


def check_temperature(name: str, temperature: Any) -> float:
    """Checks a temperature and returns it as a float.

    Raises:
        ArgumentError: it is not in (0, 1].
    """
    number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not number or not 0 < temperature <= 1:
        raise ArgumentError(
            f"{name}: temperature must lie in (0, 1], but got {temperature!r}. A lower temperature is harder; above 1 "
            "the slope of a relaxed coin has no bound.",
            argument="temperature",
            value=temperature,
        )
    return float(temperature)


def check_probability(name: str, parameter: str, declared: Range) -> None:
    """Raises `ArgumentError` unless the range of a probability stays within [0, 1]."""
    low, high = declared.bounds
    if low < 0 or high > 1:
        raise ArgumentError(
            f"{name}: {parameter} lies in [0, 1], but its range is {low:g} to {high:g}.",
            argument=parameter,
            value=(low, high),
        )


def check_option(name: str, argument: str, given: Any, options: tuple[str, ...]) -> str:
    """Checks that a value is an accepted option and returns it.

    Raises:
        ArgumentError: the value is not among the options.
    """
    if given not in options:
        raise ArgumentError(
            f"{name}: {argument} must be one of {', '.join(map(repr, options))}, but got {given!r}."
            + suggestion(str(given), options),
            argument=argument,
            value=given,
        )
    return str(given)


def check_positive(name: str, argument: str, given: Any, *, most: float = math.inf) -> float:
    """Checks that a value is a finite number above 0 and returns it as a float.

    Raises:
        ArgumentError: the value is not a finite number above 0, or is above `most`.
    """
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not 0 < given <= most or not math.isfinite(given):
        bound = f" and at most {most:g}" if most < math.inf else ""
        raise ArgumentError(
            f"{name}: {argument} must be a finite number above 0{bound}, but got {given!r}.",
            argument=argument,
            value=given,
        )
    return float(given)
