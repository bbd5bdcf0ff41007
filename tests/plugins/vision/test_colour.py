"""Colour matrices against kornia and against arithmetic on single pixels."""

from __future__ import annotations

import pytest
import torch
from kornia.color import rgb_to_grayscale

from augrad import AugmentationLayer, keyed_generator
from augrad.errors import ArgumentError, InputError, InversionError
from augrad.testing import check_reference
from augrad_vision.colour import (
    Brightness,
    ChannelGain,
    Colours,
    Contrast,
    Grayscale,
    Hue,
    Invert,
    Saturation,
    recolour,
)


def test_values_against_arithmetic():
    check_reference(Brightness(), lambda sample, offset: sample + offset)
    check_reference(Contrast(), lambda sample, factor: 0.5 + 2**factor * (sample - 0.5))
    check_reference(ChannelGain(), lambda sample, gain: sample * 2**gain)
    check_reference(Invert(), lambda sample: 1 - sample)


def test_grayscale_is_kornias():
    x = torch.rand(2, 3, 4, 4)
    gray = rgb_to_grayscale(x).expand(-1, 3, -1, -1)
    assert torch.allclose(Grayscale()(x), gray, atol=1e-6)
    assert torch.allclose(Saturation()(x, amount=torch.full((2,), -1.0)), gray, atol=1e-6)
    doubled = Saturation()(x, amount=torch.ones(2))
    assert torch.allclose(doubled - gray, 2 * (x - gray), atol=1e-5)


@pytest.mark.parametrize(("degrees", "shift"), [(0, 0), (120, 1), (240, 2), (-120, 2), (360, 0)])
def test_hue_turns_red_to_green_to_blue(degrees, shift):
    x = torch.rand(2, 3, 4, 4)
    assert torch.allclose(Hue()(x, angle=torch.full((2,), float(degrees))), x.roll(shift, 1), atol=1e-5)


def test_hue_keeps_grays_and_means():
    x, angle = torch.rand(2, 3, 4, 4), torch.tensor([33.0, -160.0])
    turned = Hue()(x, angle=angle)
    assert torch.allclose(turned.mean(1), x.mean(1), atol=1e-6)
    gray = x[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(Hue()(gray, angle=angle), gray, atol=1e-6)


@pytest.mark.parametrize("transform", [Brightness(), Contrast(), Invert(), ChannelGain(n_channels=1)])
def test_gray_images_change_like_gray_colours(transform):
    gray = torch.rand(2, 1, 4, 4)
    size = {name: (2, 1) if declared.per else (2,) for name, declared in transform.ranges.items()}
    values = {name: torch.full(size[name], 0.3) for name in transform.ranges}
    expected = transform(gray.expand(-1, 3, -1, -1), **values)
    transform.validate(gray)
    assert torch.allclose(transform(gray, **values).expand(-1, 3, -1, -1), expected, atol=1e-6)


@pytest.mark.parametrize("kind", [Saturation, Hue, Grayscale])
def test_colour_needs_colours(kind):
    with pytest.raises(InputError, match=r"vision\.\w+ needs 3 channels .* but got 1: .*x\.expand\(-1, 3, -1, -1\)"):
        kind().validate(torch.zeros(1, 1, 4, 4))


def test_channel_gain_is_learned_per_channel():
    layer = AugmentationLayer([ChannelGain()])
    assert layer.magnitudes.shape == (3,)
    y = layer(torch.ones(4, 3, 2, 2), generator=keyed_generator(0))
    y[:, 1].sum().backward()
    gradient = layer.strength.raw_magnitudes.grad
    assert (gradient != 0).tolist() == [False, True, False]


@pytest.mark.parametrize("n_channels", [0, 2, 4])
def test_channel_gain_of_what_are_no_images(n_channels):
    with pytest.raises(ArgumentError, match=rf"vision\.channel_gain: n_channels must be 1 or 3, but got {n_channels}"):
        ChannelGain(n_channels=n_channels)


def test_channel_gain_of_another_number_of_channels():
    with pytest.raises(InputError, match=r"was built for n_channels=3, but got 1 .* ChannelGain\(n_channels=1\)"):
        ChannelGain().validate(torch.zeros(1, 1, 4, 4))


def test_grayscale_cannot_be_undone():
    with pytest.raises(InversionError, match=r"vision\.grayscale cannot be undone"):
        Grayscale().invert(torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize("channels", [1, 3])
def test_gradcheck_in_matrix_and_image(channels):
    x = torch.rand(2, channels, 2, 2, dtype=torch.float64, requires_grad=True)
    matrix = torch.rand(2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(recolour, (x, matrix))


def test_autocast_does_not_touch_colours():
    x, matrix = torch.rand(2, 3, 4, 4), torch.eye(4).expand(2, 4, 4) * 0.777
    expected = Colours().act(x, matrix)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(Colours().act(x, matrix), expected)
