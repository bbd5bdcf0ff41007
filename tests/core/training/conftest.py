"""A small task and a small model, which the trainer's tests train."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from augrad import AugmentationLayer, AugmentationModule, InvariantModel, Range, Transform

Parts = tuple[InvariantModel, DataLoader[Any], DataLoader[Any]]


class Offset(Transform):
    """Adds an offset to every value."""

    modality = "signal"
    offset = Range(1.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, offset: Tensor) -> Tensor:
        return x + offset.reshape(-1, *[1] * (x.ndim - 1))


class Gain(Transform):
    """Multiplies every value."""

    modality = "signal"
    gain = Range(0.5, signed=True)

    def forward(self, x: Tensor, *, gain: Tensor) -> Tensor:
        return x * (1 + gain.reshape(-1, *[1] * (x.ndim - 1)))


def small_model(trunk: nn.Module | None = None, **options: Any) -> InvariantModel:
    """A model that has all that a resume must keep: dropout, running statistics, weights, magnitudes."""
    torch.manual_seed(0)
    if trunk is None:
        trunk = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
    module = AugmentationModule([AugmentationLayer([Offset, Gain])])
    return InvariantModel(trunk, module, **{"copies": 2, **options})


def small_data(n_samples: int = 22) -> TensorDataset:
    """Three classes, told apart by the signs of two of four values."""
    x = torch.randn(n_samples, 4, generator=torch.Generator().manual_seed(1))
    return TensorDataset(x, (x[:, 0] > x[:, 1]).long() + (x[:, 2] > x[:, 3]).long())


@pytest.fixture
def make_model() -> Callable[..., InvariantModel]:
    return small_model


@pytest.fixture
def make_loader() -> Callable[..., DataLoader[Any]]:
    def make(**options: Any) -> DataLoader[Any]:
        return DataLoader(small_data(), **{"batch_size": 4, "shuffle": True, **options})

    return make


@pytest.fixture
def make_parts(make_loader: Callable[..., DataLoader[Any]]) -> Callable[[], Parts]:
    """A fresh model and its two loaders."""

    def make() -> Parts:
        return small_model(), make_loader(), make_loader(shuffle=False)

    return make


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switches the annotations' enforcement off, to see what a user sees who passes a wrong type."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
