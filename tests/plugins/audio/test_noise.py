"""Noise: its ratio to the signal as measured, its colour as measured, and none of it at the clean end or on silence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from augrad import AugmentationLayer, Policy, Range, keyed_generator
from augrad_audio.noise import ColouredNoise, WhiteNoise, coloured, noise_level

LONG = 2**14


def value(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def measured_snr(x, y):
    added = (y - x).numpy()
    return 10 * np.log10(x.numpy().var() / (added**2).mean())


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0, 20.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_the_ratio_is_the_one_asked_for(snr_db, scale):
    x = scale * torch.sin(torch.arange(400, dtype=torch.float64) / 7)[None, None]
    noise = WhiteNoise().draw_noise(x, keyed_generator(0))
    for transform, extra in [(WhiteNoise(), {}), (ColouredNoise(), {"exponent": value(1.5)})]:
        y = transform(x, snr_db=value(snr_db), noise=noise, **extra)
        assert measured_snr(x, y) == pytest.approx(snr_db, abs=0.1)


def test_near_the_clean_end_noise_is_drawn_in_to_nothing():
    level = noise_level(value(30.0, 29.999, 25.0, 20.0, 10.0), 30.0)
    assert level[0] == 0
    assert 0 < level[1] < 1e-4
    off = -20 * torch.log10(level[2:]) - value(25.0, 20.0, 10.0)
    assert off.tolist() == pytest.approx([0.92, 0.09, 0.0], abs=0.01)


def test_another_clean_end_moves_where_noise_ends():
    quiet = WhiteNoise(snr_db=Range(60.0, low=10.0, unit="dB", identity=60.0))
    x = torch.sin(torch.arange(400, dtype=torch.float64) / 7)[None, None]
    noise = quiet.draw_noise(x, keyed_generator(0))
    assert measured_snr(x, quiet(x, snr_db=value(40.0), noise=noise)) == pytest.approx(40.0, abs=0.1)
    assert torch.equal(quiet(x, snr_db=value(60.0), noise=noise), x)


def test_what_is_learned_reads_as_a_ratio_in_db():
    layer = AugmentationLayer([WhiteNoise()], magnitude=0.5)
    (row,) = Policy.from_module(layer)
    assert (row.parameter, row.unit) == ("snr_db", "dB")
    assert (row.low, row.high) == pytest.approx((15.0, 30.0))


@pytest.mark.parametrize("exponent", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_power_falls_with_the_exponent(exponent):
    white = torch.randn(4, 1, LONG, generator=keyed_generator(1), dtype=torch.float64)
    frequency, power = signal.welch(coloured(white, value(*[exponent] * 4))[:, 0].numpy(), nperseg=1024)
    inside = slice(8, -8)
    fitted, _ = np.polyfit(np.log(frequency[inside]), np.log(power.mean(0)[inside]), 1)
    assert -fitted == pytest.approx(exponent, abs=0.1)


def test_no_colour_is_white_noise_without_its_mean():
    white = torch.randn(2, 2, 31, dtype=torch.float64)
    assert torch.allclose(coloured(white, value(0.0, 0.0)), white - white.mean(-1, keepdim=True))


def test_channels_get_independent_noise():
    x = torch.sin(torch.arange(LONG) / 7).expand(1, 2, -1)
    added = WhiteNoise()(x, snr_db=torch.zeros(1), noise=WhiteNoise().draw_noise(x, keyed_generator(2))) - x
    assert abs(np.corrcoef(added[0].numpy())[0, 1]) < 0.03


def test_the_learned_ratio_can_be_found_by_its_gradient():
    # Less noise is better here, so the gradient must point to higher ratios.
    x = torch.sin(torch.arange(200, dtype=torch.float64) / 7)[None, None].repeat(8, 1, 1)
    noise = WhiteNoise().draw_noise(x, keyed_generator(3))
    snr_db = torch.linspace(1, 29, 8, dtype=torch.float64, requires_grad=True)
    (WhiteNoise()(x, snr_db=snr_db, noise=noise) - x).square().sum().backward()
    assert (snr_db.grad < 0).all()
