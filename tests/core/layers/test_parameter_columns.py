"""Columns without gaps, in the order of declaration, and magnitudes from physical values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.signal_transforms import ColumnNoise, Flip, Gain, Stretch

from augrad import Range
from augrad.errors import MagnitudeError
from augrad.layers.parameter_columns import columns_of, magnitude_of, per_column


def test_columns_follow_each_other_in_the_order_of_declaration():
    found = columns_of([Stretch(), Flip(), ColumnNoise(3), Gain()])
    assert [(each.transform, each.parameter, each.start, each.stop) for each in found] == [
        (0, "first", 0, 1),
        (0, "second", 1, 2),
        (2, "std", 2, 5),
        (3, "gain_db", 5, 6),
    ]
    assert found[2].range is ColumnNoise.ranges["std"]
    assert per_column(found, lambda each: each.parameter) == ["first", "second", "std", "std", "std", "gain_db"]
    assert columns_of([Flip()]) == ()


def test_magnitudes_reach_their_values():
    assert magnitude_of(Range(180.0, signed=True), 45.0, "angle") == 0.25
    assert magnitude_of(Range(400.0, low=100.0, identity=400.0), 100.0, "cutoff") == 1.0
    with pytest.raises(MagnitudeError, match=r"angle must lie in \[0, 180\], but got -1"):
        magnitude_of(Range(180.0, signed=True), -1.0, "angle")


@given(magnitude=st.floats(0, 1), low=st.floats(-10, 10), width=st.floats(0.1, 100))
def test_a_magnitude_and_its_value_are_inverse(magnitude, low, width):
    for identity in (low, low + width):
        declared = Range(low + width, low=low, identity=identity)
        value = declared.identity + magnitude * declared.span
        value = min(max(value, low), low + width)
        assert magnitude_of(declared, value, "value") == pytest.approx(magnitude, abs=1e-6)
