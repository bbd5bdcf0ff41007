"""A pass through stacked layers, forward or undone: matrices are multiplied, and applied once.

Uses draw.py and matrices.py; run by layer.py and module.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from augrad import batch
from augrad.errors import InversionError, LayerError
from augrad.layers.draw import LayerDraw, WeightedChoice
from augrad.layers.matrices import Pending, Way, applied_shares, gated_matrices, noise_argument
from augrad.layers.selection import Weights
from augrad.precision import full_precision


def transform_batch(
    layers: Sequence[WeightedChoice],
    x: Any,
    *,
    draws: Sequence[LayerDraw] | None = None,
    generator: Generator | None = None,
    weight_gradient: bool = True,
) -> tuple[Any, tuple[LayerDraw, ...]]:
    """Transforms a batch by layer after layer.

    Matrices of equal action are multiplied over the layers and applied once: at the end, or before a transform that
    is not a matrix and needs its input. Between such transforms, matrices of different actions are assumed to commute.
    Colours and coordinates do, up to the padding that the coordinates bring in.

    Args:
        layers: the layers, in order of application.
        x: the batch; never written into.
        draws: draws of an earlier pass, to be replayed; new ones come from `generator` if None.
        generator: source of all randomness; torch's default one if None.
        weight_gradient: whether the output carries the selections' local gradient to the weights. An objective that
            takes a score function of the draws does not need it.

    Returns:
        The transformed batch, and the draws.
    """
    with full_precision(batch.device(x)):
        return _transformed(layers, x, draws, generator, weight_gradient=weight_gradient)


def _transformed(
    layers: Sequence[WeightedChoice],
    x: Any,
    draws: Sequence[LayerDraw] | None,
    generator: Generator | None,
    *,
    weight_gradient: bool,
) -> tuple[Any, tuple[LayerDraw, ...]]:
    pending: Pending = {}
    drawn = []
    for position, layer in enumerate(layers):
        if draws is None:
            weights = layer.weights_for(x)
            draw, parts = layer.draw_parts(x, generator, weights)
        else:
            draw, parts = draws[position], None
            weights = _weights(layer, draw)
        drawn.append(draw)
        if draw.choice is None:
            x, pending = _mixed(layer, _applied(x, pending), draw, weights), {}
            continue
        weights = weights if weight_gradient else weights.detach()
        if layer.others:
            x, pending = _others(layer, x, draw, draw.choice, weights, parts=parts, pending=pending, way=Way.TRANSFORM)
        for action, matrix in gated_matrices(layer, draw, draw.choice, weights, x, way=Way.TRANSFORM).items():
            pending[action] = matrix @ pending[action] if action in pending else matrix
    return _applied(x, pending), tuple(drawn)


def move_batch(layers: Sequence[WeightedChoice], y: Any, draws: Sequence[LayerDraw]) -> Any:
    """Moves the contents of `y` to where `transform_batch` moved those of the batch with these draws.

    Only transforms that move coordinates take part. It is meant for dense targets, such as a segmentation.

    Raises:
        LayerError: the draws were mixtures.
    """
    with full_precision(batch.device(y)):
        pending: Pending = {}
        for layer, draw in zip(layers, draws, strict=True):
            if draw.choice is None:
                raise LayerError(
                    "a mixture of transforms moves contents to several places at once, so a target cannot follow; use "
                    "selection='straight_through'.",
                    argument="draws",
                )
            weights = _weights(layer, draw)
            if any(layer.transforms[index].moves_coordinates for index in layer.others):
                y, pending = _others(layer, y, draw, draw.choice, weights, parts=None, pending=pending, way=Way.MOVE)
            for action, matrix in gated_matrices(layer, draw, draw.choice, weights, y, way=Way.MOVE).items():
                pending[action] = matrix @ pending[action] if action in pending else matrix
        return _applied(y, pending)


def undo_batch(layers: Sequence[WeightedChoice], y: Any, draws: Sequence[LayerDraw]) -> Any:
    """Moves contents back to where they were before `transform_batch` with these draws.

    Only transforms that move coordinates are undone. It is meant for dense outputs of a trunk, such as a segmentation,
    which colours and noise do not move.

    Raises:
        InversionError: the draws were mixtures, or a transform that moves coordinates cannot be undone.
    """
    with full_precision(batch.device(y)):
        return _undone(layers, y, draws)


def _undone(layers: Sequence[WeightedChoice], y: Any, draws: Sequence[LayerDraw]) -> Any:
    pending: Pending = {}
    for layer, draw in zip(reversed(layers), reversed(draws), strict=True):
        if draw.choice is None:
            raise InversionError("a mixture of transforms cannot be undone; use selection='straight_through'.")
        weights = _weights(layer, draw)
        for action, matrix in gated_matrices(layer, draw, draw.choice, weights, y, way=Way.UNDO).items():
            pending[action] = matrix @ pending[action] if action in pending else matrix
        if any(layer.transforms[index].moves_coordinates for index in layer.others):
            y, pending = _others(layer, y, draw, draw.choice, weights, parts=None, pending=pending, way=Way.UNDO)
    return _applied(y, pending)


def _weights(layer: WeightedChoice, draw: LayerDraw) -> Weights:
    """The weights of an earlier draw: each sample's own if it had some, else the layer's as they are now."""
    return layer.weights if draw.weights is None else draw.weights


def _applied(x: Any, pending: Pending) -> Any:
    # Coordinates first, so that the padding is coloured like the rest.
    for action in sorted(pending, key=lambda action: not action.moves_coordinates):
        x = action.act(x, pending[action])
    return x


def _mixed(layer: WeightedChoice, x: Any, draw: LayerDraw, weights: Weights) -> Any:
    parts = [t(x, **draw.values[i], **noise_argument(draw.noise[i])) for i, t in enumerate(layer)]
    shares = weights.expand(batch.count(x), -1)
    applied = applied_shares(draw, range(len(layer)), shares)
    if applied is None:
        return batch.mix(*parts, weights=shares)
    rest = (shares * (1 - applied)).sum(dim=1, keepdim=True)
    return batch.mix(x, *parts, weights=torch.cat([rest, shares * applied], dim=1))


def _others(
    layer: WeightedChoice,
    x: Any,
    draw: LayerDraw,
    choice: Int[Tensor, " batch"],
    weights: Weights,
    *,
    parts: tuple[Any, ...] | None,
    pending: Pending,
    way: Way,
) -> tuple[Any, Pending]:
    """Runs each transform that is not a matrix on the samples that drew it, once their pending matrices are applied."""
    groups = layer.groups(choice, draw.applied) if draw.groups is None else draw.groups
    transforms: list[Any] = list(layer)
    runs = {
        position: index
        for position, index in enumerate(layer.others)
        if len(groups[position]) and way.includes(transforms[index])
    }
    gated = layer.training and torch.is_grad_enabled() and weights.requires_grad and way is not Way.UNDO
    # A layer without matrices goes on even if nothing runs, so that its weights stay in the graph.
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
            run: Any = layer.transforms[index].invert if way is Way.UNDO else layer.transforms[index]
            part = run(part, **values, **noise_argument(draw.noise[index]))
        after.append(part)
    order = torch.cat(groups)
    moved = batch.concatenate(*after)
    if gated:
        gate = layer.selection.drawn_gate(
            weights if weights.ndim == 1 else weights.index_select(0, order), choice.index_select(0, order)
        )
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
    """The samples of each group with their pending matrices applied, all at once; None if nothing is pending."""
    if not pending or not groups:
        return None
    samples = torch.cat(list(groups))
    moved = _applied(
        batch.select(x, samples), {action: matrix.index_select(0, samples) for action, matrix in pending.items()}
    )
    places = torch.split(torch.arange(len(samples), device=samples.device), [len(group) for group in groups])
    return [batch.select(moved, place) for place in places]
