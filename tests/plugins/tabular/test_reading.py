"""Tables as users hold them: frames, arrays, tensors, lists; and what is none."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import torch

from augrad.errors import InputError, InputTypeError
from augrad_tabular.reading import read


def numbers(table):
    return np.stack([cells.numbers for cells in read(table)], axis=1).tolist()


@pytest.mark.parametrize(
    "table",
    [
        [[1, 2.5], [3, 4]],
        ((1, 2.5), (3, 4)),
        np.array([[1, 2.5], [3, 4]], dtype=np.float32),
        np.array([[1, 2.5], [3, 4]], dtype=object),
        np.array([[np.int64(1), np.float32(2.5)], [3, np.float64(4)]], dtype=object),
        torch.tensor([[1, 2.5], [3, 4]], requires_grad=True),
        torch.tensor([[1, 2.5], [3, 4]], dtype=torch.bfloat16),
        pd.DataFrame({"a": [1, 3], "b": [2.5, 4.0]}),
        pd.DataFrame({"a": pd.array([1, 3], dtype="Int64"), "b": [2.5, 4.0]}),
    ],
)
def test_numbers_are_read_from_whatever_holds_them(table):
    assert numbers(table) == [[1.0, 2.5], [3.0, 4.0]]


def test_missing_values_are_nan_among_numbers_and_none_among_labels():
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None], dtype="Int64"),
            "s": ["x", None],
            "o": np.array(["x", np.nan], dtype=object),
            "c": pd.Categorical(["x", None]),
            "b": pd.array([True, None], dtype="boolean"),
        }
    )
    cells = {each.name: each for each in read(frame)}
    assert np.isnan(cells["i"].numbers).tolist() == [False, True]
    assert {name: cells[name].labels for name in "soc"} == dict.fromkeys("soc", ("x", None))
    assert cells["b"].labels == (True, None)


def test_numbers_beside_text_stay_numbers():
    size, colour = read([[1.5, "red"], [2, "blue"]])
    assert size.numbers.tolist() == [1.5, 2.0]
    assert colour.labels == ("red", "blue")


def test_truth_values_are_labels():
    assert [each.labels for each in read(torch.tensor([[True], [False]]))] == [(True, False)]


def test_categories_keep_their_order():
    (cells,) = read(pd.DataFrame({"size": pd.Categorical(["S", "L"], categories=["S", "M", "L"], ordered=True)}))
    assert cells.order == ("S", "M", "L")


def test_numeric_categories_stay_categories():
    (cells,) = read(pd.DataFrame({"zone": pd.Categorical([10, 20])}))
    assert cells.labels == (10, 20)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ("a table", InputTypeError, "must be a pandas DataFrame, a numpy array or a tensor, but got str"),
        (None, InputTypeError, "but got NoneType"),
        (np.zeros(3), InputError, r"2 axes \(samples, features\), but got shape \(3,\)"),
        (np.zeros((2, 2, 2)), InputError, r"got shape \(2, 2, 2\)"),
        (np.zeros((0, 2)), InputError, "at least one row and one column"),
        (np.zeros((2, 0)), InputError, "at least one row and one column"),
        ([[1.0], [1.0, 2.0]], InputError, "the rows of the table differ in length"),
        (pd.DataFrame({"d": [dt.date(2020, 1, 1)]}), InputTypeError, "column 'd' holds .*2020.*Convert dates to"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), InputError, "two columns 'a'"),
        (np.array([[1j]]), InputTypeError, "column '0' holds 1j"),
    ],
)
def test_what_is_no_table_is_refused(table, error, message):
    with pytest.raises(error, match=message):
        read(table)


def test_sparse_tables_are_refused():
    from scipy.sparse import csr_array

    with pytest.raises(InputTypeError, match=r"sparse table is not supported; pass X.toarray\(\)"):
        read(csr_array(np.eye(2)))
