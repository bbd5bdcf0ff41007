"""Proposals of a search: its length, the transforms that it drops, and the policies that it proposes.

Changes modules in place. Used by plan.py, in which judges confirm one of the proposals (confirmation.py).
"""

from __future__ import annotations

import math
from collections.abc import Collection

from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.learning.resting import rest

SEARCH_STEPS = 600
"""Updates of the augmentation in a search; fewer where the whole training has fewer."""

LEAST_SHARE = 0.8
"""A transform with a weight below this share of the average weight is pruned, since even rare harm is harm."""

SLIGHT_SHARE = 0.3
"""A transform whose weight is at least this share of the average weight is also tried on its own, because a stronger
transform may have suppressed it."""


def search_epochs(max_epochs: int, n_steps: int | None) -> int:
    """The number of epochs of a search: about `SEARCH_STEPS` updates, and no more epochs than the training has.

    Args:
        max_epochs: epochs for which the judges have learned.
        n_steps: updates per epoch; None if that is not known.

    Example:
        >>> search_epochs(100, 20), search_epochs(10, 20)
        (30, 10)
    """
    return max_epochs if n_steps is None else min(max_epochs, math.ceil(SEARCH_STEPS / n_steps))


def prune(module: AugmentationModule, least: float = LEAST_SHARE) -> None:
    """Removes from each layer the transforms with little weight: the search did not want them.

    Args:
        module: changed in place; the other weights keep their proportions.
        least: the lowest weight that stays, as a share of the average weight, in [0, 1].
    """
    for layer in module:
        layer.set_weights(_drawn(layer, least))


def drawn(module: AugmentationModule, least: float = LEAST_SHARE) -> tuple[str, ...]:
    """The transforms that some layer draws often enough, in order of the layers; `least` as for `prune`."""
    return tuple(dict.fromkeys(name for layer in module for name in _drawn(layer, least)))


def proposals(module: AugmentationModule) -> list[tuple[str, ...]]:
    """Lists the policies to try, by the transforms that stay: those that `prune` leaves, each alone, and none.

    A transform is tried alone if its weight is at least `SLIGHT_SHARE` of the average, whether or not it is pruned.

    A policy is left out if it would leave a layer without any transform and the layer cannot rest: none of its
    transforms has a parameter that could be brought to its identity.

    Args:
        module: after a search; unchanged.

    Returns:
        Names for `retain`, the whole policy first.
    """
    alone = ((name,) for name in drawn(module, SLIGHT_SHARE))
    wanted = dict.fromkeys([drawn(module), *alone, ()])
    return [names for names in wanted if all(layer.can_rest or kept for layer, kept in _kept(module, names))]


def retain(module: AugmentationModule, names: Collection[str]) -> None:
    """Removes all other transforms from each layer; a layer without any of these rests and leaves samples alone.

    A layer that rests draws transforms whose magnitudes are 0, at which a transform is the identity.

    Args:
        module: in place. Each transform stays in the layers that `prune` would leave it in, if there are any; the
            weights that are left keep their proportions.
        names: names of the transforms that stay, an entry of `proposals`.
    """
    for layer, kept in _kept(module, names):
        if kept:
            layer.set_weights(kept)
        else:
            rest(layer, spared=names)


def _kept(module: AugmentationModule, names: Collection[str]) -> list[tuple[AugmentationLayer, dict[str, float]]]:
    """The layers, each with the weights of the transforms that stay in it."""
    often = set(drawn(module))
    found = []
    for layer in module:
        weights = {name: weight for name, weight in _drawn(layer, SLIGHT_SHARE).items() if name not in often}
        kept = {name: weight for name, weight in {**weights, **_drawn(layer, LEAST_SHARE)}.items() if name in names}
        found.append((layer, kept))
    return found


def _drawn(layer: AugmentationLayer, least: float) -> dict[str, float]:
    weights = zip(layer.names, layer.weights.tolist(), strict=True)
    return {name: weight for name, weight in weights if weight > 0 and weight * len(layer) >= least}
