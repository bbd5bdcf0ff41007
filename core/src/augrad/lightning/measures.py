"""The log of a `JointModule`: names, processes, and learned values.

Used by joint_module.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.displacement import displacement
from augrad.layers.module import ModuleState
from augrad.model import InvariantModel

SHARED = ("penalty", "displacement")
"""Measured in training only, so that their names need no `train_`; as in the history of `fit`."""


class Processes:
    """The processes of a Trainer, in the terms in which `training.measures.Measures` asks for them.

    Args:
        trainer: Lightning's.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    @property
    def num_processes(self) -> int:
        """How many there are."""
        return int(self._trainer.world_size)

    def reduce(self, tensor: Tensor, reduction: str) -> Tensor:
        """The `"sum"` or `"max"` over all of them, known to each."""
        reduced: Tensor = self._trainer.strategy.reduce(tensor, reduce_op=reduction)
        return reduced


def named(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Values under the names that they have in the history of `fit`.

    Example:
        >>> named({"loss": 0.5, "penalty": -0.1}, "train")
        {'train_loss': 0.5, 'penalty': -0.1}
    """
    return {name if name in SHARED else f"{prefix}_{name}": value for name, value in values.items()}


def mean_displacement(state: ModuleState) -> dict[str, Float[Tensor, ""]]:
    """The displacement of the last training pass by name; nothing for a type of batch that it is not defined for."""
    if displacement.dispatch(type(state.before)) is displacement.dispatch(object):
        return {}
    with torch.no_grad():
        return {"displacement": state.displacement}


def learned_values(model: InvariantModel) -> dict[str, float]:
    """Weights and magnitudes by layer and transform, as loggers take them.

    Example:
        >>> from augrad import AugmentationLayer, Range, Transform
        >>> class Shift(Transform):
        ...     modality = "measures_example"
        ...     offset = Range(1.0, signed=True)
        ...     def forward(self, x, *, offset):
        ...         return x + offset[:, None]
        >>> learned_values(InvariantModel(torch.nn.Linear(4, 4), AugmentationLayer([Shift], magnitude=0.25)))
        {'layer0/weight/measures_example.shift': 1.0, 'layer0/magnitude/measures_example.shift/offset': 0.25}
    """
    values: dict[str, float] = {}
    for row in model.policy:
        values[f"layer{row.layer}/weight/{row.transform}"] = row.weight
        if row.magnitude is not None:
            values[f"layer{row.layer}/magnitude/{row.transform}/{row.parameter}"] = row.magnitude
    return values
