"""`JointModule`: the joint training of `fit` as a LightningModule, for those who own a Trainer.

Uses objective.py, updates.py, measures.py, loss_watch.py, range_watch.py; of training/ the step, metrics, checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from augrad.learning.criteria import Criterion
from augrad.learning.objective import hook
from augrad.learning.objectives import AUTO, name_of
from augrad.lightning.backend import LightningModule
from augrad.lightning.loss_watch import LossWatch
from augrad.lightning.measures import Processes, learned_values, mean_displacement, named
from augrad.lightning.objective import check_end, check_first, chosen, make_objective, n_updates
from augrad.lightning.range_watch import RangeWatch
from augrad.lightning.updates import Updates, pair_of
from augrad.model import InvariantModel, unwrapped
from augrad.training.assembly import augmentation_rate, optimizer_and_scheduler
from augrad.training.fingerprints import described
from augrad.training.measures import Measures
from augrad.training.metrics import AnyMetric, resolve_metrics
from augrad.training.runaway import RunawayGuard
from augrad.training.schedule import resolve_schedule
from augrad.training.settings import Settings
from augrad.training.step import ObjectiveStep
from augrad.training.trainer import LR

_OF_THE_TRAINER: dict[str, Any] = {
    "max_epochs": 1,
    "gradient_clip": None,
    "accumulation_steps": 1,
    "mixed_precision": "no",
    "device": None,
    "early_stopping": None,
    "directory": None,
    "checkpoint_every": None,
    "resume": False,
    "trackers": (),
    "callbacks": (),
    "progress": None,
    "config": None,
}
"""Arguments of `fit` that a Lightning Trainer knows by itself, or that have no meaning in a single pass."""


class JointModule(LightningModule):
    """Trains trunk, selection weights and magnitudes under a Lightning Trainer, in a single pass, by any objective.

    Every draw of a training step is keyed by `(seed, step, rank)` as in `fit`, and the global generators are given
    back as they were: with `objective="joint"` and the same batches in the same order, one process reaches the same
    weights as `fit`, to the bit on a CPU. (With `accumulate_grad_batches` too, if the number of batches is a multiple
    of it, and the trunk draws nothing of its own.) The order of the batches is the loader's: seed it. For the
    cross-fitted objective `fit` searches before it trains the trunk; here judges and trunk learn side by side.

    The Trainer has the other arguments of `fit`: epochs, devices, precision, accumulation, clipping, callbacks,
    loggers, checkpoints. In several processes use `strategy="ddp_find_unused_parameters_true"`, since a draw may miss
    every transform that has a magnitude.

    Train: batches are pairs `(x, target)`. Logged at each step: `train_loss_step`, `penalty_step`, and while the
    augmentation learns `displacement_step`; at the end of an epoch: `train_loss` (the criterion, without penalty),
    `penalty`, `displacement`, the metrics as `train_<name>`, `layer0/weight/<transform>` and so on, and
    `layer0/magnitude/<transform>/<parameter>`.

    Eval: the average over copies. Logged: `val_loss` and `val_<name>`, or `test_loss` and `test_<name>`.
    `Trainer.predict` takes pairs, and inputs alone.

    Args:
        model: the `InvariantModel`, trained in place. A model in eval mode is put into train mode.
        criterion: maps output and target to a scalar; by default as in `fit`.
        penalty: maps `AugmentationModule.state()` to a value that is added to the loss; None for none; `"auto"` for the
            objective's default. Criterion and penalty move to the device with the model if they are an `nn.Module`.
        objective: `"cross_fitted"`, `"joint"`, or None for the one that the penalty is made for, which is
            `"cross_fitted"` for `"auto"`: a single pass has no room for the default rule of `fit`, `"leave_one_out"`.
            Where `fit` would find no target per sample and take `"joint"`, this raises. The judges of `"cross_fitted"`
            are in Lightning's checkpoints, and need a Trainer that knows when training ends.
        penalty_schedule: factor on the penalty, as in `fit`; needs a Trainer that knows when training ends.
        optimizer: called with parameter groups that carry their learning rate and weight decay.
        scheduler: called with the optimizer; a `ReduceLROnPlateau` gets `val_loss`, or `train_loss` without validation.
        scheduler_interval: whether it is stepped once per `"epoch"` or per `"step"`.
        lr: learning rate of the trunk, above 0.
        augmentation_lr: of selection weights and magnitudes; as in `fit` if None.
        weight_decay: of the trunk; the augmentation has none.
        metrics: by name, as in `fit`: torchmetrics objects, and functions that are called once per epoch.
        runaway: stops the Trainer, after its `min_epochs`, with a `RunawayWarning`, when a range keeps growing while
            the training loss does, as in `fit`; None goes on whatever happens.
        seed: of all draws.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted.
        InputTypeError: in training and validation, a batch that is no pair.
        NonFiniteLossError: in training, the loss turned NaN or infinite; no checkpoint was written since.
        MissingDependencyError: on import of `augrad.lightning`, Lightning is not installed.

    Example:
        >>> from augrad import AugmentationLayer, Range, Transform
        >>> class Shift(Transform):
        ...     modality = "lightning_example"
        ...     offset = Range(1.0, signed=True)
        ...     def forward(self, x, *, offset):
        ...         return x + offset[:, None]
        >>> model = InvariantModel(torch.nn.Linear(4, 4), AugmentationLayer([Shift]))
        >>> module = JointModule(model, lr=0.01)  # and then Trainer(max_epochs=5).fit(module, train_loader, val_loader)
        >>> module.hparams["objective"]
        'cross_fitted'

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        section 3.
    """

    def __init__(
        self,
        model: InvariantModel,
        criterion: Criterion | None = None,
        penalty: Callable[[Any], Tensor] | str | None = AUTO,
        *,
        objective: str | Mapping[str, Any] | Callable[..., Any] | None = None,
        penalty_schedule: str | Callable[[float], float] = "constant",
        optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
        scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
        scheduler_interval: str = "epoch",
        lr: float = LR,
        augmentation_lr: float | None = None,
        weight_decay: float = 0.0,
        metrics: Mapping[str, Any] | None = None,
        runaway: RunawayGuard | None = RunawayGuard(),  # noqa: B008 - frozen
        seed: int = 0,
    ) -> None:
        super().__init__()
        self._settings = Settings(
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
            metrics=metrics,
            runaway=runaway,
            seed=seed,
            **_OF_THE_TRAINER,
        )
        self.model = unwrapped(model)
        self.criterion = criterion
        self.penalty = penalty
        self.objective = make_objective(self.model, self._settings)
        self.save_hyperparameters("scheduler_interval", "lr", "augmentation_lr", "weight_decay", "seed")
        # As it was decided, so that a checkpoint finds its judges, or none, whatever penalty it is loaded with.
        name = name_of(chosen(self.model, self._settings))
        if name is not None:
            self.hparams["objective"] = name
        self._begin()

    def _begin(self) -> None:
        self._metrics: dict[str, AnyMetric] | None = None
        self._augmentation_lr = 0.0
        self._updates = Updates(self._settings.seed, resolve_schedule(self._settings.penalty_schedule))
        self._watch: LossWatch | None = None
        self._ranges = RangeWatch(self._settings.runaway, described(self.penalty))
        self._measures: dict[str, Measures] = {}

    def setup(self, stage: str) -> None:
        """Begins a run afresh, also after a run that broke off."""
        self._begin()
        if stage == "fit":
            if not self.model.training:
                self.model.train()
            self.objective = make_objective(self.model, self._settings)

    def on_fit_start(self) -> None:
        """Raises `ArgumentError` if objective or schedule need an end of training that the Trainer does not know."""
        check_end(self.trainer, self.objective, self._settings.penalty_schedule)

    def configure_optimizers(self) -> Any:
        """The optimizer and the scheduler, for the parameter groups of trunk, augmentation and judges."""
        steps = n_updates(self.trainer) if hook(self.objective, "marks")(1) else None
        optimizer, scheduler = optimizer_and_scheduler(self.model, self._settings, self.objective, steps)
        self._augmentation_lr = augmentation_rate(self._settings, self.objective, steps)
        if scheduler is None:
            return optimizer
        monitor = "val_loss" if self.trainer.enable_validation else "train_loss"
        when = {"interval": self._settings.scheduler_interval, "monitor": monitor}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, **when}}

    def forward(self, x: Any) -> Tensor:
        """Returns the prediction of the model for a batch."""
        output: Tensor = self.model(x)
        return output

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The joint loss of a batch `(x, target)`."""
        total: Tensor
        x, target = pair_of(batch)
        if not self._updates.begun:
            check_first(self.model, self._settings, x, target)
        metrics = self._resolved(target)
        update = self._updates.of(self.trainer, batch_idx, self.device)
        step = ObjectiveStep(self.model, self.objective)
        with update.drawing() as generator:
            total, loss, penalty, output, also = step(x, target, update.progress, update.factor, generator)
        self._watched().note(total, x)
        means = {"loss": loss, "penalty": penalty, **also, **mean_displacement(self.model.augmentation.state())}
        self._measured("train", metrics).add(output, target, **means)
        self.log("train_loss_step", loss, prog_bar=True)
        self.log_dict({f"{name}_step": value for name, value in means.items() if name != "loss"})
        return total

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Lets the objective set rates and drop gradients; see `Objective.settle`."""
        lr, progress = self._augmentation_lr, self._updates.progress
        hook(self.objective, "settle")(self.model.augmentation, optimizer, lr=lr, progress=progress)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Measures a batch `(x, target)`."""
        self._evaluate("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Measures a batch `(x, target)`."""
        self._evaluate("test", batch)

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Returns the prediction for a batch, or for the `x` of a tuple or list `(x, target)` or `(x,)`."""
        alone = not (isinstance(batch, tuple | list) and len(batch) in (1, 2))
        output: Tensor = self(batch if alone else batch[0])
        return output

    def on_train_epoch_end(self) -> None:
        """Logs the epoch, raises if one of its losses was not finite, and stops the Trainer if a range runs away."""
        self._watched().check()
        values = self._log_epoch("train")
        self.log_dict(learned_values(self.model), sync_dist=True)
        self._ranges.note(self.trainer, self.model, values)

    def on_validation_epoch_end(self) -> None:
        """Logs the values of the epoch."""
        self._log_epoch("val")

    def on_test_epoch_end(self) -> None:
        """Logs the values of the epoch."""
        self._log_epoch("test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises if the loss has turned bad since the last checkpoint, which therefore stays; adds the history."""
        if self._watch is not None:
            self._watch.check()
        self._ranges.save(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Goes on with the history of ranges and losses that the checkpoint holds."""
        self._ranges.load(checkpoint)

    def on_train_end(self) -> None:
        """Lets go of the last pass, and warns of a range that ran away."""
        self.model.augmentation.forget()
        self._ranges.warn(self.trainer, self.model)

    def _resolved(self, target: Any) -> dict[str, AnyMetric]:
        """Returns the metrics; the first target shows the kind of the task."""
        if self._metrics is None:
            self._metrics = resolve_metrics(self._settings.metrics, target)
        return self._metrics

    @torch.no_grad()
    def _evaluate(self, stage: str, batch: Any) -> None:
        x, target = pair_of(batch)
        metrics = self._resolved(target)
        step = hook(self.objective, "evaluate")(self.model, x, target)
        output, loss = step.output, step.loss
        self._measured(stage, metrics).add(output, target, loss=loss)

    def _measured(self, stage: str, metrics: dict[str, AnyMetric]) -> Measures:
        """The sums of a stage since its last epoch."""
        if stage not in self._measures:
            self._measures[stage] = Measures(metrics, self.device)
        return self._measures[stage]

    def _log_epoch(self, stage: str) -> dict[str, float]:
        if stage not in self._measures:
            return {}
        values = named(self._measures.pop(stage).values(Processes(self.trainer)), stage)
        self.log_dict(values, sync_dist=True)
        return values

    def _watched(self) -> LossWatch:
        if self._watch is None:
            self._watch = LossWatch(self.trainer, self.model, self.device)
        return self._watch
