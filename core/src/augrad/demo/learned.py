"""What a policy says about one parameter: how often it is drawn, how far it reaches, how its draws are spread. Used by results.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from augrad.policy import PolicyRow

Rows = Iterable[PolicyRow]


@dataclass(frozen=True)
class Reach:
    """What was learned about one parameter, over all layers.

    Attributes:
        transform, parameter, unit: which one; `parameter` is None for a transform without any.
        share: probability that a layer draws the transform, averaged over layers, in [0, 1].
        low, high: between which physical values it is drawn, averaged over layers by selection weight (so that a layer
            that does not use the transform says nothing about how far it goes); None without a parameter.
    """

    transform: str
    parameter: str | None
    unit: str
    share: float
    low: float | None
    high: float | None


def reach(rows: Rows, transform: str, parameter: str | None) -> Reach:
    """The learned reach of one parameter.

    A parameter learned per feature counts with the mean over its features.

    Args:
        rows: a policy.
        transform: its name.
        parameter: its name, without an index.

    Example:
        >>> from augrad.policy import PolicyRow
        >>> rows = [PolicyRow(0, "vision.rotate", "angle", 0.9, 0.3, -54.0, 54.0, "deg"),
        ...         PolicyRow(1, "vision.rotate", "angle", 0.1, 0.1, -18.0, 18.0, "deg")]
        >>> found = reach(rows, "vision.rotate", "angle")
        >>> round(found.share, 6), round(found.high, 6)
        (0.5, 50.4)
    """
    rows = list(rows)
    layers = _layers(rows, transform, parameter)
    weights = [layer.weight for layer in layers]
    share = sum(weights) / len({row.layer for row in rows})
    low, high, unit = None, None, ""
    if parameter is not None:
        total = sum(weights)
        even = total == 0.0
        parts = [1.0 / len(layers) if even else weight / total for weight in weights]
        low = sum(part * layer.low for part, layer in zip(parts, layers, strict=True))
        high = sum(part * layer.high for part, layer in zip(parts, layers, strict=True))
        unit = next(row.unit for row in rows if row.transform == transform and _bare(row.parameter) == parameter)
    return Reach(transform, parameter, unit, share, low, high)


def reaches(rows: Rows) -> list[Reach]:
    """The learned reach of every parameter of a policy, in the policy's order."""
    rows = list(rows)
    keys = dict.fromkeys((row.transform, _bare(row.parameter)) for row in rows)
    return [reach(rows, transform, parameter) for transform, parameter in keys]


def drawn_totals(
    rows: Rows, transform: str, parameter: str, *, identity: float = 0.0, n_draws: int = 50_000, seed: int = 0
) -> np.ndarray:
    """Draws of one parameter as a sample meets them: summed over the layers that happened to choose the transform.

    Args:
        rows: a policy.
        transform, parameter: which one; its values must add up when stacked, as angles, shifts and gains in dB do.
        identity: the value that changes nothing.
        n_draws: samples to draw.
        seed: of the draws.

    Returns:
        `(n_draws,)` physical values; exactly `identity` where no layer chose the transform.

    Example:
        >>> from augrad.policy import PolicyRow
        >>> rows = [PolicyRow(0, "vision.rotate", "angle", 1.0, 0.5, -90.0, 90.0, "deg")]
        >>> totals = drawn_totals(rows, "vision.rotate", "angle")
        >>> bool(abs(totals).max() <= 90), abs(round(float(totals.mean()))) <= 1
        (True, True)
    """
    generator = np.random.default_rng(seed)
    totals = np.full(n_draws, identity)
    for layer in _layers(rows, transform, parameter):
        chosen = generator.random(n_draws) < layer.weight
        values = generator.uniform(layer.low, layer.high, n_draws)
        totals += np.where(chosen, values - identity, 0.0)
    return totals


@dataclass(frozen=True)
class _Layer:
    weight: float
    low: float
    high: float


def _layers(rows: Rows, transform: str, parameter: str | None) -> list[_Layer]:
    """Per layer that holds the transform: its weight, and the mean interval over features."""
    by_layer: dict[int, list[PolicyRow]] = {}
    for row in rows:
        if row.transform == transform and _bare(row.parameter) == parameter:
            by_layer.setdefault(row.layer, []).append(row)
    return [
        _Layer(found[0].weight, _mean(row.low for row in found), _mean(row.high for row in found))
        for found in by_layer.values()
    ]


def _mean(values: Iterable[float | None]) -> float:
    given = [0.0 if value is None else value for value in values]
    return sum(given) / len(given)


def _bare(parameter: str | None) -> str | None:
    """`"std[3]"` -> `"std"`: without the feature."""
    return None if parameter is None else parameter.partition("[")[0]
