"""Pitch shift: tones land where semitones say, at the level they had, at the time they had; smooth in the shift."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from augrad import keyed_generator
from augrad.errors import ArgumentError, RangeError
from augrad_audio.pitch import PitchShift, pitch_shift

RATE = 8000


def tone(frequency, n_times=RATE, rate=RATE):
    return torch.sin(2 * math.pi * frequency / rate * torch.arange(n_times, dtype=torch.float64))[None, None]


def spectrum(x):
    return np.abs(np.fft.rfft(x[0, 0].numpy() * np.hanning(x.shape[-1])))


def shifted(x, semitones, **options):
    return pitch_shift(x, torch.tensor([semitones], dtype=x.dtype), **options)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_440_hz_by_12_semitones_peaks_at_880_hz(rate):
    x = tone(440.0, rate, rate)
    y = PitchShift()(x, semitones=torch.tensor([12.0], dtype=torch.float64))
    assert y.shape == x.shape
    assert spectrum(y).argmax() == 880


@pytest.mark.parametrize("frequency", [150.0, 440.0, 1234.5])
@pytest.mark.parametrize("semitones", [-12.0, -5.0, -0.7, 0.3, 7.0, 12.0, 24.0])
def test_tones_move_by_semitones_keep_their_level_and_stay_pure(frequency, semitones):
    x = tone(frequency)
    if frequency * 2 ** (semitones / 12) > 0.45 * RATE:
        x = tone(frequency / 4)
        frequency /= 4
    y = shifted(x, semitones)
    expected, found = frequency * 2 ** (semitones / 12), spectrum(y)
    assert found.argmax() == pytest.approx(expected, abs=0.6)
    inner = slice(1000, -1000)
    level = 20 * math.log10(float(y[..., inner].square().mean() / x[..., inner].square().mean()) ** 0.5)
    assert abs(level) < 0.1
    near = slice(max(round(expected) - 6, 0), round(expected) + 7)
    assert (found**2).sum() - (found[near] ** 2).sum() < 1e-4 * (found**2).sum()


def test_harmonics_stay_harmonics():
    x = sum(tone(200.0 * k) / k for k in (1, 2, 3))
    found = spectrum(shifted(x, 4.0))
    lines = [200 * k * 2 ** (4 / 12) for k in (1, 2, 3)]
    for strength, line in zip((1, 1 / 2, 1 / 3), lines, strict=True):
        near = found[round(line) - 3 : round(line) + 4]
        assert near.max() / found.max() == pytest.approx(strength, abs=0.1)
        assert abs(near.argmax() - 3) <= 1


def test_what_happens_stays_where_it_is():
    x = torch.zeros(1, 1, RATE, dtype=torch.float64)
    x[..., 3000:5000] = tone(500.0, 2000) * torch.hann_window(2000, dtype=torch.float64)
    time = torch.arange(RATE)
    for semitones in (-7.0, 7.0):
        power = shifted(x, semitones)[0, 0].square()
        assert ((power * time).sum() / power.sum()).item() == pytest.approx(4000, abs=40)


def test_what_would_lie_beyond_the_nyquist_frequency_is_left_out():
    x = tone(3000.0)
    y = shifted(x, 12.0)
    assert y[..., 1000:-1000].square().mean() < 1e-4 * x.square().mean()


@given(n_times=st.integers(1, 700), seed=st.integers(0, 3))
def test_0_semitones_change_nothing_whatever_the_length(n_times, seed):
    x = torch.randn(2, 2, n_times, generator=keyed_generator(seed))
    assert torch.allclose(PitchShift()(x, semitones=torch.zeros(2)), x, atol=1e-5)


def test_the_mean_is_no_tone():
    x = torch.full((3, 1, 500), 0.7)
    assert torch.allclose(PitchShift()(x, semitones=torch.tensor([-12.0, 5.0, 12.0])), x, atol=1e-4)


def test_channels_keep_their_phases_to_each_other():
    x = torch.cat([tone(440.0), -0.5 * tone(440.0)], dim=1)
    y = shifted(x, 3.7)
    assert torch.allclose(y[:, 1], -0.5 * y[:, 0], atol=1e-9)


def test_loudness_does_not_matter():
    x = torch.randn(1, 1, 900, generator=keyed_generator(0), dtype=torch.float64)
    assert torch.allclose(1e-4 * shifted(x, 3.0), shifted(1e-4 * x, 3.0), atol=1e-9)


def test_the_shift_is_smooth_and_its_gradient_true():
    x = torch.randn(1, 1, 64, generator=keyed_generator(0), dtype=torch.float64)
    for semitones in (-11.0, -1.0, 0.0, 2.5, 12.0):
        given_ = torch.tensor([semitones], dtype=torch.float64, requires_grad=True)
        assert gradcheck(lambda s: pitch_shift(x, s, 32), (given_,), atol=1e-5)


@pytest.mark.parametrize("n_fft", [0, 4, 100, True])
def test_a_grain_that_is_no_power_of_two_is_refused(n_fft):
    with pytest.raises(ArgumentError, match=r"audio\.pitch_shift: n_fft must be a power of 2 of at least 8, but got"):
        PitchShift(n_fft=n_fft)


def test_more_than_two_octaves_are_refused():
    assert PitchShift(semitones=24.0).ranges["semitones"].bounds == (-24.0, 24.0)
    message = r"audio\.pitch_shift: semitones must end at 24 at most, but its range goes up to 25"
    with pytest.raises(RangeError, match=message):
        PitchShift(semitones=25.0)
