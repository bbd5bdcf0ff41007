"""`fit`: checks its arguments, sets up one run, and returns what it led to.

Uses settings.py, engine.py, assembly.py, loop.py.
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
from augrad.learning.cross_fitted.loss import CrossFittedLoss
from augrad.learning.cross_fitted.plan import confirmed
from augrad.learning.cross_fitted.proposals import prune
from augrad.learning.objective import Criterion, JointLoss
from augrad.learning.penalties import DisplacementPenalty
from augrad.model import InvariantModel
from augrad.randomness import preserved_generators
from augrad.training.assembly import assemble, assemble_search, frozen, keyed_loader, objective_of
from augrad.training.early_stopping import EarlyStopping, best_row
from augrad.training.engine import accelerated, tracking, verdicts
from augrad.training.loading import KeyedLoader
from augrad.training.loop import train_until_stopped
from augrad.training.result import FitResult
from augrad.training.run import Run
from augrad.training.runaway import RunawayGuard
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
    objective: str | None = None,
    confirm: bool = True,
    n_folds: int | None = None,
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
    """Learns which transforms a model may ignore, and how far, and trains it on samples that are augmented by them.

    By default there are three stages, as `objective` says. In the *search* copies of the trunk, the judges, are trained
    for `max_epochs` on the data as they are, each on all parts but one (see `n_folds`); then weights and magnitudes
    learn from what the judges say of samples that are new to them, in about 600 updates at most
    (`augrad.learning.cross_fitted.proposals.search_plan`). In the *confirmation* the judges learn on for 0.3 of `max_epochs` with all that was
    found but what has little weight (`augrad.learning.cross_fitted.proposals.prune`), with each transform alone, and with nothing, and that is
    kept with which they lose least on samples that are new to them (`augrad.learning.cross_fitted.confirmation.ConfirmationLoss`). After it
    the trunk is trained for `max_epochs` with an augmentation that stands still. Optimizer, precision and accumulation
    are the same for all; the scheduler too, but judges that learn on have a cosine of their own. Metrics, validation,
    early stopping, callbacks and the guard are for the trunk. `"joint"` trains all together.

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
        max_epochs: how often the trunk goes through the training data, at least 1.
        criterion: maps output and target to a scalar. By default cross-entropy for integer targets (classes, or dense
            classes `(batch, height, width)`), mean squared error for floating-point ones of the output's shape.
        objective: `"cross_fitted"` (`augrad.CrossFittedLoss`: first a search, in which judges that have not seen a
            sample say what a transform costs; then the trunk is trained with what they confirm), `"joint"`
            (`augrad.JointLoss`, the paper's: the trunk itself does), or None: the one that the penalty is made for
            (`Penalty.objective`), and `"joint"` where outputs are not one per sample, are equivariant, or where trunk
            or augmentation is frozen.
        confirm: whether the cross-fitted objective's search is confirmed. Without, all that was found stays, but what
            has little weight: quicker, and for a trunk that learns so slowly that judges who have learned on for 0.3 of
            `max_epochs` are still worse with any augmentation. The joint loss has nothing to confirm.
        n_folds: into how many parts the cross-fitted objective cuts the data, at least 2; for each there is a judge
            that learns from all others. None: 5 up to 500 samples, 2 if there are more or their number is not known.
            2 is quicker, and finds as much but where data are so few that judges of half of them are too poor.
        penalty: maps `AugmentationModule.state()` to a value that is added to the loss; None for none.
        penalty_schedule: factor on the penalty: `"constant"`, `"warm_up"` (rises from 0 over the first fifth),
            `"decay"` (falls to 0), or a callable of progress in [0, 1].
        optimizer: called with parameter groups that carry their learning rate and weight decay.
        scheduler: called with the optimizer; a `ReduceLROnPlateau` gets the metric that makes an epoch best. For the
            cross-fitted objective it leaves the augmentation's rate alone, which follows `CrossFittedLoss.rate`.
        scheduler_interval: whether it is stepped once per `"epoch"` or per `"step"`.
        lr: learning rate of the trunk, above 0.
        augmentation_lr: of selection weights and magnitudes; if None, 10 times `lr`, and for the cross-fitted
            objective `CrossFittedLoss.augmentation_lr`.
        weight_decay: of the trunk; the augmentation has none.
        gradient_clip: largest norm of all gradients together; None for no limit.
        accumulation_steps: batches per update. A *step* is one update.
        mixed_precision: `"no"`, `"bf16"`, or on a GPU `"fp16"`.
        device: `"cpu"` to train there although there is a GPU; None for accelerate's choice.
        metrics: by name, each measured once per epoch over all samples, for example
            `{"f1": torchmetrics.F1Score("multiclass", num_classes=3)}`. An object with `update`, `compute` and `reset`
            takes in each batch; a function `(output, target) -> number` is called once with those of the whole epoch,
            which stay on the device until then. By default `accuracy` for integer targets, `r2` for floating-point
            ones.
        early_stopping: when to stop before `max_epochs`.
        runaway: stops training, with a `RunawayWarning`, when a range keeps growing while the training loss does. The
            model is left as it is: nothing is clipped. None goes on whatever happens. A run that it stopped goes on
            with `resume=True` and None, or a guard that would not have stopped it.
        directory: where checkpoints go: the last and the best are kept. None writes nothing.
        checkpoint_every: steps between checkpoints; there is always one at the end of an epoch.
        resume: goes on from the last checkpoint in `directory`. Without one the run starts afresh; a run that is over
            returns its result at once, unless `max_epochs` is larger now. A joint run with a constant penalty can be
            prolonged so; another one depends on where it ends, and `max_epochs` must be what it was. The search has
            its own checkpoints, in `search/`, and a record there of each policy that was tried.
        trackers: names of accelerate's trackers (`"tensorboard"`, `"wandb"`, `"mlflow"`, ...), or instances.
        callbacks: called after each epoch with its history row and the model; one that returns True ends training.
            After a resume an epoch that was not saved is trained, and reported, again.
        progress: whether to show progress; None: if standard output is a terminal.
        seed: of all draws.
        config: what describes the run to you; stored with the checkpoints, and a resume must agree with it.

    Returns:
        History, best epoch, policy, and the last checkpoint.

    Warns:
        RunawayWarning: training was stopped by `runaway`. It names the layer, the transform and its parameter, range
            and loss before and after, what to do, and the best checkpoint.

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
        objective=objective,
        confirm=confirm,
        n_folds=n_folds,
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
        return _fitted(model, train_loader, val_loader, settings, stack)


def _fitted(
    model: InvariantModel, train_loader: Any, val_loader: Any, settings: Settings, stack: ExitStack
) -> FitResult:
    accelerator = stack.enter_context(accelerated(settings))
    train = keyed_loader("train_loader", train_loader, accelerator, settings, stack)
    val = None if val_loader is None else keyed_loader("val_loader", val_loader, accelerator, settings, stack)
    objective = objective_of(model, train, settings)
    with ExitStack() as standing:
        if isinstance(objective, CrossFittedLoss):
            run, search = _with_search(model, train, val, settings, accelerator, objective=objective)
        else:
            run, search = assemble(model, train, val, settings, accelerator, objective=objective), None
        if run.at.stopped is None:
            stack.enter_context(tracking(accelerator, settings))
            if search is not None:
                _search(search, run)
            if isinstance(objective, CrossFittedLoss):
                standing.enter_context(frozen(model.augmentation))
            _train(run)
    model.eval()
    if run.notice is not None and accelerator.is_main_process:
        warnings.warn(run.notice, stacklevel=3)
    return _result(run)


def _search(search: Run, run: Run) -> None:
    """Finds the augmentation that `run` trains the trunk with."""
    with frozen(run.model.trunk):
        _train(search)
        with frozen(run.model.augmentation):
            if run.settings.confirm:
                run.at.confirmation = confirmed(search, run.settings)
                if run.settings.trackers:
                    run.accelerator.log(verdicts(run.at.confirmation), step=search.at.step)
            else:
                prune(run.model.augmentation)
    run.at.search = search.at.history


def _with_search(
    model: InvariantModel,
    train: KeyedLoader,
    val: KeyedLoader | None,
    settings: Settings,
    accelerator: Any,
    *,
    objective: CrossFittedLoss,
) -> tuple[Run, Run | None]:
    """The trunk's training, and the search before it, or None if a checkpoint is past that.

    Both are made before either begins, so that whatever is refused is refused at once.
    """
    joint = JointLoss(objective.criterion)
    with frozen(model.augmentation):
        run = assemble(model, train, val, settings, accelerator, objective=joint, marked=objective)
    if run.checkpoint is not None:
        return run, None
    with frozen(model.trunk):
        return run, assemble_search(model, train, settings, accelerator, objective)


def _train(run: Run) -> None:
    """Trains, unless that is done; whatever happens, the display ends and the last pass is let go of."""
    try:
        if run.at.stopped is None:
            train_until_stopped(run)
    finally:
        run.display.close()
        run.model.augmentation.forget()


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
    at = run.at
    return FitResult(
        at.history,
        best,
        run.model.policy,
        run.checkpoint,
        str(at.stopped),
        search=at.search,
        confirmation=at.confirmation,
    )
