"""`EvidenceLoss`: the evidence for an augmentation as a number, differentiable in its weights and magnitudes.

Uses features.py, targets.py, and the penalties of errors.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import one_hot

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.layers.selection import of_drawn
from augrad.learning.leave_one_out.errors import PENALTIES, RANK
from augrad.learning.leave_one_out.features import Features
from augrad.learning.leave_one_out.targets import targets_of
from augrad.model import InvariantModel
from augrad.options import count
from augrad.plugins.registry import transforms as registered
from augrad.randomness import keyed_generator, preserved_generators, seed_global_generators


class EvidenceLoss:
    """The leave-one-out error of an augmentation, in closed form, with gradients to its weights and magnitudes.

    The error is that of `augrad.find_policy`: of ridge regression on features of an untrained trunk, averaged over
    augmented copies of each sample. It is the mean of three errors: of the regression on mean features, and of the
    regression on all copies, scored by the mean of a sample's predictions and copy by copy. The ridge penalty of each
    is the best of a fixed list.

    All draws are frozen: two calls differ only by what the augmentation has learned in between, and the gradient is
    that of finite differences. A copy goes through the same transforms whatever their weights, and counts by the
    probability of these transforms. Transforms whose `gradient` is `"straight-through"` give their estimate.

    Args:
        trunk: a network from a batch to outputs, copied as it is; of an `InvariantModel` its trunk is used.
        x: the samples, as one batch.
        target: their targets: classes, several labels, or numbers, one row for each sample.
        features: the name of a module of the trunk, a function `(trunk, x) -> (samples, features)`, or None for the
            inputs of all linear and convolutional layers.
        n_copies: augmented copies of each sample, at least 2, and at least as many as a layer has transforms.
        seed: of the draws.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted.
        InputError: the targets or features tell nothing, see `augrad.find_policy`.

    References:
        Allen: The relationship between variable selection and data augmentation and a method for prediction,
        Technometrics 1974. Schwöbel, Jørgensen, Ober, van der Wilk: Last layer marginal likelihood for invariance
        learning, AISTATS 2022 (another evidence, and the same gradient through the draws).

    Example:
        Within which range may a level be shifted? The classes differ in shape, and every sample has its own level.

        >>> import torch
        >>> from augrad import AugmentationLayer, AugmentationModule, Range, Transform
        >>> class Offset(Transform):
        ...     modality = "gradient_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> _ = torch.manual_seed(0)
        >>> y = torch.arange(100) % 2
        >>> x = torch.stack([y.float(), 1.0 - y], 1) + 3 * torch.rand(100, 1)
        >>> error = EvidenceLoss(torch.nn.Linear(2, 2), x, y)
        >>> module = AugmentationModule([AugmentationLayer([Offset], magnitude=0.1)])
        >>> optimizer = torch.optim.Adam(module.parameters(), 0.1)
        >>> for _ in range(10):
        ...     optimizer.zero_grad()
        ...     error(module).backward()
        ...     optimizer.step()
        >>> bool(module.layers[0].magnitudes > 0.1)
        True
    """

    def __init__(
        self,
        trunk: nn.Module,
        x: Any,
        target: Tensor,
        *,
        features: str | Callable[[nn.Module, Any], Tensor] | None = None,
        n_copies: int = 16,
        seed: int = 0,
    ) -> None:
        if isinstance(trunk, InvariantModel):
            trunk = trunk.trunk
        if not isinstance(trunk, nn.Module):
            raise ArgumentTypeError(
                f"trunk must be a torch.nn.Module, but got {type(trunk).__name__}. Pass an instance.", argument="trunk"
            )
        count("n_copies", n_copies, least=2)
        if not isinstance(x, Tensor):
            registered()  # of all plugins: they bring the other types of batches
        targets = targets_of(target, batch.count(x), source="target")
        if not targets.kept.all():
            x = batch.select(x, targets.kept.nonzero()[:, 0].to(batch.device(x)))
        self._targets = targets.columns.to(batch.device(x))
        self._n_copies, self._n_samples, self._seed = n_copies, batch.count(x), seed
        self._x = batch.repeat(batch.detach(x), n_copies)
        with torch.no_grad(), preserved_generators():
            seed_global_generators(seed, "evidence", "forward")
            self._features = Features(trunk, x, features)
            clean = self._features(x)
            # Orthogonal directions in which the regression on all copies is sought: those of the samples as they are.
            _, sizes, rows = torch.linalg.svd(clean - clean.mean(dim=0), full_matrices=False)
            kept = int((sizes > 1e-4 * sizes[0]).sum())
            self._directions = rows[: min(RANK, kept)].T

    def __call__(self, augmentation: AugmentationModule) -> Float[Tensor, ""]:
        """The error under an augmentation, as a share of the targets' variance; differentiable.

        The module is used in the mode that it is in. In eval mode, transforms with a relaxed gradient have none.

        Args:
            augmentation: the module, such as `model.augmentation` of an `InvariantModel`.

        Raises:
            ArgumentTypeError: it is no `AugmentationModule`.
            ArgumentError: a layer has more transforms than there are copies, a transform mixes samples, or a weight or
                magnitude is NaN.
            InputError, InputTypeError: a transform does not accept the samples.
        """
        if not isinstance(augmentation, AugmentationModule):
            raise ArgumentTypeError(
                f"augmentation must be an AugmentationModule, but got {type(augmentation).__name__}. Pass "
                "model.augmentation, or AugmentationModule([layer]).",
                argument="augmentation",
            )
        mixing = sorted({each.name for layer in augmentation for each in layer if each.mixes_samples})
        if mixing:
            raise ArgumentError(
                f"augmentation must change each sample by itself, but {', '.join(mixing)} puts values of other samples "
                "into it, so leaving a sample out leaves a part of it in. Leave such transforms out.",
                argument="augmentation",
            )
        if any(bool(each.isnan().any()) for each in augmentation.parameters()):
            raise ArgumentError(
                "augmentation has weights or magnitudes that are NaN. Construct it anew, and learn with a lower rate.",
                argument="augmentation",
            )
        largest = max(len(layer) for layer in augmentation)
        if largest > self._n_copies:
            raise ArgumentError(
                f"n_copies must be at least the number of transforms of a layer ({largest}), so that each has a copy "
                f"of each sample, but is {self._n_copies}.",
                argument="n_copies",
                value=self._n_copies,
            )
        generator = keyed_generator(self._seed, "evidence", "gradient", device=batch.device(self._x))
        # Copy by copy, each sample begins somewhere else in the list of all combinations.
        places = torch.arange(self._n_copies, device=generator.device)[:, None] + torch.randint(
            math.prod(len(layer) for layer in augmentation),
            (self._n_samples,),
            generator=generator,
            device=generator.device,
        )
        places, draws = places.flatten(), []
        weights = self._targets.new_ones(len(places))
        for layer in augmentation:
            draw, share = self._draw(layer, places % len(layer), generator)
            draws.append(draw)
            weights = weights * share
            places = places // len(layer)
        moved, _ = augmentation.augment(self._x, draws=draws, weight_gradient=False)
        augmentation.forget()
        weights = weights.reshape(self._n_copies, self._n_samples)
        with preserved_generators():
            seed_global_generators(self._seed, "evidence", "forward")  # a trunk may draw from them
            values = self._features(moved)
        copies = values.reshape(self._n_copies, self._n_samples, values.shape[1])
        return _error(copies, weights / weights.sum(dim=0), self._targets, self._directions)

    def _draw(self, layer: AugmentationLayer, choice: Int[Tensor, " batch"], generator: Any) -> tuple[Any, Any]:
        """A draw with chosen transforms, and the probability of each copy's transform."""
        weights = layer.weights_for(self._x)
        draw, _ = layer.draw_parts(self._x, generator, one_hot(choice, len(layer)).to(layer.raw_weights))
        draw = dataclasses.replace(draw, weights=None)
        if draw.choice is None:  # a mixture, whose output has the weights in it
            return draw, weights.new_ones(())
        return draw, of_drawn(weights, draw.choice).double()


