"""Transforms that keep every promise pass every check; the base of what test_bad_twins.py breaks."""

from __future__ import annotations

from tests.core.bag_transforms import Louder, Negate
from tests.core.signal_transforms import GOOD

from augrad.testing import parametrize_with_checks


@parametrize_with_checks([kind() for kind in GOOD])
def test_good_transforms_pass_every_check(transform, check):
    check(transform)


@parametrize_with_checks([Louder(), Negate()])
def test_batches_of_another_type_pass_every_check_that_applies(transform, check):
    check(transform)
