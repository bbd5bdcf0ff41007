"""What a policy says about one parameter: how often it is drawn, how far, how spread. Used by results.py."""

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
            that does not use the transform says nothing about how far it goes); None without a parameter, or without
            a layer that holds the transform.
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
    share = sum(weights) / max(1, len({row.layer for row in rows}))
    if parameter is None or not layers:
        return Reach(transform, parameter, "", share, None, None)
    total = sum(weights)
    parts = [weight / total if total else 1.0 / len(layers) for weight in weights]
    low = sum(part * layer.low for part, layer in zip(parts, layers, strict=True))
    high = sum(part * layer.high for part, layer in zip(parts, layers, strict=True))
    unit = next(row.unit for row in rows if row.transform == transform and _bare(row.parameter) == parameter)
    return Reach(transform, parameter, unit, share, low, high)


def reaches(rows: Rows) -> list[Reach]:
    """The learned reach of every parameter of a policy, in the policy's order."""
    rows = list(rows)
    keys = dict.fromkeys((row.transform, _bare(row.parameter)) for row in rows)
    return [reach(rows, transform, parameter) for transform, parameter in keys]


def equivalent_reach(weights: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """The learned range of a parameter over all layers: that of the one uniform draw with the same spread.

    A sample meets the sum of what its layers draw: layer `l` draws uniformly in `[low_l, high_l]` with probability
    `weight_l`, else nothing. With `S` that sum, a uniform draw within `[-r, r]`, or `[0, r]`, has the same `E[S^2]` for
    `r = sqrt(3 E[S^2])`. Two layers within 42 degrees, always chosen, are as spread as one layer within 60.

    Args:
        weights: selection weights, `(..., layers)`.
        lows, highs: the layers' intervals, as distances from the identity, `(..., layers)`.

    Returns:
        The range, `(...)`, at least 0.

    Example:
        >>> one = equivalent_reach(np.array([1.0]), np.array([-60.0]), np.array([60.0]))
        >>> two = equivalent_reach(np.ones(2), np.array([-42.43, -42.43]), np.array([42.43, 42.43]))
        >>> round(float(one), 1), round(float(two), 1)
        (60.0, 60.0)
    """
    means = weights * (lows + highs) / 2
    seconds = weights * (lows**2 + lows * highs + highs**2) / 3
    total = (seconds - means**2).sum(axis=-1) + means.sum(axis=-1) ** 2
    return np.asarray(np.sqrt(3 * total))


def learned_range(rows: Rows, transform: str, parameter: str, *, identity: float = 0.0) -> float:
    """`equivalent_reach` of one parameter under a policy; 0 if no layer holds the transform.

    Args:
        rows: a policy.
        transform, parameter: which one.
        identity: the value that changes nothing.
    """
    layers = _layers(rows, transform, parameter)
    weights, lows, highs = (np.array([getattr(layer, name) for layer in layers]) for name in ("weight", "low", "high"))
    return float(equivalent_reach(weights, lows - identity, highs - identity))


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
