"""A small task, model and Trainer for the tests of augrad.lightning, and what Lightning warns about in any case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor, nn

from augrad import AugmentationLayer, InvariantModel, Range, Transform

WARNINGS = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
    pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no `val_dataloader`"),
]
"""Its own use of torch, and the validation that a test leaves out."""

Pair = tuple[Tensor, Tensor]


class Loader:
    """Batches as they are. Lightning takes a list for a list of loaders, and advises on every DataLoader."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class Offset(Transform):
    """Adds an offset."""

    modality = "signal"
    offset = Range(1.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, offset: Tensor) -> Tensor:
        return x + offset[:, None]


class Gain(Transform):
    """Multiplies."""

    modality = "signal"
    gain = Range(0.5, signed=True)

    def forward(self, x: Tensor, *, gain: Tensor) -> Tensor:
        return x * (1 + gain[:, None])


def small_model(*, dropout: float = 0.2, **options: Any) -> InvariantModel:
    """A model with dropout and running statistics, always with the same weights."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 3))
    return InvariantModel(trunk, AugmentationLayer([Offset, Gain]), **{"copies": 2, **options})


def pairs(n_batches: int = 4, seed: int = 1) -> list[Pair]:
    """Batches of a small task with three classes."""
    x = torch.randn(n_batches, 5, 4, generator=torch.Generator().manual_seed(seed))
    return [(batch, (batch[:, 0] > batch[:, 1]).long() + (batch[:, 2] > 0).long()) for batch in x]


def loader(n_batches: int = 4, seed: int = 1) -> Loader:
    """`pairs` as a Trainer takes them."""
    return Loader(pairs(n_batches, seed))


def quiet(**options: Any) -> Trainer:
    """A Trainer on the CPU that writes nothing, unless it is told where."""
    silent = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    kept = {"enable_checkpointing": any(isinstance(c, ModelCheckpoint) for c in options.get("callbacks", ()))}
    return Trainer(**{"max_epochs": 2, "accelerator": "cpu", **silent, **kept, **options})


def same(model: nn.Module, other: nn.Module) -> bool:
    """Whether two modules have the same weights to the bit."""
    weights, others = model.state_dict(), other.state_dict()
    assert weights.keys() == others.keys()
    return all(torch.equal(weights[name], others[name]) for name in weights)


class Moved(Callback):
    """By how much the augmentation moved each batch."""

    def __init__(self) -> None:
        self.moved: list[Tensor] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        state = pl_module.model.augmentation.state()
        self.moved.append((state.after - state.before).detach())
