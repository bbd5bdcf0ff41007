"""Checks of options, with one wording for all: `one_of`, `by_name`, `count`, `number`, `flag`. Uses errors.py.

Each returns the value as a plain Python value, or raises an error that names the argument, the value that came, the
values that are accepted, and the way out. Plugins use them too:

    >>> n_waves = count("n_waves", 3, least=2, owner="vision.elastic")
    >>> count("n_waves", 1, least=2, owner="vision.elastic")
    Traceback (most recent call last):
        ...
    augrad.errors.ArgumentError: vision.elastic: n_waves must be an int of at least 2, but got 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

from augrad.errors import ArgumentError, ArgumentTypeError, AugradError, suggestion

T = TypeVar("T")

Bound = int | float | None
"""A bound of a number; `None` for none."""


def refused(
    argument: str,
    given: Any,
    wanted: str,
    *,
    owner: str = "",
    hint: str = "",
    error: type[AugradError] = ArgumentError,
    **facts: Any,
) -> AugradError:
    """An error that says which values an argument accepts; the caller raises it.

    Args:
        argument: the name of the argument.
        given: the value that came.
        wanted: the accepted values, to follow "must be".
        owner: the transform whose argument it is, such as `"vision.elastic"`; empty for arguments of functions.
        hint: the way out, a sentence of its own; empty if the accepted values say it.
        error: the class of the error.
        **facts: more attributes of the error, besides `argument` and `value`.

    Example:
        >>> str(refused("n_fft", 100, "a power of 2", owner="audio.time_stretch", hint="Take 128."))
        'audio.time_stretch: n_fft must be a power of 2, but got 100. Take 128.'
    """
    message = f"{f'{owner}: ' if owner else ''}{argument} must be {wanted}, but got {given!r}."
    return error(f"{message} {hint.strip()}".strip(), argument=argument, value=given, **facts)


def one_of(argument: str, given: Any, accepted: Iterable[T], *, otherwise: str = "", **how: Any) -> T:
    """The accepted value that equals the given one.

    Args:
        argument: the name of the argument.
        given: the value that came.
        accepted: the values that are accepted.
        otherwise: another kind of value that the caller accepts, such as `"a callable"`; only for the message.
        **how: `owner`, `hint`, `error` and facts, as for `refused`.

    Raises:
        ArgumentError: none equals it (or the class given as `error`).

    Example:
        >>> one_of("padding", "zeros", ("zeros", "border"))
        'zeros'
        >>> one_of("padding", "zeroes", ("zeros", "border"))
        Traceback (most recent call last):
            ...
        augrad.errors.ArgumentError: padding must be one of 'zeros', 'border', but got 'zeroes'. Did you mean 'zeros'?
    """
    values = tuple(accepted)
    for each in values:
        if isinstance(given, type(each)) and each == given:
            return each
    near = suggestion(given, map(str, values)) if isinstance(given, str) else ""
    how["hint"] = f"{near.strip()} {how.get('hint', '')}"
    raise refused(argument, given, _listed(values, otherwise), **how)


def by_name(
    argument: str,
    given: Any,
    table: Mapping[str, T],
    *,
    otherwise: str = "",
    error: type[AugradError] = ArgumentError,
) -> T:
    """The entry of a table under the given name.

    Args:
        argument: the name of the argument.
        given: the name that came.
        table: the known names and their entries.
        otherwise: another kind of value that the caller accepts, such as `"a callable"`; only for the message.
        error: the class of the error for an unknown name.

    Raises:
        ArgumentError: no entry has that name (or the class given as `error`).
        ArgumentTypeError: the value is not a string.

    Example:
        >>> by_name("aggregation", "mean", {"mean": sum, "max": max})([1, 2])
        3
        >>> by_name("aggregation", 3, {"mean": sum, "max": max}, otherwise="a callable")
        Traceback (most recent call last):
            ...
        augrad.errors.ArgumentTypeError: aggregation must be one of 'mean', 'max' or a callable, but got 3.
    """
    if not isinstance(given, str):
        raise refused(argument, given, _listed(table, otherwise), error=ArgumentTypeError)
    return table[one_of(argument, given, table, otherwise=otherwise, error=error)]


def count(
    argument: str,
    given: Any,
    *,
    least: int | None = 1,
    noun: str = "an int",
    wrong_type: type[AugradError] = ArgumentError,
    **how: Any,
) -> int:
    """The given value as an int, if it is a whole number of at least `least`.

    Args:
        argument: the name of the argument.
        given: the value that came; NumPy's integers are accepted, `True` and `False` are not.
        least: the smallest accepted value; `None` for no bound.
        noun: the kind of number, with its article, for the message.
        wrong_type: the class of the error for a value that is not an int.
        **how: `owner`, `hint`, `error` and facts, as for `refused`.

    Raises:
        ArgumentError: it is not (or the class given as `error` or `wrong_type`).

    Example:
        >>> count("copies", 4)
        4
        >>> count("copies", 0)
        Traceback (most recent call last):
            ...
        augrad.errors.ArgumentError: copies must be an int of at least 1, but got 0.
    """
    wanted = noun if least is None else f"{noun} of at least {least}"
    if isinstance(given, bool) or not isinstance(given, Integral):
        raise refused(argument, given, wanted, **{**how, "error": wrong_type})
    if least is not None and given < least:
        raise refused(argument, given, wanted, **how)
    return int(given)


def number(
    argument: str,
    given: Any,
    *,
    least: Bound = None,
    above: Bound = None,
    most: Bound = None,
    below: Bound = None,
    noun: str = "a finite number",
    wrong_type: type[AugradError] = ArgumentError,
    **how: Any,
) -> float:
    """The given value as a float, if it is a finite number within the bounds.

    Args:
        argument: the name of the argument.
        given: the value that came; NumPy's scalars are accepted, `True` and `False` are not.
        least: the smallest accepted value.
        above: the bound below all accepted values.
        most: the largest accepted value.
        below: the bound above all accepted values.
        noun: the kind of number, with its article, such as `"a finite number of Hz"`; for the message.
        wrong_type: the class of the error for a value that is not a number.
        **how: `owner`, `hint`, `error` and facts, as for `refused`.

    Raises:
        ArgumentError: it is not (or the class given as `error` or `wrong_type`).

    Example:
        >>> number("lr", 1, above=0)
        1.0
        >>> number("epsilon", 0.7, above=0, below=0.5, noun="a share of the labels")
        Traceback (most recent call last):
            ...
        augrad.errors.ArgumentError: epsilon must be a share of the labels above 0 and below 0.5, but got 0.7.
    """
    bounds = {"of at least": least, "above": above, "at most": most, "below": below}
    limits = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None)
    wanted = f"{noun} {limits}".rstrip()
    if isinstance(given, bool) or not isinstance(given, Real):
        raise refused(argument, given, wanted, **{**how, "error": wrong_type})
    value = _float(given)
    if (
        not math.isfinite(value)
        or (least is not None and value < least)
        or (above is not None and value <= above)
        or (most is not None and value > most)
        or (below is not None and value >= below)
    ):
        raise refused(argument, given, wanted, **how)
    return value


def flag(argument: str, given: Any, **how: Any) -> bool:
    """The given value, if it is `True` or `False` (NumPy's too).

    Args:
        argument: the name of the argument.
        given: the value that came.
        **how: `owner`, `hint`, `error` and facts, as for `refused`.

    Raises:
        ArgumentTypeError: it is neither (or the class given as `error`).

    Example:
        >>> flag("resume", True)
        True
        >>> flag("resume", "yes")
        Traceback (most recent call last):
            ...
        augrad.errors.ArgumentTypeError: resume must be True or False, but got 'yes'.
    """
    if not isinstance(given, bool) and not (str(getattr(given, "dtype", "")) == "bool" and given.shape == ()):
        raise refused(argument, given, "True or False", **{"error": ArgumentTypeError, **how})
    return bool(given)


def _listed(accepted: Iterable[Any], otherwise: str) -> str:
    return f"one of {', '.join(map(repr, accepted))}{f' or {otherwise}' if otherwise else ''}"


def _float(given: Real) -> float:
    try:
        return float(given)
    except OverflowError:  # an int beyond the largest float
        return math.inf
