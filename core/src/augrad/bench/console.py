"""Console output of a benchmark: progress while it runs, then a table of rules. Used by run.py."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from augrad.bench.comparison_tables import comparison_table
from augrad.bench.records import Record
from augrad.bench.result import BenchResult
from augrad.bench.tables import labels_of, signed
from augrad.report.console import Bar
from augrad.report.words import percent


class Display(Bar):
    """Progress over all trainings: a bar on a terminal, one line per training elsewhere.

    Args:
        n_runs: number of trainings.
        console: where to print.
    """

    def __init__(self, n_runs: int, console: Console) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        super().__init__(console, n_runs, columns)
        self._n_runs, self._n_done = n_runs, 0

    def end(self, record: Record) -> None:
        """Shows that a training has ended or failed."""
        self._n_done += 1
        name = f"{record.task}, seed {record.seed}, {record.rule}"
        if record.error is not None:
            self.say(f"{self._count()}{name} failed: {record.error}")
        elif not self.shown:
            self.say(f"{self._count()}{name}: {record.score:.3f} in {record.seconds:.1f} s")
        self.describe(name)
        self.advance()

    def drop(self, n_runs: int, why: str) -> None:
        """Takes trainings that will not be done from the total, and prints why."""
        self._n_runs -= n_runs
        self.lower(n_runs)
        self.say(why)

    def _count(self) -> str:
        return f"[{self._n_done}/{self._n_runs}] "


def print_result(result: BenchResult, console: Console) -> None:
    """Prints skipped tasks, the number of failed trainings, a table of the rules, and one of each comparison."""
    for task, reason in result.skipped.items():
        console.print(f"{task} skipped: {reason}", highlight=False, markup=False, soft_wrap=True)
    if result.failed:
        console.print(f"{len(result.failed)} runs failed; run the command again to try them again.", highlight=False)
    if result.rows:
        console.print(rules_table(result))
    for comparison in result.comparisons:
        console.print(comparison_table(comparison, result.rules))


def rules_table(result: BenchResult) -> Table:
    """Returns a table with a row for each rule.

    The columns: gain recovery by modality and over all tasks, the difference to no augmentation on tasks with nothing
    to learn, training time, and how well the rule finds the true candidates.
    """
    labels = labels_of(result.rules)
    modalities = list(dict.fromkeys(row.modality for row in result.rows))
    known = {task.name for task in result.tasks if task.kind != "unknown"}
    n_seeds = len({record.seed for record in result.records if record.task in known})
    table = Table(
        title=f"Gain recovery: {len(known - set(result.skipped))} tasks, {n_seeds} seed{'s' * (n_seeds > 1)}",
        title_justify="left",
        # For a terminal of 80 columns.
        box=None,
        padding=(0, 1, 0, 0),
    )
    table.add_column("rule", no_wrap=True)
    for heading in (*modalities, "all", "worst", "nothing\nto learn", "time", "truth\n(AUC)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in result.measures:
        table.add_row(
            labels[each.group],
            *(percent(each.recovery.get(modality)) for modality in modalities),
            percent(each.recovery_all),
            percent(each.recovery_worst),
            "-" if each.nothing is None else signed(each.nothing),
            "-" if each.relative_time is None else f"{each.relative_time:.1f} x",
            "-" if each.auc is None else f"{each.auc:.2f}",
            style="bold" if each.group == "augrad" else "",
        )
    return table
