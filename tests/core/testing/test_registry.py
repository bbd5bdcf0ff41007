"""The table of checks: names, promises, and which apply to which transform."""

from __future__ import annotations

import pytest
from tests.core.signal_transforms import Blend, Flip, Gain, Quantize, Turn

from augrad.errors import ConformanceError
from augrad.testing import CHECKS, all_checks
from augrad.testing.registry import require


def names(transform):
    return {check.name for check in all_checks(transform)}


def test_every_check_states_its_promise_in_a_sentence():
    for name, check in CHECKS.items():
        assert name == check.name == check.function.__name__
        assert name.startswith("check_")
        assert check.promise.endswith(".")


@pytest.mark.parametrize(
    ("check", "for_it", "not_for_it"),
    [
        ("check_gradcheck_of_parameters", Gain, Quantize),
        ("check_gradient_agrees_with_differences", Quantize, Gain),
        ("check_gradient_reaches_parameters", Gain, Flip),
        ("check_identity_at_zero", Gain, Flip),
        ("check_invert_undoes_forward", Gain, Quantize),
        ("check_not_invertible_says_so", Quantize, Gain),
        ("check_samples_independent", Gain, Blend),
        ("check_mixing_is_declared_truly", Blend, Gain),
        ("check_matrix_agrees_with_forward", Turn, Gain),
    ],
)
def test_checks_are_chosen_by_declaration(check, for_it, not_for_it):
    assert check in names(for_it())
    assert check not in names(not_for_it())


def test_require_names_the_transform():
    require(True, Gain(), "never said")
    with pytest.raises(ConformanceError, match=r"^signal\.gain: broken$"):
        require(False, Gain(), "broken")
