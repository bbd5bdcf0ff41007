"""Geometric transforms: units and signs against computations that know nothing of matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kornia.geometry.transform import rotate as kornia_rotate
from scipy.ndimage import affine_transform, map_coordinates

from augrad.testing import check_reference
from augrad_vision import geometric
from augrad_vision.geometric import (
    CropResize,
    HorizontalFlip,
    Perspective,
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


@pytest.mark.parametrize("quarter_turns", [-2, -1, 1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_quarter_turns_are_rot90(quarter_turns, channels):
    x = torch.rand(2, channels, 9, 9, dtype=torch.float64)
    angle = torch.full((2,), 90.0 * quarter_turns, dtype=torch.float64)
    assert torch.allclose(Rotate()(x, angle=angle), torch.rot90(x, quarter_turns, (2, 3)), atol=1e-9)


def test_rotation_turns_as_kornia_does():
    x, angle = torch.rand(3, 1, 8, 12), torch.tensor([20.0, -50.0, 130.0])
    assert torch.allclose(Rotate()(x, angle=angle), kornia_rotate(x, angle, align_corners=True), atol=1e-4)


def _warped(sample, inverse):
    """scipy's map from output to input indices (row, column), about the centre."""
    centre = (np.array(sample.shape[1:]) - 1) / 2
    return np.stack(
        [
            affine_transform(plane, inverse, centre - inverse @ centre, order=1, mode="grid-constant", prefilter=False)
            for plane in sample
        ]
    )


@pytest.mark.parametrize(
    ("transform", "inverse"),
    [
        (ShearX(), lambda angle: [[1, 0], [-math.tan(math.radians(angle)), 1]]),
        (ShearY(), lambda angle: [[1, -math.tan(math.radians(angle))], [0, 1]]),
        (Scale(), lambda factor: [[2**-factor, 0], [0, 2**-factor]]),
        (ScaleX(), lambda factor: [[1, 0], [0, 2**-factor]]),
        (ScaleY(), lambda factor: [[2**-factor, 0], [0, 1]]),
        (
            Rotate(),
            lambda angle: [
                [math.cos(math.radians(angle)), math.sin(math.radians(angle))],
                [-math.sin(math.radians(angle)), math.cos(math.radians(angle))],
            ],
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_linear_maps_against_scipy(transform, inverse):
    check_reference(transform, lambda sample, **value: _warped(sample, np.array(inverse(**value))))


@given(pixels=st.integers(-6, 6))
def test_translations_roll_inside_the_frame(pixels):
    x = torch.zeros(1, 1, 16, 12)
    x[..., 6:10, 6:9] = torch.rand(4, 3)
    right = TranslateX()(x, offset=torch.tensor([pixels / 12]))
    down = TranslateY()(x, offset=torch.tensor([pixels / 16]))
    inside_x = x.roll(pixels, 3) if -6 <= pixels <= 3 else None
    if inside_x is not None:
        assert torch.allclose(right, inside_x, atol=1e-5)
    assert torch.allclose(down, x.roll(pixels, 2), atol=1e-5)


def test_flips():
    x = torch.rand(2, 3, 5, 6)
    assert torch.allclose(HorizontalFlip()(x), x.flip(3), atol=1e-5)
    assert torch.allclose(VerticalFlip()(x), x.flip(2), atol=1e-5)


def _projected(sample, tilt_x, tilt_y):
    """Traces each output pixel's ray to the tilted plane, in three dimensions."""
    _, height, width = sample.shape
    a, b = math.radians(tilt_x), math.radians(tilt_y)
    across = np.array([math.cos(a), 0, math.sin(a)])
    down = np.array([-math.sin(a) * math.sin(b), math.cos(b), math.cos(a) * math.sin(b)])
    rows, columns = np.indices((height, width)) - (np.array([height, width]) - 1)[:, None, None] / 2
    places = np.full((2, height, width), 1e6)
    for i in range(height):
        for j in range(width):
            x, y = columns[i, j], rows[i, j]
            # plane point u * across + v * down, seen at (x, y) * depth with depth = 1 + z_x / width + z_y / height
            system = np.array(
                [
                    [across[0] - x * across[2] / width, down[0] - x * down[2] / height],
                    [across[1] - y * across[2] / width, down[1] - y * down[2] / height],
                ]
            )
            u, v = np.linalg.solve(system, [x, y])
            if 1 + u * across[2] / width + v * down[2] / height > 0:
                places[:, i, j] = v + (height - 1) / 2, u + (width - 1) / 2
    return np.stack([map_coordinates(plane, places, order=1, mode="grid-constant") for plane in sample])


def test_perspective_against_traced_rays():
    check_reference(Perspective(), _projected, reach=0.7)


def test_positive_tilt_lets_the_right_and_lower_edge_recede():
    # An edge that recedes is drawn smaller, so that black comes in beyond it.
    x, tilt, none = torch.ones(1, 1, 16, 16), torch.tensor([40.0]), torch.zeros(1)
    sideways = Perspective()(x, tilt_x=tilt, tilt_y=none)
    assert sideways[..., 8:].sum() < sideways[..., :8].sum()
    downwards = Perspective()(x, tilt_x=none, tilt_y=tilt)
    assert downwards[..., 8:, :].sum() < downwards[..., :8, :].sum()


@pytest.mark.parametrize(
    ("place", "rows", "columns"), [((-1, -1), 0, 0), ((1, -1), 0, 4), ((-1, 1), 4, 0), ((1, 1), 4, 4)]
)
def test_crop_shows_its_window_enlarged(place, rows, columns):
    x = torch.rand(1, 1, 8, 8)
    y = CropResize()(x, kept=torch.tensor([0.5]), noise=torch.tensor([place], dtype=torch.float32))
    window = x[..., rows : rows + 4, columns : columns + 4]
    expected = torch.nn.functional.interpolate(window, size=(8, 8), mode="bilinear", align_corners=False)
    assert torch.allclose(y[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], atol=1e-5)


@given(kept=st.floats(0.25, 1.0), seed=st.integers(0, 100))
def test_a_crop_never_leaves_the_image(kept, seed):
    noise = CropResize().draw_noise(torch.zeros(3, 1, 4, 4), torch.Generator().manual_seed(seed))
    y = CropResize()(torch.ones(3, 1, 8, 8), kept=torch.full((3,), kept), noise=noise)
    # The outermost half pixel, up to two pixels once enlarged, may be mixed with what stands outside.
    assert torch.allclose(y[..., 2:-2, 2:-2], torch.ones(3, 1, 4, 4), atol=1e-4)


@pytest.mark.parametrize("name", ["Rotate", "ShearX", "ShearY", "Scale", "ScaleX", "ScaleY", "Perspective"])
def test_content_in_the_middle_survives_there_and_back(name):
    transform = getattr(geometric, name)()
    axis = torch.arange(32.0) - 15.5
    x = torch.exp(-(axis[:, None] ** 2 + axis**2) / 40).expand(1, 1, 32, 32)
    values = {name: torch.tensor([0.4 * declared.high]) for name, declared in transform.ranges.items()}
    assert torch.allclose(transform.invert(transform(x, **values), **values), x, atol=0.03)
