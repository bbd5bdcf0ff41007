"""A small run with all that a resume must restore, as a program to be killed: `python resumable_run.py DIRECTORY`.

Run by test_resume.py, test_data_parallel.py and tests/benchmarks/bench_resume.py.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC

from augrad import AugmentationLayer, AugmentationModule, InvariantModel, Range, Transform
from augrad.training import FitResult, fit


class Offset(Transform):
    """Adds an offset to every value."""

    modality = "signal"
    offset = Range(1.0, signed=True)

    def forward(self, x: Tensor, *, offset: Tensor) -> Tensor:
        return x + offset[:, None]


class Noise(Transform):
    """Adds white noise."""

    modality = "signal"
    std = Range(1.0)

    def draw_noise(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.randn(x.shape, generator=generator, device=x.device)

    def forward(self, x: Tensor, *, std: Tensor, noise: Tensor) -> Tensor:
        return x + std[:, None] * noise


class Jittered(TensorDataset):
    """Draws from the global generator for each sample, as random crops do."""

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        x, y = super().__getitem__(index)
        return x + 0.1 * torch.randn(x.shape), y


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Of all samples."""
    return (output.argmax(dim=1) == target).float().mean()


def train(directory: Path | None, **options: Any) -> tuple[InvariantModel, FitResult]:
    """Trains, or goes on training, in `directory`."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    layers = [AugmentationLayer([Offset, Noise]), AugmentationLayer([Offset, Noise], selection="mixture")]
    model = InvariantModel(trunk, AugmentationModule(layers), copies=2)
    x = torch.randn(64, 6)
    data = Jittered(x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long())
    settings: dict[str, Any] = {
        "max_epochs": 6,
        "objective": "cross_fitted",
        "lr": 0.01,
        "scheduler": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30),
        "scheduler_interval": "step",
        "accumulation_steps": 2,
        "gradient_clip": 1.0,
        "penalty_schedule": "warm_up",
        "metrics": {
            "accuracy": accuracy,
            "samples": lambda output, target: len(output),
            "auroc": MulticlassAUROC(3, thresholds=None),
            "micro": MulticlassAccuracy(3, average="micro"),
        },
        "progress": False,
        **options,
    }
    if directory is not None:
        settings.update(directory=directory, checkpoint_every=1, resume=True)
    loader = DataLoader(data, batch_size=6, shuffle=True)
    result = fit(model, loader, DataLoader(data, batch_size=16), **settings)
    return model, result


def main(argv: Sequence[str] | None = None) -> None:
    """Trains to the end and prints the last checkpoint; with `--report` each process writes there what it has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    draws: list[list[float]] = []

    class Noted(Offset):
        """Notes what it drew."""

        def forward(self, x: Tensor, *, offset: Tensor) -> Tensor:
            draws.append(offset.tolist())
            return super().forward(x, offset=offset)

    globals()["Offset"] = Noted
    Noted.name = "signal.offset"
    model, result = train(arguments.directory, max_epochs=arguments.epochs)
    print(result.checkpoint)
    if arguments.report is not None:
        rank = torch.distributed.get_rank()
        parameters = {name: value.tolist() for name, value in model.named_parameters()}
        content = {"draws": draws, "parameters": parameters, "rows": result.history}
        (arguments.report / f"rank-{rank}.json").write_text(json.dumps(content))


if __name__ == "__main__":
    main()
