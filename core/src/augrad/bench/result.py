"""`BenchResult`: all that a benchmark found, to read, print and write. Uses summary.py, tables.py; made by run.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from augrad.bench.comparison import Comparison, comparisons_of
from augrad.bench.comparison_tables import comparison_markdown
from augrad.bench.records import SCHEMA_VERSION, Record
from augrad.bench.rules import Rule
from augrad.bench.summary import Measures, Row, measures_of, rows_of
from augrad.bench.tables import markdown
from augrad.bench.task import Task


@dataclass(frozen=True)
class BenchResult:
    """What a benchmark found.

    Attributes:
        tasks, rules: that were asked for, in this order.
        records: a training each, those of earlier runs too; by task, rule and seed.
        skipped: tasks that lack an optional dependency, by name, with what to install.
        environment: versions, number of jobs, seconds, and how many runs were there already.
    """

    tasks: tuple[Task, ...]
    rules: tuple[Rule, ...]
    records: tuple[Record, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[Row]:
        """What each rule, or the best of a grid, reached on each task whose truth is known."""
        known = [task for task in self.tasks if task.kind != "unknown"]
        return rows_of(known, self.rules, self.records)

    @cached_property
    def measures(self) -> list[Measures]:
        """What each rule, or the best of a grid on each task, reached over all tasks."""
        return measures_of(self.rows, self.records)

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """How the rules compare on each task whose truth is unknown."""
        return comparisons_of(self.tasks, self.rules, self.records)

    @property
    def failed(self) -> dict[str, str]:
        """What went wrong, by run: `"<task>, <rule>, seed <seed>"`."""
        return {
            f"{each.task}, {each.rule}, seed {each.seed}": each.error for each in self.records if each.error is not None
        }

    def to_markdown(self) -> str:
        """Two tables for tasks whose truth is known, and those of each comparison.

        The two: scores of rules on tasks, and the measures of each rule over all tasks.
        """
        parts = [comparison_markdown(each, self.rules) for each in self.comparisons]
        if self.rows or not parts:
            parts.insert(0, markdown(self.rules, self.rows, self.measures))
        return "\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Everything but the records themselves, JSON-able: what `summary.json` holds."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tasks": {
                task.name: {
                    "title": task.title,
                    "kind": task.kind,
                    "transforms": list(task.transforms),
                    **(
                        {}
                        if task.kind == "unknown"
                        else {"oracle": {name: dict(values) for name, values in task.oracle.items()}}
                    ),
                }
                for task in self.tasks
            },
            "rules": {
                rule.name: {"label": rule.label, "group": rule.group, "citation": rule.citation} for rule in self.rules
            },
            **self._findings(),
            "skipped": dict(self.skipped),
            "failed": self.failed,
            "environment": self.environment,
        }

    def _findings(self) -> dict[str, Any]:
        """The numbers: those of tasks whose truth is known, and those of the others, if there are such tasks."""
        found = {}
        if self.rows or not self.comparisons:
            found["rows"] = [dataclasses.asdict(row) for row in self.rows]
            found["measures"] = [dataclasses.asdict(each) for each in self.measures]
        if self.comparisons:
            found["comparisons"] = [dataclasses.asdict(each) for each in self.comparisons]
        return found
