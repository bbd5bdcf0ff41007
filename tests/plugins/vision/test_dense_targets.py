"""Dense targets move with their images: oblong ones, coarser ones, back again, and with a mask of valid places."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d

import augrad

KINDS = ["vision.rotate", "vision.translate_x", "vision.shear_y", "vision.horizontal_flip", "vision.brightness"]
DEFORMING = ["vision.elastic", "vision.random_field_affine"]


def module_of(kinds, magnitude=0.1, n_layers=2):
    layers = [augrad.AugmentationLayer(kinds, magnitude=magnitude) for _ in range(n_layers)]
    return augrad.AugmentationModule(layers).eval()


def waves(n_images, n_channels, height, width):
    """Images of one period per side, so smooth that resampling hardly changes them."""
    phase = 2 * torch.pi * torch.rand(2, n_images, n_channels, 1, 1, generator=augrad.keyed_generator("waves"))
    y, x = torch.linspace(0, 2 * torch.pi, height)[:, None], torch.linspace(0, 2 * torch.pi, width)
    return torch.sin(x + phase[0]) + torch.sin(y + phase[1])


def inside(y, border):
    return y[..., border:-border, border:-border]


@pytest.mark.parametrize("kinds", [KINDS, KINDS + DEFORMING], ids=["matrices", "with deformations"])
@pytest.mark.parametrize("size", [(24, 24), (24, 48), (40, 20)])
def test_a_target_moves_like_the_image_and_back(kinds, size):
    module = module_of([kind for kind in kinds if kind != "vision.brightness"])
    x = waves(16, 3, *size)
    moved, draws = module.augment(x, generator=augrad.keyed_generator(0))
    assert inside(moved - x, 4).abs().max() > 0.2
    torch.testing.assert_close(module.move(x, draws), moved)
    back = module.undo(module.move(x[:, :1], draws), draws)
    valid = module.undo(module.move(torch.ones_like(x[:, :1]), draws), draws) > 0.999
    assert valid.float().mean() > 0.5
    error = (back - x[:, :1])[valid].abs()
    assert error.mean() < 0.1 * (moved - x)[:, :1][valid].abs().mean()


def test_a_coarser_target_moves_as_far():
    module = module_of(KINDS + DEFORMING)
    x = waves(16, 1, 32, 64)
    draws = module.augment(x, generator=augrad.keyed_generator(0))[1]
    fine, coarse = avg_pool2d(module.move(x, draws), 4), module.move(avg_pool2d(x, 4), draws)
    still = avg_pool2d(x, 4)
    assert inside(coarse - fine, 2).abs().mean() < 0.25 * inside(still - fine, 2).abs().mean()


def test_the_mask_says_what_came_from_inside_the_frame():
    layer = augrad.AugmentationLayer(["vision.translate_x"], magnitude=1.0, distribution="ends")
    module = augrad.AugmentationModule([layer]).eval()
    x = torch.ones(20, 1, 8, 16)
    y, draws = module.augment(x, generator=augrad.keyed_generator(0))
    mask = module.move(torch.ones(20, 1, 8, 16), draws)
    torch.testing.assert_close(mask, y)
    torch.testing.assert_close(mask.mean((1, 2, 3)), 1 - draws[0].values[0]["offset"].abs())
