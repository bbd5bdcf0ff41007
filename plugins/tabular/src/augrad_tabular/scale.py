"""Factors: one per column, one for many columns, or powers of a common factor. Uses tables.py.

They are products and not diagonal matrices on an `Action`, for two reasons. A product costs one multiplication per
value, a matrix as many as there are columns. And a matrix would spread a missing value over the whole row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import Range
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.options import number
from augrad_tabular.inference import Which
from augrad_tabular.schema import Schema
from augrad_tabular.tables import Cells, TableTransform


class FeatureScale(TableTransform):
    """Multiplies each column by its own factor `2 ** log2_factor`: 1 doubles the values, -1 halves them.

    A magnitude is learned per column. Factors act about 0 on the raw values: pass tables in their own units and
    standardise in the trunk. It acts on continuous columns.

    Example:
        >>> schema = Schema.from_data([[1.0, 10.0], [3.0, 50.0]])
        >>> FeatureScale(schema=schema)(torch.tensor([[1.0, 10.0]]), log2_factor=torch.tensor([[1.0, -1.0]])).tolist()
        [[2.0, 5.0]]
    """

    assumes = "the label does not depend on the scale of each single column, within the learned factor"
    kinds = ("continuous",)
    log2_factor = Range(1.0, unit="doublings", signed=True, per="feature")

    def forward(self, x: Any, *, log2_factor: Cells) -> Any:
        return self.on_columns(x, lambda part: part * torch.exp2(log2_factor))

    def invert(self, y: Any, *, log2_factor: Cells) -> Any:
        return self(y, log2_factor=-log2_factor)


class CommonScale(TableTransform):
    """Multiplies all columns, or the named columns, by a common factor `2 ** log2_factor`.

    Examples of a common factor are dilution, illumination and exposure. 1 doubles the values, -1 halves them. Factors
    act about 0 on the raw values: pass tables in their own units and standardise in the trunk.

    Args:
        schema: schema of the table.
        columns: continuous columns that share the factor, by name or position; None means all.
        **ranges: a different `Range` or limit for `log2_factor`.

    Raises:
        ArgumentError, ArgumentTypeError: a column is unknown or not continuous, or the list is empty.

    Example:
        >>> schema = Schema.from_data([[1.0, 10.0], [3.0, 50.0]], names=["red", "hue"])
        >>> brighten = CommonScale(schema=schema, columns=["red"])
        >>> brighten(torch.tensor([[1.0, 10.0]]), log2_factor=torch.tensor([1.0])).tolist()
        [[2.0, 10.0]]
    """

    assumes = "the label does not depend on a factor that these columns share, within the learned range"
    kinds = ("continuous",)
    log2_factor = Range(2.0, unit="doublings", signed=True)

    def __init__(
        self,
        *,
        schema: Schema | Mapping[str, Any],
        columns: Sequence[Which] | None = None,
        **ranges: float | Range,
    ) -> None:
        super().__init__(schema=schema, **ranges)
        if isinstance(columns, str):
            raise ArgumentTypeError(
                f"{self.name}: columns must be a list; write [{columns!r}].", argument="columns", value=columns
            )
        if columns is not None:
            self._act_on(_scalable(self, columns, "columns"))

    def forward(self, x: Any, *, log2_factor: Float[Tensor, " batch"]) -> Any:
        return self.on_columns(x, lambda part: part * torch.exp2(log2_factor)[:, None])

    def invert(self, y: Any, *, log2_factor: Float[Tensor, " batch"]) -> Any:
        return self(y, log2_factor=-log2_factor)


class PowerScale(TableTransform):
    """Multiplies each column by a power of a common factor `s = 2 ** log2_factor`: column j by `s ** exponents[j]`.

    For example, magnification scales lengths by s, areas by s^2 and volumes by s^3, but not counts. Factors act about 0
    on the raw values: pass tables in their own units and standardise in the trunk.

    Args:
        schema: schema of the table.
        exponents: a number per column of the table, or numbers by column name. A column with exponent 0, or without a
            name in the mapping, does not change.
        **ranges: a different `Range` or limit for `log2_factor`.

    Raises:
        ArgumentError, ArgumentTypeError: the exponents do not fit the table, are not finite, are all 0, or belong to a
            column that is not continuous.

    Example:
        >>> schema = Schema.from_data([[1.0, 2.0], [3.0, 4.0]], names=["length", "area"])
        >>> magnify = PowerScale(schema=schema, exponents={"length": 1.0, "area": 2.0})
        >>> magnify(torch.ones(1, 2), log2_factor=torch.tensor([1.0])).tolist()
        [[2.0, 4.0]]
    """

    assumes = "the label does not depend on the size at which everything was measured, within the learned factor"
    kinds = ("continuous",)
    log2_factor = Range(2.0, unit="doublings", signed=True)

    powers: Tensor

    def __init__(
        self,
        *,
        schema: Schema | Mapping[str, Any],
        exponents: Sequence[float] | Mapping[str, float],
        **ranges: float | Range,
    ) -> None:
        super().__init__(schema=schema, **ranges)
        powers = _powers(self, exponents)
        self._act_on(_scalable(self, list(powers), "exponents"))
        self.register_buffer("powers", torch.tensor([powers[at] for at in self.positions.tolist()]), persistent=False)

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns exponents for lengths and an area."""
        return {**super().example_arguments(), "exponents": {"length": 1.0, "width": 1.0, "area": 2.0}}

    def forward(self, x: Any, *, log2_factor: Float[Tensor, " batch"]) -> Any:
        return self.on_columns(x, lambda part: part * torch.exp2(log2_factor[:, None] * self.powers))

    def invert(self, y: Any, *, log2_factor: Float[Tensor, " batch"]) -> Any:
        return self(y, log2_factor=-log2_factor)


def _scalable(transform: TableTransform, columns: Sequence[Which], argument: str) -> tuple[int, ...]:
    """Returns the positions of the given columns, in the table's order."""
    schema = transform.schema
    found = sorted({schema.position(which) for which in columns})
    for at in found:
        if schema.kinds[at] not in transform.kinds:
            raise ArgumentError(
                f"{transform.name}: {argument} names {schema.names[at]!r}, which is {schema.kinds[at]}; only "
                "continuous columns can be scaled.",
                argument=argument,
                value=schema.names[at],
            )
    if not found:
        raise ArgumentError(f"{transform.name}: {argument} names no column to scale.", argument=argument)
    return tuple(found)


def _powers(transform: TableTransform, exponents: Any) -> dict[int, float]:
    """Returns the exponents that are not 0, by position."""
    schema = transform.schema
    if isinstance(exponents, Mapping):
        given = {schema.position(str(name)): value for name, value in exponents.items()}
    elif isinstance(exponents, Sequence) and not isinstance(exponents, str):
        given = dict(enumerate(exponents))
        if len(given) != schema.n_features:
            raise ArgumentError(
                f"{transform.name}: exponents must hold one number per column ({schema.n_features}), but got "
                f"{len(given)}. Give them by name to leave columns out.",
                argument="exponents",
                value=exponents,
            )
    else:
        raise ArgumentTypeError(
            f"{transform.name}: exponents must be a list, or numbers by name, but got {exponents!r}.",
            argument="exponents",
        )
    for at, value in given.items():
        number("exponents", value, noun=f"a finite number for {schema.names[at]!r}", owner=transform.name)
    return {at: float(value) for at, value in given.items() if value != 0}
