"""Running checks: results, the error that lists them, expected failures and the pytest decorator."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.core.signal_transforms import Flip, Gain
from tests.core.testing.bad_twins import NoAssumption, UndoesNothing

from augrad.errors import ArgumentError, ConformanceError
from augrad.testing import check_transform, parametrize_with_checks, run_checks

REASON = {"check_assumes_declared": "it is a test"}


def failing(transform):
    return REASON if isinstance(transform, NoAssumption) else {}


def marks(decorated):
    (mark,) = decorated.pytestmark
    return {parameter.id: parameter.marks for parameter in mark.args[1]}


def test_a_good_transform_passes_and_each_result_says_its_promise():
    results = check_transform(Gain())
    assert {result.status for result in results} == {"passed"}
    assert all(result.promise.endswith(".") and not result.message for result in results)


def test_the_error_lists_everything_that_broke_and_keeps_the_results():
    with pytest.raises(ConformanceError, match=r"breaks 1 of \d+ promises of a transform:\n  check_assumes") as caught:
        check_transform(NoAssumption())
    assert [result.check for result in caught.value.results if not result.ok] == ["check_assumes_declared"]


def test_an_expected_failure_is_no_failure():
    results = check_transform(NoAssumption(), expected_failed_checks=REASON)
    (found,) = [result for result in results if result.status != "passed"]
    assert (found.status, found.message, found.ok) == ("expected failure", "it is a test", True)


def test_an_expected_failure_that_passes_is_a_failure():
    with pytest.raises(ConformanceError, match="passes, but was expected to fail: it is a test"):
        check_transform(Flip(), expected_failed_checks=REASON)


def test_expectations_may_depend_on_the_transform():
    assert all(result.ok for kind in (Flip, NoAssumption) for result in run_checks(kind(), failing))


def test_run_checks_reports_what_breaks_a_check_itself():
    class Shy(Flip):
        """Hides its example."""

        def example_batch(self, n_samples, generator):
            raise ZeroDivisionError("no example")

    with pytest.raises(ZeroDivisionError):
        run_checks(Shy())  # which checks apply depends on the example, so this cannot be a result

    class Rude(UndoesNothing):
        """Raises when its gain is undone."""

        def invert(self, y, *, gain_db):
            raise ZeroDivisionError("cannot")

    broken = {result.check: result.message for result in run_checks(Rude()) if not result.ok}
    assert "ZeroDivisionError: cannot" in broken["check_invert_undoes_forward"]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"check_picle": "why"}, r"no such check\. Did you mean 'check_pickle'\?"),
        ({"check_pickle": " "}, r"expected_failed_checks\['check_pickle'\] must give the reason in words"),
    ],
)
def test_an_expectation_that_makes_no_sense_is_an_error(expected, message):
    with pytest.raises(ArgumentError, match=message):
        run_checks(Flip(), expected)
    with pytest.raises(ArgumentError, match=message):
        parametrize_with_checks([Flip()], expected_failed_checks=expected)


def test_the_decorator_makes_one_test_per_transform_and_check():
    @parametrize_with_checks([Flip(), NoAssumption()], expected_failed_checks=failing)
    def test(transform, check):
        check(transform)

    found = marks(test)
    assert "signal.flip-check_pickle" in found
    assert not found["signal.flip-check_assumes_declared"]
    (mark,) = found["signal.no_assumption-check_assumes_declared"]
    assert (mark.name, mark.kwargs["strict"], mark.kwargs["reason"]) == ("xfail", True, "it is a test")


@parametrize_with_checks([NoAssumption()], expected_failed_checks=failing)
def test_expected_failures_fail_under_pytest(transform, check):
    check(transform)


def test_the_kit_works_without_pytest():
    program = (
        "import sys; sys.modules['pytest'] = None; sys.path.insert(0, '.');"
        "from tests.core.signal_transforms import Flip; from augrad.testing import run_checks;"
        "assert all(result.ok for result in run_checks(Flip()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
