"""Nuisances of the benchmark's tables, drawn once per row, and the split of rows. Used by the tasks in this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_tabular.schema import Schema

Table = Float[Tensor, "rows features"]


def split_rows(
    key: str, n_rows: int, n_train: int, *, times: int = 1
) -> tuple[Int[Tensor, " train"], Int[Tensor, " test"]]:
    """Splits the row numbers into rows for training and rows for testing; the split is the same for every seed.

    Args:
        key: key of the draw.
        n_rows: number of rows of the table.
        n_train: number of rows for training; all others are for testing.
        times: repetitions of each test row, so that it meets several draws of the nuisance. Without repetition, small
            tables have noisy scores.

    Raises:
        ArgumentError: a part would have no row.

    Example:
        >>> train, test = split_rows("example", 10, 4)
        >>> len(train), sorted([*train.tolist(), *test.tolist()]) == list(range(10))
        (4, True)
    """
    if not 0 < n_train < n_rows:
        raise ArgumentError(
            f"n_train must lie between 1 and {n_rows - 1}, one less than there are rows, but got {n_train}.",
            argument="n_train",
            value=n_train,
        )
    order = torch.randperm(n_rows, generator=keyed_generator(key, "split"))
    return order[:n_train], order[n_train:].repeat(times)


def scaled(table: Table, powers: Sequence[float], doublings: float, generator: torch.Generator) -> Table:
    """Scales each row by its own factor `2 ** u`, to the power of each column.

    Args:
        table: in its own units.
        powers: an exponent per column; 0 leaves a column alone.
        doublings: `u` is drawn uniformly between `-doublings` and `doublings`.
        generator: source of the draws.

    Example:
        >>> found = scaled(torch.ones(3, 2), (1.0, 2.0), 1.0, keyed_generator("example"))
        >>> torch.allclose(found[:, 0] ** 2, found[:, 1])
        True
    """
    drawn = (2 * torch.rand(len(table), generator=generator) - 1) * doublings
    found: Tensor = table * torch.exp2(drawn[:, None] * torch.tensor(powers))
    return found


def noisy(table: Table, stds: Float[Tensor, " features"], generator: torch.Generator) -> Table:
    """Adds independent normal noise to each value.

    Args:
        table: in its own units.
        stds: standard deviation of the noise per column, in the column's unit; 0 leaves a column alone.
        generator: source of the draws.
    """
    return table + stds * torch.randn(table.shape, generator=generator)


def continuous(train_x: Table, names: Sequence[str], **own: Mapping[str, float] | Sequence[float]) -> dict[str, Any]:
    """Returns candidates' arguments: a schema of continuous columns, fitted to the training rows, and others.

    Args:
        train_x: the training rows.
        names: names of the columns.
        **own: further arguments, such as `exponents`, or arguments of a transform under its name.
    """
    return {"schema": Schema.from_data(train_x, continuous=list(names), names=list(names)), **own}
