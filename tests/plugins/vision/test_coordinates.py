"""The coordinate action: direction, units, padding, dtypes, and what one resampling costs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kornia.geometry.transform import warp_perspective

from augrad import AugmentationLayer, AugmentationModule, keyed_generator
from augrad.errors import ArgumentError
from augrad_vision import coordinates
from augrad_vision.coordinates import ImageCoordinates, in_frame, warp
from augrad_vision.geometric import Perspective, Rotate, Scale, ShearX, TranslateX


def _affine(*rows):
    return torch.tensor([[*rows, (0.0, 0.0, 1.0)]])


@pytest.mark.parametrize("padding", coordinates.PADDINGS)
@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (1, 1, 7, 12), (3, 5, 1, 4)])
def test_identity_matrix_returns_the_image(padding, shape):
    x = torch.rand(shape)
    assert torch.allclose(warp(x, torch.eye(3).expand(shape[0], 3, 3), padding=padding), x, atol=1e-5)


@given(right=st.integers(-4, 4), down=st.integers(-3, 3))
def test_whole_pixels_move_content_right_and_down(right, down):
    x = torch.rand(1, 2, 5, 6)
    moved = warp(x, _affine((1.0, 0.0, right), (0.0, 1.0, down)))
    expected = torch.zeros_like(x)
    for i in range(5):
        for j in range(6):
            if 0 <= i - down < 5 and 0 <= j - right < 6:
                expected[..., i, j] = x[..., i - down, j - right]
    assert torch.allclose(moved, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("padding", "left"), [("zeros", [0.0, 0.0]), ("border", [1.0, 1.0]), ("reflection", [2.0, 1.0])]
)
def test_what_comes_in_from_outside(padding, left):
    x = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    moved = warp(x, _affine((1.0, 0.0, 2.0), (0.0, 1.0, 0.0)), padding=padding)
    assert torch.allclose(moved.flatten(), torch.tensor([*left, 1.0, 2.0]), atol=1e-5)


def test_agrees_with_kornia():
    x = torch.rand(3, 3, 10, 14, dtype=torch.float64)
    values = torch.tensor([-30.0, 10.0, 40.0], dtype=torch.float64)
    action = ImageCoordinates()
    matrix = Perspective().matrix(tilt_x=values, tilt_y=values.flip(0)) * action.units(x)
    centre = torch.tensor([[1.0, 0.0, -6.5], [0.0, 1.0, -4.5], [0.0, 0.0, 1.0]], dtype=torch.float64)
    from_corner = torch.linalg.inv(centre) @ matrix @ centre
    expected = warp_perspective(x, from_corner, (10, 14), align_corners=False)
    assert torch.allclose(action.act(x, matrix), expected, atol=1e-6)


def test_units_are_those_of_pixels():
    units = ImageCoordinates().units(torch.zeros(1, 3, 10, 20))
    assert units.tolist() == [
        [1.0, 1.0, 20.0],
        [1.0, 1.0, 10.0],
        pytest.approx([1 / 20, 1 / 10, 1.0]),
    ]


def test_fractions_compose_on_oblong_images():
    # A quarter turn takes a shift to the right by half the width to one upwards by as many pixels.
    x = torch.zeros(1, 1, 5, 9)
    x[..., 2, 4] = 1
    module = AugmentationModule([AugmentationLayer([TranslateX()], magnitude=0.9), AugmentationLayer([Rotate()])])
    draws = [layer.draw(x, keyed_generator(0)) for layer in module]
    draws[0].values[0]["offset"] = torch.tensor([2 / 9])
    draws[1].values[0]["angle"] = torch.tensor([90.0])
    y, _ = module.augment(x, draws=draws)
    assert y.flatten().argmax().item() == 4  # row 0, column 4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_dense_outputs_of_any_depth_and_dtype(dtype):
    x = torch.rand(2, 7, 6, 6).to(dtype)
    turned = Rotate().action.act(x, Rotate().matrix(angle=torch.full((2,), 90.0)))
    assert turned.dtype is dtype
    assert torch.allclose(turned.double(), torch.rot90(x, 1, (2, 3)).double(), atol=1e-2)


def test_float64_images_are_resampled_in_float64():
    x = torch.rand(1, 1, 6, 6, dtype=torch.float64)
    assert torch.allclose(warp(x, torch.eye(3)[None]), x, atol=1e-14)


def test_empty_batch_keeps_the_graph():
    angle = torch.zeros(0, requires_grad=True)
    y = Rotate()(torch.rand(0, 3, 6, 6), angle=angle)
    assert y.shape == (0, 3, 6, 6)
    assert y.requires_grad


def test_a_point_on_the_horizon_stays_finite():
    matrix = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.5, 0.0, 1.0]]], requires_grad=True)
    y = warp(torch.rand(1, 1, 6, 6), matrix)
    y.sum().backward()
    assert torch.isfinite(y).all()
    assert torch.isfinite(matrix.grad).all()


def test_autocast_does_not_touch_places():
    x, angle = torch.rand(2, 3, 32, 32), torch.tensor([10.0, -80.0])
    expected = Rotate()(x, angle=angle)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(Rotate()(x, angle=angle), expected)


def test_autocast_does_not_touch_products():
    names = [Rotate, TranslateX, ShearX, Scale]
    module = AugmentationModule([AugmentationLayer([kind() for kind in names], magnitude=0.5) for _ in range(3)])
    x = torch.rand(8, 3, 32, 32)
    expected = module(x, generator=keyed_generator(0))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(module(x, generator=keyed_generator(0)), expected)


def test_gradcheck_in_matrix_and_image():
    x = torch.rand(1, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    matrix = torch.tensor([[[1.1, 0.2, 0.3], [-0.1, 0.9, 0.2], [0.01, 0.02, 1.0]]], dtype=torch.float64)
    assert torch.autograd.gradcheck(warp, (x, matrix.requires_grad_()))


def test_a_stack_is_resampled_once(monkeypatch):
    calls = []
    original = coordinates.grid_sample
    monkeypatch.setattr(coordinates, "grid_sample", lambda *args, **kw: calls.append(1) or original(*args, **kw))
    transforms = [Rotate, TranslateX, ShearX, Scale]
    module = AugmentationModule([AugmentationLayer([kind() for kind in transforms]) for _ in range(3)])
    module(torch.rand(4, 3, 8, 8), generator=keyed_generator(0))
    assert len(calls) == 1


def test_frames_reach_from_minus_one_to_one():
    edges = torch.tensor([[[[-4.0, 4.0]], [[-0.5, 0.5]]]])
    assert in_frame(edges.expand(1, 2, 1, 2)).flatten().tolist() == [-4.0, 4.0, -1.0, 1.0]


@pytest.mark.parametrize("build", [ImageCoordinates, lambda padding: Rotate(padding=padding)])
def test_unknown_padding(build):
    with pytest.raises(ArgumentError, match=r"padding must be one of 'zeros', .*'boarder'\. Did you mean 'border'\?"):
        build("boarder")


def test_equal_paddings_share_one_action():
    assert Rotate(padding="border").action == Scale(padding="border").action != Scale().action
