"""`Policy`: the learned augmentation in physical units, to read, store and reuse. Uses document.py."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from augrad.errors import ArgumentTypeError, PolicyError
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.policies.document import check_rebuildable, to_document
from augrad.policies.table import reach_text, rich_table, text_table

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class PolicyRow:
    """One parameter of one transform, as one layer has learned it.

    Weight and magnitude are running means over training passes where they differ between samples.

    Attributes:
        layer: position of the layer, from 0.
        transform: name of the transform.
        parameter: name of the parameter; None for a transform without parameters. If the parameter is learned for each
            entry of an axis, the name includes the entry: `"std[3]"`, or `"std[age]"` if the transform knows names.
        weight: probability that the layer draws the transform, in [0, 1]. A transform without parameters is applied to
            half of the samples that draw it (to all of them with the layer's `distribution="ends"`).
        magnitude: fraction of the declared range that is used, in [0, 1]; None without a parameter.
        low, high: the physical values between which the parameter is drawn, in `unit`; None without a parameter. With
            `distribution="ends"` either of the two is drawn, or only the end that is not the identity.
        unit: unit of `low` and `high`.

    Example:
        >>> str(PolicyRow(0, "vision.rotate", "angle", 0.62, 0.3167, -57.0, 57.0, "deg"))
        'vision.rotate angle ±57 deg (weight 0.62)'
    """

    layer: int
    transform: str
    parameter: str | None
    weight: float
    magnitude: float | None
    low: float | None
    high: float | None
    unit: str

    @property
    def rests(self) -> bool:
        """Whether the range is empty, so that the transform is drawn but changes nothing.

        This happens in a layer in which a search kept no transform.
        """
        return self.magnitude == 0

    @property
    def reach(self) -> str:
        """The range as text, such as `"±57 deg"` or `"0..0.3"`; empty without a parameter."""
        return reach_text(self.low, self.high, self.unit)

    def __str__(self) -> str:
        words = [self.transform, self.parameter or "", self.reach, f"(weight {self.weight:.2f})"]
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class PolicySummary:
    """A parameter over all layers.

    Attributes:
        transform, parameter, unit: as in `PolicyRow`.
        probability: probability that at least one layer draws the transform, `1 - prod(1 - weight)`, in [0, 1].
        low, high: average of the layers' ranges, weighted by the layers' weights; None without a parameter.
        lowest, highest: ends of the widest range of all layers, however small its weight; None without a parameter.
    """

    transform: str
    parameter: str | None
    probability: float
    low: float | None
    high: float | None
    lowest: float | None
    highest: float | None
    unit: str

    @property
    def reach(self) -> str:
        """The average range as text."""
        return reach_text(self.low, self.high, self.unit)


class Policy:
    """The learned augmentation: an immutable sequence of rows, and everything needed to use it again.

    `InvariantModel.policy`, `Policy.from_module` and `Policy.from_json` make policies. Later training does not change a
    policy. Two policies are equal if their modules augment in the same way.

    Example:
        >>> import torch
        >>> from augrad import AugmentationLayer, AugmentationModule, Range, Transform
        >>> class Offset(Transform):
        ...     modality = "policy_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> policy = Policy.from_module(AugmentationModule([AugmentationLayer([Offset], magnitude=0.25)]))
        >>> print(policy)
        layer  transform              parameter  weight  range
            0  policy_example.offset  level        1.00  ±0.5 V
        >>> bool((policy.as_module()(torch.zeros(100, 1)).abs() <= 0.5).all())
        True
    """

    def __init__(self, module: AugmentationModule) -> None:
        self._module = _frozen(module)
        self._document: dict[str, Any] = to_document(self._module)
        self._rows = tuple(_rows(self._module, self._document))

    @classmethod
    def from_module(cls, module: nn.Module) -> Policy:
        """Returns the current policy of an `AugmentationModule` or of a single `AugmentationLayer`.

        Raises:
            ArgumentTypeError: the argument is neither.
            PolicyError: a transform was constructed with a value that is not JSON-able.
        """
        if isinstance(module, AugmentationLayer):
            # Copied, because the new module would otherwise share the layer.
            module = AugmentationModule([copy.deepcopy(module)])
        if not isinstance(module, AugmentationModule):
            raise ArgumentTypeError(
                f"module must be an AugmentationModule or AugmentationLayer, but got {type(module).__name__}. The "
                "policy of a model is model.policy.",
                argument="module",
            )
        return cls(module)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Policy:
        """Reads a policy that `to_json` wrote, or that was written by hand. No code is loaded from the file.

        Transforms come from the registry, and strengths of your own from `augrad.layers.strength.STRENGTHS`.

        Raises:
            PolicyError: the file is missing, is not a policy, has a newer schema, names a transform that is not
                registered (the message names the package to install), or has a value that does not fit. The message
                begins with the place in the file.
        """
        from augrad.policies.document_reader import from_document

        try:
            document = json.loads(Path(path).read_bytes(), parse_constant=_refuse)
        except OSError as error:
            raise PolicyError(f"cannot read the policy {path}: {error.strerror}.", path=Path(path)) from error
        except (ValueError, RecursionError) as error:
            raise PolicyError(f"the policy {path} is not JSON: {error}.", path=Path(path)) from error
        try:
            return cls(from_document(document))
        except PolicyError as error:
            raise PolicyError(f"{path}: {error}", path=Path(path), **error.facts) from error

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Writes the policy: physical values for people, and raw parameters for an exact round trip. See `document.py`.

        Returns:
            The path written to.

        Raises:
            PolicyError: the module holds custom code that cannot be restored from a file.
            StorageError: the file could not be written; an earlier file is untouched.
        """
        from augrad.files.storage import write_file

        check_rebuildable(self._module)
        return write_file(path, (json.dumps(self._document, indent=2, allow_nan=False) + "\n").encode())

    def as_module(self) -> AugmentationModule:
        """Returns a new, frozen module that augments according to this policy: no parameter requires a gradient.

        It works in any pipeline, in train mode or eval mode. It starts in eval mode, on the CPU.
        """
        return copy.deepcopy(self._module)

    def to_rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries, for a data frame or JSON."""
        return [asdict(row) for row in self]

    def leading(self) -> tuple[PolicyRow, ...]:
        """Returns the rows of the transform with the largest weight in any layer.

        If several have the same weight, the first is returned, and transforms that change something come before those
        that rest.
        """
        first = max(self._rows, key=lambda row: (not row.rests, row.weight))
        return tuple(row for row in self if (row.layer, row.transform) == (first.layer, first.transform))

    def summary(self) -> tuple[PolicySummary, ...]:
        """Returns the rows combined over layers, for each transform and parameter, the most probable first."""
        groups: dict[tuple[str, str | None], list[PolicyRow]] = {}
        for row in self:
            groups.setdefault((row.transform, row.parameter), []).append(row)
        return tuple(sorted(map(_summed, groups.values()), key=lambda each: -each.probability))

    def __iter__(self) -> Iterator[PolicyRow]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> PolicyRow:
        return self._rows[index]

    def __eq__(self, other: object) -> bool:
        return self._document == other._document if isinstance(other, Policy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._rows)

    def __repr__(self) -> str:
        return f"Policy of {len(self._module)} layer(s)\n{self}"

    def __str__(self) -> str:
        return text_table(self._rows)

    def __rich__(self) -> Table:
        return rich_table(self._rows)


def _frozen(module: AugmentationModule) -> AugmentationModule:
    snapshot = copy.deepcopy(module).requires_grad_(False).cpu().eval()
    snapshot.forget()
    return snapshot


def _rows(module: AugmentationModule, document: dict[str, Any]) -> Iterator[PolicyRow]:
    for number, (own, layer) in enumerate(zip(module, document["layers"], strict=True)):
        for transform, entry in zip(own, layer["transforms"], strict=True):
            name, weight = entry["name"], entry["weight"]
            if not entry["parameters"]:
                yield PolicyRow(number, name, None, weight, None, None, None, "")
            for parameter, learned in entry["parameters"].items():
                magnitude, low, high = (learned[key] for key in ("magnitude", "low", "high"))
                if not isinstance(magnitude, list):
                    yield PolicyRow(number, name, parameter, weight, magnitude, low, high, learned["unit"])
                    continue
                labels = transform.labels(parameter)
                for label, m, a, b in zip(labels, magnitude, low, high, strict=True):
                    yield PolicyRow(number, name, f"{parameter}[{label}]", weight, m, a, b, learned["unit"])


def _summed(rows: list[PolicyRow]) -> PolicySummary:
    first = rows[0]
    probability = 1.0 - math.prod(1.0 - row.weight for row in rows)
    lows = [row.low for row in rows if row.low is not None]
    highs = [row.high for row in rows if row.high is not None]
    if not lows:
        return PolicySummary(first.transform, first.parameter, probability, None, None, None, None, first.unit)
    total = sum(row.weight for row in rows)
    # If no layer draws the transform, the plain average is taken.
    parts = [row.weight / total if total else 1 / len(rows) for row in rows]
    low = sum(part * value for part, value in zip(parts, lows, strict=True))
    high = sum(part * value for part, value in zip(parts, highs, strict=True))
    return PolicySummary(first.transform, first.parameter, probability, low, high, min(lows), max(highs), first.unit)


def _refuse(constant: str) -> float:
    raise ValueError(f'{constant} is not a JSON number; write "{constant.lower().replace("infinity", "inf")}"')
