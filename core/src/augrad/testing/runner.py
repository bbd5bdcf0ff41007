"""Runs the checks: all of them on a transform, or as a pytest test for each transform and check. Uses registry.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from augrad.errors import ArgumentError, ConformanceError, suggestion
from augrad.testing.registry import CHECKS, all_checks
from augrad.transform.transform import Transform

Status = Literal["passed", "failed", "expected failure", "unexpected pass"]
ExpectedFailures = Mapping[str, str] | Callable[[Transform], Mapping[str, str]] | None
"""Checks that are expected to fail, with the reason for each; or a callable that returns them for a transform."""


@dataclass(frozen=True)
class CheckResult:
    """Result of a check.

    Attributes:
        check: name of the check.
        promise: the tested promise, in a sentence.
        status: `"passed"`, `"failed"`, `"expected failure"`, or `"unexpected pass"`, which counts as a failure.
        message: the fault, or the reason for an expected failure; empty if the check passed.
    """

    check: str
    promise: str
    status: Status
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether the result is as expected."""
        return self.status in ("passed", "expected failure")


def run_checks(transform: Transform, expected_failed_checks: ExpectedFailures = None) -> list[CheckResult]:
    """Runs every check that applies to a transform. Errors of the transform are reported, not raised.

    Args:
        transform: an instance.
        expected_failed_checks: names of the checks that are expected to fail, with the reason for each.

    Raises:
        ArgumentError: a name in `expected_failed_checks` is not a check.

    Example:
        >>> from augrad import Range, Transform
        >>> class Gain(Transform):
        ...     modality = "signal"
        ...     gain_db = Range(6.0, unit="dB")
        ...     def forward(self, x, *, gain_db):
        ...         return x * 10 ** (gain_db / 20)[:, None, None]
        >>> [result.check for result in run_checks(Gain()) if not result.ok]
        ['check_pickle', 'check_assumes_declared', 'check_docstring']
    """
    expected = _expected(transform, expected_failed_checks)
    results = []
    for check in all_checks(transform):
        broken = _broken(check, transform)
        if check.name in expected:
            status: Status = "expected failure" if broken else "unexpected pass"
            message = expected[check.name] if broken else f"passes, but was expected to fail: {expected[check.name]}"
        else:
            status, message = ("failed", broken) if broken else ("passed", "")
        results.append(CheckResult(check.name, check.promise, status, message))
    return results


def _broken(check: Callable[[Transform], None], transform: Transform) -> str:
    try:
        check(transform)
    except ConformanceError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a badly broken transform makes the check itself fail
        return f"{transform.name}: {type(error).__name__}: {error}"
    return ""


def check_transform(transform: Transform, *, expected_failed_checks: ExpectedFailures = None) -> list[CheckResult]:
    """Runs every check that applies to a transform, and raises an error if a result is not as expected.

    Args:
        transform: an instance.
        expected_failed_checks: names of the checks that are expected to fail, with the reason for each. If such a check
            passes, that counts as a failure.

    Returns:
        The results, all of them as expected.

    Raises:
        ConformanceError: a list of all failures; the attribute `results` holds all results.
        ArgumentError: a name in `expected_failed_checks` is not a check.
    """
    results = run_checks(transform, expected_failed_checks)
    broken = [f"  {result.check}: {result.message}" for result in results if not result.ok]
    if broken:
        raise ConformanceError(
            f"{transform.name} breaks {len(broken)} of {len(results)} promises of a transform:\n" + "\n".join(broken),
            transform=transform.name,
            results=results,
        )
    return results


def parametrize_with_checks(
    transforms: Iterable[Transform], *, expected_failed_checks: ExpectedFailures = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a pytest test for each transform and each check that applies to it.

    Args:
        transforms: instances.
        expected_failed_checks: names of the checks that are expected to fail, with the reason for each; or a callable
            that returns them for a transform. These tests become strict expected failures.

    Returns:
        A decorator for a test function that takes `transform` and `check`, and calls `check(transform)`.

    Raises:
        ArgumentError: a name in `expected_failed_checks` is not a check.
    """
    # Imported here, so that the kit also runs without pytest (`augrad check`).
    import pytest

    parameters = []
    for transform in transforms:
        expected = _expected(transform, expected_failed_checks)
        for check in all_checks(transform):
            marks = (
                [pytest.mark.xfail(reason=expected[check.name], strict=True, raises=Exception)]
                if check.name in expected
                else []
            )
            parameters.append(pytest.param(transform, check, id=f"{transform.name}-{check.name}", marks=marks))
    return pytest.mark.parametrize(("transform", "check"), parameters)


def _expected(transform: Transform, expected: ExpectedFailures) -> Mapping[str, str]:
    found = expected(transform) if callable(expected) else expected or {}
    for name, reason in found.items():
        if name not in CHECKS:
            raise ArgumentError(
                f"expected_failed_checks names {name!r}, but there is no such check." + suggestion(name, CHECKS),
                argument="expected_failed_checks",
                value=name,
            )
        if not isinstance(reason, str) or not reason.strip():
            raise ArgumentError(
                f"expected_failed_checks[{name!r}] must give the reason in words, but got {reason!r}.",
                argument="expected_failed_checks",
                value=reason,
            )
    return found
