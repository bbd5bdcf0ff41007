"""Runs a plan: stage after stage, each with its checkpoints, whatever the objective is.

Uses assembly.py, computing.py, loop.py, records.py; used by trainer.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from augrad.errors import ArgumentError, NonFiniteLossError
from augrad.learning.objective import hook
from augrad.learning.stage import TRAINING, Computation, Row, Stage, StageResult
from augrad.model import InvariantModel
from augrad.training.assembly import assemble, refuse_at_once
from augrad.training.computing import computed
from augrad.training.engine import tracking
from augrad.training.loop import train_until_stopped
from augrad.training.records import Records
from augrad.training.run import Run
from augrad.training.settings import Settings
from augrad.training.task import Task


@dataclass
class Course:
    """What a plan led to.

    Attributes:
        run: of the last main stage, or of the last stage if none was one.
        stages: the results, in order.
        findings: the rows that the plan returned.
    """

    run: Run
    stages: list[StageResult] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)


def run_plan(task: Task, stack: ExitStack) -> Course:
    """Runs all stages of the objective's plan.

    Args:
        task: as `prepared` returned it.
        stack: trackers are started in it when the first stage trains.

    Raises:
        NonFiniteLossError: the loss turned NaN or infinite, and the plan did not catch it.
    """
    runner = _Runner(task, stack)
    plan = hook(task.objective, "plan")(task.model, task.budget)
    answer: StageResult | NonFiniteLossError | None = None
    while True:
        try:
            if isinstance(answer, NonFiniteLossError):
                stage = plan.throw(answer)
            else:
                stage = next(plan) if answer is None else plan.send(answer)
        except StopIteration as ended:
            return runner.course(ended.value)
        answer = runner.run(stage)


class _Runner:
    """Runs one stage after the other, and keeps their results."""

    def __init__(self, task: Task, stack: ExitStack) -> None:
        self.task, self.stack = task, stack
        self.results: list[StageResult] = []
        self.main: Run | None = None
        self.last: Run | None = None
        self.tracked = False
        self.records = Records(task.settings, task.marks, main=task.accelerator.is_main_process)

    def course(self, findings: list[Row] | None) -> Course:
        """All that the plan led to."""
        run = self.main or self.last
        if run is None:
            raise ArgumentError(
                f"objective: the plan of {type(self.task.objective).__name__} yields no stage that trains. Yield at "
                "least one.",
                argument="objective",
            )
        return Course(run, self.results, list(findings or []))

    def run(self, stage: Stage | Computation) -> StageResult | NonFiniteLossError:
        """Runs a stage, or finds its stored result; returns the error if its loss turned non-finite."""
        self._check(stage)
        if isinstance(stage, Computation):
            self.results.append(computed(self.task, stage, self.records, self._place(stage)))
            return self.results[-1]
        stored = None if stage.keeps else self.records.find(stage.label)
        if stored is None:
            try:
                stored = self._trained(stage)
            except NonFiniteLossError as error:
                # Other processes would wait for this one if the plan went on.
                if self.task.accelerator.num_processes > 1:
                    raise
                stored = error
            if not stage.keeps:
                self.records.add(stage.label, stored)
        if isinstance(stored, StageResult):
            self.results.append(stored)
        return stored

    def _trained(self, stage: Stage) -> StageResult:
        task, started = self.task, time.perf_counter()
        model = stage.model or task.model
        with _learning(stage, model):
            place = self._place(stage)
            val = task.val if stage.main else None
            step = sum(result.history[-1]["step"] for result in self.results if result.history)
            run = assemble(model, task, stage, _settings(task.settings, stage), val, place=place, first_step=step)
            if run.at.stopped is None:
                self._track()
                _train(run, stage, place)
        self.last = run
        if stage.main:
            self.main = run
        measured = _measured(stage, task.accelerator)
        if task.settings.trackers and measured and self.tracked:
            named = {f"{stage.label}/{name}": value for name, value in measured.items()}
            task.accelerator.log(named, step=step)
        history = run.at.history if stage.keeps else []
        seconds = sum(row["seconds"] for row in history) if stage.keeps else time.perf_counter() - started
        _say(run, stage, measured)
        return StageResult(stage.label, history, str(run.at.stopped), measured, float(seconds))

    def _place(self, stage: Stage | Computation) -> tuple[int, int]:
        """The number of a stage, and the number of stages."""
        return len(self.results) + 1, max(stage.n_stages, len(self.results) + 1)

    def _track(self) -> None:
        if not self.tracked:
            self.stack.enter_context(tracking(self.task.accelerator, self.task.settings))
            self.tracked = True

    def _check(self, stage: Any) -> None:
        owner = type(self.task.objective).__name__
        if not isinstance(stage, Stage | Computation):
            raise ArgumentError(
                f"objective: the plan of {owner} must yield stages or computations, but yielded "
                f"{type(stage).__name__}.",
                argument="objective",
            )
        if any(stage.label == result.label for result in self.results):
            raise ArgumentError(
                f"objective: the plan of {owner} yields two stages with the label {stage.label!r}. Give each its own: "
                "checkpoints are told apart by it.",
                argument="objective",
            )
        if not self.results and (isinstance(stage, Computation) or not stage.main):
            refuse_at_once(self.task)


def _settings(settings: Settings, stage: Stage) -> Settings:
    """The settings of a stage: metrics, callbacks and guard are for main stages."""
    stopping = settings.early_stopping
    if not stage.main and stopping is not None:
        # The least improvement is in the unit of another metric.
        delta = stopping.min_delta if stopping.metric.endswith("loss") else 0.0
        stopping = None if stage.watch is None else replace(stopping, metric=stage.watch, mode="min", min_delta=delta)
    own: dict[str, Any] = {} if stage.main else {"metrics": {}, "callbacks": (), "runaway": None}
    if stage.scheduler is not None:
        own |= {"scheduler": stage.scheduler, "scheduler_interval": stage.scheduler_interval}
    directory = settings.directory
    if directory is not None:
        directory = None if not stage.keeps else directory if stage.label == TRAINING else directory / stage.label
    kept: dict[str, Any] = {} if directory is not None else {"checkpoint_every": None, "resume": False}
    if not stage.keeps:
        kept["trackers"] = ()
    epochs = settings.max_epochs if stage.epochs is None else stage.epochs
    return replace(settings, max_epochs=epochs, early_stopping=stopping, directory=directory, **own, **kept)


@contextmanager
def _learning(stage: Stage, model: InvariantModel) -> Iterator[None]:
    """Lets the parts learn that the stage names: nothing of the others requires a gradient meanwhile."""
    augmentation = {id(parameter) for parameter in model.augmentation.parameters()}
    trunk = [p for p in model.parameters() if id(p) not in augmentation]
    known = augmentation | {id(parameter) for parameter in trunk}
    objective = stage.objective if isinstance(stage.objective, nn.Module) else nn.Module()
    parts = {
        "trunk": trunk,
        "augmentation": list(model.augmentation.parameters()),
        "objective": [p for p in objective.parameters() if id(p) not in known],
    }
    resting = [p for name, part in parts.items() if name not in stage.learns for p in part if p.requires_grad]
    for parameter in resting:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in resting:
            parameter.requires_grad_(True)


def _train(run: Run, stage: Stage, place: tuple[int, int]) -> None:
    """Trains; whatever happens, the display ends and the last pass is let go of."""
    try:
        train_until_stopped(run)
    except Exception as error:
        error.add_note(_where(run, stage, place))
        raise
    finally:
        run.display.close()
        run.model.augmentation.forget()


def _where(run: Run, stage: Stage, place: tuple[int, int]) -> str:
    kept = "there is no checkpoint" if run.checkpoint is None else f"the last good checkpoint is {run.checkpoint}"
    return f"augrad: in the stage {stage.label!r} ({place[0]} of {place[1]}), at step {run.at.step}; {kept}."


def _measured(stage: Stage, accelerator: Any) -> Mapping[str, float]:
    """The means that a stage measures, over all processes."""
    found = {} if stage.measure is None else stage.measure()
    values = {}
    for name, sums in found.items():
        summed: Tensor = accelerator.reduce(sums, "sum") if accelerator.num_processes > 1 else sums
        total, count = (float(entry) for entry in summed.tolist())
        values[name] = total / max(count, 1.0)
    return values


def _say(run: Run, stage: Stage, measured: Mapping[str, float]) -> None:
    if measured:
        run.display.say(f"{stage.label}: " + ", ".join(f"{name} {value:.4f}" for name, value in measured.items()))
