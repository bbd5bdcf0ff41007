"""The run of a stage: its parts and its position.

Made by trainer.py; trained by loop.py; stored by persistence.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator

from augrad.errors import RunawayWarning
from augrad.learning.objective import StepLoss, hook
from augrad.model import InvariantModel
from augrad.training.checkpoints import Checkpoints
from augrad.training.display import Display
from augrad.training.loading import KeyedLoader
from augrad.training.metrics import AnyMetric
from augrad.training.progress import RunState
from augrad.training.schedule import resolve_schedule
from augrad.training.settings import Settings
from augrad.training.step import FiniteWatch


@dataclass
class Run:
    """The run of a stage: its parts, and its position (`at`).

    Attributes:
        settings: the arguments of `fit`, as they are for this stage.
        accelerator: accelerate's, for devices, precision and processes.
        model: the model in training.
        objective: computes the losses.
        train, val: the loaders; `val` may be None.
        metrics: by name.
        monitored: the metric by which an epoch is best, and `"min"` or `"max"`.
        optimizer, scheduler: as the user's factories made them.
        augmentation_lr: learning rate of the augmentation, before any schedule.
        stepper: the step of the objective, as accelerate wrapped it.
        updater: the optimizer, wrapped by accelerate where the loss is scaled.
        checkpoints: where they go, or None.
        fingerprint: the facts that decide the weights; a resume must agree with them.
        display: shows progress.
        label: the name of the stage.
        main: whether metrics, validation, callbacks and guard are for this stage.
        first_step: updates of all stages before.
        checkpoint: the last one, or None.
        notice: the warning that `fit` ends with, or None.
    """

    settings: Settings
    accelerator: Any
    model: InvariantModel
    objective: Any
    train: KeyedLoader
    val: KeyedLoader | None
    metrics: dict[str, AnyMetric]
    monitored: tuple[str, str]
    optimizer: torch.optim.Optimizer
    augmentation_lr: float
    scheduler: Any
    stepper: Any
    updater: Any
    checkpoints: Checkpoints | None
    fingerprint: dict[str, Any]
    display: Display
    at: RunState
    label: str = "training"
    main: bool = True
    first_step: int = 0
    checkpoint: Path | None = None
    notice: RunawayWarning | None = None

    def __post_init__(self) -> None:
        self.device: torch.device = self.accelerator.device
        self.generator = Generator(self.device)
        self.watch = FiniteWatch(self.device)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.schedule = resolve_schedule(self.settings.penalty_schedule)
        self.settle: Callable[..., None] = hook(self.objective, "settle")
        self.evaluate: Callable[..., StepLoss] = hook(self.objective, "evaluate")
