"""Turns transformed samples into a measurement: estimates with intervals of how they differ from the clean samples.

Uses baseline.py and intervals.py. Used by measuring.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from augrad import batch
from augrad.auditing.baseline import SMALLEST, Baseline
from augrad.auditing.intervals import CONFIDENCE, Bootstrap, median, net_share, share
from augrad.auditing.measurements import Measurement, Version
from augrad.auditing.probing import Reach
from augrad.auditing.reference import Neighbourhood, is_close, is_correct, predictions, spread_of
from augrad.auditing.shortcuts import SmallClassifier, narrowed
from augrad.invariance import distance
from augrad.learning.criteria import losses
from augrad.report.estimate import Estimate


@dataclass(frozen=True)
class Transformed:
    """All samples under a transform at a given strength."""

    first: Any
    displaced: Tensor
    vectors: Tensor
    effects: Tensor
    near: Neighbourhood
    answer: Tensor | None
    elsewhere: Tensor | None
    outputs: Mapping[str, Tensor]
    undone: Tensor | None
    flips: Tensor | None

    def version(self, strength: float) -> Version:
        """Returns the samples that are kept for pictures."""
        n_shown = batch.count(self.first)
        flipped, changed = (None if each is None else each[:n_shown] for each in (self.flips, self.elsewhere))
        return Version(strength, self.first, flipped, changed)


class Estimating:
    """Turns transformed samples into a `Measurement`.

    Args:
        baseline: the clean samples.
        n_verdicts: number of verdicts that must hold at the same time.
    """

    def __init__(self, baseline: Baseline, *, n_verdicts: int = 1) -> None:
        self.baseline = baseline
        self.strict = 1 - (1 - CONFIDENCE) / max(1, n_verdicts)
        self._bootstrap = Bootstrap(len(baseline.samples), baseline.seed)

    def measurement(self, name: str, strength: float, where: tuple[Reach, ...], found: Transformed) -> Measurement:
        """Returns the estimates for transformed samples.

        Args:
            name: name of the transform.
            strength: share of its declared ranges.
            where: the same in physical values.
            found: the transformed samples.
        """
        estimates, clean = _Estimates(self.strict), self.baseline
        ratio = found.near.distance / clean.near.distance.median().clamp_min(SMALLEST)
        estimates.plain["distance_ratio"] = median(ratio)
        estimates.share("off_manifold", found.near.distance > clean.border)
        estimates.plain["detectable"] = self._detectable(found.vectors, found.effects)
        columns = {"displacement": found.displaced}
        if found.outputs:
            columns |= self._of_model(found, estimates)
        self._of_labels(found, estimates)
        estimates.plain |= dict(zip(columns, self._bootstrap.means(list(columns.values())), strict=True))
        return Measurement(name, strength, where, strict=estimates.strict, **estimates.plain)

    def _of_model(self, found: Transformed, estimates: _Estimates) -> dict[str, Tensor]:
        """Adds estimates of the model's outputs.

        Returns the change of each sample's loss, whose mean is estimated later.
        """
        clean = self.baseline
        kept = {
            key: median(1 - distance(clean.layers[key], value) / clean.apart[key])
            for key, value in found.outputs.items()
        }
        estimates.plain |= {"invariance": kept.pop(""), "layers": kept}
        if found.flips is not None:
            estimates.share("flip_rate", found.flips)
        if found.undone is not None:
            error = distance(clean.outputs, found.undone) / clean.apart[""]
            estimates.plain["equivariance_error"] = median(error)
        output = found.outputs[""]
        if clean.correct is not None:
            after = clean.correct_of(predictions(output, classes=clean.classifies))
            if after is not None:
                estimates.share("score", after)
                estimates.net_share("lost", clean.correct & ~after, ~clean.correct & after)
        if clean.losses is None or clean.criterion is None or clean.samples.target is None:
            return {}
        return {"loss_change": losses(clean.criterion, output, clean.samples.target.to(output.device)) - clean.losses}

    def _of_labels(self, found: Transformed, estimates: _Estimates) -> None:
        """Adds estimates of surviving labels, from the reference, the neighbours and the side effects."""
        clean = self.baseline
        if found.answer is not None and clean.labels is not None and clean.answer is not None:
            estimates.share("agreement", _same_answers(found.answer, clean.answer, clean.labels))
            before, after = is_correct(clean.answer, clean.labels), is_correct(found.answer, clean.labels)
            estimates.net_share("preservation", before & ~after, ~before & after)
            known = max(float(before.float().mean()), SMALLEST)
            for each in (estimates.plain, estimates.strict):
                each["preservation"] = _surviving(each["preservation"], known)
        if found.elsewhere is not None and clean.elsewhere is not None:
            came, left = found.elsewhere & ~clean.elsewhere, ~found.elsewhere & clean.elsewhere
            estimates.net_share("changed", came, left)
            if found.flips is not None:
                stays = ~found.flips.to(found.elsewhere.device)
                estimates.net_share("ignored", came & stays, left & stays)
        read = clean.read_off(found.effects)
        if read is not None and clean.read is not None:
            estimates.net_share("shortcut", read & ~clean.read, ~read & clean.read)

    def _detectable(self, vectors: Tensor, effects: Tensor) -> Estimate:
        """Estimates how often a small classifier distinguishes transformed from clean samples."""
        n_samples = len(vectors)
        clean = torch.cat([self.baseline.narrow, self.baseline.effects], dim=1)
        moved = torch.cat([narrowed(vectors, self.baseline.seed), effects], dim=1)
        labels = torch.arange(2, device=vectors.device).repeat_interleave(n_samples)
        correct = SmallClassifier(self.baseline.fold.repeat(2), 2).right(torch.cat([clean, moved]), labels)
        (found,) = self._bootstrap.means([correct.reshape(2, n_samples).float().mean(dim=0)])
        return found


class _Estimates:
    """Estimates of a measurement by name, and wider intervals at the level at which all verdicts hold."""

    def __init__(self, strict: float) -> None:
        self._level = strict
        self.plain: dict[str, Any] = {}
        self.strict: dict[str, Estimate] = {}

    def share(self, key: str, hits: Tensor) -> None:
        self.plain[key], self.strict[key] = share(hits), share(hits, self._level)

    def net_share(self, key: str, lost: Tensor, won: Tensor) -> None:
        self.plain[key], self.strict[key] = net_share(lost, won), net_share(lost, won, self._level)


def _same_answers(first: Tensor, second: Tensor, labels: Tensor) -> Bool[Tensor, " samples"]:
    return first == second if not labels.is_floating_point() else is_close(first, second, spread_of(labels))


def _surviving(lost: Estimate, known: float) -> Estimate:
    """Returns the share of known labels that survive, from the net share of samples that lose their label."""
    value, low, high = (1 - min(1.0, max(0.0, each / known)) for each in (lost.value, lost.high, lost.low))
    return Estimate(value, low, high)
