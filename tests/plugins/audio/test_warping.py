"""Time warp: size of the shifts, where contents go, what stays, and the way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_audio.warping import TimeWarp, warp_shifts


def test_the_strength_is_the_root_mean_square_of_the_shifts():
    at = ((torch.arange(100) + 0.5) / 100)[None]
    waves = TimeWarp(n_waves=4).draw_noise(torch.zeros(3000, 1, 1), keyed_generator(0))
    shifts = warp_shifts(torch.full((3000,), 0.07), waves, at)
    assert shifts.square().mean().sqrt().item() == pytest.approx(0.07, rel=0.03)
    assert shifts.mean().abs() < 0.005


def test_both_ends_stay():
    shifts = warp_shifts(torch.full((5,), 0.1), torch.randn(5, 3), torch.tensor([[0.0, 1.0]]))
    assert shifts.abs().max() < 1e-6


@pytest.mark.parametrize("event", [(200,), (2, 200), (2, 3, 200)])
def test_contents_come_from_where_the_shift_says(event):
    # A ramp shows places: interpolated linearly by numpy. Its mirrored ends have kinks, so they are left out.
    times = (np.arange(200) + 0.5) / 200
    x = torch.tensor(times).expand(1, *event)
    x = x[None] if x.ndim == 2 else x
    noise = torch.tensor([[0.8, -0.5, 0.4]], dtype=torch.float64)
    y = TimeWarp()(x, strength=torch.tensor([0.04], dtype=torch.float64), noise=noise)
    basis = np.sin(math.pi * np.arange(1, 4)[:, None] * times)
    shift = 0.04 * math.sqrt(2 / 3) * noise[0].numpy() @ basis
    expected = np.interp(times + shift, times, times)
    assert np.allclose(y.reshape(-1, 200)[-1][20:-20], expected[20:-20], atol=1e-3)


def test_spectrograms_are_warped_alike_in_all_frequencies():
    x = torch.randn(2, 1, 1, 64).expand(2, 2, 5, 64)
    warp = TimeWarp()
    y = warp(x, strength=torch.full((2,), 0.05), noise=torch.randn(2, 3))
    warp.validate(x)
    assert torch.allclose(y, y[:, :1, :1].expand_as(y), atol=1e-5)
    assert not torch.allclose(y, x, atol=0.1)


def test_there_and_back():
    times = torch.linspace(-1, 1, 400, dtype=torch.float64)
    x = (torch.exp(-((times / 0.4) ** 2)) * torch.cos(30 * times))[None, None].expand(3, 1, 400)
    values = {"strength": torch.full((3,), 0.03, dtype=torch.float64), "noise": torch.randn(3, 3, dtype=torch.float64)}
    warp = TimeWarp()
    y = warp(x, **values)
    assert (y - x).abs().max() > 0.2
    assert torch.allclose(warp.invert(y, **values), x, atol=5e-3)


def test_gradcheck_in_strength_and_signal():
    x = torch.randn(2, 1, 9, dtype=torch.float64, requires_grad=True)
    strength = torch.tensor([0.03, 0.08], dtype=torch.float64, requires_grad=True)
    noise = torch.randn(2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, s: TimeWarp()(x, strength=s, noise=noise), (x, strength))


@pytest.mark.parametrize("n_waves", [0, -1, True])
def test_too_few_waves(n_waves):
    with pytest.raises(ArgumentError, match=r"audio\.time_warp: n_waves must be an int of at least 1, but got"):
        TimeWarp(n_waves=n_waves)
