"""One pass through stacked layers, forward or undone: where matrices are multiplied and applied once.

Uses matrix.py, batch.py; run by layer.py and module.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from augrad import batch
from augrad.errors import InversionError
from augrad.precision import full_precision
from augrad.transform.matrix import Action, MatrixTransform, in_working_units, inverse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augrad.layers.layer import AugmentationLayer

Pending = dict[Action, Tensor]
"""Per action, the product of matrices that is still to be applied."""

Applied = tuple[Bool[Tensor, " batch"] | None, ...]
"""Per transform without parameters, to which samples it is applied; None for one with parameters."""

Weights = Float[Tensor, " transforms"]
"""A layer's selection weights; computed once per pass."""


@dataclass(frozen=True)
class LayerDraw:
    """What one pass through a layer drew: enough to replay or undo it.

    Attributes:
        choice: the transform each sample got, or None if all were mixed.
        values: per transform, its physical values, one per sample; differentiable in the magnitudes.
        noise: per transform, what `Transform.draw_noise` returned: for the whole batch if the transform is a matrix
            or all are mixed, else for the samples that go through it; None where there is none.
        groups: for each transform that is no matrix, the samples that go through it, and last all the others; None
            where only matrices are drawn, or all are mixed.
        applied: per transform without parameters, whether it is applied to each sample that draws it, `(batch,)` of
            bool; None for a transform with parameters, and altogether where there is nothing to decide.
    """

    choice: Int[Tensor, " batch"] | None
    values: tuple[dict[str, Tensor], ...]
    noise: tuple[Any, ...]
    groups: tuple[Tensor, ...] | None = None
    applied: Applied | None = None


def transform_batch(
    layers: Sequence[AugmentationLayer],
    x: Any,
    *,
    draws: Sequence[LayerDraw] | None = None,
    generator: Generator | None = None,
    weight_gradient: bool = True,
) -> tuple[Any, tuple[LayerDraw, ...]]:
    """Transforms a batch by layer after layer.

    Matrices of equal action are multiplied over the layers and applied once, at the end or before a transform that
    is no matrix and needs its input. Matrices of different actions are taken to commute between such transforms:
    colours and coordinates do, up to the padding that the coordinates bring in.

    Args:
        layers: in order of application.
        x: the batch; never written into.
        draws: of an earlier pass, to replay it; drawn from `generator` if None.
        generator: source of all randomness; torch's default one if None.
        weight_gradient: whether the output carries the selections' local gradient to the weights. An objective that
            takes a score function of the draws, which needs no such estimate, does without.

    Returns:
        The transformed batch, and the draws.
    """
    with full_precision(batch.device(x)):
        return _transformed(layers, x, draws, generator, weight_gradient=weight_gradient)


def _transformed(
    layers: Sequence[AugmentationLayer],
    x: Any,
    draws: Sequence[LayerDraw] | None,
    generator: Generator | None,
    *,
    weight_gradient: bool,
) -> tuple[Any, tuple[LayerDraw, ...]]:
    pending: Pending = {}
    drawn = []
    for position, layer in enumerate(layers):
        weights = layer.weights
        draw, parts = layer.draw_parts(x, generator, weights) if draws is None else (draws[position], None)
        drawn.append(draw)
        if draw.choice is None:
            x, pending = _mixed(layer, _applied(x, pending), draw, weights), {}
            continue
        weights = weights if weight_gradient else weights.detach()
        if layer.others:
            x, pending = _others(layer, x, draw, draw.choice, weights, parts=parts, pending=pending, undo=False)
        for action, matrix in _matrices(layer, draw, draw.choice, weights, x, undo=False).items():
            pending[action] = matrix @ pending[action] if action in pending else matrix
    return _applied(x, pending), tuple(drawn)


