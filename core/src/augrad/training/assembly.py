"""What a run is put together from, and what is refused before the model is touched.

Uses settings.py, loading.py, persistence.py; used by trainer.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.model import InvariantModel
from augrad.objective import JointLoss, parameter_groups
from augrad.training.checkpoints import Checkpoints
from augrad.training.early_stopping import check_logged
from augrad.training.joint_step import JointStep
from augrad.training.loading import KeyedLoader
from augrad.training.metrics import default_criterion, resolve_metrics
from augrad.training.persistence import check_storable, fingerprint, matching, restore
from augrad.training.progress import is_shown, make_display
from augrad.training.run import Run
from augrad.training.run_state import RunState
from augrad.training.settings import Settings


def keyed_loader(name: str, loader: Any, accelerator: Any, settings: Settings, stack: ExitStack) -> KeyedLoader:
    """This process's share of a loader, whose own generators are given back when the stack unwinds."""
    keyed = KeyedLoader(
        name,
        loader,
        seed=settings.seed,
        rank=accelerator.process_index,
        n_ranks=accelerator.num_processes,
        even=name == "train_loader",
    )
    stack.enter_context(keyed.preserved())
    return keyed


def assemble(
    model: InvariantModel,
    train: KeyedLoader,
    val: KeyedLoader | None,
    settings: Settings,
    accelerator: Any,
) -> Run:
    """A run that is ready to go on. Everything that can be refused is looked at before the model is touched."""
    _, target = train.first()
    if val is not None:
        val.first()
    metrics = resolve_metrics(settings.metrics, target)
    monitored = _monitored(settings, metrics, val is not None)
    objective = JointLoss(settings.criterion or default_criterion(target), settings.penalty)
    marks = fingerprint(settings, model, train.n_batches, accelerator.num_processes)
    checkpoints = None if settings.directory is None else Checkpoints(settings.directory)
    found = None if checkpoints is None else _found(checkpoints, marks, settings)
    optimizer, scheduler = optimizer_and_scheduler(model, settings)
    stepper = accelerator.prepare(JointStep(model, objective))
    # Only loss scaling needs accelerate's optimizer, which searches for a package at every step (0.3 ms).
    updater = optimizer if accelerator.scaler is None else accelerator.prepare(optimizer)
    n_batches = train.n_batches
    n_steps = None if n_batches is None else math.ceil(n_batches / settings.accumulation_steps)
    shown = is_shown(settings.progress) and accelerator.is_main_process
    run = Run(
        settings=settings,
        accelerator=accelerator,
        model=model,
        objective=objective,
        train=train,
        val=val,
        metrics=metrics,
        monitored=monitored,
        optimizer=optimizer,
        scheduler=scheduler,
        stepper=stepper,
        updater=updater,
        checkpoints=checkpoints,
        fingerprint=marks,
        display=make_display(shown, settings.max_epochs, n_steps),
        at=RunState(),
    )
    if found is not None:
        restore(run, found)
    return run


def _found(checkpoints: Checkpoints, marks: dict[str, Any], settings: Settings) -> Any:
    """The checkpoint to go on from, or None to start afresh."""
    if settings.resume:
        return matching(checkpoints, marks)
    checkpoints.refuse_existing()
    return None


def optimizer_and_scheduler(model: InvariantModel, settings: Settings) -> tuple[torch.optim.Optimizer, Any]:
    """The optimizer and the scheduler, or None, as the user's factories make them; checked."""
    groups = parameter_groups(
        model, lr=settings.lr, augmentation_lr=settings.augmentation_lr, weight_decay=settings.weight_decay
    )
    if not groups:
        raise ArgumentError("model has no parameter that requires a gradient: nothing to train.", argument="model")
    optimizer = settings.optimizer(groups)
    if not isinstance(optimizer, torch.optim.Optimizer) or isinstance(optimizer, torch.optim.LBFGS):
        raise ArgumentTypeError(
            "optimizer must be called with parameter groups and return a torch optimizer that steps without a closure, "
            f"but returned {type(optimizer).__name__}. Pass a class or functools.partial, such as torch.optim.Adam.",
            argument="optimizer",
        )
    scheduler = None if settings.scheduler is None else settings.scheduler(optimizer)
    if scheduler is not None and not (hasattr(scheduler, "step") and hasattr(scheduler, "state_dict")):
        raise ArgumentTypeError(
            f"scheduler must be called with the optimizer and return a torch scheduler, but returned "
            f"{type(scheduler).__name__}. Pass functools.partial(SomeLR, ...), not its instance.",
            argument="scheduler",
        )
    plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
    if plateau and settings.scheduler_interval == "step":
        raise ArgumentError(
            "scheduler_interval='step' does not fit ReduceLROnPlateau, which reads a metric of the epoch; use 'epoch'.",
            argument="scheduler_interval",
            value="step",
        )
    if settings.directory is not None:
        check_storable(model, optimizer, scheduler)
    return optimizer, scheduler


def _monitored(settings: Settings, metrics: Mapping[str, Any], validated: bool) -> tuple[str, str]:
    """The metric that makes an epoch the best, and its mode."""
    names = ["loss", *metrics]
    logged = [f"train_{name}" for name in names] + [f"val_{name}" for name in names if validated] + ["penalty"]
    if settings.early_stopping is None:
        return ("val_loss" if validated else "train_loss"), "min"
    check_logged(settings.early_stopping.metric, logged)
    return settings.early_stopping.metric, settings.early_stopping.mode
