"""Frequency shift against scipy's analytic signal, in Hz; phase noise keeps what a surrogate must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from augrad import keyed_generator
from augrad.errors import ArgumentError, RangeError
from augrad.testing import check_reference
from augrad_audio.frequency import FrequencyShift, PhaseNoise, quadrature, rotate_phases

RATE = 8000


def tone(frequency, n_times=RATE):
    return torch.cos(2 * math.pi * frequency / RATE * torch.arange(n_times, dtype=torch.float64))[None, None]


def peak_hz(x):
    spectrum = np.abs(np.fft.rfft(x[0, 0].numpy() * np.hanning(x.shape[-1])))
    return spectrum.argmax() * RATE / x.shape[-1]


@pytest.mark.parametrize(("frequency", "shift"), [(1000.0, 250.0), (1000.0, -250.0), (300.0, 13.0), (3000.0, 400.0)])
def test_a_tone_moves_by_the_shift_and_keeps_its_level(frequency, shift):
    x = tone(frequency)
    y = FrequencyShift(sample_rate=RATE)(x, shift_hz=torch.tensor([shift], dtype=torch.float64))
    assert peak_hz(y) == pytest.approx(frequency + shift, abs=0.5)
    assert y.square().mean().item() == pytest.approx(x.square().mean().item(), rel=0.01)


def test_the_other_sideband_is_gone():
    y = FrequencyShift(sample_rate=RATE)(tone(1000.0), shift_hz=torch.tensor([200.0], dtype=torch.float64))
    spectrum = np.abs(np.fft.rfft(y[0, 0].numpy() * np.hanning(RATE)))
    assert 20 * math.log10(spectrum[800] / spectrum[1200]) < -60


def test_it_is_the_analytic_signal_of_scipy():
    def reference(sample, shift_hz):
        n_times = sample.shape[-1]
        analytic = signal.hilbert(np.concatenate([sample, sample[..., ::-1]], axis=-1))[..., :n_times]
        time = np.arange(n_times) - (n_times - 1) / 2
        return (analytic * np.exp(2j * np.pi * shift_hz / 1000.0 * time)).real

    check_reference(FrequencyShift(sample_rate=1000), reference)


def test_quadrature_makes_sines_of_cosines():
    x = tone(500.0, 1600)
    expected = torch.sin(2 * math.pi * 500 / RATE * torch.arange(1600, dtype=torch.float64))
    assert torch.allclose(quadrature(x)[0, 0, 400:-400], expected[400:-400], atol=0.01)


def test_no_shift_returns_the_signal_bit_by_bit():
    x = torch.randn(2, 2, 33)
    assert torch.equal(FrequencyShift(sample_rate=RATE)(x, shift_hz=torch.zeros(2)), x)


def test_the_range_of_shifts_follows_the_sample_rate():
    assert FrequencyShift(sample_rate=1000).ranges["shift_hz"].bounds == (-25.0, 25.0)
    with pytest.raises(RangeError, match=r"audio\.frequency_shift: shift_hz must lie between -500 Hz and the Nyquist"):
        FrequencyShift(sample_rate=1000, shift_hz=501.0)
    with pytest.raises(ArgumentError, match=r"audio\.frequency_shift needs sample_rate"):
        FrequencyShift()


@given(n_times=st.integers(1, 40), phase=st.floats(0, math.pi), seed=st.integers(0, 5))
def test_phase_noise_keeps_the_amplitude_spectrum_of_each_channel(n_times, phase, seed):
    x = torch.randn(2, 3, n_times, generator=keyed_generator(seed), dtype=torch.float64)
    noise = PhaseNoise().draw_noise(x, keyed_generator(seed, "noise"))
    y = PhaseNoise()(x, phase=torch.full((2,), phase, dtype=torch.float64), noise=noise)
    assert np.allclose(np.abs(np.fft.rfft(y.numpy())), np.abs(np.fft.rfft(x.numpy())), atol=1e-9)
    assert np.allclose(y.mean(-1), x.mean(-1))


def test_phases_move_by_the_radians_asked_for_and_alike_in_all_channels():
    x = torch.randn(1, 2, 16, generator=keyed_generator(0), dtype=torch.float64)
    noise = torch.linspace(-1, 1, 9, dtype=torch.float64)[None]
    y = PhaseNoise()(x, phase=torch.tensor([0.8], dtype=torch.float64), noise=noise)
    turned = np.angle(np.fft.rfft(y.numpy()) / np.fft.rfft(x.numpy()))[:, :, 1:-1]
    assert np.allclose(turned, 0.8 * noise[:, None, 1:-1].numpy())


def test_full_phase_noise_leaves_no_trace_of_when_things_happened():
    x = torch.zeros(200, 1, 64, dtype=torch.float64)
    x[..., 20] = 1
    noise = PhaseNoise().draw_noise(x, keyed_generator(3))
    y = PhaseNoise()(x, phase=torch.full((200,), math.pi, dtype=torch.float64), noise=noise)
    power = y.square().mean(dim=(0, 1))
    assert power.max() < 2.5 * power.min()


def test_no_phase_returns_the_signal_bit_by_bit():
    x = torch.randn(2, 1, 10)
    assert torch.equal(rotate_phases(x, torch.zeros(2, 6)), x)
