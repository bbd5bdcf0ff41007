"""The measurements of a transform at a strength, and the samples that are kept for pictures.

Made by measuring.py, judged by verdicts.py, shown by page/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from augrad.auditing.probing import Reach
from augrad.report.estimate import Estimate


@dataclass(frozen=True)
class Measurement:
    """The effects of a transform at a given strength.

    Shares have exact intervals, means have bootstrap intervals, and medians have the exact form of bootstrap intervals.

    Attributes:
        transform: name of the transform.
        strength: share of its declared ranges, in (0, 1].
        reaches: the same in physical values, by parameter.
        invariance: median invariance of the model's output (the paper's measure): 1 if it is unchanged, 0 if it changes
            as much as it differs between samples.
        layers: the same for the outputs of named layers.
        flip_rate: share of samples whose prediction changes to another class, or by more than half a standard
            deviation.
        loss_change: mean change of the criterion.
        score: share of transformed samples with a correct prediction.
        lost: share of samples with a correct prediction only before the transform, minus the share with a correct
            prediction only after it.
        equivariance_error: median of `1 - invariance` for dense outputs, after the transform is undone on them.
        displacement: mean distance that samples move, in units of the data's spread.
        agreement: share of samples for which the reference gives the same label before and after.
        preservation: share of the labels known to the reference that survive: 1 minus lost labels plus newly found
            labels.
        changed: share of samples that move among samples of another label, minus the share that move the other way.
        ignored: share of samples that do so while the model's prediction stays the same.
        distance_ratio: median distance to the nearest neighbours, relative to that of clean samples.
        off_manifold: share of samples farther from the data than 95 % of the clean samples; 0.05 if nothing changes.
        detectable: how often a small classifier distinguishes transformed from clean samples correctly; 0.5 is chance.
        shortcut: share of labels that can be read off the side effects of the transform, beyond those that can be read
            off clean samples.
        strict: wider intervals of `flip_rate`, `preservation`, `changed`, `ignored`, `off_manifold`, `shortcut` and
            `lost`. Their level is such that all verdicts of an audit hold at the same time.
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
"""The estimates of a `Measurement`, in the order of tables."""


@dataclass(frozen=True)
class Version:
    """Some samples at a given strength, for pictures.

    Attributes:
        strength: share of the declared ranges.
        x: the transformed samples, a batch.
        flipped: for each sample, whether the model's prediction differs; None without a model.
        changed: for each sample, whether it lies among samples of another label; None without labels.
    """

    strength: float
    x: Any
    flipped: Tensor | None
    changed: Tensor | None


@dataclass(frozen=True)
class Shown:
    """Some samples, clean and transformed, for pictures.

    Attributes:
        transform: name of the transform.
        clean: the clean samples, a batch.
        versions: the same samples at rising strengths.
    """

    transform: str
    clean: Any
    versions: tuple[Version, ...]
