"""The position of a run, as JSON in its checkpoints, and sums that live on the device.

Used by loop.py, measures.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from augrad.learning.stage import Row
from augrad.training.optimizer_codec import decode, encode


@dataclass
class RunState:
    """Where a run stands.

    Attributes:
        epoch: epochs completed.
        step: updates made.
        batches: batches of the current epoch that went into them.
        seconds: spent on the current epoch before the checkpoint.
        history: a row per completed epoch.
        totals: sums over the current epoch, as lists.
        metrics: state of the metrics that are not sums, for the current epoch and each process, see `Measures.states`.
            A checkpoint holds their tensors in a file of their own.
        stopped: why the run is over, or None.
    """

    epoch: int = 0
    step: int = 0
    batches: int = 0
    seconds: float = 0.0
    history: list[Row] = field(default_factory=list)
    totals: dict[str, list[float]] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    stopped: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The state as JSON can hold it, without `metrics`."""
        return {name: encode(value, name) for name, value in vars(self).items() if name != "metrics"}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunState:
        """Inverse of `to_json`."""
        return cls(**{name: decode(value) for name, value in content.items()})


class Totals:
    """Named vectors that are summed on the device, without waiting for it.

    Args:
        device: where they live.
        start: sums from before a resume.
    """

    def __init__(self, device: torch.device, start: Mapping[str, list[float]] | None = None) -> None:
        # Counts and sums over an epoch outgrow the 24 bits of float32; Apple's devices have nothing wider.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        given = (start or {}).items()
        self._sums = {name: torch.tensor(sums, dtype=self._dtype, device=device) for name, sums in given}

    def add(self, name: str, sums: Tensor) -> None:
        """Adds a vector to those of its name."""
        sums = sums.detach().to(self._dtype)
        self._sums[name] = self._sums[name] + sums if name in self._sums else sums

    def peek(self, name: str) -> list[float]:
        """One of the vectors; waits for the device."""
        return [float(entry) for entry in self._sums[name].tolist()]

    def read(self, accelerator: Any = None) -> dict[str, list[float]]:
        """All of them; waits for the device, and with an accelerator adds up those of all processes."""
        if accelerator is not None and accelerator.num_processes > 1:
            summed = {name: accelerator.reduce(self._sums[name], "sum") for name in sorted(self._sums)}
            return {name: [float(entry) for entry in summed[name].tolist()] for name in self._sums}
        return {name: self.peek(name) for name in self._sums}
