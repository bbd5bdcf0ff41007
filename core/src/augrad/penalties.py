"""Penalties: what keeps the identity from winning. Each reads `AugmentationModule.state()` and is *added* to the loss. Used by objective.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from augrad.errors import ArgumentError

if TYPE_CHECKING:
    from jaxtyping import Float

    from augrad.module import ModuleState


class Penalty(ABC):
    """A value to be added to the loss, from the public state of an augmentation module (DESIGN: the penalty seam).

    Args:
        strength: factor, finite and at least 0; 0 switches the penalty off.

    Raises:
        ArgumentError: `strength` is negative or not finite.
    """

    def __init__(self, strength: float) -> None:
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength < float("inf"):
            raise ArgumentError(
                f"strength must be a finite number of at least 0, but got {strength!r}. The penalty's sign is its own: "
                "a larger strength always favours more augmentation.",
                argument="strength",
                value=strength,
            )
        self.strength = float(strength)

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
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022, equation (6).
    """

    def __init__(self, strength: float = 0.5) -> None:
        super().__init__(strength)

    def reward(self, state: ModuleState) -> Float[Tensor, ""]:
        norms = [torch.linalg.vector_norm(layer.weights[layer.owners] * layer.magnitudes) for layer in state.layers]
        return torch.stack(norms).sum()


class DisplacementPenalty(Penalty):
    """`-strength * displacement`: how far the augmented batch moves, in units of the data's own spread.

    `displacement = mean ||T(x) - x|| / mean ||x - x'||`, from the last training pass. It compares transforms by what they
    do to the data, whatever their units and declared ranges.
    """

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__(strength)

    def reward(self, state: ModuleState) -> Float[Tensor, ""]:
        return state.displacement
