"""Published ways to augment, by name: a ready module and penalty each. Uses module.py, penalties.py, unchanged.py.

`augnet` and `augerino` learn; `randaugment` and `trivialaugment` are fixed. Defaults are the authors' where there are
any; what is ours is said to be. The transforms and their ranges are always the caller's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augrad.layers.construction import Entry, resolve_transforms
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.layers.selection import Selection
from augrad.learning.penalties import AugerinoPenalty, MagnitudePenalty, Penalty
from augrad.options import count
from augrad.transform.transform import Transform
from augrad.transform.unchanged import Unchanged


@dataclass(frozen=True, eq=False)
class Preset:
    """A published way to augment, ready for `InvariantModel` and `fit`. Unpacks as `module, penalty`.

    Attributes:
        name: of the function that made it.
        module: the augmentation; fixed ones require no gradient.
        penalty: what to add to the loss; None where nothing is learned.
        citation: the paper.
        copies: augmented copies that the authors average a prediction over, for `InvariantModel(copies=...)`; None
            where they predict the sample as it is, which is `model.trunk(x)`.
        augmentation_lr_factor: the augmentation's learning rate as a multiple of the trunk's, for
            `fit(augmentation_lr=...)`, whose own default is 10; None where nothing is learned.
    """

    name: str
    module: AugmentationModule
    penalty: Penalty | None
    citation: str
    copies: int | None = None
    augmentation_lr_factor: float | None = None

    def __iter__(self) -> Iterator[Any]:
        """The module, then the penalty."""
        return iter((self.module, self.penalty))


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
    """AugNet as published: layers that mix all candidates, magnitudes and weights learned, the magnitude penalty.

    The defaults are those of the authors' CIFAR-10 experiment: 3 layers, strength 0.5 (which they divide by 10 after
    epoch 40 of 300), temperature 0.01, magnitudes from 0.5, one learning rate for all, 20 copies. Their rotated sprites
    have 1 layer, magnitudes from 1/8 and 1 copy; their sinusoids 1 layer, strengths 0.2 or 0.8, and 4 or 10 copies.
    Their magnitudes are clamped to [0, 1], ours a sigmoid; in their eval mode a batch shares one draw of a transform,
    here each sample has its own.

    Args:
        transforms: names, classes or instances, the candidates of every layer; instances are copied.
        arguments: what names and classes are constructed with, see `AugmentationLayer`.
        n_layers: how many layers are stacked, at least 1.
        strength: of the penalty, finite and at least 0.
        selection: `"mixture"`, the paper's; `"straight_through"` costs less.
        temperature: of the softmax over the weights, above 0.
        magnitude: where magnitudes start, in (0, 1); one for all, or one per transform by name.

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
    """Augerino: every transform is applied to every sample, one after the other, within learned uniform ranges.

    Each transform has a layer of its own. Augerino learns coefficients of the six generators of affine maps, from
    widths of 0.69 (0.35 radians to either side: 0.11 of a rotation within 180 degrees) without an upper bound, with one
    learning rate for all and 4 copies. Its code's strengths are 0.01, 0.1 (rotated MNIST) and 0.05 (in AugNet's
    comparison); they count those widths, which ranges declared here do not match, so strength and start are ours.

    A transform without parameters has no range that Augerino could learn. Here it shares its layer with `Unchanged`,
    and their weights are learned; the penalty does not see them.

    Args:
        transforms: names, classes or instances, in the order of application; instances are copied.
        arguments: what names and classes are constructed with, see `AugmentationLayer`.
        strength: of the penalty, finite and at least 0.
        magnitude: where magnitudes start, in (0, 1); one for all, or one per transform by name.

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
        # The weight of one alone is 1, whatever its parameter.
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
    """RandAugment: `n_layers` transforms drawn uniformly, each exactly at one shared magnitude, its sign random.

    The identity is one of the operations. Nothing is learned: the paper searches `n_layers` (1 to 3) and `magnitude`
    for each task, and has no default. 2 and 0.3 (9 on a scale to 30) are torchvision's; the ranges are the caller's.

    Args:
        transforms: names, classes or instances; `Unchanged` is added. Instances are copied.
        arguments: what names and classes are constructed with, see `AugmentationLayer`.
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
    """TrivialAugment: one transform per sample, drawn uniformly, as far within its whole range as a uniform draw says.

    The identity is one of the operations. There is nothing to set and nothing is learned; the ranges are the caller's.

    Args:
        transforms: names, classes or instances; `Unchanged` is added. Instances are copied.
        arguments: what names and classes are constructed with, see `AugmentationLayer`.

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
    """Per transform, what its own layer takes as `magnitude`."""
    # One layer of all says what is wrong with a mapping of all.
    AugmentationLayer(transforms, magnitude=magnitude)
    if not isinstance(magnitude, Mapping):
        return {each.name: magnitude for each in transforms}
    return {each.name: {each.name: magnitude[each.name]} if each.ranges else {} for each in transforms}


def _with_identity(transforms: list[Transform]) -> list[Transform]:
    return transforms if any(isinstance(each, Unchanged) for each in transforms) else [Unchanged(), *transforms]
