"""What a demo shows on the console: progress while it trains, then the table and the learned policy. Used by run.py."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from augrad.demo.results import DemoResult, Run
from augrad.demo.rules import RULES
from augrad.demo.task import Demo
from augrad.demo.words import METRICS, POLICY_HEADINGS, policy_rows, rule_rows, verdict


class Display:
    """Progress over all trainings of a demo: a bar on a terminal, one line per training elsewhere.

    Args:
        demo: what is run.
        console: where to.
    """

    def __init__(self, demo: Demo, console: Console) -> None:
        self._demo, self._console = demo, console
        self._n_runs = len(demo.seeds) * len(RULES)
        self._n_done = 0
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Display:  # noqa: PYI034 - beartype refuses Self outside classes it decorates
        demo = self._demo
        self._console.print(f"[bold]{demo.title}[/]\n{demo.description}", highlight=False)
        self._console.print(
            f"{len(RULES)} rules x {len(demo.seeds)} seeds, {demo.epochs} epochs each.\n", highlight=False
        )
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._task = self._progress.add_task("", total=self._n_runs * demo.epochs)
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def begin(self, rule: str, seed: int) -> None:
        """A training begins."""
        if self._progress is not None:
            self._progress.update(self._task, description=f"seed {seed}, {rule:<6} epoch")

    def advance(self) -> None:
        """An epoch is over."""
        if self._progress is not None:
            self._progress.advance(self._task)

    def end(self, run: Run) -> None:
        """A training is over."""
        self._n_done += 1
        if self._progress is None:
            self._console.print(
                f"[{self._n_done}/{self._n_runs}] seed {run.seed}, {run.rule}: {run.score:.3f} in {run.seconds:.1f} s",
                highlight=False,
                markup=False,
            )


def print_result(result: DemoResult, console: Console) -> None:
    """Prints the table of rules, what was recovered, and the learned policy."""
    console.print(rules_table(result))
    console.print(f"\n{verdict(result)}\n", highlight=False, markup=False)
    console.print(policy_table(result))


def rules_table(result: DemoResult) -> Table:
    """One row per rule: score, gain recovery, relative time, invariance of the trunk and of the whole model."""
    table = Table(title=result.demo.title, title_justify="left")
    table.add_column("\nrule", no_wrap=True)
    headings = (
        METRICS[result.metric].replace(" ", "\n"),
        "gain\nrecovery",
        "time /\ntrunk",
        "invariance\nof trunk",
        "\nof model",
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for cells in rule_rows(result):
        table.add_row(*cells, style="bold" if cells[0] == RULES["augrad"] else "")
    return table


def policy_table(result: DemoResult) -> Table:
    """The learned policy in physical units, one row per parameter, the most used transform first."""
    table = Table(title="Learned policy (mean over seeds and layers)", title_justify="left")
    for heading in POLICY_HEADINGS:
        table.add_column(heading, justify="left" if heading == POLICY_HEADINGS[0] else "right")
    for cells in policy_rows(result):
        table.add_row(*cells, style="bold" if cells[-1] else "")
    return table
