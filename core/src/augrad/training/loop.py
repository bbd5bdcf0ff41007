"""The joint loop, epoch by epoch: the paper's algorithm, resumable at every update. Uses all of training/; run by trainer.py."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from augrad import batch
from augrad.draws import derived_seed
from augrad.model import InvariantModel
from augrad.objective import JointLoss
from augrad.training.checkpoints import Checkpoints
from augrad.training.early_stopping import best_row
from augrad.training.engine import scalars
from augrad.training.joint_step import FiniteWatch, JointStep, in_full_precision, non_finite
from augrad.training.keyed import seed_global_generators
from augrad.training.loading import KeyedLoader, Pair, windows
from augrad.training.metrics import Metric, ratio, weighted
from augrad.training.progress import Display
from augrad.training.persistence import save
from augrad.training.result import Row, learned
from augrad.training.run_state import RunState, Totals
from augrad.training.schedule import resolve_schedule
from augrad.training.settings import Settings


@dataclass
class Run:
    """One run: what it works with, and where it stands (`at`).

    Attributes:
        settings: what `fit` was asked to do.
        accelerator: accelerate's, for devices, precision and processes.
        model: what is trained.
        objective: criterion and penalty.
        train, val: the loaders; `val` may be None.
        metrics: by name.
        monitored: the metric by which an epoch is best, and `"min"` or `"max"`.
        optimizer, scheduler: as the user's factories made them.
        stepper: the joint step, as accelerate wrapped it.
        updater: the optimizer, as accelerate wrapped it.
        checkpoints: where they go, or None.
        fingerprint: what decides the weights; a resume must agree with it.
        display: shows progress.
    """

    settings: Settings
    accelerator: Any
    model: InvariantModel
    objective: JointLoss
    train: KeyedLoader
    val: KeyedLoader | None
    metrics: dict[str, Metric]
    monitored: tuple[str, str]
    optimizer: torch.optim.Optimizer
    scheduler: Any
    stepper: Any
    updater: Any
    checkpoints: Checkpoints | None
    fingerprint: dict[str, Any]
    display: Display
    at: RunState
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        self.device: torch.device = self.accelerator.device
        self.generator = Generator(self.device)
        self.watch = FiniteWatch(self.device)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.schedule = resolve_schedule(self.settings.penalty_schedule)

    def train_until_stopped(self) -> None:
        """Trains epoch after epoch until `at.stopped` says why it is over."""
        while self.at.stopped is None:
            started = time.perf_counter() - self.at.seconds
            sums = self._train_epoch(started)
            val = self._evaluate()
            self._end_epoch(self._row(sums, val, time.perf_counter() - started))

    def _train_epoch(self, started: float) -> dict[str, list[float]]:
        """Updates on every batch of an epoch, or on those left of it; returns the sums of all processes."""
        every = self.settings.checkpoint_every
        size = self.settings.accumulation_steps
        totals = Totals(self.device, self.at.totals)
        self.model.train()
        self.display.begin_epoch(self.at.epoch + 1, -(-self.at.batches // size))
        saved = self.at.step
        for window in windows(self.train.batches(self.at.epoch + 1, skip=self.at.batches), size):
            # Before the step, not after: the last step of an epoch is saved with the epoch's end.
            if every and self.at.step % every == 0 and self.at.step != saved:
                self.at.totals, self.at.seconds = totals.read(), time.perf_counter() - started
                self._save(best=False)
            self._update(window, totals)
            self.display.step(lambda: ratio(totals.peek("loss")))
        self._check_finite()
        return totals.read(self.accelerator)

    def _update(self, window: list[Pair], totals: Totals) -> None:
        """One update, from one window of batches."""
        rank, seed, step = self.accelerator.process_index, self.settings.seed, self.at.step
        seed_global_generators(seed, "step", step, rank)
        self.generator.manual_seed(derived_seed(seed, step, rank))
        factor = float(self.schedule(self._progress()))
        self.updater.zero_grad()
        for position, (x, target) in enumerate(window):
            last = position + 1 == len(window)
            with nullcontext() if last else self.accelerator.no_sync(self.stepper):
                self._backward(x, target, factor, len(window), totals)
        if self.settings.gradient_clip is not None:
            self.accelerator.clip_grad_norm_(self.parameters, self.settings.gradient_clip)
        self.updater.step()
        if self.settings.scheduler_interval == "step" and not self.accelerator.optimizer_step_was_skipped:
            self._step_scheduler(None)
        self.at.step += 1
        self.at.batches += len(window)

    def _backward(self, x: Any, target: Any, factor: float, n_batches: int, totals: Totals) -> None:
        """Forward and backward of one batch, and its share of the metrics."""
        x, target = self._placed(x), self._placed(target)
        total, loss, penalty, output = self.stepper(x, target, factor, self.generator)
        bad = self.watch.note(self.at.step, total, x)
        if bad is not None:
            raise self._non_finite(bad, isinstance(x, Tensor) and not bool(torch.isfinite(x).all()))
        self._measure(totals, loss, output, target)
        totals.add("penalty", weighted(penalty, batch.count(output)))
        self.accelerator.backward(total / n_batches if n_batches > 1 else total)

    @torch.no_grad()
    def _evaluate(self) -> dict[str, list[float]]:
        """Sums over the validation data, of all processes; empty without such data."""
        if self.val is None:
            return {}
        totals = Totals(self.device)
        self.model.eval()
        for x, target in self.val.batches(self.at.epoch + 1):
            x, target = self._placed(x), self._placed(target)
            with self.accelerator.autocast():
                output = self.model(x)
            output = in_full_precision(output)
            self._measure(totals, self.objective.criterion(output, target), output, target)
        return totals.read(self.accelerator)

    def _measure(self, totals: Totals, loss: Tensor, output: Tensor, target: Any) -> None:
        totals.add("loss", weighted(loss, batch.count(output)))
        for name, metric in self.metrics.items():
            totals.add(name, metric.sums(output, target))

    def _row(self, train: dict[str, list[float]], val: dict[str, list[float]], seconds: float) -> Row:
        values = {"loss": ratio, **{name: metric.value for name, metric in self.metrics.items()}}
        row: Row = {"epoch": self.at.epoch + 1, "step": self.at.step}
        for prefix, sums in (("train_", train), ("val_", val)):
            row.update({f"{prefix}{name}": value(sums[name]) for name, value in values.items() if sums})
        return {**row, "penalty": ratio(train["penalty"]), "seconds": seconds, "layers": learned(self.model)}

    def _end_epoch(self, row: Row) -> None:
        """Counts the epoch, decides whether to go on, and saves: in this order, so that a resume decides alike."""
        metric, mode = self.monitored
        history = [*self.at.history, row]
        if self.settings.scheduler_interval == "epoch":
            self._step_scheduler(row[metric])
        stopped = self._stopped(history)
        self.at = replace(self.at, epoch=row["epoch"], batches=0, seconds=0.0, totals={}, history=history, stopped=stopped)
        self._save(best=best_row(history, metric, mode) is row)
        if self.settings.trackers:
            self.accelerator.log(scalars(row), step=self.at.step)
        self.display.end_epoch(row, self.model)

    def _stopped(self, history: list[Row]) -> str | None:
        asked = False
        if self.accelerator.is_main_process:
            # A list, not a generator: every callback sees every epoch.
            asked = any([callback(dict(history[-1]), self.model) is True for callback in self.settings.callbacks])
        if self._agreed(asked):
            return "callback"
        if self.settings.early_stopping is not None and self.settings.early_stopping.exhausted(history):
            return "early_stopping"
        return "max_epochs" if history[-1]["epoch"] >= self.settings.max_epochs else None

    def _agreed(self, asked: bool) -> bool:
        """What the main process decided."""
        if self.accelerator.num_processes == 1:
            return asked
        flag = torch.tensor(float(asked), device=self.device)
        return bool(self.accelerator.reduce(flag, "sum") > 0)

    def _save(self, *, best: bool) -> None:
        """Writes a checkpoint of where the run stands, unless the loss has turned bad since the last one."""
        if self.checkpoints is not None:
            self._check_finite()
            self.checkpoint = save(self, self.checkpoints, best=best)

    def _check_finite(self) -> None:
        """Raises if any loss so far, in any process, was not finite."""
        # Each process's own first: a reduction over processes could hide which step it was.
        step, bad_input = (int(entry) for entry in self.watch.state().tolist())
        if self.accelerator.num_processes > 1:
            seen = torch.tensor([[step, bad_input]], device=self.device)
            step, bad_input = (int(entry) for entry in self.accelerator.gather(seen).max(dim=0).values.tolist())
        if step >= 0:
            raise self._non_finite(step, bool(bad_input))

    def _non_finite(self, step: int, bad_input: bool) -> Exception:
        return non_finite(step, bad_input, self.model, self.checkpoint)

    def _step_scheduler(self, value: float | None) -> None:
        if isinstance(self.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.scheduler.step(value)
        elif self.scheduler is not None:
            self.scheduler.step()

    def _progress(self) -> float:
        """How much of the run is done, in [0, 1]; counted in whole epochs if the loader does not know its length."""
        n_batches = self.train.n_batches
        part = self.at.batches / n_batches if n_batches else 0.0
        return min(1.0, (self.at.epoch + part) / self.settings.max_epochs)

    def _placed(self, value: Any) -> Any:
        from accelerate.utils import send_to_device

        return send_to_device(value, self.device, non_blocking=True)

