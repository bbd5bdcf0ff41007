"""Measures what a transform does to data and model, strength by strength. Uses probing.py, reference.py, shortcuts.py.

Run by audits.py, judged by verdicts.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augrad import batch
from augrad.auditing.intervals import CONFIDENCE, Bootstrap, Estimate, median, net_share, share
from augrad.auditing.measurements import Measurement, Shown, Version
from augrad.auditing.probing import Reach, applied, like_of, reaches, values_at
from augrad.auditing.reference import Neighbourhood, Neighbours, Reference, predictions, right, same, spread_of
from augrad.auditing.samples import Samples
from augrad.auditing.shortcuts import SmallClassifier, folds, narrowed
from augrad.auditing.subject import Subject
from augrad.displacement import displacement
from augrad.invariance import distance, partners
from augrad.learning.criteria import Criterion, losses
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

ON_MANIFOLD = 0.95
"""Share of the clean samples that lie as close to the others as counts as among the data."""

N_SHOWN = 32
"""Of so many samples the transformed versions are kept, for pictures."""

N_PARTNERS = 16
"""So many other samples say how far outputs are from each other. One, as in the paper, may have the same output."""

_SMALLEST = 1e-12


class Measuring:
    """Samples, model and reference as they are without any transform; `measure` says what changes with one.

    Args:
        samples: the data.
        subject: the model; None to look at data alone.
        kind: a transform class of their modality, which says by which features samples are compared.
        reference: see `Reference`.
        criterion: of the loss; None if there is nothing to take it of.
        seed: of all draws.
        n_verdicts: how many verdicts are to hold together.
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
        self.samples, self.subject, self.kind, self.criterion, self.seed = samples, subject, kind, criterion, seed
        self.strict = 1 - (1 - CONFIDENCE) / max(1, n_verdicts)
        features = kind.features(samples.x)
        self._told = _told(samples.target)
        table = isinstance(samples.x, Tensor) and samples.x.ndim == 2
        self.neighbours = Neighbours(features, self._told, table=table, seed=seed)
        self._vectors = self.neighbours.vectors(features)
        near = self.neighbours.ask(self._vectors)
        self._clean_distance = near.distance
        self._border = near.distance.quantile(ON_MANIFOLD)
        self._clean_elsewhere = self._elsewhere(near)
        self.reference: Reference | None = None
        self._clean_answer: Tensor | None = None
        if self._told is not None:
            self.reference = Reference(reference, self._told, self.neighbours, self._vectors)
            self._clean_answer = self.reference.answer(samples.x, self._vectors, near)
        self._narrow = narrowed(self._vectors, seed)
        self._effects = kind.side_effects(samples.x)
        self._fold = folds(len(samples), self._vectors.device)
        self._clean_read = self._read_off(self._effects)
        self._bootstrap = Bootstrap(len(samples), seed)
        self._look_at_model()

    @property
    def reference_accuracy(self) -> Estimate | None:
        """Share of clean samples of which the reference tells the label."""
        if self._clean_answer is None or self._told is None:
            return None
        return share(right(self._clean_answer, self._told))

    @property
    def chance(self) -> float | None:
        """The share of labels that is right for whoever knows nothing but their frequencies."""
        if self._told is None:
            return None
        if self.samples.classes:
            return float(torch.bincount(self._told).max() / len(self._told))
        return float(right(self._told.mean(dim=0).expand_as(self._told), self._told).float().mean())

    @property
    def outputs(self) -> Tensor:
        """The model's outputs for clean samples."""
        return self._clean[""]

    @property
    def score(self) -> Estimate | None:
        """Share of clean samples that the model predicts right."""
        return None if self._clean_right is None else share(self._clean_right)

    def measure(self, transform: Transform, strengths: Sequence[float]) -> Iterator[tuple[Measurement, Shown]]:
        """What a transform does, strength by strength; pictures of all strengths come with the last."""
        versions: list[Version] = []
        for strength in strengths:
            found = self._at(transform, strength)
            versions.append(found.version(strength))
            yield (
                self._measurement(transform.name, strength, reaches(transform, strength), found),
                Shown(transform.name, batch.first_of(self.samples.x, N_SHOWN), tuple(versions)),
            )

    def measure_pipeline(self, pipeline: Any, name: str) -> tuple[Measurement, Shown]:
        """What a function from batches to batches does."""
        found = self._gathered(
            (pipeline(batch.select(self.samples.x, part)), None, part) for part in self.samples.parts()
        )
        return self._measurement(name, 1.0, (), found), Shown(
            name, batch.first_of(self.samples.x, N_SHOWN), (found.version(1.0),)
        )

    # What is measured of clean samples.

    @torch.no_grad()
    def _look_at_model(self) -> None:
        self._clean: dict[str, Tensor] = {}
        self._clean_right: Tensor | None = None
        self._clean_loss: Tensor | None = None
        if self.subject is None:
            return
        parts: dict[str, list[Tensor]] = {}
        with self.subject.examined():
            for part in self.samples.parts():
                output, layers = self.subject(batch.select(self.samples.x, part), "the samples as they are")
                for key, value in {"": output, **layers}.items():
                    parts.setdefault(key, []).append(_per_sample(value, len(part)))
        self._clean = {key: torch.cat(values) for key, values in parts.items()}
        output = self._clean[""]
        self.classifies = self.samples.classes or (
            self.samples.target is None and output.ndim == 2 and output.shape[1] > 1
        )
        self._apart = {key: self._far(value) for key, value in self._clean.items()}
        self._predicted = predictions(output, classes=self.classifies)
        self._spread = output.new_zeros(()) if self.classifies else spread_of(output)
        if self._told is not None:
            self._clean_right = self._right(self._predicted)
        if self.criterion is not None and self.samples.target is not None:
            self._clean_loss = losses(self.criterion, output, self.samples.target.to(output.device))

    def _far(self, outputs: Tensor) -> Float[Tensor, " samples"]:
        """How far the output of each sample is from those of others, drawn at random."""
        generator = keyed_generator("audit", "partners", self.seed)
        others = [partners(len(outputs), generator).to(outputs.device) for _ in range(N_PARTNERS)]
        # At least as far as the rounding of float32 outputs: a constant model must not count as one that varies.
        return torch.stack([distance(outputs, outputs[other]) for other in others]).mean(dim=0).clamp_min(_SMALLEST)

    def _right(self, predicted: Tensor) -> Bool[Tensor, " samples"] | None:
        told = self._told
        if told is None or predicted.shape != told.shape:
            return None
        return right(predicted, told.to(predicted.device))

    def _elsewhere(self, near: Neighbourhood) -> Bool[Tensor, " samples"] | None:
        """Which samples lie among others of another label: close to them, and all of them say so."""
        if near.answer is None or near.sure is None or self._told is None:
            return None
        return (near.distance <= self._border) & near.sure & ~right(near.answer, self._told)

    def _read_off(self, effects: Float[Tensor, "samples effects"]) -> Bool[Tensor, " samples"] | None:
        """Of which samples the label can be read off side effects."""
        if self._told is None or not self.samples.classes:
            return None
        return SmallClassifier(self._fold, int(self._told.max()) + 1).right(effects, self._told)

    # What is measured of transformed ones.

    @torch.no_grad()
    def _at(self, transform: Transform, strength: float) -> _Found:
        with nullcontext() if self.subject is None else self.subject.examined():
            return self._gathered(self._versions(transform, strength))

    def _versions(self, transform: Transform, strength: float) -> Iterator[tuple[Any, Any, Tensor]]:
        for number, part in enumerate(self.samples.parts()):
            x = batch.select(self.samples.x, part)
            generator = keyed_generator(
                "audit", self.seed, transform.name, repr(strength), number, device=batch.device(x)
            )
            values = values_at(transform, strength, len(part), like_of(x), generator)
            moved, moving = applied(transform, x, values, generator)
            undo = transform if transform.moves_coordinates and transform.invertible else None
            yield moved, None if undo is None else (undo, moving), part

    @torch.no_grad()
    def _gathered(self, versions: Iterator[tuple[Any, Any, Tensor]]) -> _Found:
        features, effects, displaced, undone = [], [], [], []
        outputs: dict[str, list[Tensor]] = {}
        first: Any = None
        whole: list[Any] = []
        for moved, undo, part in versions:
            x = batch.select(self.samples.x, part)
            first = batch.first_of(moved, N_SHOWN) if first is None else first
            features.append(self.kind.features(moved))
            effects.append(self.kind.side_effects(moved))
            displaced.append(displacement(x, moved))
            if self.reference is not None and self.reference.asks_samples:
                whole.append(moved)
            if self.subject is not None:
                output, layers = self.subject(moved, "transformed samples")
                for key, value in {"": output, **layers}.items():
                    outputs.setdefault(key, []).append(_per_sample(value, len(part)))
                if undo is not None and _dense(output, x):
                    transform, moving = undo
                    undone.append(transform.invert(output, **moving))
        vectors = self.neighbours.vectors(torch.cat(features))
        near = self.neighbours.ask(vectors)
        answer = None
        if self.reference is not None:
            answer = self.reference.answer(batch.concatenate(*whole) if whole else None, vectors, near)
        joined = {key: torch.cat(values) for key, values in outputs.items()}
        flips = None
        if joined:
            predicted = predictions(joined[""], classes=self.classifies)
            flips = self._differs(predicted)
        return _Found(
            first=first,
            displaced=torch.cat(displaced),
            vectors=vectors,
            effects=torch.cat(effects),
            near=near,
            answer=answer,
            elsewhere=self._elsewhere(near),
            outputs=joined,
            undone=torch.cat(undone) if undone else None,
            flips=flips,
        )

    def _differs(self, predicted: Tensor) -> Bool[Tensor, " samples"]:
        if self.classifies:
            changed = predicted != self._predicted
            return changed if changed.ndim == 1 else changed.flatten(1).float().mean(dim=1) > 0.5  # most of a dense one
        return ~same(predicted, self._predicted, self._spread)

    def _measurement(self, name: str, strength: float, where: tuple[Reach, ...], found: _Found) -> Measurement:
        columns: dict[str, Tensor] = {"displacement": found.displaced}
        measured: dict[str, Any] = {}
        strict: dict[str, Estimate] = {}

        def shares(key: str, hits: Tensor) -> None:
            measured[key], strict[key] = share(hits), share(hits, self.strict)

        def nets(key: str, lost: Tensor, won: Tensor) -> None:
            measured[key], strict[key] = net_share(lost, won), net_share(lost, won, self.strict)

        measured["distance_ratio"] = median(found.near.distance / self._clean_distance.median().clamp_min(_SMALLEST))
        shares("off_manifold", found.near.distance > self._border)
        measured["detectable"] = self._detectable(found.vectors, found.effects)
        if found.outputs:
            self._measure_model(found, measured, columns, shares, nets)
        if found.answer is not None and self._told is not None and self._clean_answer is not None:
            shares("agreement", _same_answers(found.answer, self._clean_answer, self._told))
            before, after = right(self._clean_answer, self._told), right(found.answer, self._told)
            nets("preservation", before & ~after, ~before & after)
            known = max(float(before.float().mean()), _SMALLEST)
            for each in (measured, strict):
                each["preservation"] = _surviving(each["preservation"], known)
        if found.elsewhere is not None and self._clean_elsewhere is not None:
            nets("changed", found.elsewhere & ~self._clean_elsewhere, ~found.elsewhere & self._clean_elsewhere)
            if found.flips is not None:
                stays = ~found.flips.to(found.elsewhere.device)
                nets(
                    "ignored",
                    found.elsewhere & ~self._clean_elsewhere & stays,
                    ~found.elsewhere & self._clean_elsewhere & stays,
                )
        read = self._read_off(found.effects)
        if read is not None and self._clean_read is not None:
            nets("shortcut", read & ~self._clean_read, ~read & self._clean_read)
        measured |= dict(zip(columns, self._bootstrap.means(list(columns.values())), strict=True))
        return Measurement(name, strength, where, strict=strict, **measured)

    def _measure_model(
        self, found: _Found, measured: dict[str, Any], columns: dict[str, Tensor], shares: Any, nets: Any
    ) -> None:
        kept = {
            key: median(1 - distance(self._clean[key], value) / self._apart[key])
            for key, value in found.outputs.items()
        }
        measured["invariance"] = kept.pop("")
        measured["layers"] = kept
        if found.flips is not None:
            shares("flip_rate", found.flips)
        if found.undone is not None:
            measured["equivariance_error"] = median(distance(self._clean[""], found.undone) / self._apart[""])
        if self._clean_right is not None:
            after = self._right(predictions(found.outputs[""], classes=self.classifies))
            if after is not None:
                shares("score", after)
                nets("lost", self._clean_right & ~after, ~self._clean_right & after)
        if self._clean_loss is not None and self.criterion is not None and self.samples.target is not None:
            output = found.outputs[""]
            columns["loss_change"] = (
                losses(self.criterion, output, self.samples.target.to(output.device)) - self._clean_loss
            )

    def _detectable(self, vectors: Tensor, effects: Tensor) -> Estimate:
        """How often a small classifier tells transformed samples from clean ones."""
        n_samples = len(vectors)
        clean = torch.cat([self._narrow, self._effects], dim=1)
        moved = torch.cat([narrowed(vectors, self.seed), effects], dim=1)
        labels = torch.arange(2, device=vectors.device).repeat_interleave(n_samples)
        told = SmallClassifier(self._fold.repeat(2), 2).right(torch.cat([clean, moved]), labels)
        (found,) = self._bootstrap.means([told.reshape(2, n_samples).float().mean(dim=0)])
        return found


