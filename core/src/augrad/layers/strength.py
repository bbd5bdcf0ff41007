"""Strength: what decides how strong. One learned magnitude per parameter; other rules subclass `Strength`.

Used by layer.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augrad import batch
from augrad.layers.constraints import from_unit, to_unit


class Strength(nn.Module, ABC):
    """Maps a batch to one magnitude in [0, 1] per sample and parameter (DESIGN: the strength seam)."""

    @abstractmethod
    def forward(self, x: Any) -> Float[Tensor, "batch parameters"]:
        """Magnitudes for each sample of the batch."""

    @property
    @abstractmethod
    def magnitudes(self) -> Float[Tensor, " parameters"]:
        """One differentiable magnitude per parameter, for penalties, policies and logs."""

    @abstractmethod
    def set(self, magnitudes: Float[Tensor, " parameters"]) -> None:
        """Sets the magnitudes; raises `MagnitudeError` outside [0, 1]."""


class GlobalStrength(Strength):
    """One learned magnitude per parameter, the same for all samples (AugNet, section 3.1).

    Args:
        magnitudes: where to start, each in [0, 1]; exactly 0 or 1 stays there.

    Raises:
        MagnitudeError: a magnitude is outside [0, 1].

    Example:
        >>> strength = GlobalStrength(torch.tensor([0.25, 0.5]))
        >>> strength(torch.zeros(3, 1)).shape
        torch.Size([3, 2])
    """

    def __init__(self, magnitudes: Float[Tensor, " parameters"]) -> None:
        super().__init__()
        self.raw_magnitudes = nn.Parameter(from_unit(magnitudes))

    def forward(self, x: Any) -> Float[Tensor, "batch parameters"]:
        return self.magnitudes.expand(batch.count(x), -1)

    @property
    def magnitudes(self) -> Float[Tensor, " parameters"]:
        return to_unit(self.raw_magnitudes)

    def set(self, magnitudes: Float[Tensor, " parameters"]) -> None:
        raw = from_unit(magnitudes.to(self.raw_magnitudes))
        with torch.no_grad():
            self.raw_magnitudes.copy_(raw)

    def extra_repr(self) -> str:
        return f"n_parameters={self.raw_magnitudes.numel()}"
