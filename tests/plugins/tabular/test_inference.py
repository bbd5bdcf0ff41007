"""Kinds of columns: inferred, declared, and declarations that cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad_tabular import Schema
from augrad_tabular.inference import position

FRAME = pd.DataFrame(
    {
        "length": [1.0, 2.0, 3.0],
        "count": [1, 2, 2],
        "colour": ["red", "blue", "red"],
        "size": pd.Categorical(["S", "L", "S"], categories=["S", "M", "L"], ordered=True),
        "soil": pd.Categorical(["clay", "sand", "clay"], categories=["clay", "peat", "sand"]),
        "alive": [True, False, False],
    }
)
HOT = np.array([[1, 0, 5], [0, 1, 6], [0, 0, 7]])


def test_a_frame_says_most_by_itself():
    schema = Schema.from_data(FRAME)
    assert dict(zip(schema.names, schema.kinds, strict=True)) == {
        "length": "continuous",
        "count": "continuous",
        "colour": "categorical",
        "size": "ordinal",
        "soil": "categorical",
        "alive": "categorical",
    }
    by_name = {column.name: column for column in schema.columns}
    assert by_name["colour"].categories == ("blue", "red")
    assert by_name["colour"].frequencies == pytest.approx((1 / 3, 2 / 3))
    assert by_name["size"].categories == ("S", "M", "L")
    assert by_name["soil"].categories == ("clay", "sand")  # peat was not seen
    assert by_name["alive"].categories == (False, True)


def test_what_is_declared_wins():
    schema = Schema.from_data(FRAME, ordinal=["count"], continuous=[0], categorical=["colour"])
    assert schema.kinds[:3] == ("continuous", "ordinal", "categorical")


def test_codes_of_numbers_are_the_numbers():
    column = Schema.from_data([[10.0], [30.0], [10.0], [20.0]], categorical=[0]).columns[0]
    assert (column.codes, column.frequencies, column.categories) == ((10.0, 20.0, 30.0), (0.5, 0.25, 0.25), None)


@pytest.mark.parametrize("one_hot", [{"colour": ["colour_red", "colour_blue"]}, {"colour": [0, 1]}, [[0, 1]]])
def test_one_hot_blocks_by_name_position_or_beginning(one_hot):
    schema = Schema.from_data(HOT, names=["colour_red", "colour_blue", "z"], one_hot=one_hot)
    assert schema.blocks == {"colour": (0, 1)}
    assert schema.kinds == ("one-hot", "one-hot", "continuous")
    assert [column.frequencies for column in schema.columns] == [(pytest.approx(1 / 3),), (pytest.approx(1 / 3),), ()]


def test_blocks_whose_names_have_nothing_in_common_are_numbered():
    assert Schema.from_data(HOT, names=["red", "blue", "z"], one_hot=[["red", "blue"]]).blocks == {"block 0": (0, 1)}


def test_blocks_that_pandas_wrote_as_truth_values():
    frame = pd.get_dummies(FRAME[["length", "colour"]])
    schema = Schema.from_data(frame, one_hot={"colour": ["colour_blue", "colour_red"]})
    assert schema.blocks == {"colour": (1, 2)}
    assert schema.encode(frame).tolist() == [[1.0, 0.0, 1.0], [2.0, 1.0, 0.0], [3.0, 0.0, 1.0]]


def test_positions_count_from_either_end():
    assert [position(which, ("a", "b"), "columns") for which in ("b", 0, -1)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ordinal": ["lenght"]}, r"ordinal: there is no column 'lenght'; .*Did you mean 'length'"),
        ({"ordinal": [9]}, "ordinal: there is no column 9; there are 6"),
        ({"ordinal": [0], "continuous": ["length"]}, "column 'length' is named twice"),
        ({"ordinal": ["colour"]}, "'colour' is to be ordinal, but holds text, whose order is not known"),
        ({"continuous": ["colour"]}, "'colour' holds text, so it cannot be continuous"),
        ({"one_hot": {"b": ["colour", "alive"]}}, "'colour' holds text, so it cannot be one-hot"),
        ({"one_hot": {"b": ["length"]}}, "block 'b' needs at least 2 columns, but got 1"),
        ({"one_hot": {"b": ["length", "count"]}}, "'length' must hold 0 and 1 only"),
        ({"names": ["a"]}, r"names must hold one name per column \(6\)"),
    ],
)
def test_declarations_that_cannot_be(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Schema.from_data(FRAME, **arguments)


def test_positions_must_be_text_or_numbers():
    with pytest.raises(ArgumentTypeError, match="columns must name columns by text or position, but got True"):
        position(True, ("a",), "columns")
    with pytest.raises(ArgumentTypeError, match=r"ordinal must be a list of columns; write \['count'\]"):
        Schema.from_data(FRAME, ordinal="count")


def test_a_row_of_a_block_has_at_most_one_one():
    with pytest.raises(ArgumentError, match="in block 'b' a row has 2 columns that are 1"):
        Schema.from_data([[1, 1], [0, 1]], one_hot={"b": [0, 1]})


def test_values_must_be_finite_and_there():
    with pytest.raises(ArgumentError, match="column 'x1' holds infinite values"):
        Schema.from_data([[1.0, np.inf]])
    with pytest.raises(ArgumentError, match=r"column 'x0' has missing values.*allow_missing=True"):
        Schema.from_data([[np.nan], [1.0]])
    with pytest.raises(ArgumentError, match="column 's' has missing values"):
        Schema.from_data(pd.DataFrame({"s": ["x", None]}))