@dataclass(frozen=True)
class _Found:
    """What became of all samples under one transform at one strength."""

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
        """Of those samples that are kept for pictures."""
        n_shown = batch.count(self.first)
        flipped, changed = (None if each is None else each[:n_shown] for each in (self.flips, self.elsewhere))
        return Version(strength, self.first, flipped, changed)


def _told(target: Tensor | None) -> Tensor | None:
    """Targets that a reference can speak of: one class or number, or a row of numbers, for each sample."""
    if target is None or (not target.is_floating_point() and (target.ndim > 1 or bool((target < 0).any()))):
        return None
    return target if not target.is_floating_point() or target.ndim == 1 else target.flatten(1)


def _per_sample(value: Tensor, n_samples: int) -> Tensor:
    """One row per sample: layers may see each sample in several copies, one after the other."""
    n_copies = len(value) // n_samples
    return value if n_copies == 1 else value.reshape(n_copies, n_samples, -1).transpose(0, 1).flatten(1)


def _dense(output: Tensor, x: Any) -> bool:
    """Whether outputs have the places of inputs, so that a motion can be undone on them."""
    return isinstance(x, Tensor) and output.ndim == x.ndim and output.ndim > 2 and output.shape[2:] == x.shape[2:]


def _same_answers(first: Tensor, second: Tensor, told: Tensor) -> Bool[Tensor, " samples"]:
    return first == second if not told.is_floating_point() else same(first, second, spread_of(told))


def _surviving(lost: Estimate, known: float) -> Estimate:
    """The share of known labels that survive, from the net share of samples that lose theirs."""
    value, low, high = (1 - min(1.0, max(0.0, each / known)) for each in (lost.value, lost.high, lost.low))
    return Estimate(value, low, high)
