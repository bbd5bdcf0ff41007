"""Selection: the rule that chooses a transform for each sample, and carries the gradient to the weights.

Used by draw.py, matrices.py and composition.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from augrad.options import by_name

Weights = Float[Tensor, " transforms"] | Float[Tensor, "batch transforms"]
"""Selection weights that sum to 1: the same for all samples, or one row per sample."""


class Selection(ABC):
    """How a layer chooses among its transforms while training.

    In eval mode every selection draws one transform per sample from the weights. The weights that a selection gets are
    `(transforms,)`, or `(batch, transforms)` for a layer with a `preference`; index them from the last axis.
    """

    name: ClassVar[str]
    mixes: ClassVar[bool] = False

    @abstractmethod
    def draw(self, weights: Weights, n_samples: int, generator: Generator | None) -> Int[Tensor, " batch"] | None:
        """The transform of each sample, or None if all transforms are mixed by weight."""

    @abstractmethod
    def gates(self, weights: Weights, choice: Int[Tensor, " batch"]) -> Float[Tensor, "batch transforms"]:
        """Coefficient of each transform's matrix: one-hot in value, with the gradient to the weights."""

    @abstractmethod
    def drawn_gate(self, weights: Weights, choice: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Coefficient of the change that a drawn transform makes: 1 in value, with the gradient to the weights."""


class StraightThrough(Selection):
    r"""Draws one transform per sample; the gradient passes to the weights as if they had been mixed.

    For matrices `A_j`, the coefficient is `h_j + p_j - stop_gradient(p_j)` with `h` the one-hot draw: in value
    exactly the drawn matrix, in gradient all of them.

    Where transforms are not matrices, only the drawn one is computed, `y = T_k(x)`. The exact gradient of the expected
    loss is `sum_j dp_j (L(T_j(x)) - L(x))`, and to first order around the drawn output `L(y) - L(x) = <dL/dy, y - x>`.
    So the change `y - x` gets the coefficient `p_k / stop_gradient(p_k)`: 1 in value, and in expectation over the draws
    `sum_j dp_j <dL/dy_j, y_j - x>` in gradient. It needs no second evaluation of the model and no baseline, is exact
    where the loss is linear between `x` and `y`, and misses curvature beyond
    (tests/core/layers/test_selection.py measures it).
    """

    name = "straight_through"

    def draw(self, weights: Weights, n_samples: int, generator: Generator | None) -> Int[Tensor, " batch"] | None:
        return categorical(weights, n_samples, generator)

    def gates(self, weights: Weights, choice: Int[Tensor, " batch"]) -> Float[Tensor, "batch transforms"]:
        return one_hot(choice, weights.shape[-1]).to(weights) + (weights - weights.detach())

    def drawn_gate(self, weights: Weights, choice: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        drawn = of_drawn(weights, choice)
        return drawn / drawn.detach()


class Mixture(StraightThrough):
    """The paper's training rule: each sample is the weighted sum over all transforms of the layer.

    Source: AugNet (Rommel et al., NeurIPS 2022), equation (5).
    """

    name = "mixture"
    mixes = True

    def draw(self, weights: Weights, n_samples: int, generator: Generator | None) -> Int[Tensor, " batch"] | None:
        return None


SELECTIONS: dict[str, type[Selection]] = {kind.name: kind for kind in (StraightThrough, Mixture)}


def resolve_selection(selection: str | Selection) -> Selection:
    """The selection of that name, or the given instance.

    Raises:
        ArgumentError: no selection has that name.
        ArgumentTypeError: `selection` is neither a name nor a `Selection`.
    """
    if isinstance(selection, Selection):
        return selection
    return by_name("selection", selection, SELECTIONS, otherwise="a Selection")()


def categorical(weights: Weights, n_samples: int, generator: Generator | None) -> Int[Tensor, " batch"]:
    """One draw per sample from weights that all samples share, or from the sample's own row."""
    if n_samples == 0:
        return torch.zeros(0, dtype=torch.long, device=weights.device)
    if weights.ndim == 2:
        return torch.multinomial(weights.detach(), 1, generator=generator).squeeze(1)
    return torch.multinomial(weights.detach(), n_samples, replacement=True, generator=generator)


def of_drawn(weights: Weights, choice: Int[Tensor, " batch"]) -> Float[Tensor, " batch"]:
    """The weight of the transform that each sample drew.

    Example:
        >>> of_drawn(torch.tensor([0.25, 0.75]), torch.tensor([1, 0])).tolist()
        [0.75, 0.25]
        >>> of_drawn(torch.tensor([[0.25, 0.75], [0.5, 0.5]]), torch.tensor([1, 0])).tolist()
        [0.75, 0.5]
    """
    return weights.index_select(0, choice) if weights.ndim == 1 else weights.gather(1, choice[:, None]).squeeze(1)


def grouped(choice: Int[Tensor, " batch"], n_transforms: int) -> tuple[Tensor, ...]:
    """For each transform, the indices of the samples that drew it.

    The sizes of the groups must be known on the host, so on an accelerator this waits for the draw, once per
    layer; layers of matrices alone never call it.
    """
    sizes: list[int] = torch.bincount(choice, minlength=n_transforms).tolist()
    return torch.split_with_sizes(torch.argsort(choice, stable=True), sizes)
