"""Samples and models of which the truth is known: what they ignore, what changes their labels, and for what share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from augrad import Range, Transform, keyed_generator

WIDTH = 8


class Lift(Transform):
    """Adds an offset to the first half of a sample, which holds its nuisance; the second half says what it is."""

    modality = "audited"
    assumes = "the level of the first half carries no information about the target"
    level = Range(4.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, level: Tensor) -> Tensor:
        nuisance = (torch.arange(x.shape[1], device=x.device) < x.shape[1] // 2).to(x)
        return x + level[:, None] * nuisance

    def invert(self, y: Tensor, *, level: Tensor) -> Tensor:
        return self.forward(y, level=-level)


class Negate(Transform):
    """Turns the signs of a sample over, and with them its class."""

    modality = "audited"
    assumes = "the sign carries no information about the target"

    def forward(self, x: Tensor) -> Tensor:
        return -x


class Fade(Transform):
    """Shrinks a sample."""

    modality = "audited"
    loss = Range(1.0)

    def forward(self, x: Tensor, *, loss: Tensor) -> Tensor:
        return x * (1 - loss[:, None])


def samples(n_samples: int, key: str | int = "samples") -> tuple[Tensor, Tensor]:
    """Two classes that differ by the sign of their second half; the level of the first half is a nuisance."""
    generator = keyed_generator("audited", key)
    target = torch.randint(2, (n_samples,), generator=generator)
    x = 0.2 * torch.randn(n_samples, WIDTH, generator=generator)
    x[:, : WIDTH // 2] += 3 * (2 * torch.rand(n_samples, 1, generator=generator) - 1)
    x[:, WIDTH // 2 :] += (2 * target - 1)[:, None]
    return x, target


def loader(n_samples: int, key: str | int = "samples", batch_size: int = 64) -> list[tuple[Tensor, Tensor]]:
    x, target = samples(n_samples, key)
    return list(zip(x.split(batch_size), target.split(batch_size), strict=True))


class Reads(nn.Module):
    """Reads the second half, which says what a sample is, and the first as far as it is told to.

    Args:
        nuisance: for how large a share of the samples, told apart by their last value, the first half decides instead.
    """

    def __init__(self, nuisance: float = 0.0) -> None:
        super().__init__()
        self.nuisance = nuisance

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        # The fourth digit of the last value is uniform, and no transform of the first half moves it.
        drawn = (x[:, -1] * 1e3).remainder(1.0)
        misled = drawn < self.nuisance
        score = torch.where(misled, x[:, :half].mean(dim=1), x[:, half:-1].mean(dim=1))
        return torch.stack([-score, score], dim=1)
