"""The four presets that augrad brings: AugNet and Augerino learn, RandAugment and TrivialAugment are fixed.

Defaults are the authors' where the authors give them; the docstrings say which defaults are ours. You choose the
transforms and their ranges. Uses preset.py, module.py, penalties.py, unchanged.py.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from augrad.layers.construction import Entry, resolve_transforms
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.layers.selection import Selection
from augrad.learning.penalties import AugerinoPenalty, MagnitudePenalty
from augrad.options import count
from augrad.presets.preset import Preset
from augrad.transform.transform import Transform
from augrad.transform.unchanged import Unchanged


def augnet(
    transforms: Sequence[Entry],
    *,
    arguments: Mapping[str, Any] | None = None,
    n_layers: int = 3,
    strength: float = 0.5,
    selection: str | Selection = "mixture",
    temperature: float = 0.01,
    magnitude: float | Mapping[str, float] = 0.5,
) -> Preset:
    """AugNet as published: layers that mix all candidates, with learned weights and magnitudes.

    The defaults are those of the authors' CIFAR-10 experiment: 3 layers, strength 0.5 (which the authors divide by 10
    after epoch 40 of 300), temperature 0.01, initial magnitudes 0.5, the same learning rate for trunk and augmentation,
    20 copies. The authors' rotated sprites have 1 layer, initial magnitudes 1/8 and 1 copy; their sinusoids 1 layer,
    strengths 0.2 or 0.8, and 4 or 10 copies.

    Two things differ from the authors' code. Its magnitudes are clamped to [0, 1]; ours are a sigmoid. In eval mode it
    draws a transform once for the whole batch; here each sample has its own draw.

    Args:
        transforms: names, classes or instances, the candidates of every layer; instances are copied.
        arguments: constructor arguments for names and classes, see `AugmentationLayer`.
        n_layers: how many layers are stacked, at least 1.
        strength: strength of the penalty, finite and at least 0.
        selection: `"mixture"`, the paper's; `"straight_through"` costs less.
        temperature: temperature of the softmax over the weights, above 0.
        magnitude: initial magnitude, in (0, 1): a number for all transforms, or a mapping from transform name.

    Raises:
        ArgumentError, LayerError, MagnitudeError, UnknownTransformError: an argument is not accepted.

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022. Code:
        github.com/cedricrommel/augnet, experiments/cifar10/run_experiments.sh.

    Example:
        >>> from augrad import Unchanged
        >>> module, penalty = augnet([Unchanged])
        >>> len(module), penalty
        (3, MagnitudePenalty(strength=0.5))
    """
    built = resolve_transforms(transforms, arguments)
    layers = [
        AugmentationLayer(copy.deepcopy(built), selection=selection, temperature=temperature, magnitude=magnitude)
        for _ in range(_checked(n_layers))
    ]
    return Preset(
        "augnet",
        AugmentationModule(layers),
        MagnitudePenalty(strength),
        "Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022",
        copies=20,
        augmentation_lr_factor=1.0,
    )


def augerino(
    transforms: Sequence[Entry],
    *,
    arguments: Mapping[str, Any] | None = None,
    strength: float = 0.05,
    magnitude: float | Mapping[str, float] = 0.1,
) -> Preset:
    """Augerino: applies every transform to every sample, each in its own layer, within learned uniform ranges.

    The authors learn coefficients of the six generators of affine maps. The coefficients start at a width of 0.69 (0.35
    radians to either side: 0.11 of a rotation within 180 degrees) and have no upper bound. Trunk and augmentation share
    a learning rate, and predictions are averaged over 4 copies. The penalty's strength is 0.01 or 0.1 (rotated MNIST)
    in the authors' code and 0.05 in AugNet's comparison. It is measured in those widths, which declared ranges do not
    match, so the default strength and the initial magnitude are ours.

    A transform without parameters has no range to learn. It shares its layer with `Unchanged`, and the weights of the
    two are learned; the penalty ignores them.

    Args:
        transforms: names, classes or instances, in the order of application; instances are copied.
        arguments: constructor arguments for names and classes, see `AugmentationLayer`.
        strength: strength of the penalty, finite and at least 0.
        magnitude: initial magnitude, in (0, 1): a number for all transforms, or a mapping from transform name.

    Raises:
        ArgumentError, LayerError, MagnitudeError, UnknownTransformError: an argument is not accepted.

    References:
        Benton, Finzi, Izmailov, Wilson: Learning invariances in neural networks from training data, NeurIPS 2020. Code:
        github.com/g-benton/learning-invariances.

    Example:
        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "preset_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> module, penalty = augerino([Offset])
        >>> module.layers[0].names, penalty
        (('preset_example.offset',), AugerinoPenalty(strength=0.05))
    """
    built = copy.deepcopy(resolve_transforms(transforms, arguments))
    starts = _starts(built, magnitude)
    layers = []
    for transform in built:
        members: list[Entry] = [transform] if transform.ranges else [transform, Unchanged]
        layer = AugmentationLayer(members, magnitude=starts[transform.name])
        # A transform that is alone in its layer has weight 1, whatever the parameter.
        layer.raw_weights.requires_grad_(len(members) > 1)
        layers.append(layer)
    return Preset(
        "augerino",
        AugmentationModule(layers),
        AugerinoPenalty(strength),
        "Benton, Finzi, Izmailov, Wilson: Learning invariances in neural networks from training data, NeurIPS 2020",
        copies=4,
        augmentation_lr_factor=1.0,
    )


def randaugment(
    transforms: Sequence[Entry],
    *,
    arguments: Mapping[str, Any] | None = None,
    n_layers: int = 2,
    magnitude: float = 0.3,
) -> Preset:
    """RandAugment: draws `n_layers` transforms uniformly and applies each at the same magnitude, with a random sign.

    The identity is among the operations. Nothing is learned. The paper has no defaults: it searches `n_layers` (1 to 3)
    and `magnitude` for each task. The defaults 2 and 0.3 (9 on a scale to 30) are torchvision's.

    Args:
        transforms: names, classes or instances; `Unchanged` is added. Instances are copied.
        arguments: constructor arguments for names and classes, see `AugmentationLayer`.
        n_layers: how many are drawn per sample, at least 1 (the paper's N).
        magnitude: fraction of each range, in [0, 1] (the paper's M).

    Raises:
        ArgumentError, LayerError, MagnitudeError, UnknownTransformError: an argument is not accepted.

    References:
        Cubuk, Zoph, Shlens, Le: RandAugment: Practical automated data augmentation with a reduced search space,
        NeurIPS 2020.

    Example:
        >>> import torch
        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "preset_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> module, penalty = randaugment([Offset], n_layers=1, magnitude=0.5)
        >>> module.layers[0].names, penalty
        (('any.unchanged', 'preset_example.offset'), None)
        >>> module(torch.zeros(100, 1)).unique().tolist()
        [-1.0, 0.0, 1.0]
    """
    members = _with_identity(resolve_transforms(transforms, arguments))
    layers = [
        AugmentationLayer(copy.deepcopy(members), magnitude=magnitude, distribution="ends")
        for _ in range(_checked(n_layers))
    ]
    return Preset(
        "randaugment",
        AugmentationModule(layers).requires_grad_(False),
        None,
        "Cubuk, Zoph, Shlens, Le: RandAugment: Practical automated data augmentation with a reduced search space, "
        "NeurIPS 2020",
    )


def trivialaugment(transforms: Sequence[Entry], *, arguments: Mapping[str, Any] | None = None) -> Preset:
    """TrivialAugment: draws a transform for each sample, and its value uniformly within the whole range.

    The identity is among the operations. There is nothing to set, and nothing is learned.

    Args:
        transforms: names, classes or instances; `Unchanged` is added. Instances are copied.
        arguments: constructor arguments for names and classes, see `AugmentationLayer`.

    Raises:
        ArgumentError, LayerError, UnknownTransformError: an argument is not accepted.

    References:
        Müller, Hutter: TrivialAugment: Tuning-free yet state-of-the-art data augmentation, ICCV 2021. Code:
        github.com/automl/trivialaugment, aug_lib.py.

    Example:
        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "preset_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> module, penalty = trivialaugment([Offset])
        >>> len(module), module.layers[0].magnitudes.tolist(), penalty
        (1, [1.0], None)
    """
    members = _with_identity(copy.deepcopy(resolve_transforms(transforms, arguments)))
    return Preset(
        "trivialaugment",
        AugmentationModule([AugmentationLayer(members, magnitude=1.0)]).requires_grad_(False),
        None,
        "Müller, Hutter: TrivialAugment: Tuning-free yet state-of-the-art data augmentation, ICCV 2021",
    )


def _checked(n_layers: int) -> int:
    return count("n_layers", n_layers)


def _starts(
    transforms: list[Transform], magnitude: float | Mapping[str, float]
) -> dict[str, float | Mapping[str, float]]:
    """The `magnitude` argument of each transform's own layer, by transform name."""
    # A layer that holds all transforms checks the whole mapping.
    AugmentationLayer(transforms, magnitude=magnitude)
    if not isinstance(magnitude, Mapping):
        return {each.name: magnitude for each in transforms}
    return {each.name: {each.name: magnitude[each.name]} if each.ranges else {} for each in transforms}


def _with_identity(transforms: list[Transform]) -> list[Transform]:
    return transforms if any(isinstance(each, Unchanged) for each in transforms) else [Unchanged(), *transforms]
