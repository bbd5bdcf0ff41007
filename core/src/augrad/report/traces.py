"""How weights, magnitudes and scores moved during training, over seeds and epochs. Uses demo/; used by panels.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from augrad.demo.learned import equivalent_reach
from augrad.demo.results import DemoResult
from augrad.demo.rules import candidates


@dataclass(frozen=True)
class Trace:
    """How one transform fared under augrad, from before training (epoch 0) on.

    Attributes:
        transform: its name.
        share: mean over layers of its selection weight, `(seeds, epochs + 1)`, in [0, 1].
        magnitudes: by parameter, the mean over layers by selection weight, `(seeds, epochs + 1)`, in [0, 1].
        reaches: by parameter, `equivalent_reach` over all layers, as a fraction of the declared range; same shape.
    """

    transform: str
    share: np.ndarray
    magnitudes: dict[str, np.ndarray]
    reaches: dict[str, np.ndarray]


def traces(result: DemoResult) -> list[Trace]:
    """One trace per candidate, in the demo's order."""
    module = candidates(result.demo)
    layers = [
        {"weights": layer.weights.tolist(), "magnitudes": layer.magnitudes.tolist()} for layer in module.state().layers
    ]
    histories = [[{"layers": layers}, *run.history] for run in result.of("augrad")]
    first = next(iter(module))
    found = []
    for index, transform in enumerate(first.names):
        weights = _gathered(histories, "weights", slice(index, index + 1))
        slots = [slot for slot in first.slots if slot.transform == index]
        magnitudes = {
            slot.parameter: _gathered(histories, "magnitudes", slice(slot.start, slot.stop)) for slot in slots
        }
        means = {name: _weighted(values, weights) for name, values in magnitudes.items()}
        ends = {slot.parameter: (magnitudes[slot.parameter], -float(slot.range.signed)) for slot in slots}
        reaches = {name: equivalent_reach(weights, low * values, values) for name, (values, low) in ends.items()}
        found.append(Trace(transform, weights.mean(axis=2), means, reaches))
    return found


def validation_curve(result: DemoResult, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs `(points,)` and validation scores `(seeds, points)` of a rule; empty if nothing was validated."""
    runs = result.of(rule)
    epochs = np.array([epoch for epoch, _ in runs[0].curve])
    return epochs, np.array([[score for _, score in run.curve] for run in runs])


def training_curve(result: DemoResult, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs `(epochs,)` and scores on the augmented training data `(seeds, epochs)` of a rule."""
    runs = result.of(rule)
    epochs = np.array([row["epoch"] for row in runs[0].history])
    return epochs, np.array([[row[f"train_{result.metric}"] for row in run.history] for run in runs])


def _gathered(histories: list[list[dict[str, Any]]], key: str, columns: slice) -> np.ndarray:
    """`(seeds, epochs, layers)`: the mean over `columns` of what each layer holds under `key`."""
    return np.array([[[np.mean(layer[key][columns]) for layer in row["layers"]] for row in rows] for rows in histories])


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    mean: np.ndarray = (weights * values).sum(axis=2) / np.maximum(weights.sum(axis=2), np.finfo(float).tiny)
    return mean
