"""What a search before a training is: how long it takes, what it drops, and which policies it proposes.

Changes modules in place; run by training/, whose judges then confirm one of the proposals (confirmation.py).
"""

from __future__ import annotations

import math
from collections.abc import Collection

from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule

SEARCH_STEPS = 600
"""Updates of the augmentation in a search; fewer where the whole training has fewer."""

LEAST_SHARE = 0.8
"""Of an even choice: what a search leaves with a smaller weight is pruned, since even rare harm is harm."""

SLIGHT_SHARE = 0.3
"""Of an even choice: what has at least such a weight is proposed alone, lest another have crowded it out."""


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
    """Takes from each layer what it draws less often than this share of an even choice: the search did not want it.

    Args:
        module: in place; the weights that are left keep their proportions.
        least: as a share of one over the number of transforms, in [0, 1].
    """
    for layer in module:
        layer.set_weights(_drawn(layer, least))


def drawn(module: AugmentationModule, least: float = LEAST_SHARE) -> tuple[str, ...]:
    """The transforms that some layer draws at least so often, in order of the layers; `least` as for `prune`."""
    return tuple(dict.fromkeys(name for layer in module for name in _drawn(layer, least)))


def proposals(module: AugmentationModule) -> list[tuple[str, ...]]:
    """What may be made of a module: what `prune` leaves, each transform alone, and nothing; by the names that stay.

    Alone stands whatever has a weight worth mentioning (`SLIGHT_SHARE`), pruned or not.

    Left out is what would leave a layer with nothing to draw that cannot rest either: its transforms have no
    parameter that could be brought to its identity.

    Args:
        module: after a search; unchanged.

    Returns:
        Names for `retain`, the whole policy first.
    """
    alone = ((name,) for name in drawn(module, SLIGHT_SHARE))
    wanted = dict.fromkeys([drawn(module), *alone, ()])
    return [names for names in wanted if all(layer.can_rest or kept for layer, kept in _kept(module, names))]


def retain(module: AugmentationModule, names: Collection[str]) -> None:
    """Takes all other transforms from each layer; a layer that draws none of these rests: it leaves samples alone.

    A layer that rests draws transforms whose magnitudes are all 0: with these, a transform is the identity.

    Args:
        module: in place. Each transform stays in the layers that `prune` would leave it in, if there are any; the
            weights that are left keep their proportions.
        names: of the transforms that stay: one of `proposals`.
    """
    for layer, kept in _kept(module, names):
        if kept:
            layer.set_weights(kept)
        else:
            _rest(layer, names)


def _kept(module: AugmentationModule, names: Collection[str]) -> list[tuple[AugmentationLayer, dict[str, float]]]:
    """The layers, each with the weights of what stays in it."""
    often = set(drawn(module))
    found = []
    for layer in module:
        weights = {name: weight for name, weight in _drawn(layer, SLIGHT_SHARE).items() if name not in often}
        kept = {name: weight for name, weight in {**weights, **_drawn(layer, LEAST_SHARE)}.items() if name in names}
        found.append((layer, kept))
    return found


def _rest(layer: AugmentationLayer, names: Collection[str]) -> None:
    able = list(dict.fromkeys(layer.names[each.transform] for each in layer.columns))
    # What stays elsewhere is spared, so that its range is not read as the mean of what it is and nothing.
    spared = [name for name in able if name not in names] or able
    layer.set_weights(dict.fromkeys(spared, 1.0))
    layer.strength.set(layer.magnitudes.new_zeros(layer.magnitudes.shape))


def _drawn(layer: AugmentationLayer, least: float) -> dict[str, float]:
    weights = zip(layer.names, layer.weights.tolist(), strict=True)
    return {name: weight for name, weight in weights if weight > 0 and weight * len(layer) >= least}
