"""Transforms that keep every promise pass every check; the base of what test_bad_twins.py breaks."""

from __future__ import annotations

from tests.core.signal_transforms import GOOD

from augrad.testing import parametrize_with_checks


@parametrize_with_checks([kind() for kind in GOOD])
def test_good_transforms_pass_every_check(transform, check):
    check(transform)
