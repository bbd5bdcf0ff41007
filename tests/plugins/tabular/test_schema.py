"""The schema: what it knows, how it is written and read, what makes none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad_tabular import Schema
from augrad_tabular.columns import Column
from augrad_tabular.schema import as_schema
from augrad_tabular.tables import example_schema


def test_it_says_names_kinds_and_blocks():
    schema = example_schema()
    assert schema.n_features == 8
    assert schema.names == ("length", "width", "area", "grade", "soil", "blue", "red", "white")
    assert schema.blocks == {"colour": (5, 6, 7)}
    assert schema.of_kind("continuous", "ordinal") == (0, 1, 2, 3)
    assert schema.position("soil") == schema.position(-4) == 4


def test_columns_without_names_are_numbered():
    assert Schema.from_data(torch.zeros(2, 3)).names == ("x0", "x1", "x2")


def test_statistics_are_those_of_the_encoded_table():
    table = [[1.0, "red"], [2.0, "blue"], [6.0, "red"]]
    schema = Schema.from_data(table)
    x = schema.encode(table).double().numpy()
    np.testing.assert_allclose(schema.mean, x.mean(0))
    np.testing.assert_allclose(schema.spread, x.std(0))


def test_it_survives_json():
    schema = Schema.from_data([[1.0, "red", True], [2.0, None, False]], allow_missing=True)
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))
    assert again == schema
    assert hash(again) == hash(schema)


def test_only_the_statistics_asked_for_are_written():
    written = example_schema().to_dict(statistics=["spread"])
    assert {"columns", "allow_missing", "spread"} == set(written)
    assert Schema.from_dict(written).quantiles is None


def test_it_is_frozen():
    with pytest.raises(AttributeError, match="cannot assign"):
        example_schema().columns = ()


def test_a_schema_or_what_it_wrote_is_accepted():
    schema = example_schema()
    assert as_schema(schema) is schema
    assert as_schema(schema.to_dict()) == schema
    with pytest.raises(
        ArgumentTypeError, match=r"schema must be a Schema or what its to_dict\(\) returns, but got int"
    ):
        as_schema(3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"not what Schema.to_dict\(\) writes \(KeyError: 'columns'\)"),
        ({"columns": [{"name": "a", "kind": "continuous", "colour": 1}]}, "unexpected keyword argument 'colour'"),
        ({"columns": [{"name": "a", "kind": "continuos"}]}, "kind must be one of .*Did you mean 'continuous'"),
        ({"columns": [3]}, "AttributeError"),
        ({"columns": []}, "at least one column"),
        ({"columns": [{"name": "a", "kind": "continuous"}] * 2}, r"names that differ, but got \('a', 'a'\)"),
        ({"columns": [{"name": "a", "kind": "continuous"}], "spread": []}, r"one entry per column \(1\), but got 0"),
        ({"columns": [{"name": "a", "kind": "continuous"}], "quantiles": [[0.0]]}, "quantiles must hold 65 numbers"),
    ],
)
def test_mappings_that_make_no_schema(given, message):
    with pytest.raises(ArgumentError, match=message):
        Schema.from_dict(given)


def test_names_must_differ():
    with pytest.raises(ArgumentError, match=r"names that differ, but got \('a', 'a'\)"):
        Schema((Column("a", "continuous"), Column("a", "continuous")))
