"""Our transforms against torchaudio's functions: the same unit and sign. Its Python part only, see backend.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from augrad.testing import check_reference
from augrad_audio.backend import torchaudio
from augrad_audio.filters import HighPass, LowPass
from augrad_audio.level import Gain
from augrad_audio.noise import WhiteNoise
from augrad_audio.pitch import PitchShift
from augrad_audio.room import reverberate
from augrad_audio.time import Speed

RATE = 8000
Q = (0.541196, 1.306563)
"""Of the two biquads that make a Butterworth filter of order 4."""


@pytest.fixture(scope="module")
def sound():
    return torchaudio().functional


def at(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def test_gain(sound):
    check_reference(Gain(), lambda sample, gain_db: sound.gain(torch.from_numpy(sample), gain_db).numpy())


@pytest.mark.parametrize("cutoff_hz", [300.0, 1000.0, 3000.0])
@pytest.mark.parametrize(("kind", "name"), [(LowPass, "lowpass_biquad"), (HighPass, "highpass_biquad")])
def test_filters_have_the_gain_of_two_biquads(sound, kind, name, cutoff_hz):
    impulse = torch.zeros(1, 1, 4001, dtype=torch.float64)
    impulse[..., 2000] = 0.5  # biquads clip to [-1, 1]
    ours = kind(sample_rate=RATE)(impulse, cutoff_hz=at(cutoff_hz))
    theirs = impulse
    for q in Q:
        theirs = getattr(sound, name)(theirs, RATE, cutoff_hz, q)
    assert ours.argmax() == 2000  # and in its place, where theirs is late
    assert theirs.abs().argmax() > 2000 or kind is HighPass
    np.testing.assert_allclose(torch.fft.rfft(ours).abs().numpy(), torch.fft.rfft(theirs).abs().numpy(), atol=2e-3)


def test_noise_has_the_ratio_of_add_noise(sound):
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 3, 1, 4000, generator=generator, dtype=torch.float64)
    x = x - x.mean(dim=-1, keepdim=True)  # our ratio is about the mean
    snr_db = at(5.0, 10.0, 15.0)
    ours = WhiteNoise()(x, snr_db=snr_db, noise=noise) - x
    theirs = sound.add_noise(x, noise, snr_db[:, None]) - x
    drawn_in = -torch.expm1(math.log(10) / 5 * (snr_db - 30))[:, None, None]
    torch.testing.assert_close(ours, drawn_in * theirs, rtol=1e-6, atol=1e-9)


def test_a_room_is_a_convolution(sound):
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 2, 2, 50, generator=generator, dtype=torch.float64)
    decay, wet = at(20.0, 40.0), at(0.5, 1.0)
    place = torch.arange(50.0, dtype=torch.float64)
    tail = noise * 10 ** (-3 * place / (decay[:, None, None] + 1e-3))
    tail = tail / tail.square().sum(dim=-1, keepdim=True).sqrt()
    wide = wet[:, None, None]
    expected = (x + wide * sound.fftconvolve(x, tail)[..., :50]) / (1 + wide.square()).sqrt()
    torch.testing.assert_close(reverberate(x, noise, decay, wet), expected, rtol=1e-6, atol=1e-9)


def loudest_hz(x):
    window = torch.hann_window(x.shape[-1], dtype=x.dtype)
    return float(torch.fft.rfft(x * window, n=16 * RATE).abs().argmax()) / 16


@pytest.mark.parametrize("semitones", [-7, -2, 3, 12])
def test_pitch_moves_as_far_and_the_same_way(sound, semitones):
    x = torch.sin(2 * math.pi * 440 / RATE * torch.arange(float(RATE), dtype=torch.float64))[None, None]
    ours = PitchShift()(x, semitones=at(float(semitones)))[..., 1000:-1000]
    theirs = sound.pitch_shift(x.float(), RATE, semitones).double()[..., 1000:-1000]
    assert loudest_hz(ours) == pytest.approx(440 * 2 ** (semitones / 12), rel=2e-3)
    assert loudest_hz(ours) == pytest.approx(loudest_hz(theirs), rel=5e-3)


def test_speed_moves_the_pitch_as_speed_does(sound):
    x = torch.sin(2 * math.pi * 440 / RATE * torch.arange(float(RATE), dtype=torch.float64))[None, None]
    ours = Speed()(x, rate=at(math.log2(1.25)))
    theirs, _ = sound.speed(x, RATE, 1.25)
    assert loudest_hz(ours[..., 1000:-1000]) == pytest.approx(550.0, rel=1e-3)
    assert loudest_hz(theirs[..., 1000:-1000]) == pytest.approx(550.0, rel=1e-3)
