"""Evidence as rows and tables: for data frames, as plain text, and rich. Used by evidence.py."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from augrad.learning.leave_one_out.verdicts import HARMS, HELPS
from augrad.learning.leave_one_out.words import (
    cautions,
    duration,
    headline,
    more_text,
    ordered,
    ranges_text,
    samples_text,
)

if TYPE_CHECKING:
    from rich.console import Group

    from augrad.learning.leave_one_out.evidence import Evidence
    from augrad.learning.leave_one_out.findings import Candidate

FRAME_COLUMNS = (
    "transform",
    "parameter",
    "verdict",
    "low",
    "high",
    "unit",
    "error",
    "error_without",
    "difference",
    "standard_error",
    "step",
    "more",
    "magnitude",
)

_COLUMNS = ("transform", "verdict", "range", "error", "without", "difference", "note")
_NUMERIC = ("error", "without", "difference")
_STYLES = {HELPS: "green", HARMS: "red"}


def rows_of(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Yields a row for each candidate and parameter; a candidate without parameters has a single row."""
    for each in evidence.candidates:
        found = {name: getattr(each, name) for name in FRAME_COLUMNS if hasattr(each, name)}
        ends = [vars(entry) for entry in each.ranges] or [{"parameter": None, "low": None, "high": None, "unit": ""}]
        for entry in ends:
            row = {**found, **entry}
            yield {name: row[name] for name in FRAME_COLUMNS}


def csv_text(evidence: Evidence) -> str:
    """Returns the rows as a CSV file, with empty cells where there is no value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FRAME_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows_of(evidence):
        missing = [name for name, value in row.items() if isinstance(value, float) and math.isnan(value)]
        writer.writerow({**row, **dict.fromkeys(missing)})
    return text.getvalue()


def text_table(evidence: Evidence) -> str:
    """Returns aligned columns with a line for each candidate, then the findings in sentences."""
    table = [_COLUMNS, *map(_cells, ordered(evidence.candidates))]
    # A column without contents is left out.
    shown = [i for i in range(len(_COLUMNS)) if any(line[i] for line in table[1:])]
    widths = {i: max(len(line[i]) for line in table) for i in shown}
    lines = []
    for line in table:
        cells = [line[i].rjust(widths[i]) if _COLUMNS[i] in _NUMERIC else line[i].ljust(widths[i]) for i in shown]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "", *sentences(evidence)])


def rich_table(evidence: Evidence) -> Group:
    """Returns the same for a rich console."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in _COLUMNS[:-1]:
        # On a narrow terminal only ranges are wrapped: names differ at their ends.
        whole, numeric = name != "range", name in _NUMERIC
        table.add_column(name, justify="right" if numeric else "left", no_wrap=whole, overflow="fold")
    for each in ordered(evidence.candidates):
        name, verdict, ranges, *numbers, note = _cells(each)
        told = "\n".join(filter(None, (ranges, note)))
        table.add_row(*map(Text, (name, verdict, told, *numbers)), style=_STYLES.get(each.verdict))
    return Group(table, Text(), *map(Text, sentences(evidence)))


def sentences(evidence: Evidence) -> list[str]:
    """Returns the sentences below the table: the headline, the circumstances, and everything to mind."""
    facts = evidence.facts
    circumstances = (
        f"From {samples_text(evidence)}, {facts.targets}, in {duration(facts.seconds)}. Errors are leave-one-out "
        "errors in units of the targets' variance; ± is two standard errors."
    )
    return [
        headline(evidence),
        circumstances,
        *(f"Warning: {each}" for each in cautions(evidence)),
    ]


def _cells(candidate: Candidate) -> tuple[str, ...]:
    return (
        candidate.transform,
        candidate.verdict,
        ranges_text(candidate.ranges),
        *(_numbers(candidate) if candidate.examined else ("", "", "")),
        more_text(candidate),
    )


def _numbers(candidate: Candidate) -> tuple[str, str, str]:
    difference = f"{candidate.difference:+.4f} ±{2 * candidate.standard_error:.4f}".replace("-", "\N{MINUS SIGN}")
    return f"{candidate.error:.3f}", f"{candidate.error_without:.3f}", difference
