"""Strength: the rule that decides how strongly each sample is transformed. Used by draw.py, layer.py and policies/."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augrad import batch
from augrad.errors import ArgumentTypeError, LayerError
from augrad.layers.constraints import from_unit, to_unit
from augrad.options import by_name


class Strength(nn.Module, ABC):
    """Maps a batch to one magnitude in [0, 1] per sample and parameter.

    A subclass defines `forward`; the rest is optional. An `AugmentationLayer` builds it from the starting magnitudes,
    `(parameters,)`, so the constructor takes them as its first argument. To save policies of a rule of your own, put
    its class into `STRENGTHS` under a name, and return the other constructor arguments from `config`.

    Example:
        A magnitude that follows the loudness of each sample:

        >>> class ByLoudness(Strength):
        ...     def __init__(self, magnitudes):
        ...         super().__init__()
        ...         self.slope = nn.Parameter(torch.zeros_like(magnitudes))
        ...         self.offset = nn.Parameter(from_unit(magnitudes))
        ...     def forward(self, x):
        ...         return torch.sigmoid(self.offset + self.slope * x.flatten(1).std(1, keepdim=True))
        >>> ByLoudness(torch.tensor([0.25, 0.5]))(torch.randn(3, 8)).shape
        torch.Size([3, 2])
    """

    @abstractmethod
    def forward(self, x: Any) -> Float[Tensor, "batch parameters"]:
        """Magnitudes in [0, 1] for each sample of the batch.

        In a stack of layers, `x` is the batch before the matrices of earlier layers, which are applied later, all at
        once.
        """

    @property
    def magnitudes(self) -> Float[Tensor, " parameters"] | None:
        """One differentiable magnitude per parameter that stands for all samples, or None (the default).

        If None, the layer keeps the running mean of the magnitudes in its training passes for policies and logs
        (`AugmentationLayer.magnitudes`), and penalties read the mean over the last pass, which is differentiable.
        """
        return None

    def set(self, magnitudes: Float[Tensor, " parameters"]) -> None:
        """Sets the magnitudes of all samples; raises `MagnitudeError` outside [0, 1].

        Raises:
            LayerError: this rule cannot be set. That is the default.
        """
        raise LayerError(
            f"{type(self).__name__} cannot be set to given magnitudes: it defines no set(magnitudes). Pass "
            "AugmentationLayer(magnitude=...) for where it starts, or use strength='global'.",
            argument="strength",
        )

    @property
    def settable(self) -> bool:
        """Whether `set` is defined. A search can then bring a layer to its identity."""
        return type(self).set is not Strength.set

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments besides the starting magnitudes, by name and JSON-able; a policy stores them."""
        return {}


class GlobalStrength(Strength):
    """One learned magnitude per parameter, the same for all samples (AugNet, section 3.1).

    Args:
        magnitudes: starting magnitudes, each in [0, 1]; exactly 0 or 1 stays there.

    Raises:
        MagnitudeError: a magnitude is outside [0, 1].

    Example:
        >>> strength = GlobalStrength(torch.tensor([0.25, 0.5]))
        >>> strength(torch.zeros(3, 1)).shape
        torch.Size([3, 2])
    """

    def __init__(self, magnitudes: Float[Tensor, " parameters"]) -> None:
        super().__init__()
        self.raw_magnitudes = nn.Parameter(from_unit(magnitudes))

    def forward(self, x: Any) -> Float[Tensor, "batch parameters"]:
        return self.magnitudes.expand(batch.count(x), -1)

    @property
    def magnitudes(self) -> Float[Tensor, " parameters"]:
        return to_unit(self.raw_magnitudes)

    def set(self, magnitudes: Float[Tensor, " parameters"]) -> None:
        raw = from_unit(magnitudes.to(self.raw_magnitudes))
        with torch.no_grad():
            self.raw_magnitudes.copy_(raw)

    def extra_repr(self) -> str:
        return f"n_parameters={self.raw_magnitudes.numel()}"


STRENGTHS: dict[str, type[Strength]] = {"global": GlobalStrength}
"""The rules that a layer takes, and a policy stores, by name. Add a rule of your own: `STRENGTHS["mine"] = Mine`."""

StrengthFactory = Callable[[Tensor], Strength]
"""Builds a strength from the starting magnitudes, `(parameters,)`: a class, or `functools.partial` of one."""


def resolve_strength(strength: str | StrengthFactory, magnitudes: Float[Tensor, " parameters"]) -> Strength:
    """The strength of that name, or built by that factory, from the starting magnitudes.

    Raises:
        ArgumentError: no strength has that name.
        ArgumentTypeError: `strength` is neither a name nor a factory, or the factory returns something else.
    """
    if isinstance(strength, str):
        return by_name("strength", strength, STRENGTHS, otherwise="a factory such as a Strength class")(magnitudes)
    if isinstance(strength, nn.Module) or not callable(strength):
        raise ArgumentTypeError(
            f"strength must be a name or a factory from starting magnitudes to a Strength, but got "
            f"{type(strength).__name__}. Pass the class or functools.partial of it, not an instance.",
            argument="strength",
        )
    built = strength(magnitudes)
    if not isinstance(built, Strength):
        raise ArgumentTypeError(
            f"strength must build a Strength, but {getattr(strength, '__name__', strength)!s} returned "
            f"{type(built).__name__}.",
            argument="strength",
        )
    return built


def strength_name(strength: Strength) -> str | None:
    """The name in `STRENGTHS` of a strength's class; None if it is not there."""
    return next((name for name, kind in STRENGTHS.items() if kind is type(strength)), None)
