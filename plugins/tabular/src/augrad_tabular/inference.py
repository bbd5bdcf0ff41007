"""Inference of each column's kind and codes from a table. Uses reading.py; used by schema.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from augrad.errors import ArgumentError, ArgumentTypeError, suggestion
from augrad_tabular.columns import Column, Kind
from augrad_tabular.reading import Cells, Numbers, as_numbers

Which = str | int
"""A column, by name or position."""

Blocks = Mapping[str, Sequence[Which]] | Sequence[Sequence[Which]]
"""One-hot blocks: a mapping by name, or a list of blocks, each named by the common beginning of its columns' names."""


@dataclass(frozen=True)
class Declared:
    """Kind and block of columns as the user declares them, by position."""

    kinds: Mapping[int, Kind]
    blocks: Mapping[int, str]


def position(which: Which, names: Sequence[str], argument: str) -> int:
    """Finds the position of a column that is given by name or position.

    Raises:
        ArgumentError: there is no such column.
        ArgumentTypeError: `which` is neither a name nor a position.

    Example:
        >>> position("b", ["a", "b"], "columns"), position(-2, ["a", "b"], "columns")
        (1, 0)
    """
    if isinstance(which, bool) or not isinstance(which, str | int):
        raise ArgumentTypeError(
            f"{argument} must name columns by text or position, but got {which!r}.", argument=argument, value=which
        )
    if isinstance(which, str):
        if which in names:
            return list(names).index(which)
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise ArgumentError(
            f"{argument}: there is no column {which!r}; the columns are: {shown}." + suggestion(which, names),
            argument=argument,
            value=which,
        )
    if not -len(names) <= which < len(names):
        raise ArgumentError(
            f"{argument}: there is no column {which}; there are {len(names)} columns.", argument=argument, value=which
        )
    return which % len(names)


def declared(names: Sequence[str], lists: Mapping[Kind, Sequence[Which] | None], one_hot: Blocks | None) -> Declared:
    """Collects the kinds that the user declares, by position.

    Raises:
        ArgumentError: a column is unknown or named twice.
    """
    kinds: dict[int, Kind] = {}
    blocks: dict[int, str] = {}

    def put(which: Which, kind: Kind, argument: str) -> int:
        at = position(which, names, argument)
        if at in kinds:
            raise ArgumentError(
                f"{argument}: column {names[at]!r} is named twice; each column has one kind.",
                argument=argument,
                value=names[at],
            )
        kinds[at] = kind
        return at

    for kind, given in lists.items():
        if isinstance(given, str):
            raise ArgumentTypeError(f"{kind} must be a list of columns; write [{given!r}].", argument=kind)
        for which in given or ():
            put(which, kind, kind)
    for block, members in _named(one_hot, names).items():
        if len(members) < 2:
            raise ArgumentError(
                f"one_hot: block {block!r} needs at least 2 columns, but got {len(members)}.", argument="one_hot"
            )
        for which in members:
            blocks[put(which, "one-hot", "one_hot")] = block
    return Declared(kinds, blocks)


def _named(one_hot: Blocks | None, names: Sequence[str]) -> dict[str, Sequence[Which]]:
    if one_hot is None or isinstance(one_hot, Mapping):
        return dict(one_hot or {})
    found: dict[str, Sequence[Which]] = {}
    for number, members in enumerate(one_hot):
        common = _beginning([names[position(which, names, "one_hot")] for which in members]).rstrip(" _-=.:")
        found[common if common and common not in found else f"block {number}"] = members
    return found


def _beginning(names: Sequence[str]) -> str:
    common = min(names, default="")
    while not all(name.startswith(common) for name in names):
        common = common[:-1]
    return common


def fit_column(cells: Cells, at: int, given: Declared, *, allow_missing: bool) -> Column:
    """Infers the kind and the codes of a column.

    Raises:
        ArgumentError: the column cannot have the declared kind, or has missing values although they are not allowed.
    """
    kind = given.kinds.get(at)
    block = given.blocks.get(at)
    column = _of_labels(cells, kind, block) if cells.labels is not None else _of_numbers(cells, kind, block)
    if not allow_missing and _any_missing(cells):
        raise ArgumentError(
            f"column {cells.name!r} has missing values. Fill them in, or pass allow_missing=True to let them through "
            "untouched.",
            argument="allow_missing",
            column=cells.name,
        )
    return column


def _any_missing(cells: Cells) -> bool:
    return bool(np.isnan(cells.numbers).any()) if cells.numbers is not None else None in (cells.labels or ())


def _of_labels(cells: Cells, kind: Kind | None, block: str | None) -> Column:
    name, seen = cells.name, [value for value in cells.labels or () if value is not None]
    kind = kind or ("categorical" if cells.order is None else "ordinal")
    if (numbers := as_numbers(cells)) is not None and kind in ("continuous", "one-hot"):
        return _of_numbers(replace(cells, numbers=numbers, labels=None), kind, block)
    if kind not in ("categorical", "ordinal"):
        raise ArgumentError(
            f"column {name!r} holds text, so it cannot be {kind}. Turn it into numbers first.",
            argument=kind,
            column=name,
        )
    if kind == "ordinal" and cells.order is None:
        raise ArgumentError(
            f"column {name!r} is to be ordinal, but holds text, whose order is not known. Give it one: "
            "df[column].astype(pandas.CategoricalDtype([...], ordered=True)).",
            argument="ordinal",
            column=name,
        )
    # The type is part of the key, because True == 1 in Python.
    counter = Counter((type(value).__name__, value) for value in seen)
    categories = cells.order or tuple(value for _, value in sorted(counter))
    counts = [counter[type(each).__name__, each] for each in categories]
    return replace(
        _counted(Column(name, kind), np.arange(len(categories), dtype=np.float64), np.array(counts)),
        categories=categories,
    )


def _of_numbers(cells: Cells, kind: Kind | None, block: str | None) -> Column:
    kind, numbers = kind or "continuous", cells.numbers if cells.numbers is not None else np.zeros(0)
    present = numbers[~np.isnan(numbers)]
    if not np.isfinite(present).all():
        raise ArgumentError(f"column {cells.name!r} holds infinite values.", argument="X", column=cells.name)
    if kind == "categorical":
        return _counted(Column(cells.name, kind), *np.unique(present, return_counts=True))
    if kind == "one-hot":
        if not np.isin(present, (0.0, 1.0)).all():
            raise ArgumentError(
                f"one_hot: column {cells.name!r} must hold 0 and 1 only.", argument="one_hot", column=cells.name
            )
        share = float(present.mean()) if len(present) else 0.0
        return Column(cells.name, kind, block=block, codes=(1.0,), frequencies=(share,))
    return Column(cells.name, kind)


def _counted(column: Column, codes: Numbers, counts: np.typing.NDArray[np.int64]) -> Column:
    total = max(1, int(counts.sum()))
    return replace(column, codes=tuple(codes.tolist()), frequencies=tuple((counts / total).tolist()))
