"""Puts the run of a stage together, and refuses bad arguments before the model is touched.

Uses settings.py, loading.py, persistence.py; used by stages.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.objective import hook
from augrad.learning.parameter_groups import parameter_groups
from augrad.learning.stage import Stage
from augrad.model import InvariantModel
from augrad.training.checkpoints import Checkpoints, check_same
from augrad.training.display import is_shown, make_display
from augrad.training.early_stopping import check_logged
from augrad.training.loading import KeyedLoader
from augrad.training.metrics import resolve_metrics
from augrad.training.persistence import check_storable, matching, restore, restore_objective, stage_marks
from augrad.training.progress import RunState
from augrad.training.run import Run
from augrad.training.settings import Settings
from augrad.training.step import ObjectiveStep

if TYPE_CHECKING:
    from augrad.training.task import Task


def updates_per_epoch(train: KeyedLoader, settings: Settings) -> int | None:
    """How many updates an epoch has; None if the loader does not know its length."""
    return None if train.n_batches is None else math.ceil(train.n_batches / settings.accumulation_steps)


def check_existing(settings: Settings, marks: Mapping[str, Any]) -> None:
    """Refuses a directory with a run before anything is trained, unless this run resumes it.

    Raises:
        CheckpointError: the directory holds a run, and `resume` is False or the run is another.
    """
    if settings.directory is None:
        return
    checkpoints = Checkpoints(settings.directory)
    if not settings.resume:
        checkpoints.refuse_existing()
    elif (found := checkpoints.read()) is not None:
        check_same({name: value for name, value in found.config["run"].items() if name != "stage"}, marks, found.path)


def assemble(
    model: InvariantModel,
    task: Task,
    stage: Stage,
    settings: Settings,
    val: KeyedLoader | None,
    *,
    place: tuple[int, int] = (1, 1),
    first_step: int = 0,
) -> Run:
    """A run of a stage that is ready to go on. All arguments are checked before the model is touched.

    Args:
        model: the model of the stage.
        task: the loaders, accelerate, and the fingerprint of the whole.
        stage: the stage, whose parts that rest require no gradient by now.
        settings: of the stage.
        val: the validation data of the stage; None for none.
        place: the number of the stage and the number of stages, for the display.
        first_step: updates of all stages before, for the trackers.
    """
    objective, train, accelerator = stage.objective, task.train, task.accelerator
    _, target = train.first()
    metrics = resolve_metrics(settings.metrics, target)
    monitored = _monitored(settings, metrics, val is not None, stage.watch)
    n_steps = updates_per_epoch(train, settings)
    marks = stage_marks(task.marks, stage, settings)
    checkpoints = None if settings.directory is None else Checkpoints(settings.directory)
    found = None if checkpoints is None else _found(checkpoints, marks, settings)
    total = None if n_steps is None else n_steps * settings.max_epochs
    optimizer, scheduler = optimizer_and_scheduler(model, settings, objective, total)
    if found is not None:
        restore_objective(objective, found)
    stepper = accelerator.prepare(ObjectiveStep(model, objective))
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
        display=make_display(shown, settings.max_epochs, n_steps, stage, place),
        label=stage.label,
        main=stage.main,
        first_step=first_step,
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


def augmentation_rate(settings: Settings, objective: Any, n_steps: int | None) -> float:
    """The augmentation's learning rate, as asked for or as the objective has it by default."""
    if settings.augmentation_lr is not None:
        return settings.augmentation_lr
    return float(hook(objective, "augmentation_lr")(settings.lr, n_steps))


def refuse_at_once(task: Task) -> None:
    """Refuses what the main stage would refuse, before a stage that comes first has taken its time."""
    settings, n_steps = task.settings, task.budget.n_steps
    _, target = task.train.first()
    _monitored(settings, resolve_metrics(settings.metrics, target), task.val is not None, watch=None)
    total = None if n_steps is None else n_steps * settings.max_epochs
    optimizer_and_scheduler(task.model, settings, task.objective, total)


def optimizer_and_scheduler(
    model: InvariantModel, settings: Settings, objective: Any, n_steps: int | None
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


def _monitored(settings: Settings, metrics: Mapping[str, Any], validated: bool, watch: str | None) -> tuple[str, str]:
    """The metric that makes an epoch the best, and its mode."""
    names = ["loss", *metrics]
    logged = [f"train_{name}" for name in names] + [f"val_{name}" for name in names if validated] + ["penalty"]
    if settings.early_stopping is None:
        return ("val_loss" if validated else "train_loss"), "min"
    if settings.early_stopping.metric != watch:
        check_logged(settings.early_stopping.metric, logged)
    return settings.early_stopping.metric, settings.early_stopping.mode
