"""The loop of a stage, epoch by epoch, resumable at every update. It serves any objective.

Uses all of training/; run by stages.py.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from augrad.learning.stage import Row
from augrad.randomness import derived_seed, seed_global_generators
from augrad.training.early_stopping import best_row
from augrad.training.engine import scalars
from augrad.training.fingerprints import described
from augrad.training.loading import Pair, windows
from augrad.training.measures import Measures
from augrad.training.persistence import save
from augrad.training.result import learned
from augrad.training.run import Run
from augrad.training.runaway import Runaway
from augrad.training.runaway_notice import headline, notice
from augrad.training.step import non_finite


def train_until_stopped(run: Run) -> None:
    """Trains epoch after epoch until `at.stopped` says why it is over."""
    while run.at.stopped is None:
        started = time.perf_counter() - run.at.seconds
        train = _train_epoch(run, started)
        val = _evaluate(run)
        _end_epoch(run, _row(run, train, val, time.perf_counter() - started))


def _train_epoch(run: Run, started: float) -> dict[str, float]:
    """Updates on every batch of an epoch, or on those left of it; returns the values over all processes."""
    every = run.settings.checkpoint_every
    size = run.settings.accumulation_steps
    # The sums of a checkpoint are those of all processes: one of them goes on with them.
    totals = run.at.totals if run.accelerator.is_main_process else None
    states = run.at.metrics[run.accelerator.process_index] if run.at.metrics else None
    measures = Measures(run.metrics, run.device, totals, states)
    run.model.train()
    run.display.begin_epoch(run.at.epoch + 1, -(-run.at.batches // size))
    saved = run.at.step
    for window in windows(run.train.batches(run.at.epoch + 1, skip=run.at.batches), size):
        # Before the step, not after: the last step of an epoch is saved with the epoch's end.
        if every and run.at.step % every == 0 and run.at.step != saved:
            run.at.totals, run.at.metrics = measures.totals(run.accelerator), measures.states(run.accelerator)
            run.at.seconds = time.perf_counter() - started
            _save(run, best=False)
        _update(run, window, measures)
        run.display.step(lambda: measures.mean("loss"))
    _check_finite(run)
    return measures.values(run.accelerator)


def _update(run: Run, window: list[Pair], measures: Measures) -> None:
    """Makes an update from a window of batches."""
    rank, seed, step = run.accelerator.process_index, run.settings.seed, run.at.step
    seed_global_generators(seed, "step", step, rank)
    run.generator.manual_seed(derived_seed(seed, step, rank))
    progress = _progress(run)
    factor = float(run.schedule(progress))
    run.updater.zero_grad()
    for position, pair in enumerate(window):
        last = position + 1 == len(window)
        with nullcontext() if last else run.accelerator.no_sync(run.stepper):
            _backward(run, pair, (progress, factor), len(window), measures)
    if run.settings.gradient_clip is not None:
        run.accelerator.clip_grad_norm_(run.parameters, run.settings.gradient_clip)
    run.settle(run.model.augmentation, run.optimizer, lr=run.augmentation_lr, progress=progress)
    run.updater.step()
    # Half precision skips an update that overflowed, and then the scheduler is not to count it either.
    if run.settings.scheduler_interval == "step" and not run.accelerator.optimizer_step_was_skipped:
        _step_scheduler(run)
    run.at.step += 1
    run.at.batches += len(window)


def _backward(run: Run, pair: Pair, moment: tuple[float, float], n_batches: int, measures: Measures) -> None:
    """Runs forward and backward of a batch, at a share of training and a factor on the penalty; and its metrics."""
    x, target = _placed(run, pair)
    total, loss, penalty, output, also = run.stepper(x, target, *moment, run.generator)
    bad = run.watch.note(run.at.step, total, x)
    if bad is not None:
        raise _non_finite(run, bad, isinstance(x, Tensor) and not bool(torch.isfinite(x).all()))
    measures.add(output, target, loss=loss, penalty=penalty, **also)
    run.accelerator.backward(total / n_batches if n_batches > 1 else total)


@torch.no_grad()
def _evaluate(run: Run) -> dict[str, float]:
    """Returns the values on the validation data, over all processes; empty without such data."""
    if run.val is None:
        return {}
    measures = Measures(run.metrics, run.device)
    run.model.eval()
    for pair in run.val.batches(run.at.epoch + 1):
        x, target = _placed(run, pair)
        with run.accelerator.autocast():
            step = run.evaluate(run.model, x, target, generator=run.generator.manual_seed(run.settings.seed))
        measures.add(step.output, target, loss=step.loss)
    return measures.values(run.accelerator)


def _row(run: Run, train: dict[str, float], val: dict[str, float], seconds: float) -> Row:
    row: Row = {"epoch": run.at.epoch + 1, "step": run.at.step}
    for prefix, values in (("train_", train), ("val_", val)):
        row.update({f"{prefix}{name}": value for name, value in values.items() if name != "penalty"})
    return {**row, "penalty": train["penalty"], "seconds": seconds, "layers": learned(run.model)}


_FRESH: dict[str, Any] = {"batches": 0, "seconds": 0.0, "totals": {}, "metrics": []}
"""The state of a run at the start of an epoch."""


def _end_epoch(run: Run, row: Row) -> None:
    """Counts the epoch, decides whether to go on, and saves: in this order, so that a resume decides alike."""
    metric, mode = run.monitored
    history = [*run.at.history, row]
    if run.settings.scheduler_interval == "epoch":
        _step_scheduler(run, row[metric])
    found = None if run.settings.runaway is None else run.settings.runaway.find(history)
    stopped = _stopped(run, history, ran_away=found is not None)
    run.at = replace(run.at, epoch=row["epoch"], history=history, stopped=stopped, **_FRESH)
    _save(run, best=best_row(history, metric, mode) is row)
    if run.settings.trackers:
        prefix = "" if run.main else f"{run.label}/"
        named = {f"{prefix}{name}": value for name, value in scalars(row).items()}
        run.accelerator.log(named, step=run.first_step + run.at.step)
    run.display.end_epoch(row, run.model)
    if found is not None and stopped == "runaway":
        _report(run, found)


def _stopped(run: Run, history: list[Row], *, ran_away: bool) -> str | None:
    asked = False
    if run.accelerator.is_main_process:
        answers = [callback(dict(history[-1]), run.model) for callback in run.settings.callbacks]
        asked = any(answer is True for answer in answers)
    if _agreed(run, asked):
        return "callback"
    if ran_away:
        return "runaway"
    if run.settings.early_stopping is not None and run.settings.early_stopping.exhausted(history):
        return "early_stopping"
    return "max_epochs" if history[-1]["epoch"] >= run.settings.max_epochs else None


def _report(run: Run, found: Runaway) -> None:
    """Says which range ran away: at once on the display, and in the warning that `fit` ends with."""
    metric, mode = run.monitored
    best = None if run.checkpoints is None else run.checkpoints.pointed("best")
    row = best_row(run.at.history, metric, mode)
    if best is None or row is None:
        kept = "Or go on with runaway=None. There is no checkpoint: pass directory= to keep some."
    else:
        kept = (
            f"Or go on with resume=True and runaway=None. The checkpoint with the best {metric}, of epoch "
            f"{row['epoch']}, is {best}; the last is {run.checkpoint}."
        )
    penalty = described(run.settings.penalty)
    run.notice = notice(found, run.model, penalty=penalty, kept=kept, checkpoint=best)
    run.display.say(headline(found, run.model))


def _agreed(run: Run, asked: bool) -> bool:
    """Returns the decision of the main process."""
    if run.accelerator.num_processes == 1:
        return asked
    flag = torch.tensor(float(asked), device=run.device)
    return bool(run.accelerator.reduce(flag, "sum") > 0)


def _save(run: Run, *, best: bool) -> None:
    """Writes a checkpoint of where the run stands, unless the loss has turned bad since the last one."""
    if run.checkpoints is not None:
        _check_finite(run)
        run.checkpoint = save(run, run.checkpoints, best=best)


def _check_finite(run: Run) -> None:
    """Raises if any loss so far, in any process, was not finite."""
    # Each process's own first: a reduction over processes could hide which step it was.
    step, bad_input = (int(entry) for entry in run.watch.state().tolist())
    if run.accelerator.num_processes > 1:
        seen = torch.tensor([[step, bad_input]], device=run.device)
        step, bad_input = (int(entry) for entry in run.accelerator.gather(seen).max(dim=0).values.tolist())
    if step >= 0:
        raise _non_finite(run, step, bool(bad_input))


def _non_finite(run: Run, step: int, bad_input: bool) -> Exception:
    return non_finite(step, bad_input, run.model, run.checkpoint, stage=run.label)


def _step_scheduler(run: Run, *values: float) -> None:
    """Steps the scheduler; a plateau scheduler gets the metric that makes an epoch the best."""
    if isinstance(run.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        run.scheduler.step(*values)
    elif run.scheduler is not None:
        run.scheduler.step()


def _progress(run: Run) -> float:
    """How much of the run is done, in [0, 1]; counted in whole epochs if the loader does not know its length."""
    n_batches = run.train.n_batches
    part = run.at.batches / n_batches if n_batches else 0.0
    return min(1.0, (run.at.epoch + part) / run.settings.max_epochs)


def _placed(run: Run, pair: Pair) -> Pair:
    from accelerate.utils import send_to_device

    x, target = pair
    place = partial(send_to_device, device=run.device, non_blocking=True)
    return place(x), place(target)
