"""Basis of all transforms of tables: the schema, the columns they change, missing values, the picture of a row.

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
"""Columns of a batch that a transform changes."""


class TableTransform(Transform):
    """Base class of the transforms of tables `(batch, features)`.

    A transform changes the columns whose kind is in `kinds` and leaves the others alone. `n_features` and
    `feature_names` count only the columns it changes: a parameter learned per feature has a magnitude for each of them.

    Args:
        schema: schema of the table, or the result of its `to_dict`.
        **ranges: a different `Range` or limit for a parameter, see `augrad.Transform`.

    Attributes:
        kinds: kinds of the columns that the transform changes.
        statistics: statistics of the schema that the transform keeps as buffers, for the columns it changes.

    Raises:
        ArgumentError: the table has no column of these kinds, or the schema lacks a statistic.
        ArgumentTypeError: `schema` is neither a `Schema` nor a mapping.
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
        """Returns the positions of the columns that a transform of this class changes; empty if there are none."""
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
        """The constructor's arguments, JSON-able; the schema has only the statistics that this transform needs."""
        return {**super().config, "schema": self.schema.to_dict(statistics=self.statistics)}

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns the schema of a small table with a column of each kind."""
        return {"schema": example_schema().to_dict()}

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Makes rows of the table that `example_arguments` describes."""
        return example_rows(n_samples, generator)

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """Draws a bar per column without a schema, on a scale that shows columns of any unit; see `draw_row`."""
        # matplotlib is imported only when something is drawn.
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
        """Returns a copy of `x` with the transform's columns changed and missing values as before.

        Args:
            x: the batch.
            change: maps the columns, in at least single precision, to the changed columns.
            missing_as: stands for missing values in the input of `change`, per column; 0 if None.
        """
        part = x.index_select(1, self.positions).to(working_dtype(x))
        if self.schema.allow_missing:
            # Missing values are replaced before the change; replaced after it, the gradient would be 0 times NaN.
            missing = part.isnan()
            filled = torch.where(missing, 0 if missing_as is None else missing_as.to(part), part)
            changed = torch.where(missing, part, change(filled))
        else:
            changed = change(part)
        return x.index_copy(1, self.positions, changed.to(x.dtype))

    def missing(self, x: Tensor) -> Bool[Tensor, "batch columns"]:
        """Returns a mask that is True where the columns that the transform changes have no value."""
        return x.index_select(1, self.positions).isnan()


def working_dtype(x: Tensor) -> torch.dtype:
    """Returns the dtype to compute in: float32 for half precision, which is too coarse for ranks, else that of `x`.

    Example:
        >>> working_dtype(torch.zeros(1, dtype=torch.bfloat16)), working_dtype(torch.zeros(1, dtype=torch.float64))
        (torch.float32, torch.float64)
    """
    return torch.promote_types(x.dtype, torch.float32)


def uniform(x: Tensor, *size: int, generator: Generator | None) -> Float[Tensor, "batch ..."]:
    """Draws uniform numbers in [0, 1), of the given size per sample of `x`, on the device of `x`."""
    return torch.rand(x.shape[0], *size, generator=generator, device=x.device, dtype=working_dtype(x))


def normal(x: Tensor, *size: int, generator: Generator | None) -> Float[Tensor, "batch ..."]:
    """Draws standard normal numbers, of the given size per sample of `x`, on the device of `x`."""
    return torch.randn(x.shape[0], *size, generator=generator, device=x.device, dtype=working_dtype(x))


def example_rows(n_samples: int, generator: Generator | None) -> Float[Tensor, "batch features"]:
    """Makes rows of flowers: length, width, area (continuous), grade (ordinal), soil (codes 0, 1, 2), colour (one-hot).

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
    """Returns the schema of `example_rows`.

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
