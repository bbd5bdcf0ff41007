"""The results of a demo: a `Run` for each training, and `DemoResult`. Made by trial.py and run.py; shown by page/."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augrad.demo.learned import Reach, drawn_totals, learned_ranges, reach, reaches, share_of_samples
from augrad.demo.task import Demo
from augrad.learning.leave_one_out.evidence import Evidence
from augrad.policies.policy import PolicyRow
from augrad.transform.ranges import Range
from augrad.transform.transform import Transform

SCHEMA_VERSION = 3

LEAST_GAIN = 0.005
"""Smallest gain of the oracle for which a recovered share is computed. Less than half a point of accuracy, or of r2, is
noise."""


@dataclass(frozen=True)
class Run:
    """The training of a rule with a seed.

    Attributes:
        rule: a key of `rules.RULES`.
        seed: seed of initial weights, data and draws.
        score: score on the test data, in [0, 1] (accuracy) or at most 1 (r2).
        seconds: time of the training steps, without evaluation.
        trunk_invariance, model_invariance: medians over test samples and values of the true parameter, at most 1.
        curve: `(epoch, score)` on the validation data; empty without validation data.
        history, search, confirmation: as in `augrad.FitResult`.
        policy: the learned or fixed policy.
        evidence: as in `augrad.FitResult`, without its pictures; None without evidence.
    """

    rule: str
    seed: int
    score: float
    seconds: float
    trunk_invariance: float
    model_invariance: float
    curve: tuple[tuple[int, float], ...]
    history: tuple[dict[str, Any], ...]
    policy: tuple[PolicyRow, ...]
    search: tuple[dict[str, Any], ...] = ()
    confirmation: tuple[dict[str, Any], ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Orbit:
    """A test sample and augmented copies of it.

    Attributes:
        sample: a batch with one sample, of any type that `augrad.batch` knows.
        rows: for each policy (before training, learned, oracle) its label and a batch of copies.
    """

    sample: Any
    rows: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class DemoResult:
    """The result of a demo.

    Attributes:
        demo: the demo.
        runs: all trainings.
        metric: `"accuracy"` or `"r2"`.
        transforms: the candidates and the true transforms by name, as constructed for the first seed.
        orbit: a sample under each policy, or None.
        arguments: constructor arguments of the transforms.
        environment: versions, command and settings.
    """

    demo: Demo
    runs: tuple[Run, ...]
    metric: str
    transforms: Mapping[str, Transform]
    orbit: Orbit | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)

    def of(self, rule: str) -> list[Run]:
        """Returns the runs of a rule, by seed."""
        return [run for run in self.runs if run.rule == rule]

    @property
    def seeds(self) -> list[int]:
        """The seeds of the repetitions."""
        return [run.seed for run in self.of("augrad")]

    def score(self, rule: str) -> tuple[float, float]:
        """Returns mean and standard deviation of the test score over seeds."""
        return mean_and_sd([run.score for run in self.of(rule)])

    def mean(self, rule: str, attribute: str) -> float:
        """Returns the mean over seeds of an attribute of `Run`, such as `"trunk_invariance"`."""
        return statistics.fmean(getattr(run, attribute) for run in self.of(rule))

    @property
    def gain_recovery(self) -> float | None:
        """`(learned - none) / (oracle - none)` of mean test scores; None if the oracle gains less than `LEAST_GAIN`."""
        none, oracle, learned = (self.score(rule)[0] for rule in ("none", "oracle", "augrad"))
        return (learned - none) / (oracle - none) if oracle - none >= LEAST_GAIN else None

    def relative_time(self, rule: str) -> float:
        """Returns training time as a multiple of the trunk's training time, paired by seed, then averaged."""
        alone = {run.seed: run.seconds for run in self.of("none")}
        return statistics.fmean(run.seconds / alone[run.seed] for run in self.of(rule))

    def declared(self, true: Reach) -> Range:
        """Returns the declared range of a parameter."""
        return self.transforms[true.transform].ranges[str(true.parameter)]

    @property
    def true_reaches(self) -> list[Reach]:
        """The true range of each parameter, as the oracle has it.

        A transform without parameters changes half of the samples.
        """
        found = []
        for name, parameters in self.demo.oracle.items():
            if not parameters:
                found.append(Reach(name, None, "", 0.5, None, None))
            for parameter, value in parameters.items():
                declared, labels = self.transforms[name].ranges[parameter], self.transforms[name].labels(parameter)
                ends = {"": value} if isinstance(value, int | float) else dict(zip(labels, value, strict=True))
                ranges = {label: abs(end - declared.identity) for label, end in ends.items()}
                true = Reach(name, parameter, declared.unit, 1.0, None, None)
                found.append(
                    _within(
                        true, declared, {label: ranges.get(label, ranges.get("", 0.0)) for label in labels or ("",)}
                    )
                )
        return found

    def learned_range(self, true: Reach) -> Reach:
        """Returns the learned range of a true parameter over all layers, averaged over seeds: `learned.learned_ranges`.

        For a transform without parameters the share of changed samples is returned: half of the samples that draw it in
        at least one layer, because it is applied to every other sample. (A flip applied twice undoes itself; the
        share is still half.)
        """
        name, runs = true.transform, self.of("augrad")
        if true.parameter is None:
            share = statistics.fmean(share_of_samples(run.policy, name) for run in runs) / 2
            return dataclasses.replace(true, share=share)
        declared, parameter = self.declared(true), true.parameter
        ranges = [learned_ranges(run.policy, name, parameter, identity=declared.identity) for run in runs]
        labels = self.transforms[name].labels(parameter) or ("",)
        means = {label: statistics.fmean(found.get(label, 0.0) for found in ranges) for label in labels}
        share = statistics.fmean(reach(run.policy, name, parameter).share for run in runs)
        return _within(dataclasses.replace(true, share=share), declared, means)

    @property
    def learned_reaches(self) -> list[Reach]:
        """The learned reach of every parameter, averaged over seeds, the most used first."""
        return sorted(reaches(self._stacked_policies()), key=lambda found: -found.share)

    def drawn(self, true: Reach) -> np.ndarray:
        """Returns draws of a true parameter under the learned policies of all seeds; see `learned.drawn_totals`."""
        identity = self.declared(true).identity
        name, parameter = true.transform, str(true.parameter)
        return np.concatenate(
            [drawn_totals(run.policy, name, parameter, identity=identity, seed=run.seed) for run in self.of("augrad")]
        )

    def _stacked_policies(self) -> list[PolicyRow]:
        """The policies of all seeds as a single policy. Averages over its layers are then also averages over seeds."""
        stacked = []
        for position, run in enumerate(self.of("augrad")):
            stacked += [dataclasses.replace(row, layer=row.layer + position * self.demo.n_layers) for row in run.policy]
        return stacked

    def to_json(self) -> dict[str, Any]:
        """Returns everything but pictures, JSON-able: demo, settings, summary, each run with history and policy."""
        demo = self.demo
        return {
            "demo": demo.name,
            "title": demo.title,
            "metric": self.metric,
            "settings": {
                **{
                    name: getattr(demo, name)
                    for name in ("epochs", "batch_size", "lr", "n_layers", "copies", "n_threads")
                },
                "transforms": list(demo.transforms),
                "oracle": {
                    name: {
                        key: value if isinstance(value, int | float) else list(value) for key, value in values.items()
                    }
                    for name, values in demo.oracle.items()
                },
                "seeds": self.seeds,
            },
            "environment": self.environment,
            "summary": self._summary(),
            "runs": [_run_to_json(run) for run in self.runs],
        }

    def _summary(self) -> dict[str, Any]:
        rules = {
            rule: {
                "score_mean": self.score(rule)[0],
                "score_sd": self.score(rule)[1],
                "relative_time": self.relative_time(rule),
                "seconds": self.mean(rule, "seconds"),
                "trunk_invariance": self.mean(rule, "trunk_invariance"),
                "model_invariance": self.mean(rule, "model_invariance"),
            }
            for rule in dict.fromkeys(run.rule for run in self.runs)
        }
        return {
            "rules": rules,
            "gain_recovery": self.gain_recovery,
            "true": [vars(found) for found in self.true_reaches],
            "learned": [vars(self.learned_range(true)) for true in self.true_reaches],
            "policy": [vars(found) for found in self.learned_reaches],
        }


