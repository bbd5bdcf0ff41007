"""Losses and metrics by kind of target, and the forms that `fit(metrics=)` accepts.

Used by measures.py and settings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from augrad.errors import ArgumentError, ArgumentTypeError, InputError
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


@runtime_checkable
class UpdatedMetric(Protocol):
    """A metric that keeps its own state, such as any metric of torchmetrics.

    A metric with `to` is moved to the device of the outputs. One with `state_dict` and `load_state_dict` can be part of
    a checkpoint within an epoch.

    Example:
        >>> class Largest:
        ...     def reset(self):
        ...         self.value = float("-inf")
        ...     def update(self, output, target):
        ...         self.value = max(self.value, output.max().item())
        ...     def compute(self):
        ...         return self.value
        >>> isinstance(Largest(), UpdatedMetric), isinstance(max, UpdatedMetric)
        (True, False)
    """

    def update(self, output: Tensor, target: Any) -> Any:
        """Takes in a batch."""

    def compute(self) -> Any:
        """The metric over all batches since the last `reset`: one number."""

    def reset(self) -> Any:
        """Forgets all batches."""


AnyMetric = Metric | UpdatedMetric | Callable[[Tensor, Any], Any]
"""What the engine measures: sums, an object that is updated, or a function of a whole epoch."""


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


def check_metrics(metrics: Mapping[str, Any], *, stored_within_epochs: bool = False) -> None:
    """Raises unless metrics can be measured.

    Args:
        metrics: by name, as `fit` takes them.
        stored_within_epochs: whether checkpoints are written within epochs, which have to hold their state.

    Raises:
        ArgumentError, ArgumentTypeError: a name is taken, or a metric is neither a function nor an object with
            `update`, `compute` and `reset`, or its state cannot be stored.
    """
    if not isinstance(metrics, Mapping):
        raise ArgumentTypeError(
            f"metrics must map names to metrics, but got {type(metrics).__name__}. Write {{'name': metric}}, or "
            "dict(collection.items()) for a torchmetrics MetricCollection.",
            argument="metrics",
        )
    for name, metric in metrics.items():
        if not isinstance(name, str) or name in ("", *_TAKEN):
            raise ArgumentTypeError(
                f"metrics must map names other than {' and '.join(map(repr, _TAKEN))} to metrics, but got {name!r}: "
                f"{metric!r}.",
                argument="metrics",
            )
        if isinstance(metric, type) and isinstance(metric, UpdatedMetric):
            raise ArgumentTypeError(
                f"metrics[{name!r}] is the class {metric.__name__}; pass an instance: {metric.__name__}(...).",
                argument="metrics",
            )
        if not callable(metric) and not isinstance(metric, UpdatedMetric):
            raise ArgumentTypeError(
                f"metrics[{name!r}] must be a function of outputs and targets or an object with update, compute and "
                f"reset (such as a torchmetrics metric), but got {metric!r}.",
                argument="metrics",
            )
        if stored_within_epochs and isinstance(metric, UpdatedMetric) and not hasattr(metric, "load_state_dict"):
            raise ArgumentError(
                f"metrics[{name!r}] keeps a state that a checkpoint within an epoch cannot hold, because "
                f"{type(metric).__name__} has no state_dict and load_state_dict. Add them, or pass "
                "checkpoint_every=None for checkpoints at the ends of epochs.",
                argument="metrics",
            )


_TAKEN = ("loss", "penalty")
"""What is measured in any case."""


def resolve_metrics(metrics: Mapping[str, Any] | None, target: Any) -> dict[str, AnyMetric]:
    """The metrics given, or accuracy for integer targets and r2 for floating-point ones."""
    if metrics is not None:
        return dict(metrics)
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
