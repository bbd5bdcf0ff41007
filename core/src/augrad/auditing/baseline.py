"""Samples, model and reference as they are without any transform: what each measurement is compared with.

Uses reference.py, shortcuts.py, subject.py. Used by measuring.py and estimating.py.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augrad import batch
from augrad.auditing.intervals import Estimate, share
from augrad.auditing.reference import (
    Neighbourhood,
    Neighbours,
    Reference,
    is_close,
    is_correct,
    predictions,
    spread_of,
)
from augrad.auditing.samples import Samples
from augrad.auditing.shortcuts import SmallClassifier, folds, narrowed
from augrad.auditing.subject import Subject
from augrad.invariance import distance, partners
from augrad.learning.objective import Criterion, losses
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

ON_MANIFOLD = 0.95
"""Share of the clean samples that lie as close to the others as counts as among the data."""

N_PARTNERS = 16
"""So many other samples say how far outputs are from each other. One, as in the paper, may have the same output."""

SMALLEST = 1e-12
"""Distances and shares are divided by no less."""


class Baseline:
    """Samples, model and reference before any transform.

    Args:
        samples: the data.
        subject: the model; None to look at data alone.
        kind: a transform class of their modality, which says by which features samples are compared.
        reference: see `Reference`.
        criterion: of the loss; None if there is nothing to take it of.
        seed: of all draws.

    Attributes:
        labels: one class or number per sample, for samples with labels that a reference can answer with.
        neighbours: the samples, to be asked for those nearest to a transformed one.
        vectors: features of the samples, as the neighbours see them.
        near: the neighbours of each sample.
        border: distance to the neighbours within which 95 % of the samples lie.
        elsewhere: which samples lie among others of another label.
        reference: answers with a label for each sample; None without labels.
        answer: the reference's labels for the samples.
        narrow: the vectors projected to few columns.
        effects: side effects of the samples.
        fold: the part of the data that each sample belongs to.
        read: the samples whose label can be read off their side effects.
        layers: outputs of the model, under `""`, and of the named layers.
        apart: for each of these, how far the output of each sample is from those of others.
        predicted: the model's predictions.
        correct: which predictions are right.
        losses: the criterion of each sample.
    """

    def __init__(
        self,
        samples: Samples,
        subject: Subject | None,
        *,
        kind: type[Transform],
        reference: Any = "neighbours",
        criterion: Criterion | None = None,
        seed: int = 0,
    ) -> None:
        self.samples, self.subject, self.kind, self.criterion, self.seed = samples, subject, kind, criterion, seed
        features = kind.features(samples.x)
        self.labels = _labels(samples.target)
        table = isinstance(samples.x, Tensor) and samples.x.ndim == 2
        self.neighbours = Neighbours(features, self.labels, table=table, seed=seed)
        self.vectors = self.neighbours.vectors(features)
        self.near = self.neighbours.ask(self.vectors)
        self.border = self.near.distance.quantile(ON_MANIFOLD)
        self.elsewhere = self.lies_elsewhere(self.near)
        self.reference: Reference | None = None
        self.answer: Tensor | None = None
        if self.labels is not None:
            self.reference = Reference(reference, self.labels, self.neighbours, self.vectors)
            self.answer = self.reference.answer(samples.x, self.vectors, self.near)
        self.narrow = narrowed(self.vectors, seed)
        self.effects = kind.side_effects(samples.x)
        self.fold = folds(len(samples), self.vectors.device)
        self.read = self.read_off(self.effects)
        self._look_at_model()

    @property
    def reference_accuracy(self) -> Estimate | None:
        """Share of clean samples of which the reference tells the label."""
        if self.answer is None or self.labels is None:
            return None
        return share(is_correct(self.answer, self.labels))

    @property
    def chance(self) -> float | None:
        """The share of labels that is right for whoever knows nothing but their frequencies."""
        if self.labels is None:
            return None
        if self.samples.classes:
            return float(torch.bincount(self.labels).max() / len(self.labels))
        return float(is_correct(self.labels.mean(dim=0).expand_as(self.labels), self.labels).float().mean())

    @property
    def outputs(self) -> Tensor:
        """The model's outputs for clean samples."""
        return self.layers[""]

    @property
    def score(self) -> Estimate | None:
        """Share of clean samples that the model predicts right."""
        return None if self.correct is None else share(self.correct)

    @torch.no_grad()
    def _look_at_model(self) -> None:
        self.layers: dict[str, Tensor] = {}
        self.correct: Tensor | None = None
        self.losses: Tensor | None = None
        if self.subject is None:
            return
        parts: dict[str, list[Tensor]] = {}
        with self.subject.examined():
            for part in self.samples.parts():
                output, layers = self.subject(batch.select(self.samples.x, part), "the samples as they are")
                for key, value in {"": output, **layers}.items():
                    parts.setdefault(key, []).append(per_sample(value, len(part)))
        self.layers = {key: torch.cat(values) for key, values in parts.items()}
        output = self.layers[""]
        self.classifies = self.samples.classes or (
            self.samples.target is None and output.ndim == 2 and output.shape[1] > 1
        )
        self.apart = {key: self._far(value) for key, value in self.layers.items()}
        self.predicted = predictions(output, classes=self.classifies)
        self.spread = output.new_zeros(()) if self.classifies else spread_of(output)
        if self.labels is not None:
            self.correct = self.correct_of(self.predicted)
        if self.criterion is not None and self.samples.target is not None:
            self.losses = losses(self.criterion, output, self.samples.target.to(output.device))

    def _far(self, outputs: Tensor) -> Float[Tensor, " samples"]:
        """How far the output of each sample is from those of others, drawn at random."""
        generator = keyed_generator("audit", "partners", self.seed)
        others = [partners(len(outputs), generator).to(outputs.device) for _ in range(N_PARTNERS)]
        # At least as far as the rounding of float32 outputs: a constant model must not count as one that varies.
        return torch.stack([distance(outputs, outputs[other]) for other in others]).mean(dim=0).clamp_min(SMALLEST)

    def correct_of(self, predicted: Tensor) -> Bool[Tensor, " samples"] | None:
        """Which predictions are right; None without labels of their form."""
        if self.labels is None or predicted.shape != self.labels.shape:
            return None
        return is_correct(predicted, self.labels.to(predicted.device))

    def flipped(self, predicted: Tensor) -> Bool[Tensor, " samples"]:
        """Which predictions differ from those for the clean samples."""
        if self.classifies:
            changed = predicted != self.predicted
            return changed if changed.ndim == 1 else changed.flatten(1).float().mean(dim=1) > 0.5  # most of a dense one
        return ~is_close(predicted, self.predicted, self.spread)

    def lies_elsewhere(self, near: Neighbourhood) -> Bool[Tensor, " samples"] | None:
        """Which samples lie among others of another label: close to them, and all of them say so."""
        if near.answer is None or near.sure is None or self.labels is None:
            return None
        return (near.distance <= self.border) & near.sure & ~is_correct(near.answer, self.labels)

    def read_off(self, effects: Float[Tensor, "samples effects"]) -> Bool[Tensor, " samples"] | None:
        """Of which samples the label can be read off side effects."""
        if self.labels is None or not self.samples.classes:
            return None
        return SmallClassifier(self.fold, int(self.labels.max()) + 1).right(effects, self.labels)


def _labels(target: Tensor | None) -> Tensor | None:
    """Targets that a reference can speak of: one class or number, or a row of numbers, for each sample."""
    if target is None or (not target.is_floating_point() and (target.ndim > 1 or bool((target < 0).any()))):
        return None
    return target if not target.is_floating_point() or target.ndim == 1 else target.flatten(1)


def per_sample(value: Tensor, n_samples: int) -> Tensor:
    """One row per sample: layers may see each sample in several copies, one after the other."""
    n_copies = len(value) // n_samples
    return value if n_copies == 1 else value.reshape(n_copies, n_samples, -1).transpose(0, 1).flatten(1)
