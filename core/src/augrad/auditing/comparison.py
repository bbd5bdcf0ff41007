"""`AuditComparison`: two audits of the same data side by side. Made by `AuditReport.compare`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from augrad.auditing.measurements import MEASURES
from augrad.errors import ArgumentError, optional
from augrad.files.storage import write_as

if TYPE_CHECKING:
    import pandas as pd

    from augrad.auditing.result import AuditReport


@dataclass(frozen=True)
class AuditComparison:
    """Two audits of the same data side by side.

    Attributes:
        first, second: the two audits.

    Raises:
        ArgumentError: the audits have no transform in common, or use different data.
    """

    first: AuditReport
    second: AuditReport

    def __post_init__(self) -> None:
        if self.first.facts.data != self.second.facts.data:
            raise ArgumentError(
                "two audits can be compared only if they use the same samples, but these hashes differ: "
                f"{self.first.facts.data[:12]} and {self.second.facts.data[:12]}. Audit both models with one loader.",
                argument="other",
            )
        if not self.transforms:
            raise ArgumentError("the two audits have no transform in common.", argument="other")

    @property
    def transforms(self) -> tuple[str, ...]:
        """The transforms in both audits."""
        known = {verdict.transform for verdict in self.second.verdicts}
        return tuple(verdict.transform for verdict in self.first.verdicts if verdict.transform in known)

    def to_frame(self) -> pd.DataFrame:
        """Returns a row for each common transform and strength: both values of each measure, and their change.


        Raises:
            MissingDependencyError: pandas is not installed.
        """
        frame = optional("pandas", "pandas", "to_frame").DataFrame
        keys = ["transform", "strength"]
        first, second = (each.to_frame() for each in (self.first, self.second))
        both = first.merge(second, on=keys, suffixes=("_first", "_second"))
        wanted = [name for name in MEASURES if f"{name}_first" in both]
        columns = {key: both[key] for key in keys} | {
            f"verdict_{which}": both[f"verdict_{which}"] for which in ("first", "second")
        }
        for name in wanted:
            columns[f"{name}_first"], columns[f"{name}_second"] = both[f"{name}_first"], both[f"{name}_second"]
            columns[f"{name}_change"] = both[f"{name}_second"] - both[f"{name}_first"]
        table: pd.DataFrame = frame(columns)
        return table

    def to_markdown(self) -> str:
        """Returns a row for each transform: both verdicts, and both flip rates at full strength."""
        from augrad.auditing.card import comparison_card

        return comparison_card(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a page (`.html`), the table (`.csv`) or Markdown (`.md`).

        Raises:
            ArgumentError: the file name has another ending.
            MissingDependencyError: a page needs matplotlib, a table pandas, which is not installed.
            StorageError: the file cannot be written.
        """
        table = {".csv": lambda: self.to_frame().to_csv(index=False)}
        return write_as(path, {".html": self._page, **table, ".md": self.to_markdown})

    def _page(self) -> str:
        optional("matplotlib", "report", "the page of a comparison")
        from augrad.auditing.page.render import render_comparison  # matplotlib loads on first use

        return render_comparison(self)
