"""Shortcuts: can transformed samples be told from clean samples, and do the traces of a transform reveal labels?

Used by estimating.py.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augrad.randomness import keyed_generator

MOST_INPUTS = 48
"""Number of columns for a small classifier, besides their squares. More columns are projected at random."""

N_FOLDS = 5
_RIDGE = 1e-2


class SmallClassifier:
    """Ridge regression on columns and their squares, with a number for each class. Cross-validated over folds.

    Args:
        fold: the fold of each sample, from 0. All versions of a sample belong to the same fold.
        n_classes: number of classes.
    """

    def __init__(self, fold: Tensor, n_classes: int) -> None:
        self.fold, self.n_classes = fold, n_classes

    def right(self, columns: Float[Tensor, "samples columns"], labels: Tensor) -> Bool[Tensor, " samples"]:
        """Returns which samples are classified correctly by a classifier that was fitted on the other folds.

        Args:
            columns: the inputs of the classifier.
            labels: classes from 0.
        """
        inputs = _expanded(columns)
        wanted = torch.nn.functional.one_hot(labels, self.n_classes).to(inputs)
        # All classes have equal weight. Otherwise the most frequent class would always be the best guess.
        weight = 1 / torch.bincount(labels, minlength=self.n_classes).clamp_min(1).to(inputs)[labels]
        said = torch.zeros_like(labels)
        for number in range(int(self.fold.max()) + 1):
            own = self.fold == number
            x, y, w = inputs[~own], wanted[~own], weight[~own, None]
            gram = x.T @ (w * x)
            gram.diagonal().add_(_RIDGE * gram.diagonal().mean().clamp_min(1e-12))
            said[own] = (inputs[own] @ torch.linalg.solve(gram, x.T @ (w * y))).argmax(dim=1)
        return said == labels


def folds(n_samples: int, device: torch.device) -> Tensor:
    """Returns a fold for each sample, drawn with a fixed key.

    The sizes of the folds differ by at most one sample.
    """
    order = torch.randperm(n_samples, generator=keyed_generator("audit", "folds")).to(device)
    return torch.remainder(order, min(N_FOLDS, max(2, n_samples)))


def narrowed(columns: Float[Tensor, "samples columns"], seed: int = 0) -> Float[Tensor, "samples inputs"]:
    """Returns at most `MOST_INPUTS` columns, projected at random."""
    width = columns.shape[1]
    if width <= MOST_INPUTS:
        return columns
    drawn = torch.randn(width, MOST_INPUTS, generator=keyed_generator("audit", "narrowed", seed, width))
    few: Tensor = columns @ drawn.to(columns) / MOST_INPUTS**0.5
    return few


def _expanded(columns: Float[Tensor, "samples columns"]) -> Float[Tensor, "samples inputs"]:
    """Returns a constant 1, the columns in units of their spread, and their squares, in float64."""
    rows = torch.nan_to_num(columns.double(), nan=0.0, posinf=0.0, neginf=0.0)
    centred = rows - rows.mean(dim=0)
    spread = centred.square().mean(dim=0).sqrt()
    scaled = torch.where(spread > 1e-9, centred / spread.clamp_min(1e-9), 0.0).clamp(-6, 6)
    return torch.cat([torch.ones_like(scaled[:, :1]), scaled, scaled.square() - 1], dim=1)
