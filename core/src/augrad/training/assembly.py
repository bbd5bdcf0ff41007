"""What a run is put together from, and what is refused before the model is touched.

Uses settings.py, loading.py, persistence.py; used by trainer.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.cross_fitted.judges import default_folds
from augrad.learning.cross_fitted.loss import CrossFittedLoss
from augrad.learning.cross_fitted.proposals import search_plan
from augrad.learning.objective import AUGMENTATION_LR_FACTOR, JointLoss, Objective, parameter_groups
from augrad.model import InvariantModel
from augrad.training.checkpoints import Checkpoints
from augrad.training.display import is_shown, make_display
from augrad.training.early_stopping import check_logged
from augrad.training.loading import KeyedLoader
from augrad.training.metrics import default_criterion, resolve_metrics
from augrad.training.persistence import check_storable, fingerprint, matching, restore, restore_objective
from augrad.training.progress import RunState
from augrad.training.run import Run
from augrad.training.settings import Settings
from augrad.training.step import JointStep

SEARCH = "search"
"""Folder, within a run's, of the checkpoints of its search."""


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Nothing of a module requires a gradient meanwhile."""
    learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)


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


def objective_of(model: InvariantModel, train: KeyedLoader, settings: Settings) -> Objective:
    """The objective of `fit`: the joint loss, or a cross-fitted one that only searches, before the trunk is trained."""
    x, target = train.first()
    _, window = search_plan(settings.max_epochs, updates_per_epoch(train, settings))
    n_samples = None if train.n_batches is None else train.n_batches * train.n_ranks * batch.count(x)
    n_folds = default_folds(n_samples)
    return make_objective(model, x, target, settings, window=window, search_only=True, n_folds=n_folds)


def updates_per_epoch(train: KeyedLoader, settings: Settings) -> int | None:
    """How many updates an epoch has; None if the loader does not know its length."""
    return None if train.n_batches is None else math.ceil(train.n_batches / settings.accumulation_steps)


def assemble_search(
    model: InvariantModel, train: KeyedLoader, settings: Settings, accelerator: Any, objective: CrossFittedLoss
) -> Run:
    """The run in which judges and augmentation learn, before the trunk does; its checkpoints lie in `search/`.

    Metrics, callbacks, early stopping and the guard speak of the trunk's training, and have no part in it.
    """
    n_epochs, _ = search_plan(settings.max_epochs, updates_per_epoch(train, settings))
    own = replace(
        settings,
        max_epochs=n_epochs,
        metrics={},
        callbacks=(),
        early_stopping=None,
        runaway=None,
        directory=None if settings.directory is None else settings.directory / SEARCH,
    )
    return assemble(model, train, None, own, accelerator, objective=objective, label="search")


def assemble(
    model: InvariantModel,
    train: KeyedLoader,
    val: KeyedLoader | None,
    settings: Settings,
    accelerator: Any,
    *,
    objective: Objective,
    marked: Objective | None = None,
    label: str = "epoch",
    lines: bool = True,
) -> Run:
    """A run that is ready to go on. Everything that can be refused is looked at before the model is touched.

    Args:
        model: what is trained.
        train, val: the loaders.
        settings: what is asked for.
        accelerator: accelerate's.
        objective: what the losses are made by.
        marked: the objective that checkpoints are marked with, if it is another one.
        label: what the display calls an epoch.
        lines: whether the display leaves a line for each.
    """
    _, target = train.first()
    if val is not None:
        val.first()
    metrics = resolve_metrics(settings.metrics, target)
    monitored = _monitored(settings, metrics, val is not None)
    n_steps = updates_per_epoch(train, settings)
    marks = fingerprint(settings, model, marked or objective, train.n_batches, accelerator.num_processes)
    checkpoints = None if settings.directory is None else Checkpoints(settings.directory)
    found = None if checkpoints is None else _found(checkpoints, marks, settings)
    total = None if n_steps is None else n_steps * settings.max_epochs
    optimizer, scheduler = optimizer_and_scheduler(model, settings, objective, total)
    if found is not None:
        restore_objective(objective, found)
    stepper = accelerator.prepare(JointStep(model, objective))
    # Only loss scaling needs accelerate's optimizer, which searches for a package at every step (0.3 ms).
    updater = optimizer if accelerator.scaler is None else accelerator.prepare(optimizer)
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
        augmentation_lr=augmentation_rate(settings, objective, total),
        scheduler=scheduler,
        stepper=stepper,
        updater=updater,
        checkpoints=checkpoints,
        fingerprint=marks,
        display=make_display(shown, settings.max_epochs, n_steps, label, lines=lines),
        label=label,
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


def make_objective(model: InvariantModel, x: Any, target: Any, settings: Settings, **cross_fitted: Any) -> Objective:
    """The objective that was asked for, or the one that the penalty is made for, where the task allows for it.

    Args:
        model, x, target, settings: of the run.
        **cross_fitted: options of `CrossFittedLoss`, if it is that.
    """
    criterion = settings.criterion or default_criterion(target)
    wanted = settings.objective
    if wanted is None:
        learns = all(_learns(part) for part in (model.trunk, model.augmentation))
        per_sample = model.aggregation != "equivariant" and _n_targets(target) == batch.count(x) > 1
        wanted = getattr(settings.penalty, "objective", "joint") if learns and per_sample else "joint"
    if wanted == "joint":
        if settings.n_folds is not None:
            raise ArgumentError(
                f"n_folds is for the cross-fitted objective, and this is the joint one, but got {settings.n_folds!r}. "
                "Leave it out, or pass objective='cross_fitted'.",
                argument="n_folds",
                value=settings.n_folds,
            )
        return JointLoss(criterion, settings.penalty)
    if settings.penalty is None:
        raise ArgumentError(
            "objective='cross_fitted' needs a penalty, or the augmentation would have nothing to gain; pass one, or "
            "objective='joint'.",
            argument="penalty",
        )
    if settings.n_folds is not None:
        cross_fitted["n_folds"] = settings.n_folds
    return CrossFittedLoss(model, criterion, settings.penalty, **cross_fitted)


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _n_targets(target: Any) -> int | None:
    return target.shape[0] if isinstance(target, torch.Tensor) and target.ndim else None


def augmentation_rate(settings: Settings, objective: Objective, n_steps: int | None) -> float:
    """The augmentation's learning rate, as asked for or as the objective has it by default."""
    if settings.augmentation_lr is not None:
        return settings.augmentation_lr
    if isinstance(objective, CrossFittedLoss):
        return objective.augmentation_lr(settings.lr, n_steps)
    return AUGMENTATION_LR_FACTOR * settings.lr


def optimizer_and_scheduler(
    model: InvariantModel, settings: Settings, objective: Objective, n_steps: int | None
) -> tuple[torch.optim.Optimizer, Any]:
    """The optimizer and the scheduler, or None, as the user's factories make them; checked."""
    groups = parameter_groups(
        model,
        lr=settings.lr,
        augmentation_lr=augmentation_rate(settings, objective, n_steps),
        weight_decay=settings.weight_decay,
        objective=objective,
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
