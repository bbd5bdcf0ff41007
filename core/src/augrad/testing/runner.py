"""Runs checks: all on one transform, or one pytest test per transform and check. Uses registry.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from augrad.errors import ArgumentError, ConformanceError, suggestion
from augrad.testing.registry import CHECKS, all_checks
from augrad.transform.transform import Transform

Status = Literal["passed", "failed", "expected failure", "unexpected pass"]
ExpectedFailures = Mapping[str, str] | Callable[[Transform], Mapping[str, str]] | None
"""Reasons by name of the check that is expected to fail; or a callable that gives them for a transform."""


@dataclass(frozen=True)
class CheckResult:
    """What came of one check.

    Attributes:
        check: its name.
        promise: what it tests, in one sentence.
        status: `"passed"`, `"failed"`, `"expected failure"`, or `"unexpected pass"`, which counts as a failure.
        message: what broke, or why that was expected; empty if it passed.
    """

    check: str
    promise: str
    status: Status
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether it came out as it should."""
        return self.status in ("passed", "expected failure")


def run_checks(transform: Transform, expected_failed_checks: ExpectedFailures = None) -> list[CheckResult]:
    """Runs every check that applies to a transform; never raises for what the transform does.

    Args:
        transform: an instance.
        expected_failed_checks: reasons by name of the checks that are expected to fail.

    Raises:
        ArgumentError: an expected failure names no check.

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
    except Exception as error:  # noqa: BLE001 - a transform that is broken badly enough breaks the check itself
        return f"{transform.name}: {type(error).__name__}: {error}"
    return ""


def check_transform(transform: Transform, *, expected_failed_checks: ExpectedFailures = None) -> list[CheckResult]:
    """Runs every check that applies to a transform, and raises if any does not come out as it should.

    Args:
        transform: an instance.
        expected_failed_checks: reasons by name of the checks that are expected to fail; one that passes counts as a
            failure.

    Returns:
        The results, all of them as they should be.

    Raises:
        ConformanceError: listing everything that broke; its `results` hold all results.
        ArgumentError: an expected failure names no check.
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
    """Makes one pytest test of each transform and each check that applies to it.

    Args:
        transforms: instances.
        expected_failed_checks: reasons by name of the checks that are expected to fail, or a callable that returns them
            for a transform; these become strict expected failures.

    Returns:
        A decorator for a test function that takes `transform` and `check`, and calls `check(transform)`.

    Raises:
        ArgumentError: an expected failure names no check.
    """
    # Imported here, so that the kit also runs where pytest is not installed (`augrad check`).
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
