"""What an audit measures of one transform at one strength, and the samples it keeps for pictures.

Made by measuring.py, judged by verdicts.py, told by report.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from augrad.auditing.intervals import Estimate
from augrad.auditing.probing import Reach


@dataclass(frozen=True)
class Measurement:
    """What one transform at one strength does.

    Shares have exact intervals, means those of the bootstrap, medians its exact form.

    Attributes:
        transform: its name.
        strength: share of its declared ranges, in (0, 1].
        reaches: the same in physical values, by parameter.
        invariance: of the model's output, the paper's measure, median: 1 unchanged, 0 as different as other samples.
        layers: the same of the outputs of named layers.
        flip_rate: share of samples whose prediction changes: another class, or by more than half a standard deviation.
        loss_change: mean change of the criterion.
        score: share of transformed samples that are predicted right.
        lost: share that is predicted right as it is and wrong when transformed, net of the reverse.
        equivariance_error: `1 - invariance` of dense outputs after the transform is undone on them, median.
        displacement: how far samples move, mean, in units of the data's spread.
        agreement: share of samples for which the reference says the same as for the clean sample.
        preservation: share of the labels known to the reference that survive: 1 minus those it loses, net of those it
            finds.
        changed: share of samples that come to lie among others of another label, net of the reverse.
        ignored: share of samples of which that is so, while the model says the same as before.
        distance_ratio: distance to the nearest neighbours over that of clean samples, median.
        off_manifold: share of samples farther from the data than 95 % of the clean ones are; 0.05 if nothing changes.
        detectable: share of samples told from clean ones, and the reverse, by a small classifier; 0.5 is chance.
        shortcut: share of labels that can be read off the side effects of the transform, more than off those of clean
            samples.
        strict: of `flip_rate`, `preservation`, `changed`, `ignored`, `off_manifold`, `shortcut` and `lost` the
            intervals at the level at which all verdicts of an audit hold together.
    """

    transform: str
    strength: float
    reaches: tuple[Reach, ...]
    displacement: Estimate
    distance_ratio: Estimate
    off_manifold: Estimate
    detectable: Estimate
    invariance: Estimate | None = None
    layers: Mapping[str, Estimate] = field(default_factory=dict)
    flip_rate: Estimate | None = None
    loss_change: Estimate | None = None
    score: Estimate | None = None
    lost: Estimate | None = None
    equivariance_error: Estimate | None = None
    agreement: Estimate | None = None
    preservation: Estimate | None = None
    changed: Estimate | None = None
    ignored: Estimate | None = None
    shortcut: Estimate | None = None
    strict: Mapping[str, Estimate] = field(default_factory=dict)


MEASURES = (
    "invariance",
    "flip_rate",
    "loss_change",
    "score",
    "lost",
    "equivariance_error",
    "displacement",
    "agreement",
    "preservation",
    "changed",
    "ignored",
    "distance_ratio",
    "off_manifold",
    "detectable",
    "shortcut",
)
"""Fields of a `Measurement` that are estimates, in the order of tables."""


@dataclass(frozen=True)
class Version:
    """What became of some samples at one strength, for pictures.

    Attributes:
        strength: share of the declared ranges.
        x: the samples, transformed, a batch.
        flipped: which of them the model predicts differently; None without a model.
        changed: which of them lie among others of another label; None without labels.
    """

    strength: float
    x: Any
    flipped: Tensor | None
    changed: Tensor | None


@dataclass(frozen=True)
class Shown:
    """Some samples and what became of them, for pictures.

    Attributes:
        transform: the name.
        clean: the samples, a batch.
        versions: what became of the same samples, strengths rising.
    """

    transform: str
    clean: Any
    versions: tuple[Version, ...]
