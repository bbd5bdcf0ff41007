"""What demos show on the console: progress while they train, then the table and the policies. Used by run.py."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from augrad.demo.results import DemoResult, Findings, Run
from augrad.demo.rules import RULES
from augrad.demo.task import Demo
from augrad.demo.words import (
    METRICS,
    POLICY_HEADINGS,
    RULE_HEADINGS,
    TASK_HEADINGS,
    policy_rows,
    rule_rows,
    score_heading,
    task_row,
    verdict,
)
from augrad.report.console import Bar

SHARES = {"none": 0.08, "oracle": 0.12, "augrad": 0.8}
"""Roughly, the shares of the rules in the time of a demo."""


class TimeLeft:
    """An estimate of the time that all trainings still take; prints as `"about 5 min left"`.

    It begins with the demos' own guesses, `Demo.seconds`, and corrects them by the trainings that have ended.

    Args:
        demos: the demos to run.
        jobs: trainings at the same time.
    """

    def __init__(self, demos: Sequence[Demo], jobs: int) -> None:
        self._jobs, self._started = jobs, time.monotonic()
        self._to_do = {(demo.name, rule): demo.seconds * share for demo in demos for rule, share in SHARES.items()}
        self._seeds = {demo.name: len(demo.seeds) for demo in demos}
        self._counts = {key: self._seeds[key[0]] for key in self._to_do}
        self._done = self._at_last_end = 0.0

    def end(self, demo: str, rule: str) -> None:
        """Records that a training has ended."""
        self._counts[demo, rule] -= 1
        self._done += self._to_do[demo, rule]
        self._at_last_end = time.monotonic() - self._started

    def drop(self, demo: str) -> None:
        """Records that the rest of a demo will not be trained."""
        self._counts.update({key: 0 for key in self._counts if key[0] == demo})

    @property
    def seconds(self) -> float:
        """The estimate, at least 0."""
        left = sum(self._counts[key] * seconds for key, seconds in self._to_do.items())
        elapsed = time.monotonic() - self._started
        if not self._done:
            return max(0.0, left / self._jobs - elapsed)
        # The time that a guessed second took until the last training ended.
        pace = self._at_last_end / self._done
        return max(0.0, left * pace - (elapsed - self._at_last_end))

    def __str__(self) -> str:
        seconds = self.seconds
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {max(1.0, seconds):.0f} s left"


class _LeftColumn(ProgressColumn):
    def __init__(self, left: TimeLeft) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        return Text(str(self._left))


class Display(Bar):
    """Progress over all trainings of all demos: a bar on a terminal, one line per training elsewhere.

    Args:
        demos: the demos to run, in this order.
        console: where to print.
        jobs: trainings at the same time.
    """

    def __init__(self, demos: Sequence[Demo], console: Console, jobs: int = 1) -> None:
        self._left = TimeLeft(demos, jobs)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _LeftColumn(self._left))
        super().__init__(console, sum(map(_n_epochs, demos)), columns)
        self._demos, self._demo, self._jobs = demos, demos[0], jobs
        self._n_runs = sum(map(_n_runs, demos))
        # Of all demos, and of the one that runs: what is left of one that is dropped will never be done.
        self._runs_done = self._own_runs = self._own_epochs = 0

    def __enter__(self) -> Display:  # noqa: PYI034 - beartype refuses Self outside classes it decorates
        for demo in self._demos:
            self._console.print(f"[bold]{demo.name}:[/] {demo.title}", highlight=False)
            if len(self._demos) == 1:
                self._console.print(demo.description, highlight=False, markup=False)
        self._console.print(
            f"{self._n_runs} trainings: {' / '.join(RULES)} for each seed; {self._left}.\n", highlight=False
        )
        self.start()
        return self

    def begin_demo(self, demo: Demo) -> None:
        """Shows that a demo begins: its data are loaded."""
        self._demo, self._own_runs, self._own_epochs = demo, 0, 0
        self.describe(f"{demo.name}: data")

    def begin(self, rule: str, seed: int) -> None:
        """Shows that a training begins."""
        self.describe(f"{self._demo.name}: seed {seed}, {rule:<6} epoch")

    def advance(self) -> None:
        """Moves the bar by an epoch."""
        self._own_epochs += 1
        super().advance()

    def end(self, run: Run, demo: str) -> None:
        """Shows that a training of a demo has ended."""
        self._runs_done += 1
        self._own_runs += demo == self._demo.name
        self._left.end(demo, run.rule)
        if self._jobs > 1:
            for _ in range(next(each.epochs for each in self._demos if each.name == demo)):
                self.advance()
            self.describe(f"{demo}: seed {run.seed}, {run.rule} done")
        if not self.shown:
            self.say(
                f"[{self._runs_done}/{self._n_runs}] {demo}, seed {run.seed}, {run.rule}: {run.score:.3f} "
                f"in {run.seconds:.1f} s; {self._left}"
            )

    def drop(self, why: str) -> None:
        """Drops the rest of the current demo, and prints why."""
        self._left.drop(self._demo.name)
        self._n_runs -= _n_runs(self._demo) - self._own_runs
        self.lower(_n_epochs(self._demo) - self._own_epochs)
        self.say(why)


def print_findings(findings: Findings, console: Console) -> None:
    """Prints the table of rules, what was recovered, and the learned policies."""
    left_out = (("skipped", findings.skipped), ("failed", findings.failed))
    table = rules_table(findings.results[0]) if len(findings.results) == 1 else tasks_table(findings.results)
    for kind, reasons in left_out:
        for name in reasons:
            table.add_row(f"[bold]{name}[/]", kind)
    if any(result.environment.get("quick") for result in findings.results):
        table.caption = "A quick run: the numbers mean little."
    console.print(table)
    for kind, reasons in left_out:
        for name, reason in reasons.items():
            console.print(f"{name} {kind}: {reason}", highlight=False, markup=False, soft_wrap=True)
    for result in findings.results:
        console.print(Text.assemble("\n", (f"{result.demo.name}: ", "bold"), verdict(result)))
        console.print(policy_table(result))


def tasks_table(results: Sequence[DemoResult]) -> Table:
    """A row per demo, for several: scores by rule, gain recovery, the range of what is true, time."""
    heading = score_heading(results)
    table = Table(title=f"What it is worth to learn the augmentation: {heading}", title_justify="left", show_lines=True)
    for name in TASK_HEADINGS:
        ranges = name == "learned range"
        table.add_column(name, justify="left" if ranges or name == "task" else "right", no_wrap=not ranges)
    for result in results:
        table.add_row(*task_row(result, name_metric=heading not in METRICS.values()))
    return table


def rules_table(result: DemoResult) -> Table:
    """A row per rule of one demo: score, gain recovery, time, invariance; the ranges stand in the policy's table."""
    table = Table(title="What it is worth to learn the augmentation", title_justify="left")
    table.add_column("trained with", no_wrap=True)
    table.add_column(score_heading([result]), justify="right", no_wrap=True)
    gain, _, *rest = RULE_HEADINGS
    for heading in (gain, *rest):
        table.add_column(heading, justify="right", no_wrap=True)
    for cells in rule_rows(result):
        table.add_row(*cells[:3], *cells[4:], style="bold" if cells[0] == RULES["augrad"] else "")
    return table


def policy_table(result: DemoResult) -> Table:
    """The learned policy in physical units, one row per parameter, the most used transform first."""
    over = "seeds and layers" if len(result.seeds) > 1 else "layers"
    table = Table(title=f"Learned policy: {result.demo.name} (mean over {over})", title_justify="left")
    for heading in POLICY_HEADINGS:
        table.add_column(heading, justify="left" if heading == POLICY_HEADINGS[0] else "right")
    for cells in policy_rows(result):
        table.add_row(*cells, style="bold" if cells[-1] else "")
    return table


def _n_runs(demo: Demo) -> int:
    return len(demo.seeds) * len(RULES)


def _n_epochs(demo: Demo) -> int:
    return _n_runs(demo) * demo.epochs
