"""The three rules a demo compares, as models on one trunk, and how they are fed. Uses task.py; trial.py trains them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from augrad import batch
from augrad.demo.task import Demo
from augrad.draws import derived_seed
from augrad.layer import AugmentationLayer
from augrad.model import InvariantModel
from augrad.module import AugmentationModule
from augrad.transform import Transform

RULES = {
    "none": "no augmentation",
    "oracle": "oracle (told)",
    "augrad": "augrad (learned)",
}
"""Names of the rules, and what tables call them."""


class Unchanged(Transform):
    """Leaves its input as it is: lets the rule without augmentation run through the same code as the others."""

    modality = "any"
    assumes = "nothing"

    def forward(self, x: Any) -> Any:
        return x

    def validate(self, x: Any) -> None:
        """Accepts everything."""


def build_trunk(demo: Demo, seed: int) -> nn.Module:
    """The demo's untrained trunk: for one seed the same weights each time; torch's default generator is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed("demo", "trunk", seed))
        return demo.trunk()


def build_model(rule: str, demo: Demo, seed: int, *, aggregation: str = "log_prob") -> InvariantModel:
    """The untrained model of a rule.

    Args:
        rule: a key of `RULES`.
        demo: the task.
        seed: of the trunk's initial weights.
        aggregation: as for `InvariantModel`.
    """
    module = {"none": _unchanged, "oracle": _true_augmentation, "augrad": candidates}[rule](demo)
    copies = 1 if rule == "none" else demo.copies
    return InvariantModel(build_trunk(demo, seed), module, copies=copies, aggregation=aggregation)


def candidates(demo: Demo) -> AugmentationModule:
    """The demo's candidates in `n_layers` layers, as they stand before training."""
    return AugmentationModule([AugmentationLayer(list(demo.transforms)) for _ in range(demo.n_layers)])


def _unchanged(demo: Demo) -> AugmentationModule:
    return AugmentationModule([AugmentationLayer([Unchanged])]).requires_grad_(False)


def _true_augmentation(demo: Demo) -> AugmentationModule:
    # One layer for each true transform, so that all of them are applied.
    layers = []
    for transform, parameters in demo.oracle.items():
        layer = AugmentationLayer([transform])
        for parameter, value in parameters.items():
            layer.set_value(transform, parameter, value)
        layers.append(layer)
    return AugmentationModule(layers).requires_grad_(False)


def build_loader(x: Any, y: Tensor, batch_size: int, *, shuffle_seed: int | None = None) -> DataLoader[int]:
    """Batches of `(x, y)`, cut out of the whole in one go: no sample is copied on its own.

    Args:
        x: all samples, of any type that `augrad.batch` knows.
        y: their targets.
        batch_size: of all batches but the last.
        shuffle_seed: draws a new order each epoch; None keeps the order.
    """

    def cut(indices: list[int]) -> tuple[Any, Tensor]:
        index = torch.tensor(indices)
        return batch.select(x, index), y[index]

    generator = None if shuffle_seed is None else torch.Generator().manual_seed(shuffle_seed)
    indices: Any = range(batch.count(x))
    return DataLoader(
        indices, batch_size=batch_size, shuffle=shuffle_seed is not None, generator=generator, collate_fn=cut
    )
