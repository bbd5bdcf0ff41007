"""The arguments of a transform's constructor: recorded for its config, and turned into its ranges and their sizes.

Used by transform.py.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from augrad.errors import RangeError
from augrad.options import number
from augrad.transform.ranges import Range


def recorded(transform: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a transform's constructor by name, those in `**ranges` among the others.

    Args:
        transform: the instance, not yet constructed.
        args, kwargs: the arguments of the call.
    """
    if not args and not kwargs:
        return {}
    bound = inspect.signature(type(transform).__init__).bind(transform, *args, **kwargs)
    given = dict(list(bound.arguments.items())[1:])
    variable = next((p.name for p in bound.signature.parameters.values() if p.kind is p.VAR_KEYWORD), None)
    given.update(given.pop(variable, {}) if variable else {})
    return given


def plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded arguments with each range as a dictionary, so that they can be written as JSON.

    Example:
        >>> plain({"padding": "zeros", "angle": Range(30.0)})["angle"]["high"]
        30.0
    """
    return {name: dataclasses.asdict(value) if isinstance(value, Range) else value for name, value in arguments.items()}


def ranged(declared: Mapping[str, Range], config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments from what `plain` returned, with each declared parameter's dictionary as a range again.

    Example:
        >>> ranged({"angle": Range(180.0)}, {"angle": {"high": 30.0}})["angle"].high
        30.0
    """
    return {
        name: Range(**value) if name in declared and isinstance(value, dict) else value
        for name, value in config.items()
    }


def own_ranges(transform: str, declared: Mapping[str, Range], given: Mapping[str, float | Range]) -> dict[str, Range]:
    """The ranges of one instance of a transform.

    Args:
        transform: the name of the transform, for errors.
        declared: the ranges that the class declares, by parameter.
        given: for some parameters, the far end of the new range, or the new range.

    Raises:
        RangeError: a name is that of no parameter, a value is neither a number nor a range, or makes no range.

    Example:
        >>> own_ranges("vision.rotate", {"angle": Range(180.0, signed=True)}, {"angle": 30.0})["angle"].bounds
        (-30.0, 30.0)
    """
    ranges = dict(declared)
    for name, value in given.items():
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise RangeError(
                f"{transform} has no parameter {name!r}; its parameters: {known}.", argument=name, value=value
            )
        ranges[name] = value if isinstance(value, Range) else _narrowed(transform, name, declared[name], value)
    return ranges


def _narrowed(transform: str, parameter: str, declared: Range, given: float) -> Range:
    noun = "a finite number (the far end of its range) or a Range"
    far = number(parameter, given, noun=noun, owner=transform, error=RangeError, wrong_type=RangeError)
    try:
        if declared.span > 0:
            return dataclasses.replace(declared, high=far)
        return dataclasses.replace(declared, low=far)
    except RangeError as error:
        raise RangeError(f"{transform}: {parameter}={given!r}: {error}", argument=parameter, value=given) from error


def size_of(transform: Any, parameter: str, declared: Range) -> int:
    """How many magnitudes of a parameter are learned: 1, or the transform's `n_features` (or `n_channels`, ...).

    Args:
        transform: the instance.
        parameter: the name of the parameter.
        declared: its range.

    Raises:
        RangeError: the range is declared `per="feature"` but the transform has no `n_features`.
    """
    if declared.per is None:
        return 1
    size = getattr(transform, f"n_{declared.per}s", None)
    if not isinstance(size, int) or size < 1:
        raise RangeError(
            f"{transform.name}: {parameter} is learned per {declared.per}, so the transform must set "
            f"self.n_{declared.per}s to a positive int in its constructor, but it is {size!r}.",
            argument=parameter,
            value=size,
        )
    return size


def labels_of(transform: Any, parameter: str, declared: Range) -> tuple[str, ...]:
    """Names of the magnitudes of a parameter: the transform's `feature_names` (or `channel_names`, ...), or positions.

    Args:
        transform: the instance.
        parameter: the name of the parameter.
        declared: its range.

    Returns:
        One name per magnitude; none for a parameter with a single one.
    """
    if declared.per is None:
        return ()
    names = getattr(transform, f"{declared.per}_names", None)
    return tuple(str(name) for name in (range(size_of(transform, parameter, declared)) if names is None else names))
