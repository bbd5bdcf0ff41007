"""Operations on batches of any type: count, repeat, select, concatenate, mix, distance, detach and more.

Tensors work out of the box. A plugin with another type of batch, such as graphs or ragged sequences, registers each
function for its type with `@count.register` and so on (`functools.singledispatch`). Used by layer.py and model.py.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad.errors import InputTypeError


def _unknown(x: Any, job: str) -> InputTypeError:
    return InputTypeError(
        f"a batch of type {type(x).__name__} cannot be {job}: augrad knows tensors; a plugin registers other types "
        f"with augrad.batch (graphs: pip install augrad-graph).",
        type=type(x).__name__,
    )


@singledispatch
def count(x: Any) -> int:
    """Returns the number of samples in a batch.

    Example:
        >>> count(torch.zeros(3, 2))
        3
    """
    raise _unknown(x, "counted")


@singledispatch
def repeat(x: Any, n_copies: int) -> Any:
    """Returns `n_copies` copies of the batch as a single batch, copy-major: `(copies batch) *event`.

    Example:
        >>> repeat(torch.tensor([[1], [2]]), 2).flatten().tolist()
        [1, 2, 1, 2]
    """
    raise _unknown(x, "repeated")


@singledispatch
def select(x: Any, index: Int[Tensor, " selected"]) -> Any:
    """Returns the samples at `index` as a batch, in that order.

    Example:
        >>> select(torch.tensor([[1], [2], [3]]), torch.tensor([2, 0])).flatten().tolist()
        [3, 1]
    """
    raise _unknown(x, "selected from")


@singledispatch
def concatenate(first: Any, *rest: Any) -> Any:
    """Joins several batches of the same type.

    Example:
        >>> concatenate(torch.tensor([[1]]), torch.tensor([[2]])).flatten().tolist()
        [1, 2]
    """
    raise _unknown(first, "concatenated")


@singledispatch
def mix(first: Any, *rest: Any, weights: Float[Tensor, "batch parts"]) -> Any:
    """Returns the weighted sum of several batches, sample by sample.

    A missing value (NaN) in a table, `(batch, features)`, stays missing and does not affect the gradients of the other
    values.

    Args:
        first: a batch.
        *rest: batches of the same type and length.
        weights: a weight for each sample and batch; gradients reach the weights.

    Example:
        >>> mix(torch.tensor([[1.0]]), torch.tensor([[3.0]]), weights=torch.tensor([[0.5, 0.5]])).tolist()
        [[2.0]]
    """
    raise _unknown(first, "mixed")


@singledispatch
def distance(x: Any, y: Any) -> Float[Tensor, " batch"]:
    """Returns the distance between each sample of `x` and the same sample of `y`: the Euclidean norm for tensors.

    The gradient at distance zero is zero.

    Example:
        >>> distance(torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [5.0, 0.0]
    """
    raise _unknown(x, "measured")


@singledispatch
def device(x: Any) -> torch.device:
    """Returns the device that holds a batch.

    Example:
        >>> device(torch.zeros(1))
        device(type='cpu')
    """
    raise _unknown(x, "placed")


@singledispatch
def output_rows(x: Any) -> tuple[int, ...]:
    """Returns the numbers of rows that a trunk's output for a batch may have: by default only the number of samples.

    A type may register more. A batch of graphs, for example, can have an output for each graph or for each node. All
    copies of a batch have the same number of rows, and follow each other in the output.

    Example:
        >>> output_rows(torch.zeros(3, 2))
        (3,)
    """
    return (count(x),)


@singledispatch
def detach(x: Any) -> Any:
    """Returns the batch without its autograd graph.

    Example:
        >>> detach(torch.zeros(1, requires_grad=True)).requires_grad
        False
    """
    raise _unknown(x, "detached")


@singledispatch
def fingerprint(x: Any) -> Int[Tensor, " batch"]:
    """Returns a number for each sample that depends on the sample's exact contents and on nothing else.

    Neither the position in the batch nor the other samples change it.

    Example:
        >>> first, second, third = fingerprint(torch.tensor([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])).tolist()
        >>> first == third, first == second
        (True, False)
    """
    raise _unknown(x, "told apart by its contents")


def first_of(x: Any, n_samples: int) -> Any:
    """Returns the first `n_samples` samples of a batch, or the whole batch if it is smaller.

    Example:
        >>> first_of(torch.tensor([[1], [2], [3]]), 2).flatten().tolist()
        [1, 2]
    """
    return select(x, torch.arange(min(n_samples, count(x)), device=device(x)))


def bits(rows: Tensor) -> Int[Tensor, " rows"]:
    """Returns the `fingerprint` of each row of a tensor of numbers, `(rows, *event)`."""
    floats = rows.detach().flatten(1).to(torch.float32) if rows.is_floating_point() else rows.flatten(1)
    if floats.is_floating_point():
        # -0.0 equals 0.0, and the bit pattern of NaN depends on the device. Both are made unique here.
        words = torch.where(floats.isnan(), torch.nan, floats + 0.0).view(torch.int32).long()
    else:
        words = floats.long()
    # A sum of integers is the same in any order and on every device.
    place = torch.arange(1, words.shape[1] + 1, device=words.device)
    mixed = (words + place) * (place * 0x5851F42D4C957F2D + 0x14057B7EF767814F)
    return ((mixed ^ (mixed >> 29)) * 0x2545F4914F6CDD1D).sum(dim=1)


@count.register
def _(x: Tensor) -> int:
    return x.shape[0] if x.ndim else 0


@repeat.register
def _(x: Tensor, n_copies: int) -> Tensor:
    return x if n_copies == 1 else x.repeat(n_copies, *[1] * (x.ndim - 1))


@select.register
def _(x: Tensor, index: Tensor) -> Tensor:
    return x.index_select(0, index)


@concatenate.register
def _(first: Tensor, *rest: Tensor) -> Tensor:
    return torch.cat([first, *rest]) if rest else first


@mix.register
def _(first: Tensor, *rest: Tensor, weights: Tensor) -> Tensor:
    if first.ndim != 2:
        return _weighted(first, *rest, weights=weights)
    # A table may contain NaN. NaN must stay NaN, but must not reach the gradient of the weights: 0 times NaN is NaN.
    missing = first.isnan()
    known = [torch.where(missing, 0, part) for part in (first, *rest)]
    return torch.where(missing, first, _weighted(*known, weights=weights))


def _weighted(first: Tensor, *rest: Tensor, weights: Tensor) -> Tensor:
    shape = (-1,) + (1,) * (first.ndim - 1)
    columns = [column.reshape(shape) for column in weights.to(first.dtype).unbind(1)]
    mixed = columns[0] * first
    for column, part in zip(columns[1:], rest, strict=True):
        mixed = torch.addcmul(mixed, column, part)
    return mixed


@distance.register
def _(x: Tensor, y: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm((y - x).flatten(1), dim=1)
    return norms


@device.register
def _(x: Tensor) -> torch.device:
    return x.device


@detach.register
def _(x: Tensor) -> Tensor:
    return x.detach()


@fingerprint.register
def _(x: Tensor) -> Tensor:
    return bits(x)
