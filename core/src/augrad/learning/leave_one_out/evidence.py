"""`Evidence`: the result of `augrad.find_policy`, with a verdict for each candidate.

Made by find.py and rule.py of findings.py; shown by table.py and page/.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augrad.errors import ArgumentError, StorageError, optional
from augrad.files.storage import write_as, write_file
from augrad.learning.leave_one_out.findings import Candidate, CandidateRange, Facts, Shown, Trial
from augrad.learning.leave_one_out.table import FRAME_COLUMNS, csv_text, rich_table, rows_of, text_table
from augrad.learning.leave_one_out.verdicts import HARMLESS, HARMS, HELPS, UNDECIDED, VERDICTS
from augrad.learning.leave_one_out.words import headline as text_headline
from augrad.policies.document import to_document
from augrad.policies.document_reader import from_document
from augrad.policies.policy import Policy

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

__all__ = [
    "HARMLESS",
    "HARMS",
    "HELPS",
    "UNDECIDED",
    "VERDICTS",
    "Candidate",
    "CandidateRange",
    "Evidence",
    "Facts",
    "Shown",
    "Trial",
]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Evidence:
    """Which transforms a task is invariant to, and how far.

    Attributes:
        policy: the transforms that help, in the order in which they were found, each in a layer of its own. If nothing
            helps, the policy leaves samples as they are.
        candidates: a finding per candidate, in the caller's order.
        facts: how the evidence was obtained.
        modality: of the candidates.
        shown: a few samples for the pictures of the page, and the transforms; None where there are none. Not stored.

    Example:
        >>> from augrad import AugmentationLayer, Range, Transform
        >>> class Offset(Transform):
        ...     modality = "evidence_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> found = Candidate("evidence_example.offset", "helps", 0.25, (CandidateRange("level", -0.5, 0.5, "V"),),
        ...                   error=0.41, error_without=0.62, difference=-0.21, standard_error=0.02, step=1)
        >>> facts = Facts(1000, True, "10 classes", "inputs of 2 layers: 0, 2", "as initialised", 128, 16, 2.5)
        >>> policy = Policy.from_module(AugmentationLayer([Offset], magnitude=0.25))
        >>> print(Evidence(policy, (found,), facts, "evidence_example").headline)
        evidence_example.offset helps within ±0.5 V.
    """

    policy: Policy
    candidates: tuple[Candidate, ...]
    facts: Facts
    modality: str
    shown: Shown | None = field(default=None, compare=False, repr=False)

    @property
    def headline(self) -> str:
        """The result in a sentence or two, such as `"vision.rotate helps within ±54 deg."`."""
        return text_headline(self)

    def to_rows(self) -> list[dict[str, Any]]:
        """Returns a row for each candidate and parameter, as `to_frame` has them."""
        return list(rows_of(self))

    def to_frame(self) -> pd.DataFrame:
        """Returns a row for each candidate and parameter, in the order of `candidates`.

        Columns: `transform`, `parameter`, `verdict`, `low`, `high`, `unit`, `error`, `error_without`, `difference`,
        `standard_error`, `step`, `more`, `magnitude`; see `Candidate`. A transform without parameters has a single row.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        frame = optional("pandas", "pandas", "to_frame").DataFrame
        table: pd.DataFrame = frame(self.to_rows(), columns=FRAME_COLUMNS)
        return table.astype({"low": float, "high": float, "step": "Int64", "more": "Int64"})

    def to_dict(self) -> dict[str, Any]:
        """Returns everything but `shown` as JSON types; `from_dict` makes the same evidence of it.

        Numbers that are not finite become `"inf"`, `"-inf"` and `"nan"`.
        """
        return {
            "schema_version": SCHEMA_VERSION,
            "modality": self.modality,
            "facts": _plain(asdict(self.facts)),
            "candidates": [_plain(asdict(each)) for each in self.candidates],
            "policy": to_document(self.policy.as_module()),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], *, policy: Policy | None = None) -> Evidence:
        """Returns the evidence of `to_dict`. It has no pictures.

        Args:
            document: the result of `to_dict`.
            policy: the policy, for transforms that are not registered; None for that of the document.

        Raises:
            ArgumentError: the document is not evidence, or has another schema.
            PolicyError: the policy names a transform that is not registered.
        """
        version = document.get("schema_version") if isinstance(document, Mapping) else None
        if version != SCHEMA_VERSION:
            raise ArgumentError(
                f"document must be evidence of schema {SCHEMA_VERSION}, but has schema_version {version!r}.",
                argument="document",
                value=version,
            )
        try:
            facts = {**document["facts"], "warnings": tuple(document["facts"]["warnings"])}
            candidates = tuple(map(_candidate, document["candidates"]))
            stored, modality = document["policy"], document["modality"]
            read = Facts(**_numbers(facts, ("seconds",)))
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentError(
                f"document is not evidence as to_dict gives it: {type(error).__name__}: {error}.", argument="document"
            ) from error
        return cls(Policy(from_document(stored)) if policy is None else policy, candidates, read, modality)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns `to_dict` as text, and writes it to a file if `path` is given.

        Raises:
            StorageError: the file cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False)
        if path is not None:
            write_file(path, text.encode())
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Evidence:
        """Reads a file of `to_json`, or of `save` with the ending `.json`. The evidence has no pictures.

        Raises:
            StorageError: the file cannot be read.
            ArgumentError: the file is not evidence, or has another schema.
            PolicyError: the policy names a transform that is not registered.
        """
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}.", path=path) from error
        except ValueError as error:
            raise ArgumentError(f"{path} is not JSON: {error}", argument="path") from error
        return cls.from_dict(document if isinstance(document, dict) else {})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a self-contained page (`.html`), everything for `from_json` (`.json`) or the rows (`.csv`).

        Raises:
            ArgumentError: the file name has another ending.
            MissingDependencyError: a page needs matplotlib, which is not installed.
            StorageError: the file cannot be written.
        """
        return write_as(path, {".html": self._page, ".json": self.to_json, ".csv": lambda: csv_text(self)})

    def _page(self) -> str:
        optional("matplotlib", "report", "the page of evidence")
        from augrad.learning.leave_one_out.page.render import render_evidence  # matplotlib loads on first use

        return render_evidence(self)

    def __str__(self) -> str:
        return text_table(self)

    def __rich__(self) -> Group:
        return rich_table(self)


_ERRORS = ("error", "difference", "standard_error")


def _plain(value: Any) -> Any:
    """Converts tuples to lists, and numbers that are not finite to text."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and value - value != 0 else value


def _numbers(document: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: float(value) if name in names and value is not None else value for name, value in document.items()}


def _candidate(document: Mapping[str, Any]) -> Candidate:
    ranges = tuple(CandidateRange(**_numbers(each, ("low", "high", "identity"))) for each in document["ranges"])
    trials = tuple(Trial(**_numbers(each, ("magnitude", *_ERRORS))) for each in document["trials"])
    names = ("magnitude", "error_without", *_ERRORS)
    return Candidate(**{**_numbers(document, names), "ranges": ranges, "trials": trials})
