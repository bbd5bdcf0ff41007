"""Factors: doublings, shared or not, with powers; and columns that cannot be scaled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.testing import check_reference
from augrad_tabular import Schema
from augrad_tabular.scale import CommonScale, FeatureScale, PowerScale, _powers
from augrad_tabular.tables import example_rows, example_schema

SCHEMA = example_schema()
POWERS = {"length": 1.0, "width": 1.0, "area": 2.0}


@pytest.mark.parametrize(("log2_factor", "ratio"), [(1.0, 2.0), (-1.0, 0.5), (np.log2(1.1), 1.1)])
def test_a_columns_spread_is_multiplied(log2_factor, ratio):
    x = example_rows(200, None)
    y = FeatureScale(schema=SCHEMA)(x, log2_factor=torch.full((200, 3), float(log2_factor)))
    np.testing.assert_allclose(y.numpy().std(0)[:3], ratio * x.numpy().std(0)[:3], rtol=1e-6)
    assert torch.equal(y[:, 3:], x[:, 3:])


def test_a_common_factor_keeps_ratios():
    check_reference(
        CommonScale(schema=SCHEMA),
        lambda row, log2_factor: np.concatenate([row[:3] * 2**log2_factor, row[3:]]),
    )


def test_only_the_columns_named_share_the_factor():
    transform = CommonScale(schema=SCHEMA, columns=["area", 0])
    assert transform.feature_names == ("length", "area")
    y = transform(torch.ones(1, 8), log2_factor=torch.tensor([1.0]))
    assert y.tolist() == [[2.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]]


@pytest.mark.parametrize("exponents", [POWERS, [1.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
def test_powers_of_a_common_factor(exponents):
    def reference(row, log2_factor):
        s = 2**log2_factor
        return np.concatenate([row[:3] * [s, s, s**2], row[3:]])

    check_reference(PowerScale(schema=SCHEMA, exponents=exponents), reference)


@given(st.floats(-1, 1), st.integers(0, 2))
def test_a_magnified_area_is_that_of_magnified_lengths(log2_factor, negative):
    x = example_rows(5, None)
    y = PowerScale(schema=SCHEMA, exponents=POWERS)(x, log2_factor=torch.full((5,), log2_factor).double())
    torch.testing.assert_close(y[:, 0] * y[:, 1], y[:, 2])


def test_columns_with_exponent_0_are_left_alone():
    transform = PowerScale(schema=SCHEMA, exponents={"length": 0.0, "area": -1.0})
    assert transform.feature_names == ("area",)
    assert transform(torch.ones(1, 8), log2_factor=torch.tensor([1.0]))[0, :3].tolist() == [1.0, 1.0, 0.5]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        (
            ["grade"],
            ArgumentError,
            "common_scale: columns names 'grade', which is ordinal; only continuous columns can",
        ),
        (["blue"], ArgumentError, "'blue', which is one-hot"),
        (["legnth"], ArgumentError, "there is no column 'legnth'.*Did you mean 'length'"),
        ([], ArgumentError, "columns names no column to scale"),
        ("length", ArgumentTypeError, r"columns must be a list; write \['length'\]"),
    ],
)
def test_columns_that_are_not_accepted(columns, error, message):
    with pytest.raises(error, match=message):
        CommonScale(schema=SCHEMA, columns=columns)


@pytest.mark.parametrize(
    ("exponents", "error", "message"),
    [
        ([1.0, 2.0], ArgumentError, r"exponents must hold one number per column \(8\), but got 2"),
        ({"soil": 1.0}, ArgumentError, "exponents names 'soil', which is categorical"),
        ({"length": 0.0}, ArgumentError, "exponents names no column to scale"),
        ({"length": float("nan")}, ArgumentError, "exponents must be a finite number for 'length', but got nan"),
        ({"size": 1.0}, ArgumentError, "there is no column 'size'"),
    ],
)
def test_exponents_that_are_not_accepted(exponents, error, message):
    with pytest.raises(error, match=message):
        PowerScale(schema=SCHEMA, exponents=exponents)


def test_scaling_can_be_undone():
    x, schema = example_rows(4, None), Schema.from_data(example_rows(4, None))
    factors = torch.rand(4, 8).double()
    scale = FeatureScale(schema=schema)
    torch.testing.assert_close(scale.invert(scale(x, log2_factor=factors), log2_factor=factors), x)


def test_exponents_must_be_a_list_or_numbers_by_name():
    transform = PowerScale(schema=SCHEMA, exponents=POWERS)
    with pytest.raises(ArgumentTypeError, match="power_scale: exponents must be a list, or numbers by name, but got 2"):
        _powers(transform, 2.0)
