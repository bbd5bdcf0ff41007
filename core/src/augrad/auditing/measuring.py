"""Measures the effects of a transform on data and model, strength by strength. Uses baseline.py and estimating.py.

Run by audits.py, judged by verdicts.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from augrad import batch
from augrad.auditing.baseline import Baseline, per_sample
from augrad.auditing.estimating import Estimating, Transformed
from augrad.auditing.measurements import Measurement, Shown, Version
from augrad.auditing.probing import applied, like_of, reaches, values_at
from augrad.auditing.reference import predictions
from augrad.auditing.samples import Samples
from augrad.auditing.subject import Subject
from augrad.displacement import displacement
from augrad.learning.criteria import Criterion
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

N_SHOWN = 32
"""Number of samples whose transformed versions are kept for pictures."""


class Measuring:
    """Measures the changes of samples and model under transforms.

    Args:
        samples: the data.
        subject: the model; None to measure the data alone.
        kind: a transform class of the modality, whose features are used to compare samples.
        reference: see `Reference`.
        criterion: the loss; None if no loss can be computed.
        seed: seed of all random draws.
        n_verdicts: number of verdicts that must hold at the same time.
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
        n_verdicts: int = 1,
    ) -> None:
        self.samples, self.subject = samples, subject
        self.baseline = Baseline(samples, subject, kind=kind, reference=reference, criterion=criterion, seed=seed)
        self._estimating = Estimating(self.baseline, n_verdicts=n_verdicts)

    def measure(self, transform: Transform, strengths: Sequence[float]) -> Iterator[tuple[Measurement, Shown]]:
        """Yields the measurement at each strength. The last item contains the pictures of all strengths."""
        versions: list[Version] = []
        for strength in strengths:
            found = self._at(transform, strength)
            versions.append(found.version(strength))
            yield (
                self._estimating.measurement(transform.name, strength, reaches(transform, strength), found),
                Shown(transform.name, batch.first_of(self.samples.x, N_SHOWN), tuple(versions)),
            )

    def measure_pipeline(self, pipeline: Any, name: str) -> tuple[Measurement, Shown]:
        """Returns the measurement of a function from batches to batches."""
        found = self._gathered(
            (pipeline(batch.select(self.samples.x, part)), None, part) for part in self.samples.parts()
        )
        return self._estimating.measurement(name, 1.0, (), found), Shown(
            name, batch.first_of(self.samples.x, N_SHOWN), (found.version(1.0),)
        )

    @torch.no_grad()
    def _at(self, transform: Transform, strength: float) -> Transformed:
        with nullcontext() if self.subject is None else self.subject.examined():
            return self._gathered(self._versions(transform, strength))

    def _versions(self, transform: Transform, strength: float) -> Iterator[tuple[Any, Any, Tensor]]:
        for number, part in enumerate(self.samples.parts()):
            x = batch.select(self.samples.x, part)
            generator = keyed_generator(
                "audit", self.baseline.seed, transform.name, repr(strength), number, device=batch.device(x)
            )
            values = values_at(transform, strength, len(part), like_of(x), generator)
            moved, moving = applied(transform, x, values, generator)
            undo = transform if transform.moves_coordinates and transform.invertible else None
            yield moved, None if undo is None else (undo, moving), part

    @torch.no_grad()
    def _gathered(self, versions: Iterator[tuple[Any, Any, Tensor]]) -> Transformed:
        features, effects, displaced, undone = [], [], [], []
        outputs: dict[str, list[Tensor]] = {}
        first: Any = None
        whole: list[Any] = []
        for moved, undo, part in versions:
            x = batch.select(self.samples.x, part)
            first = batch.first_of(moved, N_SHOWN) if first is None else first
            features.append(self.baseline.kind.features(moved))
            effects.append(self.baseline.kind.side_effects(moved))
            displaced.append(displacement(x, moved))
            if self.baseline.reference is not None and self.baseline.reference.asks_samples:
                whole.append(moved)
            if self.subject is not None:
                output, layers = self.subject(moved, "transformed samples")
                for key, value in {"": output, **layers}.items():
                    outputs.setdefault(key, []).append(per_sample(value, len(part)))
                if undo is not None and _dense(output, x):
                    transform, moving = undo
                    undone.append(transform.invert(output, **moving))
        vectors = self.baseline.neighbours.vectors(torch.cat(features))
        near = self.baseline.neighbours.ask(vectors)
        answer = None
        if self.baseline.reference is not None:
            answer = self.baseline.reference.answer(batch.concatenate(*whole) if whole else None, vectors, near)
        joined = {key: torch.cat(values) for key, values in outputs.items()}
        flips = None
        if joined:
            flips = self.baseline.flipped(predictions(joined[""], classes=self.baseline.classifies))
        return Transformed(
            first=first,
            displaced=torch.cat(displaced),
            vectors=vectors,
            effects=torch.cat(effects),
            near=near,
            answer=answer,
            elsewhere=self.baseline.lies_elsewhere(near),
            outputs=joined,
            undone=torch.cat(undone) if undone else None,
            flips=flips,
        )


def _dense(output: Tensor, x: Any) -> bool:
    """Whether outputs have the places of the inputs, so that a motion can be undone on them."""
    return isinstance(x, Tensor) and output.ndim == x.ndim and output.ndim > 2 and output.shape[2:] == x.shape[2:]
