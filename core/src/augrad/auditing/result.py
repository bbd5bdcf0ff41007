"""`AuditReport`: the result of an audit as tables, JSON, an invariance card or a page. Made by audits.py."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augrad.auditing.comparison import AuditComparison
from augrad.auditing.measurements import MEASURES, Measurement, Shown
from augrad.auditing.probing import Reach
from augrad.auditing.verdicts import KINDS, Verdict
from augrad.errors import ArgumentError, StorageError, optional
from augrad.files.storage import write_as, write_file
from augrad.options import one_of
from augrad.report.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Facts:
    """The circumstances of an audit.

    Attributes:
        subject: name of the audited model or pipeline.
        modality: modality of the transforms.
        n_samples: number of samples.
        more: whether the loader had more samples.
        target: `"classes"`, `"numbers"` or None.
        score: share of clean samples that the model predicts correctly; None without labels or model.
        reference: name of the reference that decides whether labels survive; None without labels.
        reference_accuracy: share of clean samples that the reference labels correctly.
        chance: share that is correct if only the frequencies of the labels are known.
        epsilon: share of labels, and of predictions, that may change.
        seed: seed of all random draws.
        data, model: hashes of the data and the model.
        versions: versions of the software.
        seconds: duration of the audit.
        layers: names of the layers that were measured too.
        skipped: transforms and measures that were left out, with the reason.
    """

    subject: str
    modality: str
    n_samples: int
    more: bool
    target: str | None
    score: Estimate | None
    reference: str | None
    reference_accuracy: Estimate | None
    chance: float | None
    epsilon: float
    seed: int
    data: str
    model: str | None
    versions: Mapping[str, str]
    seconds: float
    layers: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditReport:
    """The result of an audit: the measurements, and a verdict on each transform.

    Attributes:
        facts: the circumstances of the audit.
        verdicts: a verdict for each transform, the most serious first.
        measurements: a measurement for each transform and strength.
        sensitivities: by transform, the change of the output per unit of strength at the identity, in distances between
            samples; None if there is no derivative.
        policy: rows of the learned policy of a model trained by augrad, or empty.
        shown: samples for pictures; not stored in JSON.
    """

    facts: Facts
    verdicts: tuple[Verdict, ...]
    measurements: tuple[Measurement, ...]
    sensitivities: Mapping[str, Estimate | None] = field(default_factory=dict)
    policy: tuple[Mapping[str, Any], ...] = ()
    shown: Mapping[str, Shown] = field(default_factory=dict, repr=False, compare=False)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def of(self, transform: str) -> tuple[Measurement, ...]:
        """Returns the measurements of a transform, at rising strengths.

        Raises:
            ArgumentError: the transform was not audited.
        """
        found = tuple(row for row in self.measurements if row.transform == transform)
        if not found:
            known = ", ".join(verdict.transform for verdict in self.verdicts)
            raise ArgumentError(f"{transform!r} was not audited; there are: {known}.", argument="transform")
        return found

    def verdict(self, transform: str) -> Verdict:
        """Returns the verdict on a transform."""
        self.of(transform)
        return next(verdict for verdict in self.verdicts if verdict.transform == transform)

    def found(self, kind: str) -> tuple[Verdict, ...]:
        """Returns all verdicts of a kind, such as `"over-invariant"`."""
        one_of("kind", kind, KINDS)
        return tuple(verdict for verdict in self.verdicts if verdict.kind == kind)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Cautions about the audit as a whole, as sentences."""
        score, chance = self.facts.score, self.facts.chance
        if score is None or chance is None or score.low > chance:
            return ()
        told = (
            f"the model is right for {100 * score.value:.0f} % of the unchanged samples, which is no better than "
            f"chance ({100 * chance:.0f} %): the verdicts mean little for a model that has learned nothing"
        )
        return (told,)

    def to_frame(self) -> pd.DataFrame:
        """Returns a row for each transform and strength: each measure with the ends of its interval.

        Columns: `transform`, `strength`, `values` (physical, as text), `verdict`, and for each measure `<measure>`,
        `<measure>_low`, `<measure>_high`; the same for each named layer as `invariance[<layer>]`.


        Raises:
            MissingDependencyError: pandas is not installed.
        """
        frame = optional("pandas", "pandas", "to_frame").DataFrame
        table: pd.DataFrame = frame([_flat(row, self.verdict(row.transform)) for row in self.measurements])
        return table

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns all numbers and verdicts as JSON, and writes them to a file if `path` is given.

        Raises:
            StorageError: the file cannot be written.
        """
        document = {
            "schema_version": SCHEMA_VERSION,
            **{
                name: _plain(getattr(self, name))
                for name in ("facts", "verdicts", "measurements", "sensitivities", "policy")
            },
        }
        text = json.dumps(document, indent=1, allow_nan=False)
        if path is not None:
            write_file(path, text.encode())
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> AuditReport:
        """Reads a file of `to_json`. The report has no pictures.

        Raises:
            StorageError: the file cannot be read.
            ArgumentError: the file is not an audit, or has a newer schema.
        """
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}.", path=path) from error
        except ValueError as error:
            raise ArgumentError(f"{path} is not JSON: {error}", argument="path") from error
        version = document.get("schema_version") if isinstance(document, dict) else None
        if version != SCHEMA_VERSION:
            raise ArgumentError(
                f"{path} must be an audit of schema {SCHEMA_VERSION}, but has schema_version {version!r}.",
                argument="path",
                value=version,
            )
        facts = document["facts"]
        return cls(
            facts=Facts(
                **{
                    **facts,
                    **{name: _estimate(facts[name]) for name in ("score", "reference_accuracy")},
                    "layers": tuple(facts["layers"]),
                }
            ),
            verdicts=tuple(
                Verdict(
                    **{
                        **each,
                        "expected_gain": _estimate(each["expected_gain"]),
                        "warnings": tuple(each["warnings"]),
                    }
                )
                for each in document["verdicts"]
            ),
            measurements=tuple(_measurement(each) for each in document["measurements"]),
            sensitivities={name: _estimate(each) for name, each in document["sensitivities"].items()},
            policy=tuple(document["policy"]),
        )

    def to_markdown(self) -> str:
        """Returns the invariance card: for each transform its assumption, the evidence and the verdict."""
        from augrad.auditing.card import card

        return card(self)

    def compare(self, other: AuditReport) -> AuditComparison:
        """Compares this audit with an audit of another model or checkpoint on the same data.

        Raises:
            ArgumentError: the audits have no transform in common, or use different data.
        """
        return AuditComparison(self, other)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a self-contained page (`.html`), the numbers (`.json`) or the invariance card (`.md`).

        Raises:
            ArgumentError: the file name has another ending.
            MissingDependencyError: a page needs matplotlib, which is not installed.
            StorageError: the file cannot be written.
        """
        return write_as(path, {".html": self._page, ".json": self.to_json, ".md": self.to_markdown})

    def _page(self) -> str:
        optional("matplotlib", "report", "the page of an audit")
        from augrad.auditing.page.render import render_audit  # matplotlib loads on first use

        return render_audit(self)

    def __str__(self) -> str:
        width = max(len(verdict.transform) for verdict in self.verdicts)
        return "\n".join(
            f"{verdict.transform:{width}}  {verdict.title}; safe: {verdict.safe}" for verdict in self.verdicts
        )


def _flat(row: Measurement, verdict: Verdict) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "transform": row.transform,
        "strength": row.strength,
        "values": ", ".join(map(str, row.reaches)),
        "verdict": verdict.kind,
    }
    estimates = {name: getattr(row, name) for name in MEASURES}
    estimates |= {f"invariance[{name}]": estimate for name, estimate in row.layers.items()}
    for name, estimate in estimates.items():
        if estimate is not None:
            cells |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return cells


def _plain(value: Any) -> Any:
    """Converts dataclasses, mappings and tuples to JSON types."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _estimate(document: Any) -> Estimate | None:
    return None if document is None else Estimate(**document)


def _measurement(document: Mapping[str, Any]) -> Measurement:
    given = dict(document)
    given["reaches"] = tuple(Reach(**each) for each in given["reaches"])
    for name in MEASURES:
        given[name] = _estimate(given[name])
    for name in ("layers", "strict"):
        given[name] = {key: _estimate(each) for key, each in given[name].items()}
    return Measurement(**given)
