"""Blur and smooth fields by their cosines: against scipy, and against their statistics."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from augrad_vision.spectrum import cosines, gaussian_blur, smooth_field


@pytest.mark.parametrize("shape", [(2, 1, 16, 16), (2, 3, 9, 14)])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.5])
def test_blur_is_scipys(shape, sigma):
    x = torch.rand(shape, dtype=torch.float64)
    expected = gaussian_filter(x.numpy(), (0, 0, sigma, sigma), mode="reflect", truncate=8.0)
    found = gaussian_blur(x, torch.full((2,), sigma, dtype=torch.float64))
    # A sampled Gaussian and an exact one differ by the aliasing of the former.
    assert torch.allclose(found, torch.from_numpy(expected), atol=1e-2 if sigma == 1.0 else 1e-5)


def test_each_image_has_its_own_width():
    x = torch.rand(1, 1, 8, 8).expand(3, 1, 8, 8)
    sigma = torch.tensor([0.0, 1.0, 3.0])
    together = gaussian_blur(x, sigma)
    for index in range(3):
        assert torch.allclose(together[[index]], gaussian_blur(x[[index]], sigma[[index]]), atol=1e-6)
    assert torch.allclose(together[0], x[0], atol=1e-6)
    assert together[0].var() > together[1].var() > together[2].var()


@given(first=st.floats(0.0, 3.0), second=st.floats(0.0, 3.0))
def test_widths_add_in_squares(first, second):
    x = torch.rand(1, 1, 6, 7, dtype=torch.float64)
    one, two = torch.tensor([first]).double(), torch.tensor([second]).double()
    assert torch.allclose(gaussian_blur(gaussian_blur(x, one), two), gaussian_blur(x, (one**2 + two**2).sqrt()))


def test_blur_keeps_the_mean():
    x = torch.rand(2, 3, 7, 5)
    assert torch.allclose(gaussian_blur(x, torch.tensor([0.7, 4.0])).mean((2, 3)), x.mean((2, 3)), atol=1e-6)


def test_a_narrow_blur_still_has_a_gradient():
    sigma = torch.tensor([0.05], dtype=torch.float64, requires_grad=True)
    gaussian_blur(torch.rand(1, 1, 8, 8, dtype=torch.float64), sigma).square().sum().backward()
    assert sigma.grad.item() < -1e-3


def test_autocast_does_not_touch_a_blur():
    x, sigma = torch.rand(2, 1, 8, 8), torch.tensor([0.0, 1.0])
    expected = gaussian_blur(x, sigma)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(gaussian_blur(x, sigma), expected)


@pytest.mark.parametrize(("n_waves", "size"), [(1, 1), (4, 4), (3, 10)])
def test_cosines_are_orthogonal(n_waves, size):
    basis = cosines(n_waves, size, torch.zeros(1, dtype=torch.float64))
    assert torch.allclose(basis @ basis.T / size, torch.eye(n_waves, dtype=torch.float64))


def test_fields_have_variance_one_and_are_smooth():
    waves = torch.randn(4000, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    fields = smooth_field(waves, 12, 12)
    assert fields.var().item() == pytest.approx(1.0, abs=0.05)
    assert fields.diff(dim=3).var() < 0.2 * fields.var()
