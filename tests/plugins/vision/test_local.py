"""Noise and erased windows: their size in the units declared, and where they lie."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_vision.local import Erase, GaussianBlur, GaussianNoise, soft_window
from augrad_vision.spectrum import gaussian_blur


def test_blur_is_that_of_the_spectrum():
    x, sigma = torch.rand(2, 3, 8, 8), torch.tensor([0.5, 2.0])
    assert torch.equal(GaussianBlur()(x, sigma=sigma), gaussian_blur(x, sigma))


def test_noise_has_the_standard_deviation_asked_for():
    x, std = torch.full((3, 1, 64, 64), 0.5), torch.tensor([0.0, 0.1, 0.3])
    noise = GaussianNoise().draw_noise(x, keyed_generator(0))
    y = GaussianNoise()(x, std=std, noise=noise)
    assert torch.allclose(y.std((1, 2, 3)), std, atol=0.01)
    assert torch.allclose(y.mean((1, 2, 3)), torch.tensor(0.5), atol=0.02)


@given(fraction=st.floats(0.05, 0.5), across=st.floats(-1, 1), down=st.floats(-1, 1))
def test_a_window_covers_the_area_asked_for(fraction, across, down):
    place = torch.tensor([[across, down]], dtype=torch.float64)
    window = soft_window(torch.tensor([fraction], dtype=torch.float64), place, 24, 36, softness=0.3)
    assert window.mean().item() == pytest.approx(fraction, abs=0.02)
    assert 0 <= window.min() <= window.max() <= 1


@pytest.mark.parametrize(("place", "corner"), [((-1, -1), (0, 0)), ((1, -1), (0, -1)), ((-1, 1), (-1, 0))])
def test_extreme_places_are_the_corners(place, corner):
    x, noise = torch.ones(1, 1, 12, 12), torch.tensor([place], dtype=torch.float32)
    y = Erase(softness=0.1)(x, fraction=torch.tensor([0.25]), noise=noise)
    assert y[0, 0][corner].item() == pytest.approx(0.0, abs=0.02)
    assert y.mean().item() == pytest.approx(0.75, abs=0.02)


def test_fill_is_what_is_left():
    y = Erase(fill=0.5, softness=0.1)(torch.ones(1, 3, 9, 9), fraction=torch.tensor([0.3]), noise=torch.zeros(1, 2))
    assert torch.allclose(y[0, :, 4, 4], torch.tensor(0.5), atol=1e-3)


def test_more_area_has_a_gradient():
    fraction = torch.tensor([0.2], requires_grad=True)
    Erase()(torch.ones(1, 1, 12, 12), fraction=fraction, noise=torch.zeros(1, 2)).mean().backward()
    assert fraction.grad.item() == pytest.approx(-1.0, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fill": float("nan")}, r"vision\.erase: fill must be a finite number, but got nan"),
        (
            {"softness": 0.0},
            r"vision\.erase: softness must be a finite number of pixels .* A hard edge has",
        ),
        ({"softness": float("inf")}, r"vision\.erase: softness must be a finite number"),
    ],
)
def test_arguments_that_are_not_accepted(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Erase(**arguments)


@pytest.mark.parametrize("kind", [Erase, GaussianNoise])
def test_noise_replays_under_its_generator(kind):
    x = torch.zeros(3, 1, 4, 4)
    first, again = (kind().draw_noise(x, keyed_generator(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, kind().draw_noise(x, keyed_generator(6)))
