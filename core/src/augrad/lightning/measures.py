"""What a `JointModule` logs: sums over an epoch and all processes, and what has been learned so far.

Uses training/progress.py, training/metrics.py; used by joint_module.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.batch import count
from augrad.displacement import displacement
from augrad.layers.module import ModuleState
from augrad.model import InvariantModel
from augrad.training.metrics import Metric, ratio, weighted
from augrad.training.progress import Totals

SHARED = ("penalty", "displacement")
"""Measured in training only, so that their names need no `train_`; as in the history of `fit`."""


class Processes:
    """The processes of a Trainer, in the terms in which `Totals` adds its sums up over them.

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


class Measures:
    """Sums over the batches of an epoch, kept on the device, and their values.

    Args:
        metrics: by name.
        device: where the sums live.
    """

    def __init__(self, metrics: Mapping[str, Metric], device: torch.device) -> None:
        self._metrics = metrics
        self._totals = Totals(device)

    def add(self, output: Tensor, target: Any, **means: Tensor) -> None:
        """Counts a batch: its metrics, and numbers that are means over its samples."""
        for name, value in means.items():
            self._totals.add(name, weighted(value, count(output)))
        for name, metric in self._metrics.items():
            self._totals.add(name, metric.sums(output, target))

    def values(self, prefix: str, processes: Processes) -> dict[str, float]:
        """The values over all batches of all processes, named as in the history of `fit`; waits for the device."""
        sums = self._totals.read(processes)
        values = {name: self._metrics[name].value if name in self._metrics else ratio for name in sums}
        return {name if name in SHARED else f"{prefix}_{name}": value(sums[name]) for name, value in values.items()}


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
