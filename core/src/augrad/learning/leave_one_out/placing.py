"""Places the transforms of a policy in the layers of a model. Used by rule.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.layers.strength import GlobalStrength
from augrad.learning.resting import rest
from augrad.policies.policy import Policy
from augrad.transform.transform import Transform
from augrad.transform.unchanged import Unchanged


class Places:
    """The layers in which each transform of a module can stand.

    Args:
        module: the augmentation of a model.

    Attributes:
        candidates: the transforms, each once; of several with the same name, the first.
        reason: why a policy cannot be placed, as the rest of a sentence; None if it can.
    """

    def __init__(self, module: AugmentationModule) -> None:
        self._layers: dict[str, list[int]] = {}
        found: dict[str, Transform] = {}
        for index, layer in enumerate(module):
            for transform in layer:
                if isinstance(transform, Unchanged):
                    continue
                first = found.setdefault(transform.name, transform)
                if first is transform or first.config == transform.config:
                    self._layers.setdefault(transform.name, []).append(index)
        self.candidates = list(found.values())
        self.reason = _reason(module, self.candidates)

    def fit(self, names: Sequence[str]) -> bool:
        """Whether each of these transforms can have a layer of its own."""
        return self.assigned(names) is not None

    def assigned(self, names: Sequence[str]) -> dict[int, str] | None:
        """A layer for each of these transforms, by its position; None if there are too few layers.

        Example:
            >>> from augrad import Transform
            >>> class Flip(Transform):
            ...     modality = "placing_example"
            ...     def forward(self, x):
            ...         return -x
            >>> places = Places(AugmentationModule([AugmentationLayer([Flip])]))
            >>> places.assigned(["placing_example.flip"])
            {0: 'placing_example.flip'}
        """
        owner: dict[int, str] = {}
        for name in names:
            if not self._settle(name, owner, set()):
                return None
        return dict(sorted(owner.items()))

    def _settle(self, name: str, owner: dict[int, str], seen: set[int]) -> bool:
        """Finds a layer for a transform, and moves others if need be."""
        for index in self._layers.get(name, ()):
            if index in seen:
                continue
            seen.add(index)
            if index not in owner or self._settle(owner[index], owner, seen):
                owner[index] = name
                return True
        return False


def place(module: AugmentationModule, places: Places, entries: Mapping[str, Sequence[float]]) -> None:
    """Sets a module to a policy: a layer for each transform, and all other layers rest.

    Args:
        module: changed in place.
        places: of the module.
        entries: magnitudes of each transform, by name.
    """
    assigned = places.assigned(list(entries)) or {}
    for index, layer in enumerate(module):
        if index in assigned:
            _set(layer, assigned[index], entries[assigned[index]])
        else:
            rest(layer, spared=entries)


def placed_policy(module: AugmentationModule, places: Places, entries: Mapping[str, Sequence[float]]) -> Policy:
    """The policy of the layers in which transforms were placed, in the order in which they were found."""
    layers = {name: module.layers[index] for index, name in (places.assigned(list(entries)) or {}).items()}
    chosen = [layers[name].only(name) for name in entries]  # type: ignore[operator]
    return Policy.from_module(AugmentationModule(chosen or [AugmentationLayer([Unchanged])]))


def _set(layer: AugmentationLayer, name: str, magnitudes: Sequence[float]) -> None:
    layer.set_weights({name: 1.0})
    if layer.columns:
        wanted = layer.magnitudes.new_zeros(layer.magnitudes.shape)
        for columns in layer.columns:
            if layer.names[columns.transform] == name:
                own = list(magnitudes)
                wanted[columns.start : columns.stop] = wanted.new_tensor(own[: columns.stop - columns.start])
                magnitudes = own[columns.stop - columns.start :]
        layer.strength.set(wanted)


def _reason(module: AugmentationModule, candidates: Sequence[Transform]) -> str | None:
    if not candidates:
        return "there is no transform to examine"
    for index, layer in enumerate(module):
        if not any(parameter.requires_grad for parameter in layer.parameters()):
            return f"layer {index} of the augmentation does not learn"
        if not isinstance(layer.strength, GlobalStrength) or layer.preference is not None:
            return f"layer {index} has weights or magnitudes that differ between samples"
        if not layer.columns and not any(isinstance(transform, Unchanged) for transform in layer):
            return (
                f"layer {index} holds only transforms without parameters, so it cannot be switched off; add "
                "augrad.Unchanged to it"
            )
        if layer.distribution != "uniform":
            return f"layer {index} draws from the distribution {layer.distribution!r}, not 'uniform'"
    return None
