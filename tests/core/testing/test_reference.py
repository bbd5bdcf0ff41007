"""Holding transforms against an independent reference finds a wrong unit and a wrong sign."""

from __future__ import annotations

import numpy as np
import pytest
from tests.core.bag_transforms import Louder
from tests.core.signal_transforms import ColumnNoise, Gain, Shift, Stretch

from augrad.errors import ConformanceError
from augrad.testing import check_reference, smooth


def test_right_unit_and_sign_pass():
    check_reference(Gain(), lambda sample, gain_db: sample * 10 ** (gain_db / 20))


def test_several_parameters_are_passed_by_name():
    check_reference(
        Stretch(),
        lambda sample, first, second: np.concatenate([sample[:1] * 2**first, sample[1:2] * 2**second, sample[2:]]),
    )


class OddShift(Shift):
    """Rolls a signal whose odd length leaves no frequency without a sign, by `shift` of its length."""

    def example_batch(self, n_samples, generator):
        return smooth((n_samples, 1, 15), generator)


def test_whole_steps_of_a_shift_equal_a_roll():
    # Half the range times 0.8 is six steps of 15.
    check_reference(OddShift(), lambda sample, shift: np.roll(sample, round(15 * shift), axis=-1), reach=0.8)


def test_a_wrong_sign_and_a_wrong_unit_are_found():
    with pytest.raises(ConformanceError, match=r"at \{'gain_db': -5.4\} it differs .* check its unit and its sign"):
        check_reference(Gain(), lambda sample, gain_db: sample * 10 ** (-gain_db / 20))
    with pytest.raises(ConformanceError, match="differs from the reference"):
        check_reference(Gain(), lambda sample, gain_db: sample * 10 ** (gain_db / 10))


def test_a_parameter_learned_per_column_gives_one_value():
    with pytest.raises(ConformanceError, match=r"'std': 0\.45"):
        check_reference(ColumnNoise(), lambda sample, std: sample)


def test_batches_that_are_no_tensors_are_compared_sample_by_sample():
    check_reference(Louder(), lambda sample, gain: tuple(part * 2**gain for part in sample))
    with pytest.raises(ConformanceError, match=r"at \{'gain': -0.9\} it differs"):
        check_reference(Louder(), lambda sample, gain: tuple(part * 2**-gain for part in sample))
