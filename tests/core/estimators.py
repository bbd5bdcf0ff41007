"""The gradient that reaches a layer's weights, by enumerating its draws, beside the exact one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from augrad import AugmentationLayer, Transform, keyed_generator
from augrad.layers.composition import transform_batch
from augrad.layers.draw import LayerDraw


def weight_gradients(
    transforms: Sequence[Transform], loss: Callable[[Tensor], Tensor], x: Tensor, magnitude: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Mean over all draws of the straight-through gradient of the weights, and the gradient of the mean loss.

    Values and noise are held fixed, so the mean over draws is a sum over the transforms of a layer, and over the coins
    of those without parameters.
    """
    weights = [1.0 + index for index in range(len(transforms))]
    layer = AugmentationLayer(list(transforms), weights=weights, magnitude=magnitude).to(x.dtype)
    values = layer.draw(x, keyed_generator("values")).values
    noise = tuple(transform.draw_noise(x, keyed_generator("noise")) for transform in layer)
    estimate, losses = torch.zeros_like(layer.raw_weights), []
    coins = list(itertools.product(*((None,) if each.ranges else (True, False) for each in layer)))
    for (index, weight), sides in itertools.product(enumerate(layer.weights), coins):
        applied = tuple(None if side is None else torch.full((len(x),), side) for side in sides)
        draw = LayerDraw(torch.full((len(x),), index), values, noise, applied=applied)
        found = loss(transform_batch([layer], x, draws=[draw])[0])
        (gradient,) = torch.autograd.grad(found, layer.raw_weights, retain_graph=True)
        estimate += weight.detach() * gradient / len(coins)
        losses.append(weight * found.detach() / len(coins))
    (exact,) = torch.autograd.grad(torch.stack(losses).sum(), layer.raw_weights)
    return estimate, exact
