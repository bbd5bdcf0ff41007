"""Ranges: spans and intervals from either end, and declarations that make no range."""

from __future__ import annotations

import dataclasses
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError, RangeError
from augrad.transform.ranges import Range

numbers = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("declared", "span", "bounds", "half"),
    [
        (Range(180.0, unit="deg", signed=True), 180.0, (-180.0, 180.0), (-90.0, 90.0)),
        (Range(3.0, signed=True, identity=1.0), 2.0, (-1.0, 3.0), (0.0, 2.0)),
        (Range(4.0), 4.0, (0.0, 4.0), (0.0, 2.0)),
        (Range(5.0, low=1.0, identity=1.0), 4.0, (1.0, 5.0), (1.0, 3.0)),
        (Range(4000.0, low=100.0, unit="Hz", identity=4000.0), -3900.0, (100.0, 4000.0), (2050.0, 4000.0)),
        (Range(0.0, low=-6.0, unit="dB"), -6.0, (-6.0, 0.0), (-3.0, 0.0)),
    ],
)
def test_span_bounds_and_interval(declared, span, bounds, half):
    assert (declared.span, declared.bounds, declared.interval(0.5)) == (span, bounds, half)
    assert declared.interval(0.0) == (declared.identity, declared.identity)
    assert bounds[0] in declared
    assert bounds[1] in declared
    assert declared.identity in declared
    assert bounds[1] + 0.01 not in declared
    assert bounds[0] - 0.01 not in declared
    assert math.nan not in declared  # noqa: PLW0177 - the question is put to Range


@st.composite
def ranges(draw):
    low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
    if draw(st.booleans()):
        return Range(high, signed=True, identity=low)
    return Range(high, low=low, identity=draw(st.sampled_from([low, high])))


@given(ranges(), st.floats(0, 1), st.floats(0, 1))
def test_intervals_grow_with_the_magnitude_and_hold_the_identity(declared, one, other):
    small, large = sorted([one, other])
    inner, outer = declared.interval(small), declared.interval(large)
    assert outer[0] <= inner[0] <= declared.identity <= inner[1] <= outer[1]
    assert declared.bounds[0] <= outer[0]
    assert outer[1] <= declared.bounds[1]


@given(ranges())
def test_the_span_reaches_from_the_identity_to_a_bound(declared):
    assert declared.identity + declared.span == pytest.approx(declared.bounds[declared.span > 0], abs=1e-6)


def test_is_a_frozen_value():
    declared = Range(1.0, unit="ms", per="feature")
    assert declared == Range(1.0, unit="ms", per="feature")
    assert len({declared, dataclasses.replace(declared)}) == 1
    assert pickle.loads(pickle.dumps(declared)) == declared
    assert Range(**dataclasses.asdict(declared)) == declared
    with pytest.raises(dataclasses.FrozenInstanceError):
        declared.high = 2.0


@pytest.mark.parametrize(
    ("arguments", "argument", "message"),
    [
        ({"high": float("inf")}, "high", r"Range: high must be a finite number, but got inf"),
        ({"high": float("nan")}, "high", r"Range: high must be a finite number, but got nan"),
        ({"high": 1.0, "low": float("-inf")}, "low", r"Range: low must be a finite number"),
        ({"high": 1.0, "identity": float("nan")}, "identity", r"Range: identity must be a finite number"),
        (
            {"high": 1.0, "low": -1.0, "signed": True},
            "low",
            r"symmetric about its identity: leave low unset, but got low=-1",
        ),
        ({"high": 0.0, "signed": True}, "high", r"needs high above identity, but got high=0, identity=0"),
        (
            {"high": 1.0, "signed": True, "identity": 2.0},
            "high",
            r"needs high above identity, but got high=1, identity=2",
        ),
        ({"high": 0.0}, "low", r"Range needs low below high, but got low=0, high=0"),
        ({"high": 1.0, "low": 2.0}, "low", r"Range needs low below high, but got low=2, high=1"),
        ({"high": 2.0, "identity": 1.0}, "identity", r"must be low \(0\) or high \(2\), but got 1\. Pass signed=True"),
        ({"high": 2.0, "low": 1.0}, "identity", r"must be low \(1\) or high \(2\), but got 0"),
        (
            {"high": 1.0, "per": "two words"},
            "per",
            r"must be None or the singular name of an axis, .* but got 'two words'",
        ),
        ({"high": 1.0, "per": ""}, "per", r"must be None or the singular name of an axis"),
    ],
)
def test_what_makes_no_range(arguments, argument, message):
    with pytest.raises(RangeError, match=message) as caught:
        Range(**arguments)
    assert caught.value.argument == argument
    assert isinstance(caught.value, ArgumentError)
