"""`Record`: one training of the benchmark as a line of JSON, and the digest of what decides it. Made by trial.py."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

from augrad.bench.rules import Rule
from augrad.bench.task import Task
from augrad.demo.run import versions_of
from augrad.errors import StorageError
from augrad.training.fingerprints import described

SCHEMA_VERSION = 1

Key = tuple[str, str, int]
"""Task, rule and seed."""


@dataclass(frozen=True)
class LearnedRange:
    """How far a candidate's parameter goes.

    Attributes:
        parameter, unit: name and unit of the parameter.
        learned: learned distance from the identity, over all layers: `demo.learned.equivalent_reach`, in `unit`. For a
            parameter learned per axis entry, the mean over its entries.
        true: how far the oracle goes; None for a candidate that is not true.
    """

    parameter: str
    unit: str
    learned: float
    true: float | None


@dataclass(frozen=True)
class Candidate:
    """The finding for one candidate.

    Attributes:
        name: name of the transform.
        true: whether the oracle names it.
        weight: probability that at least one layer draws it, in [0, 1].
        displacement: mean displacement of training data under it alone, given that it is drawn; see
            `augrad.displacement`. At least 0.
        ranges: the range of each of its parameters.
        found: the score that the rule itself states, see `Configuration.found`; None if it states none.
    """

    name: str
    true: bool
    weight: float
    displacement: float
    ranges: tuple[LearnedRange, ...]
    found: float | None = None

    @property
    def evidence(self) -> float:
        """How sure the rule is that this candidate is true: its own score, else weight times displacement."""
        return self.weight * self.displacement if self.found is None else self.found


@dataclass(frozen=True)
class Record:
    """One training.

    Attributes:
        task, modality, kind, rule, seed: the task, the rule and the seed.
        digest: digest of everything that decides the result; see `digest_of`.
        error: why the run failed, or None. For a failed run all further fields are None or empty.
        metric: `"accuracy"` or `"r2"`.
        score: value of the metric on the test data.
        seconds: wall-clock time of training.
        cpu_seconds: processor time of training, on which other programs have little influence. It leaves out set-up: it
            is extrapolated from all epochs but the first. For a computation or a search before the training it is
            wall-clock time.
        seconds_in_all: wall-clock time of training and measuring.
        trunk_invariance, model_invariance: invariance under the oracle; None where the oracle is empty.
        learns: whether the augmentation has anything to learn.
        stopped: why training ended, as in `FitResult`.
        candidates: the task's candidates, in its order.
        policy: rows as returned by `Policy.to_rows`.
        history: the last row of `FitResult.history`.
        outcomes: the contribution of each test sample to the score, which is their mean; kept for tasks of kind
            `"unknown"`, where rules are compared sample by sample, and None elsewhere.
        samples: a digest of these samples, and of their targets.
    """

    task: str
    modality: str
    kind: str
    rule: str
    seed: int
    digest: str
    error: str | None = None
    metric: str | None = None
    score: float | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    seconds_in_all: float | None = None
    trunk_invariance: float | None = None
    model_invariance: float | None = None
    learns: bool = False
    stopped: str | None = None
    candidates: tuple[Candidate, ...] = ()
    policy: tuple[dict[str, Any], ...] = ()
    history: dict[str, Any] = dataclasses.field(default_factory=dict)
    outcomes: tuple[float, ...] | None = None
    samples: str = ""

    @property
    def key(self) -> Key:
        """Task, rule and seed."""
        return self.task, self.rule, self.seed

    def to_line(self) -> str:
        """A line of JSON, with its end; numbers that are not finite become null."""
        facts = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}
        if self.outcomes is None:
            del facts["outcomes"], facts["samples"]
        return json.dumps(_finite(facts), allow_nan=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Record:
        """Reads a line that `to_line` wrote.

        Raises:
            StorageError: the line is something else.
        """
        try:
            facts = json.loads(line)
            facts.pop("schema_version")
            found = [
                Candidate(**{**each, "ranges": tuple(LearnedRange(**one) for one in each["ranges"])})
                for each in facts.pop("candidates")
            ]
            outcomes = facts.pop("outcomes", None)
            return cls(
                **{**facts, "candidates": tuple(found), "policy": tuple(facts["policy"])},
                outcomes=None if outcomes is None else tuple(outcomes),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StorageError(f"no run of a benchmark: {type(error).__name__}: {error}") from error


def failed(task: Task, rule: str, seed: int, digest: str, error: str) -> Record:
    """The record of a run that failed."""
    return Record(task.name, modality_of(task), task.kind, rule, seed, digest, error)


def modality_of(task: Task) -> str:
    """The modality of a task's candidates: the first part of their names."""
    return task.transforms[0].partition(".")[0]


def digest_of(task: Task, rule: Rule) -> str:
    """A digest of everything that decides the result of a rule on a task: a run with another digest is stale.

    It covers the task's numbers, the rule's settings, and the versions of augrad, its plugin and torch; code that
    changes without its version is not seen.
    """
    numbers = ("kind", "epochs", "batch_size", "lr", "copies", "transforms", "oracle")
    facts = {
        "schema_version": SCHEMA_VERSION,
        "task": {name: repr(getattr(task, name)) for name in numbers},
        "code": [described(task.load), described(task.trunk)],
        "arguments": (
            described(task.arguments) if callable(task.arguments) else {k: _text(v) for k, v in task.arguments.items()}
        ),
        "rule": [rule.name, dict(rule.settings)],
        "versions": versions_of(task),
    }
    own = getattr(task, "options", None), getattr(task, "aggregation", None)
    if any(own):
        facts["own"] = [described(each) for each in own]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _text(value: Any) -> str | None:
    text = repr(value)
    return described(value) if " at 0x" in text else text


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
