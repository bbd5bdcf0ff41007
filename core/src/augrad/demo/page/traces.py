"""Weights, magnitudes and scores during training, over seeds and epochs. Uses demo/; used by panels.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from augrad.demo.learned import equivalent_reach
from augrad.demo.results import DemoResult
from augrad.demo.rules import candidates


@dataclass(frozen=True)
class Trace:
    """The course of a transform under augrad, from before training (epoch 0) to the confirmed policy.

    A point is an epoch: of the search, if there is a search.

    Attributes:
        transform: name of the transform.
        share: selection weight, averaged over layers, `(seeds, points)`, in [0, 1].
        met: for a transform without parameters, the share of changed samples; same shape.
        magnitudes: by parameter, the average over layers by selection weight, `(seeds, points)`, in [0, 1].
        reaches: by parameter, `equivalent_reach` over all layers as a fraction of the declared range, for each axis
            entry, `(seeds, points, entries)`. A parameter without axis has a single entry.
    """

    transform: str
    share: np.ndarray
    met: np.ndarray
    magnitudes: dict[str, np.ndarray]
    reaches: dict[str, np.ndarray]


def traces(result: DemoResult) -> list[Trace]:
    """Returns a trace for each candidate, in the demo's order."""
    module = candidates(result.demo, result.transforms)
    layers = [
        {"weights": layer.weights.tolist(), "magnitudes": layer.magnitudes.tolist()} for layer in module.state().layers
    ]
    # After a search nothing changes any more. The first epoch of the trunk shows the confirmed policy.
    courses = [(*run.search, *run.history[:1]) if run.search else run.history for run in result.of("augrad")]
    histories = [[{"layers": layers}, *course] for course in courses]
    first = next(iter(module))
    found = []
    for index, transform in enumerate(first.names):
        weights = _gathered(histories, "weights", slice(index, index + 1))
        means, reaches = {}, {}
        for columns in (each for each in first.columns if each.transform == index):
            magnitudes = _gathered(histories, "magnitudes", slice(columns.start, columns.stop))
            means[columns.parameter] = _weighted(magnitudes.mean(axis=2), weights[:, :, 0])
            reaches[columns.parameter] = equivalent_reach(
                weights, -float(columns.range.signed) * magnitudes, magnitudes
            )
        chosen = weights[:, :, 0]
        found.append(Trace(transform, chosen.mean(axis=2), (1 - np.prod(1 - chosen, axis=2)) / 2, means, reaches))
    return found


def validation_curve(result: DemoResult, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns epochs `(points,)` and validation scores `(seeds, points)` of a rule; empty without validation data."""
    runs = result.of(rule)
    epochs = np.array([epoch for epoch, _ in runs[0].curve])
    return epochs, np.array([[score for _, score in run.curve] for run in runs])


def training_curve(result: DemoResult, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns epochs `(epochs,)` and scores of a rule on the augmented training data, `(seeds, epochs)`."""
    runs = result.of(rule)
    epochs = np.array([row["epoch"] for row in runs[0].history])
    return epochs, np.array([[row[f"train_{result.metric}"] for row in run.history] for run in runs])


def _gathered(histories: list[list[dict[str, Any]]], key: str, columns: slice) -> np.ndarray:
    """Returns `(seeds, epochs, entries, layers)`: the values of each layer under `key` in these columns."""
    found = np.array([[[layer[key][columns] for layer in row["layers"]] for row in rows] for rows in histories])
    return found.swapaxes(2, 3)


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    mean: np.ndarray = (weights * values).sum(axis=2) / np.maximum(weights.sum(axis=2), np.finfo(float).tiny)
    return mean
