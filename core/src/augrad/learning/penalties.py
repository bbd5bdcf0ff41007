"""Penalties keep the identity from winning. Each reads `AugmentationModule.state()` and is *added* to the loss.

Used by objective.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.options import number

if TYPE_CHECKING:
    from augrad.layers.module import ModuleState


class Penalty(ABC):
    """A value that is added to the loss, computed from the public state of an augmentation module.

    Args:
        strength: factor, finite and at least 0; 0 switches the penalty off.

    Raises:
        ArgumentError: `strength` is negative or not finite.
    """

    objective: ClassVar[str] = "joint"
    """Name of the objective for which the penalty is made; `fit` uses it unless the caller names another."""

    def __init__(self, strength: float) -> None:
        hint = "The penalty's sign is its own: a larger strength always favours more augmentation."
        self.strength = number("strength", strength, least=0, hint=hint)

    @abstractmethod
    def reward(self, state: ModuleState) -> Float[Tensor, ""]:
        """How much augmentation there is; the penalty is minus `strength` times this."""

    def __call__(self, state: ModuleState) -> Float[Tensor, ""]:
        """The value to add to the loss."""
        return -self.strength * self.reward(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(strength={self.strength:g})"


class MagnitudePenalty(Penalty):
    """The paper's: `-strength * || weight * magnitude ||_2`, summed over layers.

    Magnitude counts as a fraction of each declared range, so it favours the transform with the gentlest range
    (docs: what is learned and why). A transform with several parameters counts each; one with none counts nothing.

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        equation (6).
    """

    def __init__(self, strength: float = 0.5) -> None:
        super().__init__(strength)

    def reward(self, state: ModuleState) -> Float[Tensor, ""]:
        norms = [torch.linalg.vector_norm(layer.weights[layer.owners] * layer.magnitudes) for layer in state.layers]
        return torch.stack(norms).sum()


class AugerinoPenalty(Penalty):
    """Augerino's: `-strength * || magnitudes ||_2`, over all magnitudes of all layers together; no weights in it.

    Magnitude counts as a fraction of each declared range. Augerino's own widths are unbounded coefficients of Lie
    algebra generators (radians for a rotation), so its strengths do not carry over to ranges declared here.

    Args:
        strength: factor, finite and at least 0. The authors' code uses 0.01 (its default, and for CIFAR-10), 0.05 (for
            the comparison in the AugNet paper) and 0.1 (for rotated MNIST).

    References:
        Benton, Finzi, Izmailov, Wilson: Learning invariances in neural networks from training data, NeurIPS 2020,
        section 3. The paper writes the squared norm; its code, and this, the norm.
    """

    def __init__(self, strength: float = 0.05) -> None:
        super().__init__(strength)

    def reward(self, state: ModuleState) -> Float[Tensor, ""]:
        norm: Tensor = torch.linalg.vector_norm(torch.cat([layer.magnitudes for layer in state.layers]))
        return norm


class DisplacementPenalty(Penalty):
    """`-strength * (mean tanh(displacement) + variety * entropy)`: how far the augmented batch moves, and how variedly.

    It compares transforms by how far they move the data, in units of the data's own spread, regardless of their units
    and declared ranges. The reward saturates where an augmented sample is as far from its original as two samples are
    from each other: beyond that there is nothing to gain, so a range stops growing. The entropy of each layer's draw
    keeps a second true transform from being lost to a first that moves the data a little further.

    The gradient reaches the magnitudes through the transforms. The weights get a score function with the batch's mean
    as baseline, because a local gradient cannot see that a transform far from the drawn one would move the data
    further; in a `JointLoss` the local one is added.

    Args:
        strength: factor, finite and at least 0; more favours wider ranges. The default is in units of the judges'
            knowledge (`CrossFittedLoss`); for a `JointLoss`, where it is in units of the loss, 1 fits most tasks.
        variety: factor on the entropy of the draws, in nats, finite and at least 0.

    Raises:
        ArgumentError: a factor is negative or not finite.

    References:
        Williams: Simple statistical gradient-following algorithms for connectionist reinforcement learning, Machine
        Learning 1992 (the score function). Miao et al.: Learning instance-specific augmentations, ICML 2023 (entropy of
        the draws).
    """

    objective = "cross_fitted"

    def __init__(self, strength: float = 0.7, *, variety: float = 0.03) -> None:
        super().__init__(strength)
        self.variety = number("variety", variety, least=0)

    def reward(self, state: ModuleState) -> Float[Tensor, ""]:
        moved = expectation(torch.tanh(state.displacements), state.log_probs)
        if not self.variety:
            return moved
        return moved + self.variety * torch.stack([entropy(layer.weights) for layer in state.layers]).sum()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(strength={self.strength:g}, variety={self.variety:g})"


def entropy(weights: Float[Tensor, " transforms"]) -> Float[Tensor, ""]:
    """The entropy of the draw of a transform, in nats: 0 if a single transform is certain.

    Example:
        >>> round(entropy(torch.tensor([0.5, 0.5])).item(), 3)
        0.693
    """
    return -(weights * weights.clamp_min(torch.finfo(weights.dtype).tiny).log()).sum()


def expectation(values: Float[Tensor, " batch"], log_probs: Float[Tensor, " batch"] | None) -> Float[Tensor, ""]:
    """Mean of values that depend on draws, with the score-function gradient to the draws' probabilities.

    Args:
        values: a number for each sample.
        log_probs: log-probability of the draw that led to each value, differentiable in its parameters; None if nothing
            was drawn.

    Returns:
        The mean; in gradient also `mean((value - baseline) * dlog_prob)`, the baseline being the mean of the others.

    Example:
        >>> logits = torch.zeros(2, requires_grad=True)
        >>> draws = torch.tensor([0, 1])
        >>> expectation(torch.tensor([3.0, 1.0]), torch.log_softmax(logits, 0)[draws]).backward()
        >>> logits.grad.tolist()  # the first is worth more
        [1.0, -1.0]
    """
    mean = values.mean()
    n_samples = values.numel()
    if log_probs is None or n_samples < 2:
        return mean
    others = (values.sum() - values) / (n_samples - 1)
    advantage = (values - others).detach()
    return mean + (advantage * (log_probs - log_probs.detach())).mean()
