"""Compares a transform with an independent reference, to test unit and sign. Called from a plugin's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from augrad import batch
from augrad.testing.examples import call, example_batch, floats, fractions_of_interest, noise_for, values_at
from augrad.testing.registry import require
from augrad.transform.transform import Transform


def check_reference(
    transform: Transform, reference: Callable[..., Any], *, tolerance: float = 1e-6, reach: float = 0.9
) -> None:
    """Compares a transform with a reference written without torch, over its range and on both sides of the identity.

    A general kit cannot know the meaning of "15 degrees" or "to the right". A few lines of numpy in the plugin's tests
    can.

    Args:
        transform: a transform without inner noise.
        reference: takes a single sample as an array `(*event)` and each value as a float by its name; returns an array.
            If batches are not tensors, it takes and returns a tuple of arrays: the result of `floats` for a batch of
            this sample alone.
        tolerance: largest accepted absolute difference, in double precision.
        reach: fraction of each range that is tested.

    Raises:
        ConformanceError: the transform differs from the reference.

    Example:
        >>> from augrad import Range, Transform
        >>> class Gain(Transform):
        ...     modality = "signal"
        ...     gain_db = Range(6.0, unit="dB", signed=True)
        ...     def forward(self, x, *, gain_db):
        ...         return x * 10 ** (gain_db / 20)[:, None, None]
        >>> check_reference(Gain(), lambda sample, gain_db: sample * 10 ** (gain_db / 20))
    """
    fractions = torch.tensor(fractions_of_interest(transform), dtype=torch.float64) * reach
    x = example_batch(transform, len(fractions))
    values = values_at(transform, fractions)
    y = call(transform, x, values, noise_for(transform, x))
    for index in range(len(fractions)):
        given = {name: value[index].flatten()[0].item() for name, value in values.items()}
        expected = reference(_sample(x, index), **given)
        apart = _apart(expected, _sample(y, index))
        require(
            apart <= tolerance,
            transform,
            f"at {given} it differs from the reference by up to {apart:.3g}: check its unit and its sign.",
        )


def _sample(x: Any, index: int) -> Any:
    if isinstance(x, Tensor):
        return x[index].numpy()
    return tuple(part.numpy() for part in floats(batch.select(x, torch.tensor([index]))))


def _apart(a: Any, b: Any) -> float:
    if isinstance(b, tuple):
        return max(_apart(one, other) for one, other in zip(a, b, strict=True))
    return float(np.abs(np.asarray(a) - b).max(initial=0.0))
