"""Conversion of tables to tensors and back, by a schema's columns. Uses reading.py; used by schema.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from augrad.errors import ArgumentError, InputError
from augrad_tabular.columns import Column
from augrad_tabular.reading import Cells, Numbers, as_numbers, is_frame, read

Unseen = Literal["error", "missing"]
"""Treatment of a category that did not occur when the schema was made."""


def matched(table: Any, columns: Sequence[Column]) -> list[Cells]:
    """Returns the columns of a table in the schema's order: by name in a DataFrame, else by position.

    Raises:
        InputError: a column is missing, or the schema does not know a column.
    """
    cells = read(table)
    names = [column.name for column in columns]
    if not is_frame(table):
        if len(cells) != len(names):
            raise InputError(
                f"the schema has {len(names)} columns ({', '.join(names[:8])}{', ...' if len(names) > 8 else ''}), but "
                f"the table has {len(cells)}.",
                argument="X",
            )
        return cells
    by_name = {each.name: each for each in cells}
    for name in names:
        if name not in by_name:
            raise InputError(f"the table has no column {name!r}, which the schema names.", argument="X", column=name)
    for name in by_name:
        if name not in names:
            raise InputError(
                f"the schema does not know the column {name!r}; drop it, or make the schema with it.",
                argument="X",
                column=name,
            )
    return [by_name[name] for name in names]


def encoded_column(cells: Cells, column: Column, *, allow_missing: bool, unseen: Unseen) -> Numbers:
    """Converts a column to numbers: text becomes its code, a missing value becomes NaN.

    Raises:
        InputError: a category is unknown, a value is infinite, a value is missing although missing values are not
            allowed, or a column of numbers holds text.
    """
    values = _codes(cells, column, unseen) if cells.labels is not None else cells.numbers
    found = _seen_only(values if values is not None else np.zeros(0), column, unseen)
    if np.isinf(found).any():
        raise InputError(f"column {column.name!r} holds infinite values.", argument="X", column=column.name)
    if not allow_missing and np.isnan(found).any():
        row = int(np.isnan(found).argmax())
        raise InputError(
            f"column {column.name!r} has a missing value, in row {row}. Fill it in, or make the schema with "
            "allow_missing=True.",
            argument="X",
            column=column.name,
            row=row,
        )
    return found


def check_unseen(unseen: str, *, allow_missing: bool) -> None:
    """Raises `ArgumentError` unless `unseen` is `"error"`, or `"missing"` if values may be missing."""
    if unseen not in ("error", "missing") or (unseen == "missing" and not allow_missing):
        accepted = "'error' or 'missing'" if allow_missing else "'error' ('missing' needs allow_missing=True)"
        raise ArgumentError(f"unseen must be {accepted}, but got {unseen!r}.", argument="unseen", value=unseen)


def _codes(cells: Cells, column: Column, unseen: Unseen) -> Numbers:
    labels = cells.labels or ()
    if column.categories is None and (numbers := as_numbers(cells)) is not None:
        return numbers
    if column.categories is None:
        value = next(label for label in labels if label is not None)
        raise InputError(
            f"column {column.name!r} held numbers when the schema was made, but now holds {value!r}.",
            argument="X",
            column=column.name,
            value=value,
        )
    code_of = {(type(category), category): float(code) for code, category in enumerate(column.categories)}
    codes = np.full(len(labels), np.nan)
    for row, label in enumerate(labels):
        code = code_of.get((type(label), label))
        if code is not None:
            codes[row] = code
        elif label is not None and unseen == "error":
            raise _unseen_error(column, label, column.categories)
    return codes


def _seen_only(values: Numbers, column: Column, unseen: Unseen) -> Numbers:
    if column.kind != "categorical":
        return values
    foreign = ~np.isnan(values) & ~np.isin(values, column.codes)
    if foreign.any() and unseen == "error":
        raise _unseen_error(column, float(values[foreign][0]), column.codes)
    return np.where(foreign, np.nan, values)


def _unseen_error(column: Column, value: Any, known: Sequence[Any]) -> InputError:
    shown = ", ".join(map(repr, known[:8])) + (", ..." if len(known) > 8 else "")
    return InputError(
        f"column {column.name!r} holds {value!r}, which was not seen when the schema was made; seen: {shown}. Pass "
        "unseen='missing' to treat it as missing (needs allow_missing=True).",
        argument="X",
        column=column.name,
        value=value,
    )


def decoded_column(values: Numbers, column: Column) -> list[Any]:
    """Converts numbers back: the category of the nearest code, or None where missing; numbers stay numbers."""
    if column.categories is None:
        return [None if math.isnan(value) else value for value in values.tolist()]
    last = len(column.categories) - 1
    nearest = np.clip(np.rint(np.nan_to_num(values)), 0, last).astype(int).tolist()
    return [
        None if math.isnan(value) else column.categories[code]
        for value, code in zip(values.tolist(), nearest, strict=True)
    ]
