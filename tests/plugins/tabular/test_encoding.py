"""Tables to tensors and back: text, missing values, categories that were not seen."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError, InputError
from augrad_tabular import Schema

FRAME = pd.DataFrame({"size": [1.5, 2.5, 3.5], "colour": ["red", "blue", "red"], "zone": [10, 20, 10]})
SCHEMA = Schema.from_data(FRAME, categorical=["zone"])
TOLERANT = Schema.from_data(FRAME, categorical=["zone"], allow_missing=True)


def test_a_frame_becomes_codes_and_reads_back():
    x = SCHEMA.encode(FRAME)
    assert x.dtype == torch.float32
    assert x.tolist() == [[1.5, 1.0, 10.0], [2.5, 0.0, 20.0], [3.5, 1.0, 10.0]]
    back = pd.DataFrame(SCHEMA.decode(x))
    assert back.to_dict("list") == FRAME.to_dict("list")


def test_columns_of_a_frame_are_found_by_name():
    assert torch.equal(SCHEMA.encode(FRAME[["zone", "size", "colour"]]), SCHEMA.encode(FRAME))


def test_tensors_and_arrays_hold_codes_already():
    x = SCHEMA.encode(FRAME)
    assert torch.equal(SCHEMA.encode(x.double()), x.double())
    assert SCHEMA.encode(x.double()).dtype == torch.float64
    assert torch.equal(SCHEMA.encode(x.numpy()), x)


@given(st.lists(st.sampled_from(["ant", "bee", "cat", None]), min_size=1))
def test_text_survives_the_round_trip(labels):
    schema = Schema.from_data([["ant"], ["bee"], ["cat"]], allow_missing=True)
    assert schema.decode(schema.encode([[label] for label in labels])) == {"x0": labels}


def test_codes_between_categories_read_as_the_nearest():
    schema = Schema.from_data([["ant"], ["bee"], ["cat"]])
    assert schema.decode(torch.tensor([[0.4], [0.6], [-3.0], [9.0]])) == {"x0": ["ant", "bee", "ant", "cat"]}


def test_truth_values_and_numbers_are_different_categories():
    schema = Schema.from_data([[True], [False]])
    assert schema.encode(np.array([[True], [False]])).tolist() == [[1.0], [0.0]]
    with pytest.raises(InputError, match="holds 'yes', which was not seen"):
        schema.encode([["yes"]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "green"}, r"'colour' holds 'green', which was not seen .*; seen: 'blue', 'red'"),
        ({"zone": 30}, r"'zone' holds 30.0, which was not seen .*; seen: 10.0, 20.0"),
        ({"colour": None}, r"'colour' has a missing value, in row 0.*allow_missing=True"),
        ({"size": np.nan}, r"'size' has a missing value, in row 0"),
        ({"size": np.inf}, "'size' holds infinite values"),
        ({"size": "large"}, "'size' held numbers when the schema was made, but now holds 'large'"),
        ({"weight": 1.0}, "does not know the column 'weight'; drop it"),
    ],
)
def test_frames_that_do_not_fit(change, message):
    with pytest.raises(InputError, match=message):
        SCHEMA.encode(FRAME.assign(**change))


def test_errors_carry_column_and_value():
    with pytest.raises(InputError) as caught:
        SCHEMA.encode(FRAME.assign(colour="green"))
    assert (caught.value.column, caught.value.value) == ("colour", "green")


def test_columns_must_be_there():
    with pytest.raises(InputError, match="has no column 'zone', which the schema names"):
        SCHEMA.encode(FRAME[["size", "colour"]])
    with pytest.raises(InputError, match=r"schema has 3 columns \(size, colour, zone\), but the table has 2"):
        SCHEMA.encode(np.zeros((1, 2)))
    with pytest.raises(InputError, match="schema has 3 columns, but the tensor 2"):
        SCHEMA.decode(torch.zeros(1, 2))


def test_unseen_categories_may_count_as_missing():
    x = TOLERANT.encode(FRAME.assign(colour=["green", "red", None], zone=[10, 99, 20]), unseen="missing")
    assert x.isnan().tolist() == [[False, True, False], [False, False, True], [False, True, False]]
    assert TOLERANT.decode(x)["colour"] == [None, "red", None]
    assert TOLERANT.decode(x)["zone"] == [10.0, None, 20.0]


@pytest.mark.parametrize(
    ("schema", "unseen", "message"),
    [
        (SCHEMA, "missing", r"unseen must be 'error' \('missing' needs allow_missing=True\), but got 'missing'"),
    ],
)
def test_ways_with_unseen_categories_that_are_not_accepted(schema, unseen, message):
    with pytest.raises(ArgumentError, match=message):
        schema.encode(FRAME, unseen=unseen)


def test_missing_values_are_nan_where_allowed():
    x = TOLERANT.encode(FRAME.assign(size=[1.0, np.nan, 2.0]))
    assert math.isnan(x[1, 0].item())
