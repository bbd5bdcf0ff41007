"""The conformance kit for authors of transforms: a check for each promise of the transform contract.

With pytest, each pair of transform and check is a test::

    from augrad.testing import parametrize_with_checks

    @parametrize_with_checks([Rotate(), Hue()])
    def test_conformance(transform, check):
        check(transform)

Without pytest, `check_transform(Rotate())` raises an error with a list of all broken promises, and
`run_checks(Rotate())` returns the list.
"""

from augrad.testing import gradients, values, batches, state, declarations  # noqa: F401, I001 - the order of the table
from augrad.testing.examples import example_batch, floats, mapped, smooth
from augrad.testing.reference import check_reference
from augrad.testing.registry import CHECKS, Check, all_checks
from augrad.testing.runner import CheckResult, check_transform, parametrize_with_checks, run_checks

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "all_checks",
    "check_reference",
    "check_transform",
    "example_batch",
    "floats",
    "mapped",
    "parametrize_with_checks",
    "run_checks",
    "smooth",
]
