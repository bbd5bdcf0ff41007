"""The rows of a policy as tables for people: plain text and rich. Used by policy.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from augrad.policies.policy import PolicyRow

_COLUMNS = ("layer", "transform", "parameter", "weight", "range")
_NUMERIC = ("layer", "weight")


def reach_text(low: float | None, high: float | None, unit: str) -> str:
    """Returns a range as text, with three digits.

    Example:
        >>> reach_text(-57.04, 57.04, "deg"), reach_text(0.0, 0.25, ""), reach_text(None, None, "")
        ('±57 deg', '0..0.25', '')
    """
    if low is None or high is None:
        return ""
    ends = f"±{high:.3g}" if low == -high else f"{low:.3g}..{high:.3g}"
    return f"{ends} {unit}".rstrip()


def text_table(rows: Sequence[PolicyRow]) -> str:
    """Returns aligned columns, with a line for each row."""
    table = [_COLUMNS, *map(_cells, rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(_COLUMNS))]
    lines = []
    for line in table:
        cells = [
            cell.rjust(width) if name in _NUMERIC else cell.ljust(width)
            for name, cell, width in zip(_COLUMNS, line, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def rich_table(rows: Sequence[PolicyRow]) -> Table:
    """Returns the same table for a rich console."""
    from rich.table import Table

    table = Table()
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _NUMERIC else "left")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: PolicyRow) -> tuple[str, ...]:
    return (str(row.layer), row.transform, row.parameter or "", f"{row.weight:.2f}", row.reach)
