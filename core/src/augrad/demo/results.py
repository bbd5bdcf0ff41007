"""What a demo found: a `Run` per training, and `DemoResult`. Made by trial.py and run.py; shown by report/."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augrad.demo.learned import Reach, drawn_totals, learned_ranges, reach, reaches, share_of_samples
from augrad.demo.task import Demo
from augrad.policies.policy import PolicyRow
from augrad.transform.ranges import Range
from augrad.transform.transform import Transform

SCHEMA_VERSION = 2

LEAST_GAIN = 0.005
"""Of the oracle: a share of less than half a point of accuracy, or of r2, would be a share of noise."""


@dataclass(frozen=True)
class Run:
    """One training: a rule and a seed.

    Attributes:
        rule: a key of `rules.RULES`.
        seed: of initial weights, data and draws.
        score: on the test data, in [0, 1] (accuracy) or at most 1 (r2).
        seconds: spent in training steps, without evaluation.
        trunk_invariance, model_invariance: medians over test samples and values of the true parameter, at most 1.
        curve: `(epoch, score)` on the validation data; empty without such data.
        history, search, confirmation: as of `augrad.FitResult`.
        policy: what was learned, or fixed.
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


@dataclass(frozen=True)
class Orbit:
    """One test sample and augmented copies of it.

    Attributes:
        sample: a batch of one, of any type that `augrad.batch` knows.
        rows: label and copies, a batch of them, per policy: before training, learned, and the oracle's.
    """

    sample: Any
    rows: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class DemoResult:
    """What a demo found.

    Attributes:
        demo: what was run.
        runs: all trainings.
        metric: `"accuracy"` or `"r2"`.
        transforms: the candidates and the true ones by name, as they were constructed for the first seed.
        orbit: one sample under each policy, or None.
        arguments: what the transforms were constructed with.
        environment: versions, command, and how it was run.
    """

    demo: Demo
    runs: tuple[Run, ...]
    metric: str
    transforms: Mapping[str, Transform]
    orbit: Orbit | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)

    def of(self, rule: str) -> list[Run]:
        """The runs of one rule, by seed."""
        return [run for run in self.runs if run.rule == rule]

    @property
    def seeds(self) -> list[int]:
        """What was repeated over."""
        return [run.seed for run in self.of("augrad")]

    def score(self, rule: str) -> tuple[float, float]:
        """Mean and standard deviation over seeds of the test score."""
        return mean_and_sd([run.score for run in self.of(rule)])

    def mean(self, rule: str, attribute: str) -> float:
        """Mean over seeds of a number of a run, such as `"trunk_invariance"`."""
        return statistics.fmean(getattr(run, attribute) for run in self.of(rule))

    @property
    def gain_recovery(self) -> float | None:
        """`(learned - none) / (oracle - none)` of the mean test scores; None if the oracle gains under `LEAST_GAIN`."""
        none, oracle, learned = (self.score(rule)[0] for rule in ("none", "oracle", "augrad"))
        return (learned - none) / (oracle - none) if oracle - none >= LEAST_GAIN else None

    def relative_time(self, rule: str) -> float:
        """Training time as a multiple of the trunk's alone, paired by seed, averaged."""
        alone = {run.seed: run.seconds for run in self.of("none")}
        return statistics.fmean(run.seconds / alone[run.seed] for run in self.of(rule))

    def declared(self, true: Reach) -> Range:
        """How a parameter is declared by its transform."""
        return self.transforms[true.transform].ranges[str(true.parameter)]

    @property
    def true_reaches(self) -> list[Reach]:
        """The oracle: how far the task is invariant, per true parameter; for a transform without, half of samples."""
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
        """What augrad learned of a true parameter, over all layers, averaged over seeds: see `learned.learned_ranges`.

        For a transform without parameters the share is that of samples that it changes: half of those that draw it in
        at least one layer, as it is applied to every other one. (A flip met twice undoes itself; the half still holds.)
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
        """Values of a true parameter as drawn under the learned policies of all seeds; see `learned.drawn_totals`."""
        identity = self.declared(true).identity
        name, parameter = true.transform, str(true.parameter)
        return np.concatenate(
            [drawn_totals(run.policy, name, parameter, identity=identity, seed=run.seed) for run in self.of("augrad")]
        )

    def _stacked_policies(self) -> list[PolicyRow]:
        """The policies of all seeds as one, their layers counted on: averages over layers are then over seeds too."""
        stacked = []
        for position, run in enumerate(self.of("augrad")):
            stacked += [dataclasses.replace(row, layer=row.layer + position * self.demo.n_layers) for row in run.policy]
        return stacked

    def to_json(self) -> dict[str, Any]:
        """Everything but pictures, JSON-able: demo, settings, summary, and each run with its history and policy."""
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
    """What one demo or several found.

    Attributes:
        results: of those that ran through, in the order in which they were run.
        skipped: those that lack an optional dependency, by name, with what to install.
        failed: those that raised something else, by name, with what.
    """

    results: tuple[DemoResult, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Everything but pictures, JSON-able: what `results.json` holds."""
        return {
            "schema_version": SCHEMA_VERSION,
            "demos": [result.to_json() for result in self.results],
            "skipped": dict(self.skipped),
            "failed": dict(self.failed),
        }


def _within(found: Reach, declared: Range, ranges: Mapping[str, float]) -> Reach:
    """A reach with the interval as far from the identity as `ranges` say, by entry (`""` for a single one)."""
    ends = {label: declared.interval(distance / abs(declared.span)) for label, distance in ranges.items()}
    low, high = (statistics.fmean(each) for each in zip(*ends.values(), strict=True))
    return dataclasses.replace(found, low=low, high=high, entries={} if ends.keys() == {""} else ends)


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; the latter is 0 for one value.

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
    }
