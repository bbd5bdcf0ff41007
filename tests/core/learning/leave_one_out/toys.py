"""Small tasks whose truth is known, and candidates for them, for the tests of the leave-one-out rule.

A sample is a short signal with one of two shapes. Every sample has its own level, and in some tasks its own slope.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor, nn

from augrad import Range, Transform, register

WIDTH = 8
SHAPES = torch.stack([torch.linspace(0, 6, WIDTH).sin(), torch.linspace(0, 6, WIDTH).cos()])
RAMP = torch.linspace(-1, 1, WIDTH)


class Level(Transform):
    """Adds an offset: the truth of every task here."""

    modality = "toy"
    level = Range(6.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, level: Tensor) -> Tensor:
        return x + level[:, None]


class Slope(Transform):
    """Adds a slope."""

    modality = "toy"
    slope = Range(6.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, slope: Tensor) -> Tensor:
        return x + slope[:, None] * RAMP.to(x)


class Both(Slope):
    """Adds a slope and a level, each with a magnitude of its own."""

    level = Range(6.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, slope: Tensor, level: Tensor) -> Tensor:
        return super().forward(x, slope=slope) + level[:, None]


class Noise(Transform):
    """Drowns the shape."""

    modality = "toy"
    std = Range(6.0)

    def draw_noise(self, x: Tensor, generator: Generator | None) -> Tensor:
        return torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)

    def forward(self, x: Tensor, *, std: Tensor, noise: Tensor) -> Tensor:
        return x + std[:, None] * noise


class Exchange(Transform):
    """Makes each shape the other one; it has no parameter."""

    modality = "toy"

    def forward(self, x: Tensor) -> Tensor:
        difference = (SHAPES[1] - SHAPES[0]).to(x)
        one = (x - x.mean(1, keepdim=True)) @ (difference - difference.mean()) > 0
        return x + torch.where(one, -1, 1)[:, None] * difference


class FlipFront(Transform):
    """Turns the sign of the first half; it has no parameter."""

    modality = "toy"

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([-x[:, : WIDTH // 2], x[:, WIDTH // 2 :]], dim=1)


class FlipBack(Transform):
    """Turns the sign of the second half."""

    modality = "toy"

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[:, : WIDTH // 2], -x[:, WIDTH // 2 :]], dim=1)


class Stir(Transform):
    """Puts values of other samples into a sample."""

    modality = "toy"
    mixes_samples = True
    share = Range(1.0)

    def forward(self, x: Tensor, *, share: Tensor) -> Tensor:
        return x + share[:, None] * (x.roll(1, 0) - x)


@register
class Lift(Level):
    """The level of a modality that is registered as a whole."""

    modality = "whole_toy"


@register
class Drown(Noise):
    modality = "whole_toy"


@register
class Tuned(Level):
    """Cannot be built without an argument."""

    modality = "whole_toy"

    def __init__(self, *, factor: float, **ranges: Any) -> None:
        super().__init__(**ranges)
        self.factor = factor

    def forward(self, x: Tensor, *, level: Tensor) -> Tensor:
        return x + self.factor * level[:, None]


def signals(n: int = 100, *, level: float = 4.0, slope: float = 0.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Signals of two classes, with a little noise; level and slope lie between minus and plus these numbers."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    levels, slopes = (2 * torch.rand(2, n, 1, generator=generator) - 1) * torch.tensor([[[level]], [[slope]]])
    noise = 0.3 * torch.randn(n, WIDTH, generator=generator)
    return SHAPES[y] + levels + slopes * RAMP + noise, y


def flipped(n: int = 100, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Signals without a level; each half has any sign."""
    x, y = signals(n, level=0.0, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    for flip in (FlipFront(), FlipBack()):
        x = torch.where(torch.rand(n, 1, generator=generator) < 0.5, x, flip(x))
    return x, y


def trunk(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(WIDTH, 32), nn.ReLU(), nn.Linear(32, 2))


def trained(x: Tensor, y: Tensor) -> nn.Sequential:
    """A trunk that has learned the classes."""
    inner = trunk()
    optimizer = torch.optim.Adam(inner.parameters(), 0.02)
    for _ in range(50):
        optimizer.zero_grad()
        nn.functional.cross_entropy(inner(x), y).backward()
        optimizer.step()
    return inner


def verdicts(evidence: Any) -> dict[str, str]:
    return {each.transform.partition(".")[2]: each.verdict for each in evidence.candidates}
