"""A layer's matrices for each sample, weighted by the selection's gates. Used by composition.py."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from augrad.layers.draw import LayerDraw, WeightedChoice
from augrad.layers.selection import Weights
from augrad.transform.matrix import Action, MatrixTransform, in_working_units, inverse
from augrad.transform.transform import Transform

Pending = dict[Action, Tensor]
"""For each action, the product of matrices that is still to be applied."""


class Way(Enum):
    """The way through the layers: transform a batch, move a dense target along with it, or undo that move."""

    TRANSFORM = "transform"
    MOVE = "move"
    UNDO = "undo"

    def includes(self, transform: Transform) -> bool:
        """Whether the transform takes part. A dense target or output is only moved, never coloured."""
        return self is Way.TRANSFORM or transform.moves_coordinates


def gated_matrices(
    layer: WeightedChoice, draw: LayerDraw, choice: Int[Tensor, " batch"], weights: Weights, x: Any, *, way: Way
) -> Pending:
    """For each action, the sum of the layer's matrices weighted by the selection's gates, in working units.

    A sample that drew no matrix of the action gets the identity.
    """
    by_action: dict[Action, list[int]] = {}
    for index, transform in enumerate(layer):
        if isinstance(transform, MatrixTransform) and way.includes(transform):
            by_action.setdefault(transform.action, []).append(index)
    if not by_action:
        return {}
    gates = layer.selection.gates(weights, choice) if layer.training else one_hot(choice, len(layer)).to(weights)
    products: Pending = {}
    for action, indices in by_action.items():
        stack = torch.stack([_matrix(layer.transforms[index], draw, index, x) for index in indices], dim=1)
        stack = _or_identity(in_working_units(action, stack, x), draw, indices)
        if len(indices) == len(layer):
            matrix = _gated(gates, stack)
        else:
            # What the gates leave over is the identity, for the samples that drew another transform.
            gate = _own(gates[:, indices], weights[..., indices])
            rest = 1 - gate.sum(dim=1)
            eye = torch.eye(action.size, device=stack.device, dtype=stack.dtype)
            matrix = _gated(gate, stack) + rest[:, None, None] * eye
        products[action] = inverse(matrix) if way is Way.UNDO else matrix
    return products


def _or_identity(
    stack: Float[Tensor, "batch members size size"], draw: LayerDraw, members: Sequence[int]
) -> Float[Tensor, "batch members size size"]:
    """The matrices of some transforms, with the identity where a coin says that a transform is not applied."""
    applied = applied_shares(draw, members, stack)
    if applied is None:
        return stack
    eye = torch.eye(stack.shape[-1], device=stack.device, dtype=stack.dtype)
    return torch.where(applied[:, :, None, None] > 0, stack, eye)


def applied_shares(draw: LayerDraw, members: Sequence[int], like: Tensor) -> Float[Tensor, "batch members"] | None:
    """For each of `members` 1 where it is applied to a sample that draws it, else 0; None if all always are."""
    found = [None if draw.applied is None else draw.applied[index] for index in members]
    if all(each is None for each in found):
        return None
    always = like.new_ones(like.shape[0])
    return torch.stack([always if each is None else each.to(like) for each in found], dim=1)


def _own(gate: Float[Tensor, "batch members"], weights: Weights) -> Float[Tensor, "batch members"]:
    """The gates of one action in a layer with other transforms; only samples that drew the action carry a gradient.

    Another transform's output is not the sample, so the action's gradient there would be biased, up to its sign, even
    for a linear loss. The gradient of the remaining samples is scaled by how rare they are, so that its mean over draws
    is right (tests/core/layers/test_selection.py).
    """
    value = gate.detach()
    rarity = weights.detach().sum(dim=-1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
    drawn = value.sum(dim=1, keepdim=True) / rarity
    return value + drawn * (gate - value)


def _gated(gates: Tensor, stack: Tensor) -> Tensor:
    """`sum_k gates[n, k] stack[n, k]`; at 50 transforms in a quarter of the time that einsum takes."""
    return (gates[:, :, None, None] * stack).sum(dim=1)


def _matrix(transform: Any, draw: LayerDraw, index: int, x: Any) -> Tensor:
    matrix: Tensor = transform.matrices(x, **draw.values[index], **noise_argument(draw.noise[index]))
    return matrix


def noise_argument(noise: Any) -> dict[str, Any]:
    """The keyword argument `noise` of a transform, if it has noise."""
    return {} if noise is None else {"noise": noise}