def _error(
    copies: Float[Tensor, "copies samples features"],
    weights: Float[Tensor, "copies samples"],
    targets: Float[Tensor, "samples outputs"],
    directions: Float[Tensor, "features directions"],
) -> Float[Tensor, ""]:
    """The mean of the three errors of errors.py, without eigenvectors, whose gradients are not stable."""
    raw = torch.einsum("cn,cnd->nd", weights.to(copies), copies)
    centre = raw.mean(dim=0)
    means = raw - centre
    kernel = (means @ means.T).double()
    scale = kernel.diagonal().mean().clamp_min(1e-12)
    averaged = _least(lambda penalty: _averaged(kernel / scale, targets, penalty))
    rows = ((copies - centre) @ directions).double() / scale.sqrt()
    rows = rows.transpose(0, 1) * weights.T.clamp_min(1e-24).sqrt()[..., None]
    ensemble = _least(lambda penalty: _together(rows, weights, targets, penalty)[0])
    single = _least(lambda penalty: _together(rows, weights, targets, penalty)[1])
    return (averaged + ensemble + single) / 3


def _least(error: Callable[[float], Tensor]) -> Tensor:
    """The error at the penalty where it is least; a gradient does not pass through the choice."""
    with torch.no_grad():
        best = int(torch.stack([error(float(penalty)) for penalty in PENALTIES]).argmin())
    return error(float(PENALTIES[best]))


def _averaged(kernel: Tensor, targets: Tensor, penalty: float) -> Float[Tensor, ""]:
    """The error of the regression on mean features: the residuals over what they would be without the sample."""
    n_samples = len(targets)
    identity = torch.eye(n_samples, dtype=kernel.dtype, device=kernel.device)
    inverse = penalty * torch.cholesky_inverse(torch.linalg.cholesky(kernel + penalty * identity))
    room = (inverse.diagonal() - 1 / n_samples).clamp_min(1e-9)  # the mean of the targets is free
    return (inverse @ targets / room[:, None]).square().sum(dim=1).mean()


def _together(
    rows: Float[Tensor, "samples copies directions"], weights: Tensor, targets: Tensor, penalty: float
) -> Float[Tensor, "2"]:
    """The errors of the regression on all copies: of the mean prediction of a sample, and of single copies."""
    n_samples, n_copies, n_directions = rows.shape
    root = weights.T.clamp_min(1e-24).sqrt()
    flat = rows.flatten(0, 1)
    ridge = penalty * torch.eye(n_directions, dtype=rows.dtype, device=rows.device)
    factor = torch.linalg.cholesky(flat.T @ flat + ridge)
    weighted = torch.cholesky_solve(flat.T, factor).T.reshape(n_samples, n_copies, n_directions)
    scaled = root[..., None] * targets[:, None]
    fixed = torch.eye(n_copies, dtype=rows.dtype, device=rows.device) - root[:, :, None] * root[:, None] / n_samples
    products = torch.einsum("ncr,nck->rk", rows, scaled)
    residuals = torch.linalg.solve(fixed - weighted @ rows.transpose(1, 2), scaled - weighted @ products)
    mean = torch.einsum("nc,nck->nk", root, residuals).square().sum(dim=1).mean()
    return torch.stack([mean, residuals.square().sum(dim=(1, 2)).mean()])
