"""Reads a policy: how often a parameter is drawn, how far it reaches, and how its values spread. Used by results.py."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from augrad.policies.policy import PolicyRow

Rows = Iterable[PolicyRow]


@dataclass(frozen=True)
class Reach:
    """The learned range of a parameter, over all layers.

    Attributes:
        transform, parameter, unit: the parameter; `parameter` is None for a transform without parameters.
        share: probability that a layer draws the transform, averaged over layers, in [0, 1].
        low, high: ends of the physical range, averaged over layers by selection weight, so that layers without the
            transform do not count. If the parameter has entries, they are also averaged over the entries. None without
            a parameter, or if no layer holds the transform.
        entries: for a parameter that is learned for each entry of an axis, the range of each entry by its label; else
            empty.
    """

    transform: str
    parameter: str | None
    unit: str
    share: float
    low: float | None
    high: float | None
    entries: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def reach(rows: Rows, transform: str, parameter: str | None) -> Reach:
    """Returns the learned reach of a parameter.

    Args:
        rows: a policy.
        transform: name of the transform.
        parameter: name of the parameter, without an entry.

    Example:
        >>> from augrad.policies.policy import PolicyRow
        >>> rows = [PolicyRow(0, "vision.rotate", "angle", 0.9, 0.3, -54.0, 54.0, "deg"),
        ...         PolicyRow(1, "vision.rotate", "angle", 0.1, 0.1, -18.0, 18.0, "deg")]
        >>> found = reach(rows, "vision.rotate", "angle")
        >>> round(found.share, 6), round(found.high, 6)
        (0.5, 50.4)
    """
    rows = list(rows)
    by_entry = _layers(rows, transform, parameter)
    weights = [layer.weight for layer in next(iter(by_entry.values()), [])]
    share = sum(weights) / max(1, len({row.layer for row in rows}))
    if parameter is None or not weights:
        return Reach(transform, parameter, "", share, None, None)
    parts = [weight / sum(weights) if sum(weights) else 1.0 / len(weights) for weight in weights]
    ends = {
        entry: (_dot(parts, [layer.low for layer in layers]), _dot(parts, [layer.high for layer in layers]))
        for entry, layers in by_entry.items()
    }
    low, high = (statistics.fmean(each) for each in zip(*ends.values(), strict=True))
    unit = next(row.unit for row in rows if row.transform == transform and split_label(row.parameter)[0] == parameter)
    return Reach(transform, parameter, unit, share, low, high, {} if ends.keys() == {""} else ends)


def reaches(rows: Rows) -> list[Reach]:
    """Returns the learned reach of every parameter of a policy, in the policy's order."""
    rows = list(rows)
    keys = dict.fromkeys((row.transform, split_label(row.parameter)[0]) for row in rows)
    return [reach(rows, transform, parameter) for transform, parameter in keys]


def share_of_samples(rows: Rows, transform: str) -> float:
    """Returns the probability that at least one layer draws the transform without resting, in [0, 1].

    Example:
        >>> from augrad.policies.policy import PolicyRow
        >>> rows = [PolicyRow(layer, "vision.flip", None, 0.5, None, None, None, "") for layer in (0, 1)]
        >>> share_of_samples(rows, "vision.flip")
        0.75
    """
    weights = {row.layer: row.weight for row in rows if row.transform == transform and not row.rests}
    return 1.0 - math.prod(1.0 - weight for weight in weights.values())


def equivalent_reach(weights: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """Returns the learned range of a parameter over all layers: the range of the uniform draw with the same spread.

    A sample gets the sum of the draws of all layers. Layer `l` draws uniformly in `[low_l, high_l]` with probability
    `weight_l`, else nothing. Let `S` be this sum. A uniform draw in `[-r, r]`, or `[0, r]`, has the same `E[S^2]` for
    `r = sqrt(3 E[S^2])`. For example, two layers with a range of 42 degrees, always drawn, spread as much as a single
    layer with a range of 60 degrees.

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


def learned_ranges(rows: Rows, transform: str, parameter: str, *, identity: float = 0.0) -> dict[str, float]:
    """Returns `equivalent_reach` of a parameter under a policy, by axis entry; `""` is a parameter without entries.

    The result is empty if no layer holds the transform.

    Args:
        rows: a policy.
        transform, parameter: the parameter.
        identity: the value that changes nothing.
    """
    found = {}
    for entry, layers in _layers(rows, transform, parameter).items():
        weights, lows, highs = (np.array([getattr(each, name) for each in layers]) for name in _Layer.__annotations__)
        found[entry] = float(equivalent_reach(weights, lows - identity, highs - identity))
    return found


def drawn_totals(
    rows: Rows, transform: str, parameter: str, *, identity: float = 0.0, n_draws: int = 50_000, seed: int = 0
) -> np.ndarray:
    """Draws a parameter as samples get it: the sum over all layers that happened to draw the transform.

    Args:
        rows: a policy.
        transform, parameter: a parameter without entries. Its values must add up when stacked, as angles, shifts and
            gains in dB do.
        identity: the value that changes nothing.
        n_draws: number of draws.
        seed: seed of the draws.

    Returns:
        `(n_draws,)` physical values; exactly `identity` if no layer drew the transform.

    Example:
        >>> from augrad.policies.policy import PolicyRow
        >>> rows = [PolicyRow(0, "vision.rotate", "angle", 1.0, 0.5, -90.0, 90.0, "deg")]
        >>> totals = drawn_totals(rows, "vision.rotate", "angle")
        >>> bool(abs(totals).max() <= 90), abs(round(float(totals.mean()))) <= 1
        (True, True)
    """
    generator = np.random.default_rng(seed)
    totals = np.full(n_draws, identity)
    for layer in _layers(rows, transform, parameter).get("", ()):
        chosen = generator.random(n_draws) < layer.weight
        values = generator.uniform(layer.low, layer.high, n_draws)
        totals += np.where(chosen, values - identity, 0.0)
    return totals


@dataclass(frozen=True)
class _Layer:
    weight: float
    low: float
    high: float


def split_label(parameter: str | None) -> tuple[str | None, str]:
    """Splits a row's parameter into its name and the label of its entry.

    Example:
        >>> split_label("std[age]"), split_label("angle"), split_label(None)
        (('std', 'age'), ('angle', ''), (None, ''))
    """
    if parameter is None:
        return None, ""
    name, _, label = parameter.partition("[")
    return name, label.removesuffix("]")


def _layers(rows: Rows, transform: str, parameter: str | None) -> dict[str, list[_Layer]]:
    """Returns weight and interval of each layer that holds the transform, by axis entry (`""` without entries)."""
    by_entry: dict[str, list[_Layer]] = {}
    for row in rows:
        name, label = split_label(row.parameter)
        if row.transform == transform and name == parameter:
            by_entry.setdefault(label, []).append(_Layer(row.weight, row.low or 0.0, row.high or 0.0))
    return by_entry


def _dot(parts: Sequence[float], values: Sequence[float]) -> float:
    return sum(part * value for part, value in zip(parts, values, strict=True))
