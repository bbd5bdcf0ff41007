"""Leave-one-out errors of ridge regression, exact and in closed form. Used by judge.py and gradient.py."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

PENALTIES = torch.logspace(-5, 1, 13, dtype=torch.float64)
"""Ridge penalties that are tried, in units of the kernel's mean diagonal."""

RANK = 100
"""Directions of the mean features in which the regression on all copies is sought."""


def leave_one_out(
    copies: Float[Tensor, "copies samples features"],
    targets: Float[Tensor, "samples outputs"],
    weights: Float[Tensor, "copies samples"] | None = None,
) -> Float[Tensor, "3 samples"]:
    """Squared leave-one-out errors of each sample in three regressions, each at its best ridge penalty.

    - *averaged*: on the mean of a sample's copies, as an invariant model averages them. It alone believes what undoes
      itself in the mean.
    - *ensemble*: on all copies; those of a sample are left out together, and their predictions are averaged.
    - *single*: the same regression, scored copy by copy. It alone is too timid.

    A true invariance lowers all three. A transform that destroys what tells the target raises them. The first is exact;
    the other two are sought in the span of the leading `RANK` directions of the mean features.

    Args:
        copies: features of each copy of the samples.
        targets: of mean 0, in double precision.
        weights: of each copy, sum 1 for each sample; None for equal weights.

    Returns:
        One row per regression, in units of the targets.

    References:
        Allen: The relationship between variable selection and data augmentation and a method for prediction,
        Technometrics 1974 (the leave-one-out residual of ridge regression). Mei, Misiakiewicz, Montanari: Learning with
        invariances in random features and kernel models, COLT 2021 (augmentation is an invariant kernel).

    Example:
        >>> features = torch.tensor([[[0.0], [1.0], [2.0], [3.0]]])
        >>> errors = leave_one_out(features, torch.tensor([[-1.5], [-0.5], [0.5], [1.5]], dtype=torch.float64))
        >>> bool((errors < 1e-6).all())
        True
    """
    n_copies, n_samples = copies.shape[:2]
    if weights is None:
        weights = copies.new_full((n_copies, n_samples), 1 / n_copies)
    raw = torch.einsum("cn,cnd->nd", weights.to(copies), copies)
    centre = raw.mean(dim=0)
    means = raw - centre
    kernel = (means @ means.T).double()
    scale = kernel.diagonal().mean().clamp_min(1e-12)
    values, vectors = torch.linalg.eigh(kernel / scale)
    values, vectors = values.flip(0), vectors.flip(1)  # the leading directions first
    values = values.clamp_min(0)
    averaged, place = _averaged(values, vectors, targets)
    n_kept = min(RANK, int((values > 1e-8 * values[0].clamp_min(1e-30)).sum()))
    values, vectors = values[:n_kept], vectors[:, :n_kept]
    directions = means.T @ (vectors / (values * scale).sqrt() / scale.sqrt()).to(means)
    spread = ((copies - centre).flatten(0, 1) @ directions).double().unflatten(0, (n_copies, n_samples))
    together = _Together(spread, weights.double(), targets)
    return torch.stack([averaged, together.least(0, place), together.least(1, place)])


def _averaged(values: Tensor, vectors: Tensor, targets: Tensor) -> tuple[Float[Tensor, " samples"], int]:
    """Errors of the regression on mean features, from the eigenvalues of their kernel; and the place of its penalty."""
    shrunk = values / (values + PENALTIES.to(values)[:, None])
    leverage = shrunk @ vectors.T.square() + 1 / len(targets)  # of the mean, which is free
    fitted = torch.einsum("ij,lj,jk->lik", vectors, shrunk, vectors.T @ targets)
    errors = ((targets - fitted) / (1 - leverage).clamp_min(1e-9)[..., None]).square().sum(dim=2)
    best = int(errors.mean(dim=1).argmin())
    return errors[best], best


class _Together:
    """The regression on all copies: errors of the mean prediction and of single copies, by penalty."""

    def __init__(self, spread: Float[Tensor, "copies samples directions"], weights: Tensor, targets: Tensor) -> None:
        n_copies, n_samples, _ = spread.shape
        root = weights.T.sqrt()  # rows scaled by it count with their weight
        rows = spread.transpose(0, 1) * root[..., None]
        moments, turn = torch.linalg.eigh(torch.einsum("ncr,ncs->rs", rows, rows))
        self._rows, self._moments, self._root = rows @ turn, moments.clamp_min(0), root
        self._scaled = root[..., None] * targets[:, None]
        self._products = torch.einsum("ncr,nck->rk", self._rows, self._scaled)
        identity = torch.eye(n_copies, dtype=rows.dtype, device=rows.device)
        self._fixed = identity - root[:, :, None] * root[:, None, :] / n_samples
        self._known: dict[int, tuple[Tensor, Tensor]] = {}

    def at(self, place: int) -> tuple[Tensor, Tensor]:
        """Errors at the penalty of that place: of the mean prediction, and of single copies; `(samples,)` each."""
        if place not in self._known:
            weighted = self._rows / (self._moments + PENALTIES[place])
            left = self._fixed - weighted @ self._rows.transpose(1, 2)
            residuals = torch.linalg.solve(left, self._scaled - weighted @ self._products)
            mean = torch.einsum("nc,nck->nk", self._root, residuals).square().sum(dim=1)
            self._known[place] = (mean, residuals.square().sum(dim=(1, 2)))
        return self._known[place]

    def least(self, which: int, place: int) -> Tensor:
        """The errors at the penalty where their mean is least, sought downhill from a place."""
        while True:
            near = [other for other in (place - 1, place, place + 1) if 0 <= other < len(PENALTIES)]
            best = min(near, key=lambda other: float(self.at(other)[which].mean()))
            if best == place:
                return self.at(place)[which]
            place = best
