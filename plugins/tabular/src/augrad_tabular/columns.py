"""Columns of a table: what they are called, of which kind they are, what was seen in them. Used by schema.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from augrad.errors import ArgumentError, suggestion

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
        ArgumentError: an unknown kind, or a one-hot column without a block.

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
        if self.kind not in KINDS:
            raise ArgumentError(
                f"column {self.name!r}: kind must be one of {', '.join(map(repr, KINDS))}, but got {self.kind!r}."
                + suggestion(str(self.kind), KINDS),
                argument="kind",
                value=self.kind,
            )
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
