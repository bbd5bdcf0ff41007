"""Columns of a table: their names, kinds and codes. Used by schema.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from augrad.errors import ArgumentError
from augrad.options import one_of

Kind = Literal["continuous", "ordinal", "categorical", "one-hot"]
"""Kind of a column; see `Column.kind`."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Category = str | bool | int | float
"""A value that a code may stand for."""


@dataclass(frozen=True)
class Column:
    """Describes a column of a table.

    Args:
        name: unique in the table.
        kind: `"continuous"` (numbers with a unit, whose ratios and differences have a meaning), `"ordinal"` (numbers
            whose order has a meaning), `"categorical"` (codes) or `"one-hot"` (a column of a block).
        block: name of the block that a one-hot column belongs to.
        categories: meanings of the codes 0, 1, 2, ..., if the column held text or truth values.
        codes: the codes in the data; `(1.0,)` for a one-hot column.
        frequencies: frequency of each code, as a fraction of the values that are not missing.

    Raises:
        ArgumentError: a one-hot column has no block, or another column has one, or `codes` and `frequencies` differ in
            length.

    Example:
        >>> Column("colour", "categorical", categories=("blue", "red"), codes=(0.0, 1.0), frequencies=(0.25, 0.75)).name
        'colour'
    """

    name: str
    kind: Kind
    block: str | None = None
    categories: tuple[Category, ...] | None = None
    codes: tuple[float, ...] = ()
    frequencies: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "one-hot") != (self.block is not None):
            raise ArgumentError(
                f"column {self.name!r}: a one-hot column, and no other, belongs to a block, but got "
                f"kind={self.kind!r}, block={self.block!r}.",
                argument="block",
                value=self.block,
            )
        if len(self.codes) != len(self.frequencies):
            raise ArgumentError(
                f"column {self.name!r}: needs one frequency per code, but got {len(self.codes)} codes and "
                f"{len(self.frequencies)} frequencies.",
                argument="frequencies",
            )


def kind_of(name: str) -> Kind:
    """Checks the name of a kind and returns it.

    Raises:
        ArgumentError: no kind has this name.

    Example:
        >>> kind_of("ordinal")
        'ordinal'
    """
    return one_of("kind", name, KINDS)
