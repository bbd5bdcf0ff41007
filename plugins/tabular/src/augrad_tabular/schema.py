"""`Schema`: the columns of a table, their kinds and fitted statistics.

Uses inference.py, statistics.py, encoding.py; every transform takes a schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augrad.errors import ArgumentError, ArgumentTypeError, InputError
from augrad_tabular.columns import Column, Kind, kind_of
from augrad_tabular.encoding import Unseen, check_unseen, decoded_column, encoded_column, matched
from augrad_tabular.inference import Blocks, Which, declared, fit_column, position
from augrad_tabular.reading import read
from augrad_tabular.statistics import N_QUANTILES, STATISTICS, fit_statistics

Row = tuple[float, ...]


@dataclass(frozen=True)
class Schema:
    """Describes a table: its columns, and statistics that were fitted once. Make it with `Schema.from_data`.

    Statistics are per column of the tensor that `encode` returns, in the column's own unit. A statistic that is None is
    unknown; a transform that needs it raises an error.

    Args:
        columns: in the order of the tensor's columns; names are unique.
        allow_missing: whether values may be missing (NaN). Transforms do not change missing values.
        mean, spread, median: a number per column; the spread is the standard deviation, 0 for a constant column.
        quantiles: 65 per column, from its smallest to its largest value in steps of equal probability.
        covariance: a matrix, `(features, features)`.

    Raises:
        ArgumentError: there is no column, two columns have the same name, or the statistics do not fit the number of
            columns.

    Example:
        >>> schema = Schema.from_data([[1.0, 10.0], [3.0, 10.0]], names=["length", "height"])
        >>> schema.names, schema.kinds, schema.spread
        (('length', 'height'), ('continuous', 'continuous'), (1.0, 0.0))
    """

    columns: tuple[Column, ...]
    allow_missing: bool = False
    mean: Row | None = None
    spread: Row | None = None
    median: Row | None = None
    quantiles: tuple[Row, ...] | None = None
    covariance: tuple[Row, ...] | None = None

    def __post_init__(self) -> None:
        if not self.columns or len(set(self.names)) < len(self.columns):
            raise ArgumentError(
                f"a schema needs at least one column, and names that differ, but got {self.names}.", argument="columns"
            )
        for name, width in (("quantiles", N_QUANTILES), ("covariance", self.n_features)):
            rows = getattr(self, name)
            if rows is not None and any(len(row) != width for row in rows):
                raise ArgumentError(f"{name} must hold {width} numbers per column.", argument=name)
        for name in STATISTICS:
            given = getattr(self, name)
            if given is not None and len(given) != self.n_features:
                raise ArgumentError(
                    f"{name} must hold one entry per column ({self.n_features}), but got {len(given)}.", argument=name
                )

    @classmethod
    def from_data(
        cls,
        X: Any,  # noqa: N803 - scikit-learn's name for a table
        *,
        continuous: Sequence[Which] | None = None,
        ordinal: Sequence[Which] | None = None,
        categorical: Sequence[Which] | None = None,
        one_hot: Blocks | None = None,
        names: Sequence[str] | None = None,
        allow_missing: bool = False,
    ) -> Schema:
        """Infers the kind of each column of a table and fits the statistics.

        A column that is not listed becomes continuous if it holds numbers, ordinal if it is an ordered pandas category,
        and categorical if it holds text, truth values or an unordered pandas category.

        Args:
            X: `(samples, features)`: a DataFrame, numpy array, tensor or nested lists.
            continuous, ordinal, categorical: columns by name or position.
            one_hot: blocks of columns in which a single column is 1 and the others are 0: `{"colour": ["red",
                "green"]}`, or lists of columns, named by the common beginning of the columns' names.
            names: names of the columns. None takes the names of the DataFrame, or else `"x0"`, `"x1"`, ...
            allow_missing: whether values may be missing, in `X` and in batches.

        Raises:
            ArgumentError, ArgumentTypeError: a column is unknown, listed twice, or cannot have the declared kind.
            InputError, InputTypeError: `X` is not a table, or is empty.

        Example:
            >>> schema = Schema.from_data([[1.5, "red"], [2.5, "blue"], [2.0, "red"]], names=["size", "colour"])
            >>> schema.columns[1].categories, schema.columns[1].codes
            (('blue', 'red'), (0.0, 1.0))
        """
        cells = read(X)
        found = _names(names, [each.name for each in cells], has_names=hasattr(X, "columns"))
        lists: dict[Kind, Sequence[Which] | None] = {
            "continuous": continuous,
            "ordinal": ordinal,
            "categorical": categorical,
        }
        given = declared(found, lists, one_hot)
        renamed = [replace(each, name=name) for each, name in zip(cells, found, strict=True)]
        columns = [fit_column(each, at, given, allow_missing=allow_missing) for at, each in enumerate(renamed)]
        bare = cls(tuple(columns), allow_missing)
        values = bare._values(renamed, "error")
        _check_blocks(values, bare)
        return cls(bare.columns, allow_missing, **fit_statistics(values))  # type: ignore[arg-type]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of the columns."""
        return tuple(column.kind for column in self.columns)

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return len(self.columns)

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """Positions of the columns of each one-hot block, by the block's name."""
        found: dict[str, tuple[int, ...]] = {}
        for at, column in enumerate(self.columns):
            if column.block is not None:
                found[column.block] = (*found.get(column.block, ()), at)
        return found

    def of_kind(self, *kinds: Kind) -> tuple[int, ...]:
        """Returns the positions of the columns of these kinds."""
        return tuple(at for at, kind in enumerate(self.kinds) if kind in kinds)

    def position(self, which: Which) -> int:
        """Returns the position of a column that is given by name or position.

        Raises:
            ArgumentError, ArgumentTypeError: there is no such column.
        """
        return position(which, self.names, "column")

    def encode(self, X: Any, *, unseen: Unseen = "error") -> Float[Tensor, "batch features"]:  # noqa: N803
        """Converts a table to a tensor: text and truth values become codes, missing values NaN; numbers stay.

        The columns of a DataFrame are matched by name, in any order; columns of other tables are matched by position.

        Args:
            X: `(samples, features)`: a DataFrame, numpy array, tensor or nested lists.
            unseen: `"error"`, or `"missing"` to treat unknown categories as missing values.

        Returns:
            A tensor in torch's default dtype; a floating-point tensor keeps its dtype and device.

        Raises:
            InputError: the columns differ from the schema's, a category is unknown (the error names column and value),
                a value is infinite, or a value is missing although missing values are not allowed.
            InputTypeError: `X` is not a table.
            ArgumentError: `unseen` is not accepted.

        Example:
            >>> schema = Schema.from_data([[1.5, "red"], [2.5, "blue"]], names=["size", "colour"])
            >>> schema.encode([[2.0, "red"]]).tolist()
            [[2.0, 1.0]]
        """
        check_unseen(unseen, allow_missing=self.allow_missing)
        values = torch.from_numpy(self._values(matched(X, self.columns), unseen))
        if isinstance(X, Tensor) and X.is_floating_point():
            return values.to(X)
        return values.to(torch.get_default_dtype())

    def decode(self, x: Float[Tensor, "batch features"]) -> dict[str, list[Any]]:
        """Converts a tensor to columns: the category of the nearest code, None where missing; numbers stay.

        `pandas.DataFrame(schema.decode(x))` makes a DataFrame of the result.

        Raises:
            InputError: the number of columns differs from the schema's.

        Example:
            >>> schema = Schema.from_data([[1.5, "red"], [2.5, "blue"]], names=["size", "colour"])
            >>> schema.decode(torch.tensor([[2.0, 1.0]]))
            {'size': [2.0], 'colour': ['red']}
        """
        if x.shape[1] != self.n_features:
            raise InputError(f"the schema has {self.n_features} columns, but the tensor {x.shape[1]}.", argument="x")
        values = x.detach().cpu().double().numpy()
        return {column.name: decoded_column(values[:, at], column) for at, column in enumerate(self.columns)}

    def to_dict(self, *, statistics: Sequence[str] = STATISTICS) -> dict[str, Any]:
        """Returns the schema as dicts and lists that JSON can hold, with the named statistics; see `from_dict`."""
        columns = [{k: v for k, v in asdict(column).items() if v not in (None, ())} for column in self.columns]
        known = {name: getattr(self, name) for name in statistics if getattr(self, name) is not None}
        return _lists({"columns": columns, "allow_missing": self.allow_missing, **known})  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Schema:
        """Reads a schema that `to_dict` wrote.

        Raises:
            ArgumentError: the mapping is malformed; the message names the place.

        Example:
            >>> schema = Schema.from_data([[1.0, 2.0]])
            >>> Schema.from_dict(schema.to_dict()) == schema
            True
        """
        try:
            rest = {name: _tuples(value) for name, value in given.items() if name != "columns"}
            columns = [{name: _tuples(value) for name, value in column.items()} for column in given["columns"]]
            return cls(tuple(Column(**{**column, "kind": kind_of(column["kind"])}) for column in columns), **rest)
        except (KeyError, TypeError, AttributeError) as error:
            raise ArgumentError(
                f"schema: not what Schema.to_dict() writes ({type(error).__name__}: {error}).", argument="schema"
            ) from error

    def _values(self, cells: Sequence[Any], unseen: Unseen) -> np.typing.NDArray[np.float64]:
        pairs = zip(cells, self.columns, strict=True)
        found = [encoded_column(each, own, allow_missing=self.allow_missing, unseen=unseen) for each, own in pairs]
        return np.stack(found, axis=1)


