"""One training of the benchmark, and all rules of a task and seed. Uses demo/trial.py, measures.py; run by pool.py."""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from augrad.bench.measures import candidates_of, digest_of_samples, outcomes_of, with_scores
from augrad.bench.own import OwnTask
from augrad.bench.records import Record, failed, modality_of
from augrad.bench.rules import Configuration, Rule
from augrad.bench.task import Task
from augrad.demo.rules import build_trunk
from augrad.demo.task import DemoData
from augrad.demo.trial import invariances, prepared, score, train
from augrad.errors import MissingDependencyError, RunawayWarning, TrainingError
from augrad.learning.stage import COMPUTED
from augrad.model import InvariantModel
from augrad.presets.preset import wrapped
from augrad.randomness import derived_seed
from augrad.training import FitResult
from augrad.transform.transform import Transform


@dataclass(frozen=True)
class Cluster:
    """Rules to train on the data of a task and seed. A worker trains them in turn and loads the data once.

    Attributes:
        task, seed: the task and the seed of its data.
        rules: the rules to train.
        digests: the digest of each rule's run.
    """

    task: Task
    seed: int
    rules: tuple[Rule, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """A task that lacks an optional dependency.

    Attributes:
        task: name of the task.
        reason: says what to install.
    """

    task: str
    reason: str


def run_cluster(cluster: Cluster) -> Iterator[Record | Skipped]:
    """Trains the rules of a cluster one after the other; a run that fails is a record too, and the others go on."""
    task, seed = cluster.task, cluster.seed
    runs = list(zip(cluster.rules, cluster.digests, strict=True))
    try:
        data, _, transforms = prepared(task, seed)
    except MissingDependencyError as error:
        yield Skipped(task.name, str(error))
        return
    except Exception as error:  # noqa: BLE001 - a task is a plugin's code: whatever it raises, the others run
        yield from (failed(task, rule.name, seed, digest, _named(error)) for rule, digest in runs)
        return
    for rule, digest in runs:
        try:
            yield run_trial(task, rule, seed, data, transforms, digest=digest)
        except Exception as error:  # noqa: BLE001 - as above
            yield failed(task, rule.name, seed, digest, _named(error))


def run_trial(
    task: Task, rule: Rule, seed: int, data: DemoData, transforms: Mapping[str, Transform], *, digest: str = ""
) -> Record:
    """Trains one rule for one seed and measures the result.

    Args:
        task: the task.
        rule: the rule.
        seed: decides initial weights, order of batches and draws.
        data, transforms: of the task and seed, as `demo.trial.prepared` returns them.
        digest: kept in the record.

    Raises:
        TrainingError: the score is no number, or training stopped.
        ArgumentError: the rule's own `found` does not fit the task's candidates.
    """
    started = time.perf_counter()
    made = rule.build(task, transforms, seed)
    learns = any(parameter.requires_grad for parameter in made.augmentation.parameters())
    aggregation, options = made.aggregation, dict(made.options)
    if isinstance(task, OwnTask):
        aggregation, options = aggregation or task.aggregation, {**task.options, **options}
    if aggregation is None:
        aggregation = "log_prob" if data.classifies else "mean"
    model = InvariantModel(
        _wrapped_trunk(made, task, seed),
        made.augmentation,
        copies=task.copies if made.copies is None else made.copies,
        train_copies=made.train_copies,
        aggregation=aggregation,
    )
    clock = _Clock()
    callbacks = (*options.get("callbacks", ()), clock)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunawayWarning)  # the record says so
        fitted = train(model, task, data, seed, **{**options, "callbacks": callbacks})
    outcomes = None
    if task.kind == "unknown":
        outcomes = tuple(outcomes_of(model, data.test_x, data.test_y, task.batch_size).tolist())
        reached = statistics.fmean(outcomes)
    else:
        reached = score(model, data.test_x, data.test_y, task.batch_size)
    if not math.isfinite(reached):
        raise TrainingError(f"the score on the test data is {reached}, so the network's outputs are no numbers.")
    trunk, whole = invariances(model, task, data, transforms) if task.oracle else (None, None)
    candidates = candidates_of(model.augmentation, task, data.train_x, transforms, seed)
    if made.found is not None:
        candidates = with_scores(candidates, made.found(model, fitted))
    return Record(
        task=task.name,
        modality=modality_of(task),
        kind=task.kind,
        rule=rule.name,
        seed=seed,
        digest=digest,
        metric="accuracy" if data.classifies else "r2",
        score=reached,
        seconds=fitted.seconds,
        cpu_seconds=clock.seconds + _seconds_before(fitted),
        seconds_in_all=time.perf_counter() - started,
        trunk_invariance=trunk,
        model_invariance=whole,
        learns=learns,
        stopped=fitted.stopped,
        candidates=candidates,
        policy=tuple(fitted.policy.to_rows()),
        history=fitted.history[-1],
        outcomes=outcomes,
        samples="" if outcomes is None else digest_of_samples(data.test_x, data.test_y),
    )


def _wrapped_trunk(made: Configuration, task: Task, seed: int) -> nn.Module:
    """The task's trunk inside the rule's wrapper; the wrapper's own weights are the same each time for one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed("bench", "wrap", seed))
        return wrapped(build_trunk(task, seed), made.wrap)


class _Clock:
    """Processor time of a training, read after each epoch: the first epoch includes imports and other set-up."""

    def __init__(self) -> None:
        self._started = time.process_time()
        self._ticks: list[float] = []

    def __call__(self, row: dict[str, Any], model: InvariantModel) -> None:
        self._ticks.append(time.process_time())

    @property
    def seconds(self) -> float:
        """Processor time of all epochs without set-up; a training of a single epoch includes its set-up."""
        n_epochs = len(self._ticks)
        if n_epochs == 1:
            return self._ticks[0] - self._started
        return (self._ticks[-1] - self._ticks[0]) * n_epochs / (n_epochs - 1)


def _seconds_before(fitted: FitResult) -> float:
    """Of all that came before the training: computations, search and confirmation."""
    computed = sum(stage.seconds for stage in fitted.stages if stage.stopped == COMPUTED)
    return float(computed + sum(row["seconds"] for row in (*fitted.search, *fitted.confirmation)))


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
