"""Reads tables from DataFrames, arrays, tensors and lists. Used by inference.py and encoding.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from augrad.errors import InputError, InputTypeError

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """A column as it was read.

    Attributes:
        name: name of the column, or its position as text if the table has no names.
        numbers: values, NaN where missing; None for text and truth values.
        labels: values, None where missing; None for numbers.
        order: all categories in order, if the column declares it (pandas' ordered categories).
    """

    name: str
    numbers: Numbers | None = None
    labels: tuple[Any, ...] | None = None
    order: tuple[Any, ...] | None = None


def is_frame(table: Any) -> bool:
    """Tells whether a table is a DataFrame, by its attributes, so that pandas need not be installed."""
    return hasattr(table, "columns") and hasattr(table, "iloc")


def read(table: Any) -> list[Cells]:
    """Reads the columns of a table.

    Args:
        table: `(samples, features)`: a pandas DataFrame, a numpy array, a tensor, or nested lists.

    Raises:
        InputTypeError: the table has another type, or a column holds neither numbers nor text nor truth values.
        InputError: the table does not have two axes, has no row or no column, or has two columns of the same name.

    Example:
        >>> [(cells.name, cells.numbers.tolist()) for cells in read([[1.0, 2.0], [3.0, 4.0]])]
        [('0', [1.0, 3.0]), ('1', [2.0, 4.0])]
    """
    cells = _of_frame(table) if is_frame(table) else _of_array(_array(table))
    if not cells or not _length(cells[0]):
        raise InputError("a table needs at least one row and one column, but got an empty table.", argument="X")
    names = [each.name for each in cells]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"the table has two columns {twice[0]!r}; rename one.", argument="X", column=twice[0])
    return cells


def as_numbers(cells: Cells) -> Numbers | None:
    """Converts truth values to 0 and 1 (one-hot blocks of `pandas.get_dummies`), NaN where missing; None for text.

    Example:
        >>> as_numbers(Cells("a", labels=(True, False))).tolist()
        [1.0, 0.0]
    """
    labels = cells.labels or ()
    if not all(label is None or isinstance(label, bool) for label in labels):
        return None
    return np.array([np.nan if label is None else label for label in labels], dtype=np.float64)


def _length(cells: Cells) -> int:
    return len(cells.labels or ()) if cells.numbers is None else len(cells.numbers)


def _array(table: Any) -> npt.NDArray[Any]:
    array: npt.NDArray[Any]
    if isinstance(table, Tensor):
        table = table.detach().cpu()
        array = (table.double() if table.is_floating_point() else table).numpy()
    elif hasattr(table, "toarray"):
        raise InputTypeError("a sparse table is not supported; pass X.toarray().", argument="X")
    elif isinstance(table, np.ndarray | list | tuple):
        try:
            array = np.asarray(table)
            if array.dtype.kind in "US" and not isinstance(table, np.ndarray):
                array = np.asarray(table, dtype=object)  # numpy would have turned numbers beside text into text
        except ValueError as error:
            raise InputError(f"the rows of the table differ in length: {error}.", argument="X") from error
    else:
        raise InputTypeError(
            f"a table must be a pandas DataFrame, a numpy array or a tensor, but got {type(table).__name__}.",
            argument="X",
        )
    if array.ndim != 2:
        raise InputError(
            f"a table has 2 axes (samples, features), but got shape {array.shape}. Reshape your data: "
            "X.reshape(-1, 1) for a single column, X.reshape(1, -1) for a single row.",
            argument="X",
            shape=array.shape,
        )
    return array


def _of_array(array: npt.NDArray[Any]) -> list[Cells]:
    if array.dtype.kind in "fiu":
        return [Cells(str(i), numbers=column.astype(np.float64)) for i, column in enumerate(array.T)]
    return [_of_objects(str(i), column.tolist()) for i, column in enumerate(array.T)]


def _of_frame(table: Any) -> list[Cells]:
    return [_of_series(str(name), table.iloc[:, i]) for i, name in enumerate(table.columns)]


def _of_series(name: str, series: Any) -> Cells:
    dtype = series.dtype
    if hasattr(dtype, "categories"):
        cells = _of_objects(name, _without_missing(series), numbers=False)
        order = tuple(_plain(name, value) for value in dtype.categories) if dtype.ordered else None
        return Cells(name, labels=cells.labels, order=order)
    if getattr(dtype, "kind", "O") in "fiu":
        return Cells(name, numbers=series.to_numpy(dtype="float64", na_value=np.nan))
    return _of_objects(name, _without_missing(series))


def _without_missing(series: Any) -> list[Any]:
    return [None if missing else value for value, missing in zip(series.tolist(), series.isna().tolist(), strict=True)]


def _of_objects(name: str, values: list[Any], *, numbers: bool = True) -> Cells:
    plain = tuple(_plain(name, value) for value in values)
    kinds = {type(value) for value in plain if value is not None}
    if numbers and kinds <= {int, float}:
        return Cells(name, numbers=np.array([np.nan if value is None else value for value in plain], dtype=np.float64))
    return Cells(name, labels=plain)


def _plain(name: str, value: Any) -> Any:
    """Converts a cell to Python's own text, truth value or number; None where it is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str | bool | int | float):
        raise InputTypeError(
            f"column {name!r} holds {value!r} ({type(value).__name__}), but a column must hold numbers, text or truth "
            "values. Convert dates to numbers (such as days since a date), or drop the column.",
            argument="X",
            column=name,
            value=value,
        )
    return value