def as_schema(given: Any) -> Schema:
    """Returns the schema, or reads it if `given` is the result of `to_dict`, as in a configuration.

    Raises:
        ArgumentTypeError: `given` is neither a `Schema` nor a mapping.
        ArgumentError: `given` is a mapping that does not describe a schema.
    """
    if isinstance(given, Schema):
        return given
    if not isinstance(given, Mapping):
        raise ArgumentTypeError(
            f"schema must be a Schema or what its to_dict() returns, but got {type(given).__name__}. Make one with "
            "Schema.from_data(X).",
            argument="schema",
        )
    return Schema.from_dict(given)


def _names(given: Sequence[str] | None, own: list[str], *, has_names: bool) -> list[str]:
    if given is None:
        return own if has_names else [f"x{at}" for at in range(len(own))]
    if isinstance(given, str) or len(given) != len(own):
        raise ArgumentError(
            f"names must hold one name per column ({len(own)}), but got {given!r}.", argument="names", value=given
        )
    return [str(name) for name in given]


def _check_blocks(values: np.typing.NDArray[np.float64], schema: Schema) -> None:
    for block, members in schema.blocks.items():
        most = np.nan_to_num(values[:, members]).sum(axis=1).max()
        if most > 1:
            raise ArgumentError(
                f"one_hot: in block {block!r} a row has {most:g} columns that are 1, but at most one may be.",
                argument="one_hot",
                value=block,
            )


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lists(each) for name, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list | tuple) else value
