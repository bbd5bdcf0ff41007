"""A demo small enough for tests: short signals, invariant to an offset. Used by test_demo.py and test_report.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from augrad import Range, Transform, batch, register
from augrad.demo import Demo, DemoData
from augrad.displacement import displacement

LENGTH = 6
SHORT = {"length": LENGTH}
"""What `Damp` is constructed with."""


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

    def __init__(self, *, length: int, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.n_features = length
        self.feature_names = tuple("abcdefghij"[:length])

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
    """44 signals that rise or fall, at random levels; 24 of them to learn from, enough for evidence."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(44) % 2
    slope = torch.where(y == 0, 1.0, -1.0)[:, None] * torch.linspace(-1, 1, LENGTH)
    x = slope + 2 * torch.rand(44, 1, generator=generator) - 1
    return DemoData(x[:24], y[:24], x[24:34], y[24:34], x[34:], y[34:])


def load_numbers(seed: int) -> DemoData:
    """The same signals, with their slope as a number."""
    data = load(seed)
    return DemoData(data.train_x, data.train_y.float()[:, None], data.test_x, data.test_y.float()[:, None])


@dataclass(frozen=True)
class Pair:
    """A batch that is no tensor: signals in two halves."""

    left: Tensor
    right: Tensor


batch.count.register(Pair, lambda x: len(x.left))
batch.repeat.register(Pair, lambda x, n_copies: Pair(x.left.repeat(n_copies, 1), x.right.repeat(n_copies, 1)))
batch.select.register(Pair, lambda x, index: Pair(x.left[index], x.right[index]))
batch.device.register(Pair, lambda x: x.left.device)
batch.detach.register(Pair, lambda x: Pair(x.left.detach(), x.right.detach()))
batch.fingerprint.register(Pair, lambda x: batch.fingerprint(joined(x)))
batch.distance.register(Pair, lambda x, y: batch.distance(joined(x), joined(y)))
displacement.register(Pair, lambda before, after: displacement(joined(before), joined(after)))


@batch.mix.register
def _(first: Pair, *rest: Pair, weights: Tensor) -> Pair:
    parts = (first, *rest)
    left, right = ([getattr(part, half) for part in parts] for half in ("left", "right"))
    return Pair(batch.mix(*left, weights=weights), batch.mix(*right, weights=weights))


@batch.concatenate.register
def _(first: Pair, *rest: Pair) -> Pair:
    return Pair(*(torch.cat([getattr(part, half) for part in (first, *rest)]) for half in ("left", "right")))


def joined(x: Pair) -> Tensor:
    return torch.cat([x.left, x.right], dim=1)


@register
class Swell(Transform):
    """Adds a constant to both halves."""

    modality = "demo_test"
    assumes = "the level of the signal carries no information about the target"
    level = Range(2.0, unit="V", signed=True)

    def validate(self, x: Any) -> None:
        batch.count(x)

    def forward(self, x: Pair, *, level: Tensor) -> Pair:
        return Pair(x.left + level[:, None], x.right + level[:, None])


def load_pairs(seed: int) -> DemoData:
    """The signals as pairs."""
    data, half = load(seed), LENGTH // 2
    train, test = (Pair(x[:, :half], x[:, half:]) for x in (data.train_x, data.test_x))
    return DemoData(train, data.train_y, test, data.test_y)


class PairTrunk(nn.Module):
    """Reads both halves."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(LENGTH, 2)

    def forward(self, x: Pair) -> Tensor:
        return self.head(joined(x))


def pair_demo(**changed: Any) -> Demo:
    """A demo whose batches are no tensors."""
    fields: dict[str, Any] = {
        "name": "pair",
        "load": load_pairs,
        "trunk": PairTrunk,
        "transforms": ("demo_test.swell",),
        "oracle": {"demo_test.swell": {"level": 1.0}},
        "arguments": {},
    }
    return tiny_demo(**{**fields, **changed})


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
        "arguments": SHORT,
        "epochs": 2,
        "batch_size": 8,
        "n_layers": 2,
        "copies": 2,
        "seeds": (0, 1),
    }
    return Demo(**{**fields, **changed})
