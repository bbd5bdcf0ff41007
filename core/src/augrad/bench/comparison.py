"""Comparison of rules whose truth is unknown: mean scores, standard errors and paired tests. Uses records.py.

Shown by comparison_tables.py.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from augrad.bench.records import Record
from augrad.bench.rules import Rule
from augrad.bench.task import Task

Outcomes = Mapping[int, tuple[str, np.ndarray]]
"""For each seed a name of the validation samples, and the contribution of each of them to the score, `(samples,)`."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and validation samples.

    Attributes:
        mean: the mean over samples, averaged over seeds.
        standard_error: its standard error, see `estimate`.
        degrees: degrees of freedom of the standard error.
    """

    mean: float
    standard_error: float
    degrees: float

    @property
    def p(self) -> float:
        """Two-sided p-value of a t test that the mean is 0."""
        if self.standard_error == 0:
            return 1.0 if self.mean == 0 else 0.0
        from scipy.stats import t  # scikit-learn brings it; half a second: not before it is needed

        return float(2 * t.sf(abs(self.mean) / self.standard_error, self.degrees))


@dataclass(frozen=True)
class Standing:
    """The result of a rule.

    Attributes:
        rule: the rule.
        seeds: seeds of the trainings that did not fail.
        score, standard_error: mean score on the validation samples, with its standard error.
        relative_time: processor time of training divided by that of the rule `none` for the same seed, mean; None if
            no seed has both.
    """

    rule: str
    seeds: tuple[int, ...]
    score: float
    standard_error: float
    relative_time: float | None


@dataclass(frozen=True)
class Pair:
    """A paired test between two rules.

    Attributes:
        first, second: the rules.
        seeds: the seeds that both have.
        difference, standard_error: mean score of the first minus that of the second, with its standard error.
        degrees: degrees of freedom of the test.
        p: two-sided p-value.
        p_adjusted: the p-value after Holm's correction for all pairs of the comparison.
    """

    first: str
    second: str
    seeds: tuple[int, ...]
    difference: float
    standard_error: float
    degrees: float
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class Comparison:
    """All rules on a task whose truth is unknown.

    Attributes:
        task: the task.
        metric: `"accuracy"` or `"r2"`.
        n_samples: number of validation samples of a seed.
        standings: a result for each rule that did not fail.
        pairs: a test for each two of them, the later rule first.
    """

    task: str
    metric: str
    n_samples: int
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]

    def pair(self, first: str, second: str) -> Pair | None:
        """The test of `first` against `second`, with the difference in this order; None if it was not made."""
        for each in self.pairs:
            if (each.first, each.second) == (first, second):
                return each
            if (each.second, each.first) == (first, second):
                return Pair(first, second, each.seeds, -each.difference, *_rest(each))
        return None


def comparisons_of(tasks: Sequence[Task], rules: Sequence[Rule], records: Iterable[Record]) -> list[Comparison]:
    """Returns a comparison for each task of kind `"unknown"`, unless all of its trainings failed.

    Args:
        tasks, rules: the tasks and rules, in the order of the tables.
        records: the records of their trainings.
    """
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.error is None and record.outcomes is not None:
            runs.setdefault((record.task, record.rule), []).append(record)
    found = []
    for task in tasks:
        by_rule = {rule.name: runs[task.name, rule.name] for rule in rules if (task.name, rule.name) in runs}
        if task.kind == "unknown" and by_rule:
            found.append(_comparison(task.name, by_rule))
    return found


def _comparison(task: str, runs: Mapping[str, Sequence[Record]]) -> Comparison:
    outcomes = {rule: _outcomes(records) for rule, records in runs.items()}
    standings = []
    for rule, records in runs.items():
        found = estimate(outcomes[rule])
        times = _relative_times(records, runs.get("none", ()))
        seeds = tuple(sorted(record.seed for record in records))
        standings.append(
            Standing(rule, seeds, found.mean, found.standard_error, statistics.fmean(times) if times else None)
        )
    tests: list[tuple[str, str, tuple[int, ...], Estimate]] = []
    for second, first in itertools.combinations(outcomes, 2):
        differences = differences_of(outcomes[first], outcomes[second])
        if differences:
            tests.append((first, second, tuple(sorted(differences)), estimate(differences)))
    adjusted = holm([test.p for *_, test in tests])
    pairs = [
        Pair(first, second, seeds, test.mean, test.standard_error, test.degrees, test.p, p_adjusted)
        for (first, second, seeds, test), p_adjusted in zip(tests, adjusted, strict=True)
    ]
    some = next(iter(runs.values()))[0]
    return Comparison(task, str(some.metric), len(some.outcomes or ()), tuple(standings), tuple(pairs))


def differences_of(first: Outcomes, second: Outcomes) -> Outcomes:
    """The outcomes of one rule minus those of another, for the seeds in which both have the same samples."""
    return {
        seed: (samples, values - second[seed][1])
        for seed, (samples, values) in first.items()
        if seed in second and second[seed][0] == samples and len(second[seed][1]) == len(values)
    }


def estimate(outcomes: Outcomes) -> Estimate:
    """Mean and standard error over seeds and validation samples, both of which are drawn by chance.

    The outcomes of one training are related, and so are those of one sample in several trainings. So neither seeds
    alone nor all outcomes as if independent give the right error. The variance of the mean is that between seeds, plus
    that between samples, minus what both count (two-way clustering; Cameron, Gelbach and Miller, JBES 2011), and never
    less than either: three seeds that agree by chance on 40 samples prove little. The degrees of freedom are
    Satterthwaite's. If each seed has validation samples of its own, this is the t test over seeds, with at least the
    error of the samples. With a single seed it is the t test over samples, and the chance of training is not in it.

    Args:
        outcomes: at least one seed.

    Example:
        >>> found = estimate({0: ("a", np.array([1.0, 0.0])), 1: ("b", np.array([1.0, 1.0]))})
        >>> found.mean, found.standard_error, found.degrees
        (0.75, 0.25, 1.0)
    """
    n_seeds = len(outcomes)
    mean = statistics.fmean(float(values.mean()) for _, values in outcomes.values())
    shares: dict[str, list[np.ndarray]] = {}
    for samples, values in outcomes.values():
        shares.setdefault(samples, []).append((values - mean) / (n_seeds * len(values)))
    of_samples = np.concatenate([np.sum(same, axis=0) for same in shares.values()])
    between_samples = _sum_of_squares(of_samples)
    if n_seeds == 1:
        return Estimate(mean, math.sqrt(between_samples), float(max(len(of_samples) - 1, 1)))
    between_seeds = _sum_of_squares(np.array([one.sum() for same in shares.values() for one in same]))
    if len(shares) == n_seeds:  # the variance between seeds has that between samples in it
        return Estimate(mean, math.sqrt(max(between_seeds, between_samples)), float(n_seeds - 1))
    both = _sum_of_squares(np.concatenate([one for same in shares.values() for one in same]))
    variance = max(between_seeds + between_samples - both, between_seeds, between_samples)
    parts = between_seeds**2 / (n_seeds - 1) + between_samples**2 / (len(of_samples) - 1)
    degrees = (between_seeds + between_samples) ** 2 / parts if parts else float(n_seeds - 1)
    return Estimate(mean, math.sqrt(variance), degrees)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values after Holm's correction: the chance of a single false finding among all of them is kept.

    Example:
        >>> holm([0.01, 0.5, 0.03])
        [0.03, 0.5, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - place)))
        adjusted[index] = highest
    return adjusted


def _outcomes(records: Iterable[Record]) -> dict[int, tuple[str, np.ndarray]]:
    return {record.seed: (record.samples, np.array(record.outcomes, dtype=np.float64)) for record in records}


def _sum_of_squares(shares: np.ndarray) -> float:
    n = len(shares)
    return float(n / (n - 1) * np.square(shares).sum()) if n > 1 else 0.0


def _relative_times(records: Iterable[Record], none: Iterable[Record]) -> list[float]:
    alone = {record.seed: record.cpu_seconds for record in none if record.cpu_seconds}
    return [each.cpu_seconds / alone[each.seed] for each in records if each.cpu_seconds and each.seed in alone]


def _rest(pair: Pair) -> tuple[float, float, float, float]:
    return pair.standard_error, pair.degrees, pair.p, pair.p_adjusted
