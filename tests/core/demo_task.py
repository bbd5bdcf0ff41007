"""A demo small enough for tests: short signals, invariant to an offset. Used by test_demo.py and test_report.py."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from augrad import Range, Transform, register
from augrad.demo import Demo, DemoData

LENGTH = 6


@register
class Offset(Transform):
    """Adds a constant."""

    modality = "demo_test"
    assumes = "the level of the signal carries no information about the target"
    level = Range(2.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, level: Tensor) -> Tensor:
        return x + level.reshape(-1, *[1] * (x.ndim - 1))


@register
class Damp(Transform):
    """Shrinks towards zero, by two parameters of which one counts per feature."""

    modality = "demo_test"
    assumes = "the size of the signal carries no information about the target"
    loss = Range(0.5)
    each = Range(0.5, per="feature")
    n_features = LENGTH

    def forward(self, x: Tensor, *, loss: Tensor, each: Tensor) -> Tensor:
        return x * (1 - loss.reshape(-1, *[1] * (x.ndim - 1))) * (1 - each)


@register
class Reverse(Transform):
    """Turns the signal round."""

    modality = "demo_test"
    assumes = "the direction of the signal carries no information about the target"

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(-1)


def load(seed: int) -> DemoData:
    """32 signals that rise or fall, at random levels."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(32) % 2
    slope = torch.where(y == 0, 1.0, -1.0)[:, None] * torch.linspace(-1, 1, LENGTH)
    x = slope + 2 * torch.rand(32, 1, generator=generator) - 1
    return DemoData(x[:16], y[:16], x[16:26], y[16:26], x[26:], y[26:])


def load_numbers(seed: int) -> DemoData:
    """The same signals, with their slope as a number."""
    data = load(seed)
    return DemoData(data.train_x, data.train_y.float()[:, None], data.test_x, data.test_y.float()[:, None])


def tiny_demo(**changed: Any) -> Demo:
    """The demo, with some fields changed."""
    fields: dict[str, Any] = {
        "name": "tiny",
        "title": "Learning <that> levels may shift",
        "description": "Signals that rise or fall.",
        "load": load,
        "trunk": lambda: nn.Linear(LENGTH, 2),
        "transforms": ("demo_test.offset", "demo_test.damp", "demo_test.reverse"),
        "oracle": {"demo_test.offset": {"level": 1.0}},
        "epochs": 2,
        "batch_size": 8,
        "n_layers": 2,
        "copies": 2,
        "seeds": (0, 1),
    }
    return Demo(**{**fields, **changed})
