"""The tables of a benchmark: Markdown for files, and the same cells for the console. Uses summary.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from augrad.bench.rules import Rule
from augrad.bench.summary import Measures, Row, groups_of
from augrad.report.words import percent

NOTE = """\
Scores are means over seeds ± their standard deviation, on test data: accuracy, or r2 where it says so. In parentheses:
the share of the oracle's gain over no augmentation that the rule recovers; where nothing is to be learned (kind
`nothing`), or the oracle gains less than half a point, the difference to no augmentation."""

BEST = """\
{labels}: on each task the best of its grid by the score on the test data, which no rule could know: it flatters it."""

MEASURES = """\
Recovery: means over tasks, and the worst task. Nothing to learn: difference to no augmentation, mean and worst. Time:
processor time of training, as a multiple of that without augmentation. Finding the truth: area under the ROC curve of
"is this candidate true" from weight times displacement, or from the score that the rule itself states, over all tasks
and seeds, and as the mean of the tasks' own.
Range: learned over true, mean, and the share within 20 %; at limits: the same for tasks of kind `limit`. Invariance: of
trunk and of model under what is true."""


def markdown(rules: Sequence[Rule], rows: Sequence[Row], measures: Sequence[Measures]) -> str:
    """Returns two tables with notes that explain them.

    Args:
        rules: the rules of the benchmark.
        rows, measures: the results of `rows_of` and `measures_of`.
    """
    labels = labels_of(rules)
    grids = [labels[group] for group, members in groups_of(rules).items() if len(members) > 1]
    notes = [NOTE, *([BEST.format(labels=", ".join(grids))] if grids else [])]
    scores = markdown_table(["task", "kind", *(labels[each.group] for each in measures)], score_cells(rows, measures))
    modalities = _modalities(rows)
    headings = ["rule", *measure_headings(modalities)]
    summed = markdown_table(headings, [[labels[each.group], *measure_cells(each, modalities)] for each in measures])
    return "\n".join(["## Tasks", "", scores, "", *notes, "", "## Rules", "", summed, "", MEASURES, ""])


def labels_of(rules: Iterable[Rule]) -> dict[str, str]:
    """Returns the label of each group of rules in tables. A grid gets its first label without the number."""
    labels = {}
    for group, members in groups_of(rules).items():
        label = members[0].label
        labels[group] = label if len(members) == 1 else f"{label.rstrip(' .0123456789') or group} (best)"
    return labels


def score_cells(rows: Sequence[Row], measures: Sequence[Measures]) -> list[list[str]]:
    """Returns text cells: a row for each task (task, kind, a cell for each group), and mean recoveries by modality."""
    groups = [each.group for each in measures]
    cells = []
    for modality in _modalities(rows):
        own = [row for row in rows if row.modality == modality]
        for task in dict.fromkeys(row.task for row in own):
            by_group = {row.group: row for row in own if row.task == task}
            first = next(iter(by_group.values()))
            scores = [score_cell(by_group[group]) if group in by_group else "-" for group in groups]
            cells.append([task + (" (r2)" if first.metric == "r2" else ""), first.kind, *scores])
        means = [percent(each.recovery.get(modality)) for each in measures]
        cells.append([f"**{modality}: mean recovery**", "", *means])
    cells.append(["**all: mean recovery**", "", *(percent(each.recovery_all) for each in measures)])
    return cells


def score_cell(row: Row) -> str:
    """Returns a cell such as `"0.912 ± 0.010 (87 %)"`, or with the difference to `none` if there is no recovery."""
    spread = f" ± {row.sd:.3f}" if len(row.seeds) > 1 else ""
    if row.recovery is not None:
        return f"{row.score:.3f}{spread} ({percent(row.recovery)})"
    return f"{row.score:.3f}{spread}" + ("" if row.difference is None else f" ({signed(row.difference)})")


def measure_headings(modalities: Sequence[str]) -> list[str]:
    """Returns the headings of `measure_cells`."""
    recovery = [f"recovery, {modality}" for modality in modalities] if len(modalities) > 1 else []
    return [
        *(*recovery, "recovery", "worst", "nothing to learn", "time", "truth (AUC)"),
        *("range", "range at limits", "invariance trunk, model"),
    ]


def measure_cells(each: Measures, modalities: Sequence[str]) -> list[str]:
    """Returns the measures of a rule as text."""
    recovery = [percent(each.recovery.get(modality)) for modality in modalities] if len(modalities) > 1 else []
    return [
        *recovery,
        percent(each.recovery_all),
        percent(each.recovery_worst),
        _pair(each.nothing, each.nothing_worst, signed),
        _number(each.relative_time, "{:.1f} x"),
        _pair(each.auc, each.auc_per_task, "{:.2f}".format),
        _pair(each.range_ratio, each.range_near, "{:.2f} x".format, percent),
        _pair(each.limit_ratio, each.limit_near, "{:.2f} x".format, percent),
        _pair(each.trunk_invariance, each.model_invariance, "{:.2f}".format),
    ]


def signed(value: float) -> str:
    """Returns a number with its sign, such as `"+0.004"`, with a typographic minus sign."""
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _modalities(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row.modality for row in rows))


def _number(value: float | None, pattern: str) -> str:
    return "-" if value is None else pattern.format(value)


def _pair(
    first: float | None,
    second: float | None,
    write: Callable[[float], str],
    write_second: Callable[[float], str] | None = None,
) -> str:
    if first is None or second is None:
        return "-"
    return f"{write(first)}, {(write_second or write)(second)}"


def markdown_table(headings: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Returns a table in Markdown whose first column is text and whose others are numbers."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *cells))
