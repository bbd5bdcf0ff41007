"""What transforms of tables share: the schema, the columns they act on, missing values, how a row is drawn.

Uses drawing.py; base of the transform files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from augrad import Range, Transform, keyed_generator
from augrad.errors import ArgumentError, InputError
from augrad.transform.drawing import INK
from augrad_tabular.columns import Kind
from augrad_tabular.schema import Schema, as_schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Cells = Float[Tensor, "batch columns"]
"""The columns of a batch that a transform acts on."""


class TableTransform(Transform):
    """Base of the transforms of tables `(batch, features)`.

    A transform changes the columns whose kind is in `kinds` and leaves the others alone. `n_features` and
    `feature_names` are about the columns it changes: a parameter learned per feature has one magnitude for each of
    them.

    Args:
        schema: of the table; or what its `to_dict` returned.
        **ranges: another range for a parameter, see `augrad.Transform`.

    Attributes:
        kinds: of the columns it changes.
        statistics: which of the schema's statistics it keeps as buffers, for the columns it changes.

    Raises:
        ArgumentError: the table has no column of these kinds, or the schema lacks a statistic.
        ArgumentTypeError: `schema` is no schema.
    """

    modality = "tabular"
    kinds: ClassVar[tuple[Kind, ...]] = ("continuous", "ordinal")
    statistics: ClassVar[tuple[str, ...]] = ()

    positions: Tensor

    def __init__(self, *, schema: Schema | Mapping[str, Any], **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.schema = as_schema(schema)
        columns = self.acts_on(self.schema)
        if not columns:
            raise ArgumentError(
                f"{self.name} changes {' and '.join(self.kinds)} columns, but the schema has none: its columns are "
                f"{', '.join(sorted(set(self.schema.kinds)))}. Leave {self.name} out.",
                argument="schema",
                transform=self.name,
            )
        self._act_on(columns)

    @classmethod
    def acts_on(cls, schema: Schema) -> tuple[int, ...]:
        """Positions of the columns that a transform of this class changes; none if it has nothing to do there."""
        return schema.of_kind(*cls.kinds)

    def _act_on(self, columns: tuple[int, ...]) -> None:
        self.n_features = len(columns)
        self.feature_names = tuple(self.schema.names[at] for at in columns)
        at = torch.tensor(columns)
        self.register_buffer("positions", at, persistent=False)
        for name in self.statistics:
            known = getattr(self.schema, name)
            if known is None:
                raise ArgumentError(
                    f"{self.name} needs the {name} of each column, which the schema does not hold. Make it with "
                    "Schema.from_data(X).",
                    argument="schema",
                    transform=self.name,
                )
            own = torch.tensor(known, dtype=torch.float64)[at]
            if name == "covariance":
                own = own[:, at]
            self.register_buffer(name, own.to(torch.get_default_dtype()))

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments, JSON-able; of the schema's statistics those that this transform needs."""
        return {**super().config, "schema": self.schema.to_dict(statistics=self.statistics)}

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """The schema of a small table with a column of each kind."""
        return {"schema": example_schema().to_dict()}

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Rows of the table that `example_arguments` describes."""
        return example_rows(n_samples, generator)

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """A bar per column, on a scale on which columns of any unit can be seen: a class has no schema."""
        # matplotlib is loaded only where something is drawn.
        from augrad_tabular.drawing import draw_row

        if not isinstance(sample, Tensor) or sample.ndim != 2 or len(sample) != 1:
            super().draw(axes, sample, original=original, colour=colour)
        else:
            draw_row(axes, sample, original=original, colour=colour)

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a batch of rows with the schema's columns."""
        super().validate(x)
        n_features, shape = self.schema.n_features, tuple(x.shape)
        if x.ndim != 2:
            raise InputError(
                f"{self.name} expects a table (batch, features), but got shape {shape}.",
                transform=self.name,
                shape=shape,
            )
        if shape[1] != n_features:
            names = ", ".join(self.schema.names[:8]) + (", ..." if n_features > 8 else "")
            raise InputError(
                f"{self.name} expects the {n_features} columns of its schema ({names}), but got {shape[1]} in shape "
                f"{shape}. Encode the table with schema.encode(X).",
                transform=self.name,
                shape=shape,
            )

    def on_columns(self, x: Tensor, change: Callable[[Cells], Cells], *, missing_as: Tensor | None = None) -> Tensor:
        """A copy of `x` in which the columns that the transform acts on are changed, and missing values are as before.

        Args:
            x: the batch.
            change: gets the columns, in at least single precision.
            missing_as: what `change` gets in place of missing values, per column; 0 if None.
        """
        part = x.index_select(1, self.positions).to(working_dtype(x))
        if self.schema.allow_missing:
            # What is missing is replaced before, not only after: else the gradient would be 0 times NaN.
            missing = part.isnan()
            filled = torch.where(missing, 0 if missing_as is None else missing_as.to(part), part)
            changed = torch.where(missing, part, change(filled))
        else:
            changed = change(part)
        return x.index_copy(1, self.positions, changed.to(x.dtype))

    def missing(self, x: Tensor) -> Bool[Tensor, "batch columns"]:
        """Where the columns that the transform acts on have no value."""
        return x.index_select(1, self.positions).isnan()


def working_dtype(x: Tensor) -> torch.dtype:
    """The dtype to compute in: that of `x`, but float32 for half precision, which has too few digits for ranks.

    Example:
        >>> working_dtype(torch.zeros(1, dtype=torch.bfloat16)), working_dtype(torch.zeros(1, dtype=torch.float64))
        (torch.float32, torch.float64)
    """
    return torch.promote_types(x.dtype, torch.float32)


def uniform(x: Tensor, *size: int, generator: Generator | None) -> Float[Tensor, "batch ..."]:
    """Draws in [0, 1), one row of the given size per sample of `x`, where `x` lies."""
    return torch.rand(x.shape[0], *size, generator=generator, device=x.device, dtype=working_dtype(x))


def normal(x: Tensor, *size: int, generator: Generator | None) -> Float[Tensor, "batch ..."]:
    """Standard normal draws, one row of the given size per sample of `x`, where `x` lies."""
    return torch.randn(x.shape[0], *size, generator=generator, device=x.device, dtype=working_dtype(x))


def example_rows(n_samples: int, generator: Generator | None) -> Float[Tensor, "batch features"]:
    """Rows of flowers: length, width and area (continuous), grade (ordinal), soil (codes 0, 1, 2), a colour (one-hot).

    Grades lie between whole numbers, where maps by rank have no kink.

    Example:
        >>> example_rows(2, None).shape
        torch.Size([2, 8])
    """
    draws = torch.rand(n_samples, 6, generator=generator, dtype=torch.float64)
    length, width = 2 + draws[:, 0], 1 + 0.5 * draws[:, 0] + 0.3 * draws[:, 1]
    grade = (4 * draws[:, 3]).floor() + 0.2 + 0.6 * draws[:, 2]
    soil = (3 * draws[:, 4]).floor()
    colour = torch.nn.functional.one_hot((3 * draws[:, 5]).long(), 3).double()
    return torch.column_stack([length, width, length * width, grade, soil, colour])


def example_schema() -> Schema:
    """The schema of `example_rows`.

    Example:
        >>> example_schema().kinds[2:6]
        ('continuous', 'ordinal', 'categorical', 'one-hot')
    """
    return Schema.from_data(
        example_rows(64, keyed_generator("example table")),
        ordinal=["grade"],
        categorical=["soil"],
        one_hot={"colour": ["blue", "red", "white"]},
        names=["length", "width", "area", "grade", "soil", "blue", "red", "white"],
    )
