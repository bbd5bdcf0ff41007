"""Losses and metrics by kind of target, summed on the device and read once per epoch. Used by loop.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from augrad import batch
from augrad.errors import ArgumentError, InputError
from augrad.learning.criteria import Criterion

IGNORED = -100
"""The target that `cross_entropy` leaves out by default, and accuracy with it."""


@dataclass(frozen=True)
class Metric:
    """A metric as sums over batches, and its value from the sums of all of them.

    Attributes:
        sums: maps output and target to a vector on their device; vectors of batches are added.
        value: maps the added vector, as a list, to the metric.
    """

    sums: Callable[[Tensor, Any], Tensor]
    value: Callable[[list[float]], float]


def accuracy_sums(output: Tensor, target: Tensor) -> Int[Tensor, "2"]:
    """Right predictions and predictions in all, over samples or, for dense targets, pixels.

    Args:
        output: `(batch, classes, *rest)`.
        target: class indices, `(batch, *rest)`; -100 is left out.

    Raises:
        InputError: the shapes do not fit.

    Example:
        >>> accuracy_sums(torch.eye(3), torch.tensor([0, 1, 1])).tolist()
        [2, 3]
    """
    _check_classes(output, target)
    counted = target != IGNORED
    right = (output.argmax(dim=1) == target) & counted
    return torch.stack([right.sum(), counted.sum()])


def r2_sums(output: Tensor, target: Tensor) -> Float[Tensor, "sums"]:
    """What r2 needs: per output the number of values, their sum, their squares, and the squared errors.

    Args:
        output: `(batch,)` or `(batch, outputs, *rest)`.
        target: of the same shape.

    Raises:
        InputError: the shapes differ.
    """
    _check_same_shape(output, target)
    columns = target.ndim > 1
    wide = torch.float32 if target.device.type == "mps" else torch.float64
    true = (target if columns else target[:, None]).to(wide).transpose(0, 1).flatten(1)
    error = (output if columns else output[:, None]).to(wide).transpose(0, 1).flatten(1) - true
    n_values = true.new_full((true.shape[0],), true.shape[1])
    return torch.cat([n_values, true.sum(1), true.square().sum(1), error.square().sum(1)])


def r2_value(sums: list[float]) -> float:
    """Share of the variance explained, over all outputs together: `1 - squared errors / squared deviations`.

    Example:
        >>> r2_value(r2_sums(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0])).tolist())
        1.0
    """
    n_values, total, squares, errors = torch.tensor(sums, dtype=torch.float64).reshape(4, -1)
    deviations = (squares - total.square() / n_values).sum()
    return float(1.0 - errors.sum() / deviations)


def ratio(sums: list[float]) -> float:
    """The first sum over the second; NaN if there was nothing to count."""
    return sums[0] / sums[1] if sums[1] else float("nan")


def averaged(function: Callable[[Tensor, Any], Any]) -> Metric:
    """A metric that is the mean over samples of what `function(output, target)` returns for a batch."""

    def sums(output: Tensor, target: Any) -> Tensor:
        value = torch.as_tensor(function(output, target), device=output.device)
        if value.numel() != 1:
            raise ArgumentError(
                f"metrics must return one number per batch, but {function!r} returned shape {tuple(value.shape)}.",
                argument="metrics",
            )
        return weighted(value, batch.count(output))

    return Metric(sums, ratio)


def weighted(value: Tensor, n_samples: int) -> Float[Tensor, "2"]:
    """The sums of a mean over `n_samples`."""
    value = value.detach().reshape(()).float()
    return torch.stack([value * n_samples, torch.full_like(value, n_samples)])


def default_criterion(target: Any) -> Criterion:
    """Cross-entropy for integer targets, mean squared error for floating-point ones.

    Raises:
        ArgumentError: the target is neither.
    """
    if isinstance(target, Tensor) and is_class_index(target):
        return cross_entropy
    if isinstance(target, Tensor) and target.is_floating_point():
        return mse
    kind = str(target.dtype) if isinstance(target, Tensor) else type(target).__name__
    raise ArgumentError(
        f"criterion has a default for integer targets (cross_entropy) and floating-point ones (mse), but the first "
        f"target is {kind}. Pass criterion=..., or convert the target with .long() or .float().",
        argument="criterion",
    )


def resolve_metrics(metrics: Mapping[str, Callable[[Tensor, Any], Any]] | None, target: Any) -> dict[str, Metric]:
    """The metrics given, or accuracy for integer targets and r2 for floating-point ones."""
    if metrics is not None:
        return {name: averaged(function) for name, function in metrics.items()}
    if isinstance(target, Tensor) and is_class_index(target):
        return {"accuracy": Metric(accuracy_sums, ratio)}
    if isinstance(target, Tensor) and target.is_floating_point():
        return {"r2": Metric(r2_sums, r2_value)}
    return {}


def cross_entropy(output: Tensor, target: Tensor) -> Float[Tensor, ""]:
    """Cross-entropy of logits or log-probabilities `(batch, classes, *rest)` with class indices `(batch, *rest)`.

    Raises:
        InputError: the shapes do not fit.
    """
    _check_classes(output, target)
    return functional.cross_entropy(output, target.long())


def mse(output: Tensor, target: Tensor) -> Float[Tensor, ""]:
    """Mean squared error of two tensors of one shape.

    Raises:
        InputError: the shapes differ (broadcasting `(batch, 1)` with `(batch,)` would compare every pair).
    """
    _check_same_shape(output, target)
    return functional.mse_loss(output, target.to(output.dtype))


def is_class_index(target: Tensor) -> bool:
    """Whether a target holds class indices: integers, not booleans."""
    return not (target.is_floating_point() or target.is_complex() or target.dtype == torch.bool)


def _check_classes(output: Tensor, target: Tensor) -> None:
    if output.ndim < 2 or (output.shape[0], *output.shape[2:]) != tuple(target.shape):
        raise InputError(
            f"integer targets need an output (batch, classes, *rest) and a target (batch, *rest), but the model "
            f"returned shape {tuple(output.shape)} for a target of shape {tuple(target.shape)}. Pass criterion= and "
            "metrics= of your own, or reshape one of them.",
            output=tuple(output.shape),
            target=tuple(target.shape),
        )


def _check_same_shape(output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape:
        raise InputError(
            f"floating-point targets need an output of their own shape, but the model returned {tuple(output.shape)} "
            f"for a target of shape {tuple(target.shape)}. Reshape one of them (target[:, None] for one output per "
            "sample), or pass criterion= and metrics= of your own.",
            output=tuple(output.shape),
            target=tuple(target.shape),
        )
