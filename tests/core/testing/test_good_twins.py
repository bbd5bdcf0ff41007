"""Transforms that keep every promise pass every check; the base of what test_bad_twins.py breaks."""

from __future__ import annotations

import random

import jaxtyping
from tests.core.bag_transforms import Louder, Negate
from tests.core.signal_transforms import GOOD, Gain

from augrad.testing import CHECKS, parametrize_with_checks


@parametrize_with_checks([kind() for kind in GOOD])
def test_good_transforms_pass_every_check(transform, check):
    check(transform)


@parametrize_with_checks([Louder(), Negate()])
def test_batches_of_another_type_pass_every_check_that_applies(transform, check):
    check(transform)


class DrawsWhileChecked(Gain):
    """Stands for a transform whose annotations are enforced: the checker looks at a random entry."""

    def forward(self, x, *, gain_db):
        if not jaxtyping.config.jaxtyping_disable:
            random.random()
        return super().forward(x, gain_db=gain_db)


def test_type_checkers_may_draw_from_the_global_generator():
    CHECKS["check_global_generator_untouched"](DrawsWhileChecked())
    assert not jaxtyping.config.jaxtyping_disable
