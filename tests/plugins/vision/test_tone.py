"""Tone curves against kornia, and the gradients that are not those of the values."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kornia.enhance import adjust_gamma as kornia_gamma
from kornia.enhance import sharpness as kornia_sharpness
from kornia.enhance import solarize as kornia_solarize

from augrad_vision.tone import Equalize, Gamma, Posterize, Sharpness, Solarize, equalize, posterize, solarize


def _images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("factor", [-1.0, -0.3, 0.5, 1.0])
def test_gamma_is_kornias(factor):
    x = 0.1 + 0.9 * _images(2, 3, 4, 4)
    expected = kornia_gamma(x, 2.0**factor)
    assert torch.allclose(Gamma()(x, factor=torch.full((2,), factor)), expected, atol=1e-3)


def test_gamma_is_finite_at_black_and_below():
    x = torch.tensor([-0.1, 0.0, 1e-6]).reshape(1, 1, 1, 3).requires_grad_()
    factor = torch.tensor([-1.0], requires_grad=True)
    y = Gamma()(x, factor=factor)
    y.sum().backward()
    assert y.flatten()[1].item() == 0.0
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(factor.grad).all()


@pytest.mark.parametrize("amount", [-1.0, -0.5, 0.5])
def test_sharpness_is_kornias_inside(amount):
    x = 0.4 + 0.1 * _images(2, 3, 6, 6)
    expected = kornia_sharpness(x, torch.full((2,), 1 + amount))
    found = Sharpness()(x, amount=torch.full((2,), amount))
    assert torch.allclose(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], atol=1e-5)


def test_sharpness_leaves_constants_alone_up_to_the_border():
    x = torch.full((1, 3, 5, 5), 0.7)
    assert torch.allclose(Sharpness()(x, amount=torch.ones(1)), x, atol=1e-6)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_solarize_is_kornias(threshold):
    x = _images(2, 3, 4, 4)
    expected = kornia_solarize(x, threshold)
    assert torch.allclose(Solarize()(x, threshold=torch.full((2,), threshold)), expected, atol=1e-6)


def test_solarize_passes_a_gradient_to_a_threshold_that_no_pixel_crosses():
    threshold = torch.tensor([0.95], requires_grad=True)
    solarize(torch.full((1, 1, 1, 1), 0.9), threshold).sum().backward()
    # A lower threshold would darken the pixel.
    assert threshold.grad.item() > 0.1


@given(step=st.floats(0.01, 0.5), value=st.floats(0.0, 1.0))
def test_posterize_leaves_multiples_of_the_step(step, value):
    y = posterize(torch.full((1, 1, 1, 1), value), torch.tensor([step])).item()
    assert y / step == pytest.approx(round(y / step), abs=1e-3)
    assert abs(y - value) <= step / 2 + 1e-5


def test_posterize_returns_the_gradient_of_the_staircase():
    x = _images(1, 1, 4, 4).double().requires_grad_()
    step = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    posterize(x, step).sum().backward()
    eps = 1e-6

    def staircase(values, width):
        return (values - width / (2 * torch.pi) * torch.sin(2 * torch.pi * values / width)).sum()

    at = x.detach()
    expected = (staircase(at, 0.3 + eps) - staircase(at, 0.3 - eps)) / (2 * eps)
    assert step.grad.item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.allclose(x.grad, 1 - torch.cos(2 * torch.pi * at / 0.3))


def test_posterize_at_zero_is_the_identity_with_a_finite_gradient():
    x, step = _images(2, 3, 4, 4), torch.zeros(2, requires_grad=True)
    y = Posterize()(x, step=step)
    y.sum().backward()
    assert torch.allclose(y, x, atol=1e-6)
    assert torch.isfinite(step.grad).all()


def test_equalize_keeps_the_order_and_spreads_the_values():
    x = _images(2, 1, 16, 16) ** 3
    y = Equalize()(x)
    order = x.flatten(1).argsort(1)
    assert (y.flatten(1).gather(1, order).diff(dim=1) >= -1e-6).all()
    # Ranks of 256 values are as good as uniform: their mean is 1/2 and their variance 1/12.
    assert torch.allclose(y.mean((1, 2, 3)), torch.full((2,), 0.5), atol=0.01)
    assert torch.allclose(y.var((1, 2, 3)), torch.full((2,), 1 / 12), atol=0.01)


def test_equalize_treats_constant_and_extreme_images():
    assert torch.allclose(equalize(torch.full((1, 1, 4, 4), 0.3)), torch.tensor(0.5), atol=1e-6)
    x = torch.tensor([-1.0, 0.0, 1.0, 2.0]).reshape(1, 1, 2, 2)
    assert equalize(x).flatten().tolist() == [0.25, 0.25, 0.75, 0.75]
