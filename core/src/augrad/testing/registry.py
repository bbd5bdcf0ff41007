"""The table of checks: the promise that each check tests, and its transforms. Filled by the files of checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from augrad.errors import ConformanceError
from augrad.transform.transform import Transform

CheckFunction = Callable[[Any], None]
"""A function that takes a transform to which the check applies."""


@dataclass(frozen=True)
class Check:
    """A promise of the transform contract, and the function that tests it.

    Attributes:
        name: name of the check, such as `"check_input_untouched"`; the key for expected failures.
        promise: the promise in a sentence.
        function: raises `ConformanceError` if a transform breaks the promise.
        applies: whether a transform makes the promise, according to its declarations.
    """

    name: str
    promise: str
    function: CheckFunction
    applies: Callable[[Transform], bool]

    def __call__(self, transform: Transform) -> None:
        self.function(transform)


CHECKS: dict[str, Check] = {}
"""Every check by name."""


def always(transform: Transform) -> bool:
    """For promises that every transform makes."""
    return True


def has_parameters(transform: Transform) -> bool:
    """For promises of transforms that have parameters to learn besides their selection weight."""
    return bool(transform.ranges)


def check(applies: Callable[[Transform], bool] = always) -> Callable[[CheckFunction], CheckFunction]:
    """Registers a function `check_*` as the test of a promise. The first line of its docstring states the promise."""

    def register(function: CheckFunction) -> CheckFunction:
        promise = (function.__doc__ or "").strip().splitlines()[0]
        CHECKS[function.__name__] = Check(function.__name__, promise, function, applies)
        return function

    return register


def all_checks(transform: Transform) -> list[Check]:
    """Returns the checks for all promises that `transform` makes, in the order of the table.

    Example:
        >>> from augrad import Range, Transform
        >>> class Gain(Transform):
        ...     modality = "signal"
        ...     gain_db = Range(6.0, unit="dB")
        ...     def forward(self, x, *, gain_db):
        ...         return x * 10 ** (gain_db / 20)[:, None, None]
        >>> "check_gradcheck_of_parameters" in [check.name for check in all_checks(Gain())]
        True
    """
    return [entry for entry in CHECKS.values() if entry.applies(transform)]


def require(holds: bool, transform: Transform, message: str) -> None:
    """Raises `ConformanceError` with the transform's name if the promise does not hold."""
    if not holds:
        raise ConformanceError(f"{transform.name}: {message}", transform=transform.name)
