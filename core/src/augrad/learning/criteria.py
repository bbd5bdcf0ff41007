"""Criteria: the loss of each sample, of a constant prediction, and of mixed-precision outputs.

Used by all objectives and by audits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from augrad import batch
from augrad.errors import ArgumentError

Criterion = Callable[[Tensor, Any], Tensor]
"""Maps output and target to a scalar loss."""


def check_scalar(name: str, value: Any) -> Float[Tensor, ""]:
    """Returns the value of a criterion or a penalty if it is a scalar tensor.

    Raises:
        ArgumentError: it is not.
    """
    if not isinstance(value, Tensor) or value.ndim:
        shape = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ArgumentError(
            f"{name} must return a scalar tensor, but returned {shape}. Reduce it, with .mean() say.", argument=name
        )
    return value


def in_full_precision(output: Tensor) -> Tensor:
    """An output of mixed-precision arithmetic as float32; any other as it is."""
    return output.float() if output.dtype in (torch.float16, torch.bfloat16) else output


def losses(criterion: Criterion, output: Tensor, target: Any) -> Float[Tensor, " batch"]:
    """Returns the criterion of each sample on its own.

    Raises:
        ArgumentError: it depends on values in a way that `torch.func.vmap` cannot follow.

    Example:
        >>> losses(torch.nn.MSELoss(), torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [1.0]])).tolist()
        [0.0, 4.0]
    """

    def one(output: Tensor, target: Any) -> Tensor:
        return criterion(output[None], _mapped(target, lambda each: each[None]))

    try:
        result: Tensor = vmap(one)(output, target)
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        raise ArgumentError(
            f"criterion cannot be taken of each sample with torch.func.vmap, as the cross-fitted objective does: "
            f"{error} Write it without decisions that depend on values, or use objective='joint'.",
            argument="criterion",
        ) from error
    return result


def uninformed(criterion: Criterion, output: Tensor, target: Any) -> Float[Tensor, ""]:
    """Returns the loss of a constant prediction that knows the distribution of the targets but no input.

    For classes, the log of their frequencies; for numbers, their mean.

    Args:
        criterion: maps output and target to a scalar.
        output: of some samples, `(samples, *output)`, for its shape and type.
        target: of the batch.
    """
    if not isinstance(target, Tensor):
        constant = output.mean(dim=0)
        count = batch.count(_first(target))
    elif target.is_floating_point():
        constant, count = target.to(output).mean(dim=0), target.shape[0]
    else:
        frequencies = torch.bincount(target.flatten().clamp_min(0), minlength=output.shape[1]).to(output)
        constant = (frequencies + 1e-3).log().reshape(-1, *[1] * (output.ndim - 2))
        count = target.shape[0]
    loss = criterion(constant.expand(count, *output.shape[1:]), target)
    return loss.clamp_min(torch.finfo(output.dtype).eps)


def chosen(target: Any, index: Tensor) -> Any:
    """The targets at `index`, for a tensor or nested lists, tuples and mappings of them."""
    return _mapped(target, lambda each: each.index_select(0, index))


def _mapped(target: Any, function: Callable[[Tensor], Tensor]) -> Any:
    from torch.utils._pytree import tree_map

    return tree_map(function, target)


def _first(target: Any) -> Tensor:
    from torch.utils._pytree import tree_leaves

    leaf: Tensor = tree_leaves(target)[0]
    return leaf