@dataclass(frozen=True)
class Findings:
    """The results of one or several demos.

    Attributes:
        results: results of the successful demos, in the order of the runs.
        skipped: demos without their optional dependency, by name, with the package to install.
        failed: demos with another error, by name, with the error.
    """

    results: tuple[DemoResult, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns everything except pictures, JSON-able: the content of `results.json`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "demos": [result.to_json() for result in self.results],
            "skipped": dict(self.skipped),
            "failed": dict(self.failed),
        }


def _within(found: Reach, declared: Range, ranges: Mapping[str, float]) -> Reach:
    """Returns a reach with the given distances from the identity, by entry (`""` for a parameter without entries)."""
    ends = {label: declared.interval(distance / abs(declared.span)) for label, distance in ranges.items()}
    low, high = (statistics.fmean(each) for each in zip(*ends.values(), strict=True))
    return dataclasses.replace(found, low=low, high=high, entries={} if ends.keys() == {""} else ends)


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Returns mean and sample standard deviation; the deviation is 0 for a single value.

    Example:
        >>> mean_and_sd([1.0, 3.0])
        (2.0, 1.4142135623730951)
    """
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def _run_to_json(run: Run) -> dict[str, Any]:
    return {
        **vars(run),
        "curve": list(run.curve),
        "history": list(run.history),
        "search": list(run.search),
        "confirmation": list(run.confirmation),
        "policy": [vars(row) for row in run.policy],
        "evidence": None if run.evidence is None else run.evidence.to_dict(),
    }
