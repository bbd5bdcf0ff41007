"""The conformance kit: one check per promise of the transform contract, for authors of transforms.

Under pytest, one test per transform and check::

    from augrad.testing import parametrize_with_checks

    @parametrize_with_checks([Rotate(), Hue()])
    def test_conformance(transform, check):
        check(transform)

Anywhere else, `check_transform(Rotate())` raises with a list of what is broken, and `run_checks(Rotate())` returns it.
"""

from augrad.testing import gradients, values, batches, state, declarations  # noqa: F401, I001 - in the table's order
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