def undo_batch(layers: Sequence[AugmentationLayer], y: Any, draws: Sequence[LayerDraw]) -> Any:
    """Moves contents back to where they were before `transform_batch` with these draws.

    Only what moves coordinates is undone: it is meant for dense outputs of a trunk, which colours and noise do not
    move.

    Raises:
        InversionError: the draws were mixtures, or a transform that moves coordinates cannot be undone.
    """
    with full_precision(batch.device(y)):
        return _undone(layers, y, draws)


def _undone(layers: Sequence[AugmentationLayer], y: Any, draws: Sequence[LayerDraw]) -> Any:
    pending: Pending = {}
    for layer, draw in zip(reversed(layers), reversed(draws), strict=True):
        if draw.choice is None:
            raise InversionError("a mixture of transforms cannot be undone; use selection='straight_through'.")
        weights = layer.weights
        for action, matrix in _matrices(layer, draw, draw.choice, weights, y, undo=True).items():
            pending[action] = matrix @ pending[action] if action in pending else matrix
        if any(layer.transforms[index].moves_coordinates for index in layer.others):
            y, pending = _others(layer, y, draw, draw.choice, weights, parts=None, pending=pending, undo=True)
    return _applied(y, pending)


def _applied(x: Any, pending: Pending) -> Any:
    # Coordinates first, so that what padding brings in is coloured like the rest.
    for action in sorted(pending, key=lambda action: not action.moves_coordinates):
        x = action.act(x, pending[action])
    return x


def _matrices(
    layer: AugmentationLayer, draw: LayerDraw, choice: Int[Tensor, " batch"], weights: Weights, x: Any, *, undo: bool
) -> Pending:
    """Per action, the gated sum of the layer's matrices, in working units.

    It is the identity for samples that drew none of them.
    """
    by_action: dict[Action, list[int]] = {}
    for index, transform in enumerate(layer):
        if isinstance(transform, MatrixTransform) and (transform.moves_coordinates or not undo):
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
            gate = _own(gates[:, indices], weights[indices])
            rest = 1 - gate.sum(dim=1)
            eye = torch.eye(action.size, device=stack.device, dtype=stack.dtype)
            matrix = _gated(gate, stack) + rest[:, None, None] * eye
        products[action] = inverse(matrix) if undo else matrix
    return products


def _or_identity(
    stack: Float[Tensor, "batch members size size"], draw: LayerDraw, members: Sequence[int]
) -> Float[Tensor, "batch members size size"]:
    """The matrices of some of a layer's transforms, and the identity for those that are drawn but not applied."""
    applied = _applied_shares(draw, members, stack)
    if applied is None:
        return stack
    eye = torch.eye(stack.shape[-1], device=stack.device, dtype=stack.dtype)
    return torch.where(applied[:, :, None, None] > 0, stack, eye)


def _applied_shares(draw: LayerDraw, members: Sequence[int], like: Tensor) -> Float[Tensor, "batch members"] | None:
    """1 where a transform is applied to a sample that draws it, else 0; None if each of `members` always is."""
    found = [None if draw.applied is None else draw.applied[index] for index in members]
    if all(each is None for each in found):
        return None
    always = like.new_ones(like.shape[0])
    return torch.stack([always if each is None else each.to(like) for each in found], dim=1)


def _own(gate: Float[Tensor, "batch members"], weights: Float[Tensor, " members"]) -> Float[Tensor, "batch members"]:
    """The gates of one action among several kinds of transforms, with the gradient from samples that drew it.

    At the output of a foreign transform the action would change something else than the sample, and the gradient
    would be biased, up to its sign, even for a linear loss. So only the samples that drew the action carry it, scaled
    by how rare they are: then the mean over draws is right (tests/core/test_selection.py).
    """
    value = gate.detach()
    rarity = weights.detach().sum().clamp_min(torch.finfo(weights.dtype).tiny)
    drawn = value.sum(dim=1, keepdim=True) / rarity
    return value + drawn * (gate - value)


