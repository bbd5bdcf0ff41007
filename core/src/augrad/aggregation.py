"""Aggregation: how the outputs for several augmented copies become one. Used by model.py."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.errors import AggregationError
from augrad.options import by_name

Aggregation = Callable[["Float[Tensor, 'copies batch *output']"], "Float[Tensor, 'batch *output']"]
"""Maps outputs with the copies along the first axis to one output per sample."""


def log_prob(outputs: Float[Tensor, "copies batch classes *rest"]) -> Float[Tensor, "batch classes *rest"]:
    """Mean over copies of the log-softmax over classes, as in the AugNet paper; for one copy its log-softmax.

    Log-probabilities are valid logits: `cross_entropy` accepts them, and `nll_loss` too.

    Example:
        >>> log_prob(torch.zeros(3, 1, 2)).exp().tolist()
        [[0.5, 0.5]]
    """
    return torch.log_softmax(outputs, dim=2).mean(dim=0)


def prob(outputs: Float[Tensor, "copies batch classes *rest"]) -> Float[Tensor, "batch classes *rest"]:
    """Logarithm of the mean over copies of the class probabilities: valid logits, so `cross_entropy` accepts them.

    Example:
        >>> prob(torch.zeros(3, 1, 2)).exp().tolist()
        [[0.5, 0.5]]
    """
    return torch.logsumexp(torch.log_softmax(outputs, dim=2), dim=0) - math.log(outputs.shape[0])


def mean(outputs: Float[Tensor, "copies batch *output"]) -> Float[Tensor, "batch *output"]:
    """Mean over copies: of regression outputs, or of logits (`"logit"`).

    Example:
        >>> mean(torch.tensor([[[1.0]], [[3.0]]])).tolist()
        [[2.0]]
    """
    return outputs.mean(dim=0)


AGGREGATIONS: dict[str, Aggregation] = {
    "log_prob": log_prob,
    "prob": prob,
    "logit": mean,
    "mean": mean,
    "equivariant": mean,  # after the model has undone the transform on each copy's output
}


def resolve_aggregation(aggregation: str | Aggregation) -> Aggregation:
    """The aggregation of that name, or the given callable.

    Raises:
        AggregationError: no aggregation has that name.
        ArgumentTypeError: `aggregation` is neither a name nor callable.
    """
    if callable(aggregation):
        return aggregation
    return by_name("aggregation", aggregation, AGGREGATIONS, otherwise="a callable", error=AggregationError)


def split_copies(
    output: Tensor, n_copies: int, n_samples: int | tuple[int, ...], aggregation: str | Aggregation
) -> Float[Tensor, "copies rows *output"]:
    """The trunk's output with the copies along an axis of their own, if it fits the aggregation.

    Args:
        output: the trunk's output for all copies of a batch, one copy after the other.
        n_copies: number of copies.
        n_samples: rows per copy. Several numbers if the trunk may return outputs of several kinds
            (`batch.output_rows`: for graphs, one row per graph or one per node).
        aggregation: the aggregation that will follow, by name or as a callable.

    Raises:
        AggregationError: the output is not a tensor, its first axis is not copies times samples, or it has no class
            axis although the aggregation needs one.
    """
    allowed = n_samples if isinstance(n_samples, tuple) else (n_samples,)
    if not isinstance(output, Tensor):
        raise AggregationError(
            f"the trunk must return a tensor, but returned {type(output).__name__}; wrap it so that it returns its "
            "prediction only."
        )
    rows = next((rows for rows in allowed if output.ndim and output.shape[0] == n_copies * rows), None)
    if rows is None:
        others = "".join(f", or {n_copies * rows} ({n_copies} copies x {rows} rows)" for rows in allowed[1:])
        raise AggregationError(
            f"the trunk must return one output per augmented sample: {n_copies * allowed[0]} ({n_copies} copies x "
            f"{allowed[0]} samples){others} along the first axis, but its output has shape {tuple(output.shape)}.",
            shape=tuple(output.shape),
        )
    if aggregation in ("log_prob", "prob") and (output.ndim < 2 or output.shape[1] < 2):
        raise AggregationError(
            f"aggregation={aggregation!r} averages over classes and needs an output (batch, classes, ...) with at "
            f"least 2 classes, but the trunk returned shape {tuple(output.shape)}. For regression use "
            "aggregation='mean'.",
            shape=tuple(output.shape),
        )
    if aggregation == "equivariant" and output.ndim < 3:
        raise AggregationError(
            f"aggregation='equivariant' undoes the transforms on a dense output such as (batch, channels, height, "
            f"width), but the trunk returned shape {tuple(output.shape)}. For one label per sample use 'log_prob'.",
            shape=tuple(output.shape),
        )
    return output.reshape(n_copies, rows, *output.shape[1:])
