"""Brings a layer to its identity, as far as it can. Used by the plans of learning rules."""

from __future__ import annotations

from collections.abc import Collection

from augrad.layers.layer import AugmentationLayer
from augrad.transform.unchanged import Unchanged


def rest(layer: AugmentationLayer, *, spared: Collection[str] = ()) -> None:
    """Lets a layer leave samples as they are: it draws transforms whose magnitudes are 0, or `Unchanged`.

    A layer of transforms without parameters cannot rest, and keeps its weights.

    Args:
        layer: changed in place.
        spared: names of transforms that are not drawn here if there are others, because they stay in another layer: a
            policy reads the range of a transform as the mean over layers.
    """
    idle = [transform.name for transform in layer if isinstance(transform, Unchanged)]
    able = idle or list(dict.fromkeys(layer.names[each.transform] for each in layer.columns))
    if not able:
        return
    chosen = [name for name in able if name not in spared] or able
    layer.set_weights(dict.fromkeys(chosen, 1.0))
    if layer.columns:
        layer.strength.set(layer.magnitudes.new_zeros(layer.magnitudes.shape))