def _gated(gates: Tensor, stack: Tensor) -> Tensor:
    """`sum_k gates[n, k] stack[n, k]`; at 50 transforms in a quarter of the time that einsum takes."""
    return (gates[:, :, None, None] * stack).sum(dim=1)


def _matrix(transform: Any, draw: LayerDraw, index: int, x: Any) -> Tensor:
    matrix: Tensor = transform.matrices(x, **draw.values[index], **_noise(draw.noise[index]))
    return matrix


def _noise(noise: Any) -> dict[str, Any]:
    return {} if noise is None else {"noise": noise}


def _mixed(layer: AugmentationLayer, x: Any, draw: LayerDraw, weights: Weights) -> Any:
    parts = [t(x, **draw.values[i], **_noise(draw.noise[i])) for i, t in enumerate(layer)]
    shares = weights.expand(batch.count(x), -1)
    applied = _applied_shares(draw, range(len(layer)), shares)
    if applied is None:
        return batch.mix(*parts, weights=shares)
    rest = (shares * (1 - applied)).sum(dim=1, keepdim=True)
    return batch.mix(x, *parts, weights=torch.cat([rest, shares * applied], dim=1))


def _others(
    layer: AugmentationLayer,
    x: Any,
    draw: LayerDraw,
    choice: Int[Tensor, " batch"],
    weights: Weights,
    *,
    parts: tuple[Any, ...] | None,
    pending: Pending,
    undo: bool,
) -> tuple[Any, Pending]:
    """Runs each transform that is no matrix on the samples that drew it, after what is pending for these samples."""
    groups = layer.groups(choice, draw.applied) if draw.groups is None else draw.groups
    runs = {
        position: index
        for position, index in enumerate(layer.others)
        if len(groups[position]) and not (undo and not layer.transforms[index].moves_coordinates)
    }
    gated = layer.training and torch.is_grad_enabled() and weights.requires_grad and not undo
    # A layer without matrices goes on even if nothing runs, lest its weights drop out of the graph by chance.
    if not runs and (not gated or not len(choice) or len(layer.others) < len(layer)):
        return x, pending
    settled = _settled(x, pending, [groups[position] for position in runs])
    before, after = [], []
    for position, samples in enumerate(groups):
        if not len(samples):
            continue
        index = runs.get(position)
        if index is None or settled is None:
            part = batch.select(x, samples) if parts is None else parts[position]
        else:
            part = settled.pop(0)
        before.append(part)
        if index is not None:
            values = {name: value.index_select(0, samples) for name, value in draw.values[index].items()}
            run: Any = layer.transforms[index].invert if undo else layer.transforms[index]
            part = run(part, **values, **_noise(draw.noise[index]))
        after.append(part)
    order = torch.cat(groups)
    moved = batch.concatenate(*after)
    if gated:
        gate = layer.selection.drawn_gate(weights, choice.index_select(0, order))
        moved = batch.mix(batch.concatenate(*before), moved, weights=torch.stack([1 - gate, gate], dim=1))
    x = batch.select(moved, torch.argsort(order))
    if pending and runs:
        ran = torch.cat([groups[position] for position in runs])
        done = torch.zeros_like(choice, dtype=torch.bool).index_fill(0, ran, True)
        pending = {
            action: torch.where(done[:, None, None], torch.eye(action.size).to(matrix), matrix)
            for action, matrix in pending.items()
        }
    return x, pending


def _settled(x: Any, pending: Pending, groups: Sequence[Tensor]) -> list[Any] | None:
    """The samples of each group after what is pending for them, in one application for all; None if nothing is."""
    if not pending or not groups:
        return None
    samples = torch.cat(list(groups))
    moved = _applied(
        batch.select(x, samples), {action: matrix.index_select(0, samples) for action, matrix in pending.items()}
    )
    places = torch.split(torch.arange(len(samples), device=samples.device), [len(group) for group in groups])
    return [batch.select(moved, place) for place in places]
