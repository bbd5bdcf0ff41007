"""Columns of a table: what they are called, of which kind they are, what was seen in them. Used by schema.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from augrad.errors import ArgumentError
from augrad.options import one_of

Kind = Literal["continuous", "ordinal", "categorical", "one-hot"]
"""What a column holds; see `Column.kind`."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Category = str | bool | int | float
"""What a code may stand for."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: unique in the table.
        kind: `"continuous"` (numbers with a unit: ratios and differences mean something), `"ordinal"` (numbers whose
            order means something), `"categorical"` (codes) or `"one-hot"` (one of the columns of a block).
        block: name of the block that a one-hot column belongs to.
        categories: what the codes 0, 1, 2, ... stand for, where the column came as text or truth values.
        codes: the codes seen; `(1.0,)` for a one-hot column.
        frequencies: how often each code was seen, as a share of the values that are there.

    Raises:
        ArgumentError: a one-hot column without a block, or another number of frequencies than of codes.

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
    """The kind of that name.

    Raises:
        ArgumentError: there is none.

    Example:
        >>> kind_of("ordinal")
        'ordinal'
    """
    return one_of("kind", name, KINDS)
