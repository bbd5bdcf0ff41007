"""The reference, which decides whether a label survives: neighbours in the data, or another model.

Used by baseline.py and estimating.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from augrad.auditing.subject import Subject
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.randomness import keyed_generator

N_NEIGHBOURS = 5
N_FOLDS = 5
TOLERANCE = 0.5
"""A number counts as unchanged if it changes by at most this many standard deviations of the targets."""

MOST_FEATURES = 512
"""Longer vectors are projected at random to this many numbers, which keeps distances."""

_ROWS = 1024


@dataclass(frozen=True)
class Neighbourhood:
    """The neighbours of transformed samples among the other samples.

    Attributes:
        distance: mean distance to the nearest neighbours.
        answer: label of the neighbours: the most frequent class, or the mean of their numbers; None without labels.
        sure: whether all neighbours agree: the same class, or numbers within `TOLERANCE` of each other.
    """

    distance: Float[Tensor, " samples"]
    answer: Tensor | None
    sure: Bool[Tensor, " samples"] | None


class Neighbours:
    """Finds the nearest neighbours of samples in the data, without the sample itself.

    Args:
        features: features of the clean samples, a row each. Columns of tables are divided by their spread; missing
            values are replaced by the mean.
        target: a label for each sample, or None.
        table: whether columns have different units.
        n_neighbours: number of neighbours.
        seed: seed of the projection of long vectors.

    References:
        Johnson, Lindenstrauss: Extensions of Lipschitz mappings into a Hilbert space, Contemporary Mathematics 1984.
    """

    def __init__(
        self,
        features: Float[Tensor, "samples features"],
        target: Tensor | None,
        *,
        table: bool = False,
        n_neighbours: int = N_NEIGHBOURS,
        seed: int = 0,
    ) -> None:
        known = torch.where(features.isfinite(), features, 0.0)
        n_known = features.isfinite().sum(dim=0).clamp_min(1)
        self._mean = known.sum(dim=0) / n_known
        centred = torch.where(features.isfinite(), features - self._mean, 0.0)
        spread = (centred.square().sum(dim=0) / n_known).sqrt()
        if not table:
            spread = spread.square().mean().sqrt().expand_as(spread)
        self._spread = torch.where(spread > 0, spread, 1.0)
        width = features.shape[1]
        self._directions = None
        if width > MOST_FEATURES:
            generator = keyed_generator("audit", "projection", seed)
            drawn = torch.randn(width, MOST_FEATURES, generator=generator).to(features)
            self._directions = drawn / MOST_FEATURES**0.5
        self.target = target
        self.n_neighbours = min(n_neighbours, max(1, len(features) - 1))
        self._among = self.vectors(features)

    def __len__(self) -> int:
        return len(self._among)

    def vectors(self, features: Float[Tensor, "samples features"]) -> Float[Tensor, "samples entries"]:
        """Returns the vectors between which distances are measured: scaled and projected features."""
        rows = ((features - self._mean) / self._spread).nan_to_num(0.0, 0.0, 0.0)
        return rows if self._directions is None else rows @ self._directions

    def ask(self, vectors: Float[Tensor, "samples entries"]) -> Neighbourhood:
        """Returns the neighbours of each transformed sample, in the order of the data.

        Args:
            vectors: a row for each sample of the data: `vectors` of the features of the transformed sample.
        """
        distances, answers, sure = [], [], []
        own = torch.arange(len(self), device=vectors.device)
        for rows in torch.split(own, _ROWS):
            part = vectors[rows]
            apart = torch.cdist(part, self._among)
            apart[torch.arange(len(rows), device=rows.device), rows] = torch.inf
            near = apart.topk(self.n_neighbours, dim=1, largest=False)
            reach = near.values
            distances.append(reach.mean(dim=1))
            if self.target is not None:
                labels = self.target[near.indices]
                answers.append(_vote(labels, reach))
                sure.append(_agree(labels, self.target))
        if not answers:
            return Neighbourhood(torch.cat(distances), None, None)
        return Neighbourhood(torch.cat(distances), torch.cat(answers), torch.cat(sure))


def _vote(labels: Tensor, reach: Float[Tensor, "samples neighbours"]) -> Tensor:
    """Returns the common label of the neighbours. If classes are tied, nearer neighbours decide."""
    weight = 1 / (reach + 1e-6 * reach.mean() + 1e-12)
    if labels.is_floating_point():
        mean: Tensor = labels.mean(dim=1)
        return mean
    votes = reach.new_zeros(len(labels), int(labels.max()) + 1)
    ones = torch.ones_like(reach) + 1e-3 * weight / weight.sum(dim=1, keepdim=True)
    return votes.scatter_add_(1, labels, ones).argmax(dim=1)


def _agree(labels: Tensor, target: Tensor) -> Bool[Tensor, " samples"]:
    """Whether all neighbours of a sample have the same label."""
    if not labels.is_floating_point():
        return (labels == labels[:, :1]).all(dim=1)
    centred = (labels - labels.mean(dim=1, keepdim=True)).reshape(*labels.shape[:2], -1)
    agree: Tensor = torch.linalg.vector_norm(centred, dim=2).amax(dim=1) <= TOLERANCE * spread_of(target)
    return agree


def is_correct(answer: Tensor, target: Tensor) -> Bool[Tensor, " samples"]:
    """Whether each answer is correct: the same class, or a number within `TOLERANCE` standard deviations."""
    if not target.is_floating_point():
        return answer == target
    return is_close(answer, target, spread_of(target))


def is_close(first: Tensor, second: Tensor, spread: Float[Tensor, ""]) -> Bool[Tensor, " samples"]:
    """Whether two numbers differ by at most `TOLERANCE` times `spread`."""
    apart: Tensor = torch.linalg.vector_norm((first - second).reshape(len(first), -1), dim=1)
    return apart <= TOLERANCE * spread


def spread_of(values: Float[Tensor, "samples *rest"]) -> Float[Tensor, ""]:
    """Returns the standard deviation of numbers, or rows of numbers, around their mean."""
    centred = (values - values.mean(dim=0)).reshape(len(values), -1)
    return centred.square().sum(dim=1).mean().sqrt()


class Reference:
    """Labels transformed samples without having seen them.

    Args:
        kind: `"neighbours"`. Or a scikit-learn classifier or regressor: clones of it are fitted on the features of the
            clean samples, each without a fifth of them. Or a `torch.nn.Module` or function that is already trained on
            other data.
        target: a class or number for each sample.
        neighbours: neighbours of the samples.
        vectors: features of the samples, in the form of the neighbours.

    Raises:
        ArgumentTypeError: `kind` has another type.
    """

    def __init__(self, kind: Any, target: Tensor, neighbours: Neighbours, vectors: Tensor) -> None:
        self._target = target
        self._subject: Subject | None = None
        self._fitted: list[tuple[Int[Tensor, " some"], Any]] = []
        if isinstance(kind, str):
            if kind != "neighbours":
                raise ArgumentError(
                    f"reference must be 'neighbours', a scikit-learn estimator, or a trained module or function, but "
                    f"got {kind!r}.",
                    argument="reference",
                    value=kind,
                )
            self.name = f"{neighbours.n_neighbours} nearest neighbours"
        elif hasattr(kind, "fit") and hasattr(kind, "predict"):
            self.name = type(kind).__name__
            self._fit(kind, vectors)
        elif isinstance(kind, nn.Module) or callable(kind):
            self._subject = Subject(kind)
            self.name = self._subject.name
        else:
            raise ArgumentTypeError(
                f"reference must be 'neighbours', a scikit-learn estimator, or a trained module or function, but got "
                f"{type(kind).__name__}.",
                argument="reference",
            )

    @property
    def asks_samples(self) -> bool:
        """Whether it uses the samples themselves instead of their features."""
        return self._subject is not None

    def answer(self, x: Any, vectors: Tensor, near: Neighbourhood) -> Tensor:
        """Returns a class or number for each transformed sample.

        Args:
            x: the transformed samples.
            vectors: their features, in the form of the neighbours.
            near: their neighbours.
        """
        if self._subject is not None:
            with self._subject.examined():
                output, _ = self._subject(x, "the reference")
            return predictions(output.to(vectors.device), classes=not self._target.is_floating_point())
        if not self._fitted:
            return cast(Tensor, near.answer)  # not None, because there is a target
        rows = vectors.cpu().numpy()
        said = [(index, estimator.predict(rows[index.numpy()])) for index, estimator in self._fitted]
        order = torch.cat([index for index, _ in said]).argsort()
        return torch.from_numpy(np.concatenate([part for _, part in said]))[order].to(self._target)

    def _fit(self, kind: Any, vectors: Tensor) -> None:
        from sklearn.base import clone
        from sklearn.model_selection import KFold, StratifiedKFold

        rows, labels = vectors.cpu().numpy(), self._target.cpu().numpy()
        most, classes = min(N_FOLDS, len(rows)), not self._target.is_floating_point()
        stratified = classes and int(np.unique(labels, return_counts=True)[1].min()) >= most
        cut = (StratifiedKFold if stratified else KFold)(most, shuffle=True, random_state=0)
        for others, own in cut.split(rows, labels):
            self._fitted.append((torch.from_numpy(own), clone(kind).fit(rows[others], labels[others])))


def predictions(output: Float[Tensor, "samples *output"], *, classes: bool) -> Tensor:
    """Returns the predictions of a model: the class with the largest output, or the numbers themselves.

    Example:
        >>> predictions(torch.tensor([[0.1, 0.9]]), classes=True).tolist()
        [1]
    """
    if classes and output.ndim > 1 and output.shape[1] > 1:
        return output.argmax(dim=1)
    flat = output[:, 0] if output.ndim == 2 and output.shape[1] == 1 else output
    return (flat > 0).long() if classes else flat
