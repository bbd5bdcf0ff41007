"""Summary of the records of a benchmark, by task and by rule. Uses records.py; shown by tables.py.

A group of rules, a grid, is shown as a single rule: on each task, its member with the best mean score.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from augrad.bench.records import LearnedRange, Record
from augrad.bench.rules import Rule
from augrad.bench.task import Task
from augrad.demo.results import LEAST_GAIN, mean_and_sd

NEAR = 0.2
"""Largest relative difference between a learned and a true range at which the range counts as found."""


@dataclass(frozen=True)
class Row:
    """The result of a rule, or of the best rule of a grid, on a task.

    Attributes:
        task, modality, kind: the task, its modality and its kind.
        group: the rule's group; the rule's name if it has no group.
        rule: the rule of the group with the best mean score on this task.
        metric: `"accuracy"` or `"r2"`.
        seeds: seeds of the trainings that did not fail.
        score, sd: mean and standard deviation over seeds.
        difference: mean score minus the mean score without augmentation; None if the rule `none` was not run.
        recovery: `(score - none) / (oracle - none)`, from mean scores; None if the oracle gains less than `LEAST_GAIN`.
        relative_time: processor time of training divided by that of the rule `none` for the same seed, mean; None if
            no seed has both.
        trunk_invariance, model_invariance: means over seeds; None if the oracle is empty.
        auc: area under the ROC curve for "is this candidate true", over candidates and seeds, from the rule's own
            scores or else weight times displacement; None if all or no candidates are true, or if none is drawn.
        range_ratio: learned range divided by the true range, averaged over seeds and true parameters; None if the rule
            learns nothing or the task has no true range.
    """

    task: str
    modality: str
    kind: str
    group: str
    rule: str
    metric: str
    seeds: tuple[int, ...]
    score: float
    sd: float
    difference: float | None
    recovery: float | None
    relative_time: float | None
    trunk_invariance: float | None
    model_invariance: float | None
    auc: float | None
    range_ratio: float | None


@dataclass(frozen=True)
class Measures:
    """The results of a rule, or of the best rule of a grid on each task, over all tasks; None if not available.

    Attributes:
        group: the rule's group.
        score: mean over tasks, by modality.
        recovery: mean over tasks, by modality.
        recovery_all, recovery_worst: mean and least over all tasks.
        nothing: mean difference to the rule `none` over the tasks of kind `"nothing"`.
        nothing_worst: the smallest of these differences.
        relative_time: mean over tasks.
        auc: pooled over all tasks, seeds and candidates.
        auc_per_task: mean over tasks.
        range_ratio, range_near: over the tasks of kind `"invariance"`: mean ratio of learned and true range, and the
            fraction of ratios within `NEAR` of 1. Each seed and each true parameter counts.
        limit_ratio, limit_near: the same for kind `"limit"`.
        trunk_invariance, model_invariance: means over tasks.
        n_runs, n_stopped: number of trainings, and how many of them ended before their last epoch, for example because
            the guard stopped a range that ran away.
    """

    group: str
    score: Mapping[str, float] = field(default_factory=dict)
    recovery: Mapping[str, float] = field(default_factory=dict)
    recovery_all: float | None = None
    recovery_worst: float | None = None
    nothing: float | None = None
    nothing_worst: float | None = None
    relative_time: float | None = None
    auc: float | None = None
    auc_per_task: float | None = None
    range_ratio: float | None = None
    range_near: float | None = None
    limit_ratio: float | None = None
    limit_near: float | None = None
    trunk_invariance: float | None = None
    model_invariance: float | None = None
    n_runs: int = 0
    n_stopped: int = 0


def rows_of(tasks: Sequence[Task], rules: Sequence[Rule], records: Iterable[Record]) -> list[Row]:
    """Returns a row for each task and group of rules, in their order, unless all of their trainings failed.

    Args:
        tasks, rules: the tasks and rules, in the order of the tables.
        records: the records of their trainings.
    """
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.error is None:
            runs.setdefault((record.task, record.rule), []).append(record)
    rows = []
    for task in tasks:
        for group, members in groups_of(rules).items():
            found = [runs[task.name, rule.name] for rule in members if (task.name, rule.name) in runs]
            if found:
                best = max(found, key=_mean_score)
                rows.append(_row(group, best, *(runs.get((task.name, name), []) for name in ("none", "oracle"))))
    return rows


def groups_of(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """Returns the rules by group, in order."""
    groups: dict[str, list[Rule]] = {}
    for rule in rules:
        groups.setdefault(rule.group, []).append(rule)
    return groups


def measures_of(rows: Sequence[Row], records: Iterable[Record]) -> list[Measures]:
    """Returns the results of each group of rules over all tasks.

    Args:
        rows: the result of `rows_of`.
        records: the records from which `rows_of` made them.
    """
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.error is None:
            runs.setdefault((record.task, record.rule), []).append(record)
    measures = []
    for group in dict.fromkeys(row.group for row in rows):
        own = [row for row in rows if row.group == group]
        measures.append(_measures(group, own, [record for row in own for record in runs[row.task, row.rule]]))
    return measures


def _row(group: str, runs: Sequence[Record], none: Sequence[Record], oracle: Sequence[Record]) -> Row:
    first = runs[0]
    score, sd = mean_and_sd([_number(run.score) for run in runs])
    base = _mean_score(none) if none else None
    ratios = range_ratios(runs)
    return Row(
        task=first.task,
        modality=first.modality,
        kind=first.kind,
        group=group,
        rule=first.rule,
        metric=str(first.metric),
        seeds=tuple(sorted(run.seed for run in runs)),
        score=score,
        sd=sd,
        difference=None if base is None else score - base,
        recovery=recovery(score, base, _mean_score(oracle) if oracle else None),
        relative_time=_relative_time(runs, none),
        trunk_invariance=_mean(run.trunk_invariance for run in runs),
        model_invariance=_mean(run.model_invariance for run in runs),
        auc=_auc(runs),
        range_ratio=_mean(ratios),
    )


def recovery(score: float, none: float | None, oracle: float | None) -> float | None:
    """Returns `(score - none) / (oracle - none)`; None if a score is missing or the oracle gains under `LEAST_GAIN`.

    Example:
        >>> round(recovery(0.87, 0.8, 0.9), 6), recovery(0.81, 0.8, 0.801)
        (0.7, None)
    """
    if none is None or oracle is None or oracle - none < LEAST_GAIN:
        return None
    return (score - none) / (oracle - none)


def range_ratios(runs: Iterable[Record]) -> list[float]:
    """Returns learned divided by true range for each run and true parameter; empty for rules that learn nothing."""
    ranges = [(found.learned, found.true) for run in runs if run.learns for found in _true_ranges(run)]
    return [learned / true for learned, true in ranges if true]


def _true_ranges(run: Record) -> list[LearnedRange]:
    return [found for candidate in run.candidates if candidate.true for found in candidate.ranges]


def _measures(group: str, rows: Sequence[Row], runs: Sequence[Record]) -> Measures:
    ratios = {kind: range_ratios(run for run in runs if run.kind == kind) for kind in ("invariance", "limit")}
    recovered = [row.recovery for row in rows if row.recovery is not None]
    nothing = [row.difference for row in rows if row.kind == "nothing" and row.difference is not None]
    return Measures(
        group,
        score=_by_modality(rows, lambda row: row.score),
        recovery=_by_modality(rows, lambda row: row.recovery),
        recovery_all=_mean(recovered),
        recovery_worst=min(recovered, default=None),
        nothing=_mean(nothing),
        nothing_worst=min(nothing, default=None),
        relative_time=_mean(row.relative_time for row in rows),
        auc=_auc(runs),
        auc_per_task=_mean(row.auc for row in rows),
        range_ratio=_mean(ratios["invariance"]),
        range_near=_mean(map(_near, ratios["invariance"])),
        limit_ratio=_mean(ratios["limit"]),
        limit_near=_mean(map(_near, ratios["limit"])),
        trunk_invariance=_mean(row.trunk_invariance for row in rows),
        model_invariance=_mean(row.model_invariance for row in rows),
        n_runs=len(runs),
        n_stopped=sum(run.stopped not in (None, "max_epochs") for run in runs),
    )


def _auc(runs: Iterable[Record]) -> float | None:
    candidates = [candidate for run in runs for candidate in run.candidates]
    true = [each.true for each in candidates]
    if not any(each.weight or each.found for each in candidates) or all(true) or not any(true):
        return None
    from sklearn.metrics import roc_auc_score  # a second: not before it is needed

    return float(roc_auc_score(true, [each.evidence for each in candidates]))


def _relative_time(runs: Iterable[Record], none: Iterable[Record]) -> float | None:
    alone = {run.seed: run.cpu_seconds for run in none if run.cpu_seconds}
    pairs = [(run.cpu_seconds, alone[run.seed]) for run in runs if run.seed in alone]
    return _mean(spent / base for spent, base in pairs if spent and base)


def _by_modality(rows: Iterable[Row], value: Callable[[Row], float | None]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        number = value(row)
        if number is not None:
            found.setdefault(row.modality, []).append(number)
    return {modality: statistics.fmean(numbers) for modality, numbers in found.items()}


def _mean_score(runs: Iterable[Record]) -> float:
    return statistics.fmean(_number(run.score) for run in runs)


def _near(ratio: float) -> float:
    return float(abs(ratio - 1.0) <= NEAR)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _number(value: Any) -> float:
    return float(value)
