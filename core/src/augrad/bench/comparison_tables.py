"""The tables of a comparison of rules: Markdown for files, and the same cells for the console. Uses comparison.py."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from augrad.bench.comparison import Comparison, Pair
from augrad.bench.rules import Rule
from augrad.bench.tables import markdown_table, signed

NOTE = """\
Scores are means over seeds and validation samples ± their standard error: {metric}. Differences are to {reference}. The
paired test compares the same seeds and samples, and counts the chance of both; p-values are two-sided, after Holm's
correction for all pairs of rules."""

ONE_SEED = """\
With a single seed the chance of training is not in these errors: give more seeds."""

EACH = "Row minus column, with the p-value:"


def comparison_markdown(comparison: Comparison, rules: Sequence[Rule]) -> str:
    """Returns the tables of a comparison with a note that explains them.

    Args:
        comparison: the comparison.
        rules: the rules of the benchmark.
    """
    labels = {rule.name: rule.label for rule in rules}
    headings, *cells = _cells(comparison, labels)
    lines = [f"## Rules on {comparison.task}", "", markdown_table(headings, cells), "", _note(comparison, labels)]
    if len(comparison.standings) > 2:
        lines += ["", EACH, "", markdown_table(*_each_against_each(comparison, labels))]
    return "\n".join([*lines, ""])


def comparison_table(comparison: Comparison, rules: Sequence[Rule]) -> Table:
    """Returns a table for a terminal, with a row for each rule."""
    labels = {rule.name: rule.label for rule in rules}
    n_seeds = max(len(each.seeds) for each in comparison.standings)
    table = Table(
        title=f"{comparison.task}: {comparison.n_samples} validation samples, {n_seeds} seed{'s' * (n_seeds > 1)}",
        title_justify="left",
        # For a terminal of 80 columns.
        box=None,
        padding=(0, 1, 0, 0),
    )
    headings, *cells = _cells(comparison, labels)
    table.add_column(headings[0], no_wrap=True)
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    for standing, row in zip(comparison.standings, cells, strict=True):
        table.add_row(*row, style="bold" if standing.rule == "augrad" else "")
    return table


def _reference(comparison: Comparison) -> str:
    """The rule to which the others are compared: none, or else the first."""
    names = [each.rule for each in comparison.standings]
    return "none" if "none" in names else names[0]


def _cells(comparison: Comparison, labels: dict[str, str]) -> list[list[str]]:
    reference = _reference(comparison)
    timed = any(each.relative_time is not None for each in comparison.standings)
    rows = [["rule", comparison.metric, "difference", "p", *(["time"] if timed else [])]]
    for each in comparison.standings:
        pair = comparison.pair(each.rule, reference)
        time = "-" if each.relative_time is None else f"{each.relative_time:.1f} x"
        rows.append(
            [
                labels[each.rule],
                f"{each.score:.3f} ± {each.standard_error:.3f}",
                "-" if pair is None else f"{signed(pair.difference)} ± {pair.standard_error:.3f}",
                "-" if pair is None else _p(pair.p_adjusted),
                *([time] if timed else []),
            ]
        )
    return rows


def _each_against_each(comparison: Comparison, labels: dict[str, str]) -> tuple[list[str], list[list[str]]]:
    names = [each.rule for each in comparison.standings]
    cells = [
        [
            labels[row],
            *(_pair(comparison.pair(row, column)) if column in names[:place] else "" for column in names[:-1]),
        ]
        for place, row in enumerate(names)
        if place
    ]
    return ["", *(labels[name] for name in names[:-1])], cells


def _pair(pair: Pair | None) -> str:
    return "-" if pair is None else f"{signed(pair.difference)} ({_p(pair.p_adjusted)})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _note(comparison: Comparison, labels: dict[str, str]) -> str:
    note = NOTE.format(metric=comparison.metric, reference=labels[_reference(comparison)])
    single = all(len(each.seeds) == 1 for each in comparison.standings)
    return f"{note} {ONE_SEED}" if single else note
