"""`fit`: checks its arguments, runs the stages of the objective's plan, and returns the result.

Uses settings.py, engine.py, task.py, stages.py.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from augrad.errors import ArgumentTypeError
from augrad.learning.criteria import Criterion
from augrad.learning.objectives import AUTO
from augrad.model import InvariantModel
from augrad.randomness import preserved_generators
from augrad.training.early_stopping import EarlyStopping, best_row
from augrad.training.engine import accelerated
from augrad.training.result import FitResult
from augrad.training.run import Run
from augrad.training.runaway import RunawayGuard
from augrad.training.settings import Settings, as_tuple
from augrad.training.stages import Course, run_plan
from augrad.training.task import prepared

MAX_EPOCHS = 20
LR = 1e-3


def fit(
    model: InvariantModel,
    train_loader: Iterable[Any],
    val_loader: Iterable[Any] | None = None,
    *,
    max_epochs: int = MAX_EPOCHS,
    criterion: Criterion | None = None,
    objective: str | Mapping[str, Any] | Callable[..., Any] | None = None,
    penalty: Callable[[Any], torch.Tensor] | str | None = AUTO,
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
    device: str | None = None,
    metrics: Mapping[str, Any] | None = None,
    early_stopping: EarlyStopping | None = None,
    runaway: RunawayGuard | None = RunawayGuard(),  # noqa: B008 - frozen
    directory: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    trackers: Sequence[Any] = (),
    callbacks: Sequence[Callable[[dict[str, Any], InvariantModel], bool | None]] = (),
    progress: bool | None = None,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
) -> FitResult:
    """Learns which transforms a model may ignore, and how far, and trains the model on samples augmented by them.

    `fit` runs the stages of an objective's plan. The default objective, `"leave_one_out"`, has two:

    1. *evidence*: at most 400 samples are read. From the features that the trunk has before its training, a regression
       tells in closed form which transforms lower its leave-one-out error, and how far they may go. It takes seconds,
       however large the data are. `FitResult.evidence` holds what was found.
    2. *training*: the trunk is trained for `max_epochs` with the transforms that were found.

    When to take which objective:

    - `"leave_one_out"`: the default. It takes seconds, and needs a target for each sample.
    - `"cross_fitted"`: where an untrained trunk cannot see the structure (very deep trunks), or where training time
      does not matter. It trains *judges*, copies of the trunk that tell what a transform costs on samples that are new
      to them, in the stages judges, search, confirmation and training; so it takes several times as long.
    - `"joint"`: for dense outputs, targets per node, and losses without labels. Trunk and augmentation learn together,
      in a single stage.

    Where no evidence can be had, as from fewer than 20 samples, or for dense targets, an `EvidenceWarning` names the
    reason, and the joint loss with `augrad.DisplacementPenalty()` is used. Metrics, validation, callbacks and the
    runaway guard are for the training of the trunk; optimizer, precision, accumulation and early stopping are for all
    stages that train.

    Every draw is keyed by `(seed, step, rank)`, and the global generators are seeded by key for the run and given back
    as they were. A run that was killed at any moment and is resumed reaches the weights of an unbroken run, to the bit
    on a CPU with the same torch build and number of threads, if the data set itself gives the same for the same index
    and state of the global generators.

    accelerate chooses devices and processes: the GPU if there is one, DistributedDataParallel under `torchrun` or
    `accelerate launch`. Afterwards the model is in eval mode, on the device of the training, with the weights of the
    last step.

    Args:
        model: the model to train, in place.
        train_loader: a `DataLoader`, or any iterable that can be read again, of pairs `(x, target)`; `x` is a batch as
            the model takes it. An objective without labels takes batches of `x` alone too.
        val_loader: the same, for validation after each epoch.
        max_epochs: how often the trunk goes through the training data, at least 1.
        criterion: maps output and target to a scalar. By default cross-entropy for integer targets (classes, or dense
            classes `(batch, height, width)`), mean squared error for floating-point targets of the output's shape.
        objective: the learning rule. A name (`"leave_one_out"`, `"cross_fitted"`, `"joint"`, `"worst_of_k"`), a mapping
            of a name and options (`{"name": "leave_one_out", "n_samples": 200}`), or a callable
            `(model, criterion, penalty) -> Objective` such as `augrad.LeaveOneOut(n_samples=200)`,
            `augrad.CrossFitted(n_folds=2, confirm=False)` or a class of your own, see `augrad.Objective`. None:
            `"leave_one_out"` if the penalty is `"auto"` too, else the objective that the penalty is made for
            (`Penalty.objective`). Instead of these, `"joint"` where there is not one target per sample, where outputs
            are equivariant, or where trunk or augmentation is frozen.
        penalty: maps `AugmentationModule.state()` to a value that is added to the loss; None for no penalty; `"auto"`
            for the objective's default. The leave-one-out rule needs none and takes none; for the others the default is
            `augrad.DisplacementPenalty()` unless the objective names another.
        penalty_schedule: factor on the penalty: `"constant"`, `"warm_up"` (rises from 0 over the first fifth),
            `"decay"` (falls to 0), or a callable of progress in [0, 1].
        optimizer: called with parameter groups that carry their learning rate and weight decay, once per stage.
        scheduler: called with the optimizer, once per stage; a `ReduceLROnPlateau` gets the metric that makes an epoch
            best. A stage may bring a scheduler of its own: in `"cross_fitted"` the search does, and judges that learn
            on do.
        scheduler_interval: whether the scheduler is stepped once per `"epoch"` or per `"step"`.
        lr: learning rate of the trunk, above 0.
        augmentation_lr: learning rate of weights and magnitudes; None for the objective's default
            (`Objective.augmentation_lr`).
        weight_decay: weight decay of the trunk; the augmentation has none.
        gradient_clip: largest norm of all gradients together; None for no limit.
        accumulation_steps: batches per update. A *step* is one update.
        mixed_precision: `"no"`, `"bf16"`, or on a GPU `"fp16"`.
        device: `"cpu"` to train there although there is a GPU; None for accelerate's choice.
        metrics: by name, each measured once per epoch over all samples, for example
            `{"f1": torchmetrics.F1Score("multiclass", num_classes=3)}`. An object with `update`, `compute` and `reset`
            takes in each batch; a function `(output, target) -> number` is called once with those of the whole epoch,
            which stay on the device until then. By default `accuracy` for integer targets, `r2` for floating-point
            targets.
        early_stopping: when to stop before `max_epochs`. It watches its metric in the training of the trunk. With
            `"cross_fitted"` the judges' training is watched by their loss on held-out samples, with the same patience,
            and search and confirmation become as much shorter.
        runaway: stops training, with a `RunawayWarning`, when a range keeps growing while the training loss does. The
            model is left as it is: nothing is clipped. None goes on whatever happens. A run that the guard stopped goes
            on with `resume=True` and None, or with a guard that would not have stopped it.
        directory: the directory of the checkpoints: the last and the best are kept. Stages that train before the trunk
            does have folders of their own in it, for example `search/`. None writes nothing.
        checkpoint_every: steps between checkpoints; there is always one at the end of an epoch.
        resume: goes on from the last checkpoint in `directory`. Without a checkpoint the run starts afresh. A run that
            is over returns its result at once, unless `max_epochs` is larger now. A joint run with a constant penalty
            can be prolonged so; the result of any other run depends on where it ends, so `max_epochs` must be the same.
        trackers: names of accelerate's trackers (`"tensorboard"`, `"wandb"`, `"mlflow"`, ...), or instances.
        callbacks: called after each epoch with its history row and the model; training ends if one returns True.
            After a resume an epoch that was not saved is trained, and reported, again.
        progress: whether to show progress; None: if standard output is a terminal.
        seed: of all draws.
        config: facts that describe the run to you; stored with the checkpoints, and a resume must agree with them.

    Returns:
        History, best epoch, policy, evidence, and the last checkpoint.

    Warns:
        EvidenceWarning: no evidence can be had, so the joint loss is used; it names the reason.
        RunawayWarning: training was stopped by `runaway`. It names the layer, the transform and its parameter, range
            and loss before and after, the way out, and the best checkpoint.

    Raises:
        ArgumentError, ArgumentTypeError, InputTypeError: an argument is not accepted; nothing has changed.
        CheckpointError: the directory holds a run and `resume` is False, its checkpoint is damaged, or it is of another
            model or other arguments; nothing has changed.
        StorageError: a checkpoint could not be written; the previous one is intact.
        NonFiniteLossError: the loss turned NaN or infinite; no checkpoint was written since. The error names the stage.

    Example:
        >>> from augrad import AugmentationLayer, InvariantModel, Range, Transform
        >>> class Shift(Transform):
        ...     \"\"\"Adds an offset.\"\"\"
        ...     modality = "signal"
        ...     offset = Range(1.0, signed=True)
        ...     def forward(self, x, *, offset):
        ...         return x + offset[:, None]
        >>> x, y = torch.eye(4).repeat(6, 1), torch.arange(4).repeat(6)
        >>> model = InvariantModel(torch.nn.Linear(4, 4), AugmentationLayer([Shift]))
        >>> result = fit(model, [(x, y)], max_epochs=2, progress=False)
        >>> [row["epoch"] for row in result.history], result.stopped
        ([1, 2], 'max_epochs')
        >>> [stage.label for stage in result.stages], result.evidence.facts.n_samples
        (['evidence', 'training'], 24)

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        section 3.
    """
    settings = Settings(
        max_epochs=max_epochs,
        criterion=criterion,
        objective=objective,
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
        device=device,
        metrics=metrics,
        early_stopping=early_stopping,
        runaway=runaway,
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
        accelerator = stack.enter_context(accelerated(settings))
        task = prepared(model, train_loader, val_loader, settings, accelerator=accelerator, stack=stack)
        course = run_plan(task, stack)
    model.eval()
    if course.run.notice is not None and accelerator.is_main_process:
        warnings.warn(course.run.notice, stacklevel=2)
    return _result(course, task.objective)


def _result(course: Course, objective: Any) -> FitResult:
    run: Run = course.run
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
    return FitResult(
        run.at.history,
        best,
        run.model.policy,
        run.checkpoint,
        str(run.at.stopped),
        stages=course.stages,
        confirmation=course.findings,
        evidence=getattr(objective, "evidence", None),
    )
