"""Reverberation: its decay time as measured from impulses, its level, causality, and units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_audio.room import Reverberation, reverberate

RATE = 8000


def value(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def impulses(n_samples, n_times=4000, at=0):
    x = torch.zeros(n_samples, 1, n_times, dtype=torch.float64)
    x[..., at] = 1
    return x


@pytest.mark.parametrize("decay_ms", [100.0, 250.0, 400.0])
def test_energy_falls_by_60_db_within_the_decay_time(decay_ms):
    x, room = impulses(60), Reverberation(sample_rate=RATE)
    y = room(x, decay=torch.full((60,), decay_ms, dtype=torch.float64), noise=room.draw_noise(x, keyed_generator(0)))
    energy = y.square().mean(dim=(0, 1)).numpy()
    # Schroeder's backward integral, fitted from -5 to -25 dB as ISO 3382 does.
    left = 10 * np.log10(np.cumsum(energy[:0:-1])[::-1] / energy[1:].sum())
    part = (left < -5) & (left > -25)
    slope, _ = np.polyfit(np.arange(1, 4000)[part] / RATE * 1000, left[part], 1)
    assert -60 / slope == pytest.approx(decay_ms, rel=0.05)


def test_it_is_the_convolution_with_the_tail_that_scipy_computes():
    x = torch.randn(1, 1, 200, generator=keyed_generator(1), dtype=torch.float64)
    noise = torch.randn(1, 1, 200, generator=keyed_generator(2), dtype=torch.float64)
    tail = noise[0, 0].numpy() * 10 ** (-3 * np.arange(200) / 80)
    tail /= np.linalg.norm(tail)
    expected = (x[0, 0].numpy() + 0.7 * fftconvolve(x[0, 0].numpy(), tail)[:200]) / np.sqrt(1 + 0.7**2)
    assert np.allclose(reverberate(x, noise, value(80.0), value(0.7))[0, 0], expected, atol=1e-4)


def test_the_level_is_kept():
    x = torch.randn(100, 1, 2000, generator=keyed_generator(3), dtype=torch.float64)
    room = Reverberation(sample_rate=RATE)
    y = room(x, decay=torch.full((100,), 100.0, dtype=torch.float64), noise=room.draw_noise(x, keyed_generator(4)))
    assert y.square().mean().item() == pytest.approx(x.square().mean().item(), rel=0.03)


def test_at_the_balance_the_room_is_as_loud_as_the_source():
    x, room = impulses(50), Reverberation(sample_rate=RATE, balance=200)
    y = room(x, decay=torch.full((50,), 200.0, dtype=torch.float64), noise=room.draw_noise(x, keyed_generator(5)))
    direct = x / 2**0.5
    assert (y - direct).square().sum(-1).mean().item() == pytest.approx(0.5, rel=0.01)


def test_nothing_comes_before_its_cause():
    x, room = impulses(2, 300, at=200), Reverberation(sample_rate=RATE)
    y = room(x, decay=value(900.0, 20.0), noise=room.draw_noise(x, keyed_generator(6)))
    assert y[..., :200].abs().max() < 1e-12
    assert y[..., 250:].abs().min() > 0


def test_decay_can_be_counted_in_samples():
    x = impulses(2, 100)
    noise = torch.randn(2, 1, 100, generator=keyed_generator(7), dtype=torch.float64)
    in_ms, in_samples = Reverberation(sample_rate=RATE), Reverberation(unit="samples", balance=4000)
    assert in_samples.ranges["decay"].unit == "samples"
    assert torch.allclose(
        in_ms(x, decay=value(5.0, 10.0), noise=noise), in_samples(x, decay=value(40.0, 80.0), noise=noise)
    )


@pytest.mark.parametrize("balance", [0.0, -1, float("inf"), True])
def test_a_balance_that_is_none_is_refused(balance):
    message = r"audio\.reverberation: balance must be a finite decay time in ms above 0, but got"
    with pytest.raises(ArgumentError, match=message):
        Reverberation(sample_rate=RATE, balance=balance)


def test_a_missing_sample_rate_and_an_unknown_unit_are_named():
    with pytest.raises(ArgumentError, match=r"audio\.reverberation needs sample_rate, in Hz"):
        Reverberation()
    with pytest.raises(ArgumentError, match=r"audio\.reverberation: unit must be one of .* but got 's'"):
        Reverberation(sample_rate=RATE, unit="s")
