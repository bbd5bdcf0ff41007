"""The three rules of a demo, as models on the same trunk, and their data loaders.

Uses task.py; trial.py trains them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from augrad import batch
from augrad.demo.task import Demo
from augrad.layers.construction import resolve_transforms
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.model import InvariantModel
from augrad.randomness import derived_seed
from augrad.transform.transform import Transform
from augrad.transform.unchanged import Unchanged

RULES = {
    "none": "no augmentation",
    "oracle": "oracle (told)",
    "augrad": "augrad (learned)",
}
"""The rules, with their names in tables."""


def build_trunk(demo: Demo, seed: int) -> nn.Module:
    """Returns the demo's untrained trunk.

    The same seed gives the same weights. torch's default generator is restored.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed("demo", "trunk", seed))
        return demo.trunk()


def fitted_arguments(demo: Demo, train_x: Any) -> Mapping[str, Any]:
    """Returns the constructor arguments of a demo's transforms, fitted on the training batch if needed."""
    return demo.arguments(train_x) if callable(demo.arguments) else demo.arguments


def build_transforms(demo: Demo, arguments: Mapping[str, Any]) -> dict[str, Transform]:
    """Returns the candidates and the true transforms by name.

    Args:
        demo: the task.
        arguments: their constructor arguments, see `fitted_arguments`.

    Raises:
        UnknownTransformError: a transform is not registered.
        ArgumentError: no transform takes an argument, or an argument is missing.
    """
    names = list(dict.fromkeys([*demo.transforms, *demo.oracle]))
    return {built.name: built for built in resolve_transforms(names, arguments)}


def build_model(
    rule: str, demo: Demo, transforms: Mapping[str, Transform], seed: int, *, aggregation: str = "log_prob"
) -> InvariantModel:
    """Returns the untrained model of a rule.

    Args:
        rule: a key of `RULES`.
        demo: the task.
        transforms: the result of `build_transforms`.
        seed: seed of the trunk's initial weights.
        aggregation: as for `InvariantModel`.
    """
    if rule == "none":
        module = no_augmentation()
    elif rule == "oracle":
        module = true_augmentation(demo, transforms)
    else:
        module = candidates(demo, transforms)
    copies = 1 if rule == "none" else demo.copies
    return InvariantModel(build_trunk(demo, seed), module, copies=copies, aggregation=aggregation)


def candidates(demo: Demo, transforms: Mapping[str, Transform], n_layers: int | None = None) -> AugmentationModule:
    """Returns the demo's candidates in layers with the library's defaults, in their state before training.

    Args:
        demo: the task.
        transforms: the result of `build_transforms`; copied.
        n_layers: number of layers; if None, the demo's own number.
    """
    count = demo.n_layers if n_layers is None else n_layers
    return AugmentationModule(
        [AugmentationLayer([copy.deepcopy(transforms[name]) for name in demo.transforms]) for _ in range(count)]
    )


def no_augmentation() -> AugmentationModule:
    """Returns an augmentation that changes nothing, so that this rule runs through the same code as the others."""
    return AugmentationModule([AugmentationLayer([Unchanged])]).requires_grad_(False)


def true_augmentation(demo: Demo, transforms: Mapping[str, Transform]) -> AugmentationModule:
    """Returns the oracle's fixed augmentation: a layer for each true transform.

    With an empty oracle, nothing is augmented.
    """
    if not demo.oracle:
        return no_augmentation()
    layers = []
    for name, parameters in demo.oracle.items():
        layer = always(transforms[name], magnitude=0.0)
        for parameter, value in parameters.items():
            layer.set_value(name, parameter, value)
        layers.append(layer)
    return AugmentationModule(layers).requires_grad_(False)


def always(transform: Transform, *, magnitude: float) -> AugmentationLayer:
    """Returns a layer with a copy of a single transform, which every sample draws.

    Args:
        transform: the transform.
        magnitude: magnitude of all its parameters.
    """
    return AugmentationLayer([copy.deepcopy(transform)], magnitude=magnitude)


def build_loader(x: Any, y: Tensor, batch_size: int, *, shuffle_seed: int | None = None) -> DataLoader[int]:
    """Returns a loader of batches `(x, y)`. Each batch is cut in one operation, without copies of single samples.

    Args:
        x: all samples, of any type that `augrad.batch` knows.
        y: their targets.
        batch_size: size of all batches but the last.
        shuffle_seed: draws a new order in each epoch; None keeps the order.
    """

    def cut(indices: list[int]) -> tuple[Any, Tensor]:
        index = torch.tensor(indices)
        return batch.select(x, index), y[index]

    generator = None if shuffle_seed is None else torch.Generator().manual_seed(shuffle_seed)
    indices: Any = range(batch.count(x))
    return DataLoader(
        indices, batch_size=batch_size, shuffle=shuffle_seed is not None, generator=generator, collate_fn=cut
    )
