"""Transforms and modules that the tests of policies, documents and saved models share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor, nn

from augrad import AugmentationLayer, AugmentationModule, Range, Transform, register
from augrad.layers.strength import Strength


@register
class Level(Transform):
    """Adds an offset, and a slope along the last axis."""

    modality = "case"
    level = Range(2.0, unit="V", signed=True)
    slope = Range(0.1, signed=True)

    def forward(self, x: Tensor, *, level: Tensor, slope: Tensor) -> Tensor:
        return x + level[:, None] + slope[:, None] * torch.arange(x.shape[1], device=x.device)


@register
class LowPass(Transform):
    """Its neutral end is the upper one."""

    modality = "case"
    cutoff_hz = Range(4000.0, low=100.0, unit="Hz", identity=4000.0)

    def forward(self, x: Tensor, *, cutoff_hz: Tensor) -> Tensor:
        return x * (cutoff_hz / 4000.0)[:, None]


@register
class Negate(Transform):
    """Has no parameter."""

    modality = "case"

    def forward(self, x: Tensor) -> Tensor:
        return -x


@register
class Jitter(Transform):
    """Learned per column, with statistics fitted to a table."""

    modality = "case"
    std = Range(1.0, per="feature", unit="sd")
    scale: Tensor | None
    seen: Tensor

    def __init__(
        self, n_features: int = 3, mode: str = "plain", names: list[str] | None = None, **ranges: float | Range
    ) -> None:
        super().__init__(**ranges)
        self.n_features = n_features
        self.mode = mode
        self.feature_names = tuple(names) if names else None
        self.register_buffer("scale", None)
        self.register_buffer("seen", torch.tensor(0))

    def fit(self, table: Tensor) -> Jitter:
        self.scale = table.std(dim=0)
        self.seen = torch.tensor(len(table))
        return self

    def draw_noise(self, x: Tensor, generator: Generator | None) -> Tensor:
        return torch.randn(x.shape, generator=generator, dtype=x.dtype)

    def forward(self, x: Tensor, *, std: Tensor, noise: Tensor) -> Tensor:
        scale = torch.ones(self.n_features) if self.scale is None else self.scale
        return x + std * scale.to(x.dtype) * noise


@register
class Tilt(Transform):
    """Keeps a parameter of its own, in a child module."""

    modality = "case"

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.inner.weight[0, 0]


class ByLevel(Strength):
    """A magnitude per sample that follows its mean; a test registers it."""

    def __init__(self, magnitudes: Tensor, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor
        self.slope = nn.Parameter(torch.zeros_like(magnitudes))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.factor * x.mean(1, keepdim=True) * (1 + self.slope))

    @property
    def config(self) -> dict[str, Any]:
        return {"factor": self.factor}


def example_module(
    *, fitted: bool = True, selection: str = "straight_through", distribution: str = "uniform"
) -> AugmentationModule:
    """Two layers with every kind of transform, set to odd numbers and to both exact ends."""
    jitter = Jitter(3, mode="robust", std=0.7)
    if fitted:
        jitter.fit(torch.tensor([[1.0, 2.0, 1e-30], [3.0, 5.0, 0.0], [4.0, float("inf"), 7.0]]))
    first = AugmentationLayer(
        [Level(level=1.5), LowPass, Negate, jitter], temperature=0.3, selection=selection, distribution=distribution
    )
    second = AugmentationLayer([Negate(), Level()], magnitude={"case.level": 0.0}, weights=[0.0, 1.0])
    with torch.no_grad():
        first.raw_weights.copy_(torch.tensor([0.1, -1.2, 0.33333, 2.0]))
        first.strength.raw_magnitudes.copy_(torch.tensor([0.7, -30.0, 3.3, -0.1, float("inf"), float("-inf")]))
    return AugmentationModule([first, second])
