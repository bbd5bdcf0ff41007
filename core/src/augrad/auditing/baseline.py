"""Samples, model and reference before any transform. Each measurement is compared with these.

Uses reference.py, shortcuts.py, subject.py. Used by measuring.py and estimating.py.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augrad import batch
from augrad.auditing.intervals import share
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
from augrad.learning.criteria import Criterion, losses
from augrad.randomness import keyed_generator
from augrad.report.estimate import Estimate
from augrad.transform.transform import Transform

ON_MANIFOLD = 0.95
"""Share of the clean samples that count as lying among the data."""

N_PARTNERS = 16
"""Number of other samples with which each output is compared. A single sample, as in the paper, may have the same
output."""

SMALLEST = 1e-12
"""Smallest divisor of distances and shares."""


class Baseline:
    """Samples, model and reference before any transform.

    Args:
        samples: the data.
        subject: the model; None to measure the data alone.
        kind: a transform class of the modality, whose features are used to compare samples.
        reference: see `Reference`.
        criterion: the loss; None if no loss can be computed.
        seed: seed of all random draws.

    Attributes:
        labels: a class or number for each sample; None if a reference cannot answer with such labels.
        neighbours: finds the nearest samples to a transformed sample.
        vectors: features of the samples, in the form of the neighbours.
        near: the neighbours of each sample.
        border: distance to the neighbours within which 95 % of the samples lie.
        elsewhere: which samples lie among samples of another label.
        reference: gives a label to each sample; None without labels.
        answer: the reference's labels for the samples.
        narrow: the vectors, projected to few columns.
        effects: side effects of the samples.
        fold: the fold of each sample.
        read: the samples whose label can be read off their side effects.
        layers: outputs of the model, under `""`, and of the named layers.
        apart: for each of these, the distance between the output of each sample and the outputs of others.
        predicted: the model's predictions.
        correct: which predictions are correct.
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
        """Share of clean samples that the reference labels correctly."""
        if self.answer is None or self.labels is None:
            return None
        return share(is_correct(self.answer, self.labels))

    @property
    def chance(self) -> float | None:
        """Share of labels that is correct if only the frequencies of the labels are known."""
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
        """Share of clean samples that the model predicts correctly."""
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
                output, layers = self.subject(batch.select(self.samples.x, part), "the clean samples")
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
        """Returns the distance between the output of each sample and the outputs of other, randomly drawn samples."""
        generator = keyed_generator("audit", "partners", self.seed)
        others = [partners(len(outputs), generator).to(outputs.device) for _ in range(N_PARTNERS)]
        # At least the rounding error of float32 outputs. A constant model must not count as varying.
        return torch.stack([distance(outputs, outputs[other]) for other in others]).mean(dim=0).clamp_min(SMALLEST)

    def correct_of(self, predicted: Tensor) -> Bool[Tensor, " samples"] | None:
        """Returns which predictions are correct; None without labels of the same form."""
        if self.labels is None or predicted.shape != self.labels.shape:
            return None
        return is_correct(predicted, self.labels.to(predicted.device))

    def flipped(self, predicted: Tensor) -> Bool[Tensor, " samples"]:
        """Returns which predictions differ from those for the clean samples."""
        if self.classifies:
            changed = predicted != self.predicted
            return changed if changed.ndim == 1 else changed.flatten(1).float().mean(dim=1) > 0.5  # dense: most places
        return ~is_close(predicted, self.predicted, self.spread)

    def lies_elsewhere(self, near: Neighbourhood) -> Bool[Tensor, " samples"] | None:
        """Returns which samples lie among samples of another label: they are close, and all neighbours agree on it."""
        if near.answer is None or near.sure is None or self.labels is None:
            return None
        return (near.distance <= self.border) & near.sure & ~is_correct(near.answer, self.labels)

    def read_off(self, effects: Float[Tensor, "samples effects"]) -> Bool[Tensor, " samples"] | None:
        """Returns the samples whose label can be read off side effects."""
        if self.labels is None or not self.samples.classes:
            return None
        return SmallClassifier(self.fold, int(self.labels.max()) + 1).right(effects, self.labels)


def _labels(target: Tensor | None) -> Tensor | None:
    """Returns the targets if a reference can predict them: a class, a number or a row of numbers for each sample."""
    if target is None or (not target.is_floating_point() and (target.ndim > 1 or bool((target < 0).any()))):
        return None
    return target if not target.is_floating_point() or target.ndim == 1 else target.flatten(1)


def per_sample(value: Tensor, n_samples: int) -> Tensor:
    """Returns a row for each sample. Layers may see several copies of each sample, one copy after the other."""
    n_copies = len(value) // n_samples
    return value if n_copies == 1 else value.reshape(n_copies, n_samples, -1).transpose(0, 1).flatten(1)
