"""`fit`: checks its arguments, sets up one run, and returns what it led to.

Uses settings.py, engine.py, loop.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.model import InvariantModel
from augrad.objective import Criterion, JointLoss, parameter_groups
from augrad.penalties import DisplacementPenalty
from augrad.training.checkpoints import Checkpoints
from augrad.training.early_stopping import EarlyStopping, best_row, check_logged
from augrad.training.engine import accelerated, tracking
from augrad.training.joint_step import JointStep
from augrad.training.keyed import preserved_generators
from augrad.training.loading import KeyedLoader
from augrad.training.loop import train_until_stopped
from augrad.training.metrics import default_criterion, resolve_metrics
from augrad.training.persistence import check_storable, fingerprint, matching, restore
from augrad.training.progress import is_shown, make_display
from augrad.training.result import FitResult
from augrad.training.run import Run
from augrad.training.run_state import RunState
from augrad.training.settings import Settings, as_tuple

MAX_EPOCHS = 20
LR = 1e-3


def fit(
    model: InvariantModel,
    train_loader: Iterable[Any],
    val_loader: Iterable[Any] | None = None,
    *,
    max_epochs: int = MAX_EPOCHS,
    criterion: Criterion | None = None,
    penalty: Callable[[Any], torch.Tensor] | None = DisplacementPenalty(),  # noqa: B008 - immutable in practice
    penalty_schedule: str | Callable[[float], float] = "constant",
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
    scheduler_interval: str = "epoch",
    lr: float = LR,
    augmentation_lr: float | None = None,
    weight_decay: float = 0.0,
    gradient_clip: float | None = None,
    accumulation_steps: int = 1,
    mixed_precision: str = "no",
    metrics: Mapping[str, Callable[[torch.Tensor, Any], Any]] | None = None,
    early_stopping: EarlyStopping | None = None,
    directory: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    trackers: Sequence[Any] = (),
    callbacks: Sequence[Callable[[dict[str, Any], InvariantModel], bool | None]] = (),
    progress: bool | None = None,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
) -> FitResult:
    """Trains trunk, selection weights and magnitudes together, by gradient descent on criterion plus penalty.

    Every draw is keyed by `(seed, step, rank)`, and the global generators are seeded by key for the run and given back
    as they were. A run that was killed at any moment and is resumed reaches the weights of an unbroken run, to the bit
    on a CPU with the same torch build and number of threads, if the data set itself gives the same for the same index
    and state of the global generators.

    Devices and processes are accelerate's: the GPU if there is one, DistributedDataParallel under `torchrun` or
    `accelerate launch`. Afterwards the model is in eval mode, on the device it was trained on, with the weights of the
    last step.

    Args:
        model: what to train, in place.
        train_loader: a `DataLoader`, or any iterable that can be read again, of pairs `(x, target)`; `x` is a batch as
            the model takes it.
        val_loader: the same, for validation after each epoch.
        max_epochs: how often to go through the training data, at least 1.
        criterion: maps output and target to a scalar. By default cross-entropy for integer targets (classes, or dense
            classes `(batch, height, width)`), mean squared error for floating-point ones of the output's shape.
        penalty: maps `AugmentationModule.state()` to a value that is added to the loss; None for none.
        penalty_schedule: factor on the penalty: `"constant"`, `"warm_up"` (rises from 0 over the first fifth),
            `"decay"` (falls to 0), or a callable of progress in [0, 1].
        optimizer: called with parameter groups that carry their learning rate and weight decay.
        scheduler: called with the optimizer; a `ReduceLROnPlateau` gets the metric that makes an epoch best.
        scheduler_interval: whether it is stepped once per `"epoch"` or per `"step"`.
        lr: learning rate of the trunk, above 0.
        augmentation_lr: of selection weights and magnitudes; 10 times `lr` if None.
        weight_decay: of the trunk; the augmentation has none.
        gradient_clip: largest norm of all gradients together; None for no limit.
        accumulation_steps: batches per update. A *step* is one update.
        mixed_precision: `"no"`, `"bf16"`, or on a GPU `"fp16"`.
        metrics: callables of output and target by name, averaged over samples. By default `accuracy` for integer
            targets, `r2` for floating-point ones.
        early_stopping: when to stop before `max_epochs`.
        directory: where checkpoints go: the last and the best are kept. None writes nothing.
        checkpoint_every: steps between checkpoints; there is always one at the end of an epoch.
        resume: goes on from the last checkpoint in `directory`. Without one the run starts afresh; a run that is over
            returns its result at once, unless `max_epochs` is larger now.
        trackers: names of accelerate's trackers (`"tensorboard"`, `"wandb"`, `"mlflow"`, ...), or instances.
        callbacks: called after each epoch with its history row and the model; one that returns True ends training.
            After a resume an epoch that was not saved is trained, and reported, again.
        progress: whether to show progress; None: if standard output is a terminal.
        seed: of all draws.
        config: what describes the run to you; stored with the checkpoints, and a resume must agree with it.

    Returns:
        History, best epoch, policy, and the last checkpoint.

    Raises:
        ArgumentError, ArgumentTypeError, InputTypeError: an argument is not accepted; nothing has changed.
        CheckpointError: the directory holds a run and `resume` is False, its checkpoint is damaged, or it is of another
            model or other arguments; nothing has changed.
        StorageError: a checkpoint could not be written; the previous one is intact.
        NonFiniteLossError: the loss turned NaN or infinite; no checkpoint was written since.

    Example:
        >>> from augrad import AugmentationLayer, InvariantModel, Range, Transform
        >>> class Shift(Transform):
        ...     \"\"\"Adds an offset.\"\"\"
        ...     modality = "signal"
        ...     offset = Range(1.0, signed=True)
        ...     def forward(self, x, *, offset):
        ...         return x + offset[:, None]
        >>> x, y = torch.eye(4), torch.arange(4)
        >>> model = InvariantModel(torch.nn.Linear(4, 4), AugmentationLayer([Shift]))
        >>> result = fit(model, [(x, y)], max_epochs=2, progress=False)
        >>> [row["epoch"] for row in result.history], result.stopped
        ([1, 2], 'max_epochs')

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        section 3.
    """
    settings = Settings(
        max_epochs=max_epochs,
        criterion=criterion,
        penalty=penalty,
        penalty_schedule=penalty_schedule,
        optimizer=optimizer,
        scheduler=scheduler,
        scheduler_interval=scheduler_interval,
        lr=lr,
        augmentation_lr=augmentation_lr,
        weight_decay=weight_decay,
        gradient_clip=gradient_clip,
        accumulation_steps=accumulation_steps,
        mixed_precision=mixed_precision,
        metrics=metrics,
        early_stopping=early_stopping,
        directory=None if directory is None else Path(directory),
        checkpoint_every=checkpoint_every,
        resume=resume,
        trackers=as_tuple("trackers", trackers),
        callbacks=as_tuple("callbacks", callbacks),
        progress=progress,
        seed=seed,
        config=config,
    )
    if not isinstance(model, InvariantModel):
        raise ArgumentTypeError(
            f"model must be an augrad.InvariantModel, but got {type(model).__name__}. Wrap it: "
            "InvariantModel(trunk, module).",
            argument="model",
        )
    with ExitStack() as stack:
        stack.enter_context(preserved_generators())
        return _fitted(model, train_loader, val_loader, settings, stack)


def _fitted(
    model: InvariantModel, train_loader: Any, val_loader: Any, settings: Settings, stack: ExitStack
) -> FitResult:
    accelerator = stack.enter_context(accelerated(settings))
    train = _keyed("train_loader", train_loader, accelerator, settings, stack)
    val = None if val_loader is None else _keyed("val_loader", val_loader, accelerator, settings, stack)
    run = _run(model, train, val, settings, accelerator)
    try:
        if run.at.stopped is None:
            stack.enter_context(tracking(accelerator, settings))
            train_until_stopped(run)
    finally:
        run.display.close()
        model.augmentation.forget()
    model.eval()
    return _result(run)


def _keyed(name: str, loader: Any, accelerator: Any, settings: Settings, stack: ExitStack) -> KeyedLoader:
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


def _run(
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
    optimizer, scheduler = _built(model, settings)
    stepper = accelerator.prepare(JointStep(model, objective))
    # Only loss scaling needs accelerate's optimizer, which searches for a package at every step (0.3 ms).
    updater = optimizer if accelerator.scaler is None else accelerator.prepare(optimizer)
    n_batches = train.n_batches
    n_steps = None if n_batches is None else -(-n_batches // settings.accumulation_steps)
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


def _built(model: InvariantModel, settings: Settings) -> tuple[torch.optim.Optimizer, Any]:
    """The optimizer and the scheduler, as the user's factories make them."""
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


def _result(run: Run) -> FitResult:
    metric, mode = run.monitored
    row = best_row(run.at.history, metric, mode)
    best: dict[str, Any] = {}
    if row is not None:
        checkpoint = None if run.checkpoints is None else run.checkpoints.pointed("best")
        best = {
            "metric": metric,
            "value": row[metric],
            "epoch": row["epoch"],
            "step": row["step"],
            "checkpoint": checkpoint,
        }
    return FitResult(run.at.history, best, run.model.policy, run.checkpoint, str(run.at.stopped))
