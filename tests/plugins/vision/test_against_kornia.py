"""Our transforms against kornia's functions: the same sign, unit and values, where kornia does not clip."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kornia import color, enhance
from kornia.geometry import transform as geometry

from augrad.testing import check_reference
from augrad_vision.colour import Brightness, Grayscale, Invert
from augrad_vision.geometric import (
    HorizontalFlip,
    Rotate,
    Scale,
    ScaleX,
    ScaleY,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    VerticalFlip,
)
from augrad_vision.tone import Gamma, Solarize


def by_kornia(function):
    """A reference for `check_reference`: a kornia function of a batch of one image and its values."""

    def reference(sample, **values):
        given = [torch.tensor([value], dtype=torch.float64) for value in values.values()]
        return function(torch.from_numpy(sample)[None], *given)[0].numpy()

    return reference


def pair(first, second):
    return torch.stack([first, second], dim=1)


def sheared(x, across, down):
    """Kornia shears about the upper left corner; ours, about the centre, is moved back by half of what that shears."""
    slopes = pair(across, down).deg2rad().tan()
    half = torch.tensor([x.shape[2] - 1.0, x.shape[3] - 1.0], dtype=x.dtype) / 2
    matrix = torch.eye(3, dtype=x.dtype)[None].clone()
    matrix[0, 0, 1], matrix[0, 1, 0] = slopes[0]
    matrix[0, :2, 2] = -slopes[0] * half
    return geometry.warp_affine(x, matrix[:, :2], x.shape[2:], align_corners=True)


CASES = [
    (Rotate(), geometry.rotate),
    (TranslateX(), lambda x, offset: geometry.translate(x, pair(offset * x.shape[3], 0 * offset))),
    (TranslateY(), lambda x, offset: geometry.translate(x, pair(0 * offset, offset * x.shape[2]))),
    (Scale(), lambda x, factor: geometry.scale(x, pair(2**factor, 2**factor))),
    (ScaleX(), lambda x, factor: geometry.scale(x, pair(2**factor, factor * 0 + 1))),
    (ScaleY(), lambda x, factor: geometry.scale(x, pair(factor * 0 + 1, 2**factor))),
    (ShearX(), lambda x, angle: sheared(x, angle, 0 * angle)),
    (ShearY(), lambda x, angle: sheared(x, 0 * angle, angle)),
    (HorizontalFlip(), geometry.hflip),
    (VerticalFlip(), geometry.vflip),
    (Brightness(), lambda x, offset: enhance.adjust_brightness(x, offset, clip_output=False)),
    (Grayscale(), lambda x: color.rgb_to_grayscale(x).expand_as(x)),
    (Invert(), enhance.invert),
    (Solarize(), enhance.solarize),
]


@pytest.mark.parametrize(("transform", "function"), CASES, ids=[transform.name for transform, _ in CASES])
def test_it_does_as_kornia_does(transform, function):
    check_reference(transform, by_kornia(function), tolerance=1e-5)


def test_gamma_is_kornias_but_for_black():
    check_reference(Gamma(), by_kornia(lambda x, factor: enhance.adjust_gamma(x, 2**factor)), tolerance=5e-3)


@pytest.mark.parametrize("transform", [HorizontalFlip(), VerticalFlip(), Grayscale(), Invert()], ids=lambda t: t.name)
def test_kornias_function_alone_is_the_matrix_of_a_layer(transform):
    x = torch.rand(2, 3, 5, 6)
    by_matrix = transform.action.act(x, transform.matrices(x))
    np.testing.assert_allclose(transform(x).numpy(), by_matrix.numpy(), atol=2e-6)
    assert transform(x).is_contiguous()
