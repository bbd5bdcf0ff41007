"""Time stretch: pitch stays, the envelope stretches; identity, gradients, short windows."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError
from augrad_audio.stretching import TimeStretch, stretched

RATE = 8000
SECONDS = torch.arange(4000) / RATE


def _burst(frequency, width=0.05):
    envelope = torch.exp(-(((SECONDS - SECONDS.mean()) / width) ** 2))
    return (envelope * torch.sin(2 * math.pi * frequency * SECONDS))[None, None]


def _peak(x):
    """Frequency of the largest bin, in Hz."""
    return torch.fft.rfft(x[0, 0]).abs().argmax().item() * RATE / x.shape[-1]


def _duration(x):
    """Standard deviation of the energy in time, in seconds, and its mean."""
    energy = x[0, 0] ** 2 / (x[0, 0] ** 2).sum()
    middle = (energy * SECONDS).sum()
    return (energy * (SECONDS - middle) ** 2).sum().sqrt().item(), middle.item()


@pytest.mark.parametrize("rate", [-0.5, -0.2, 0.3, 0.5])
@pytest.mark.parametrize("frequency", [440.0, 1003.0])
def test_pitch_stays_and_the_envelope_stretches(rate, frequency):
    x = _burst(frequency)
    y = TimeStretch()(x, rate=torch.tensor([rate]))
    assert abs(_peak(y) - frequency) <= RATE / len(SECONDS)
    (before, middle), (after, moved) = _duration(x), _duration(y)
    # A window of 64 ms blurs the envelope a little.
    assert after / before == pytest.approx(2**-rate, rel=0.06)
    assert moved == pytest.approx(middle, abs=1e-3)
    assert y.abs().max().item() == pytest.approx(1, abs=0.05)


def test_two_tones_keep_both_pitches():
    x = _burst(500.0) + 0.7 * _burst(1250.0)
    spectrum = torch.fft.rfft(TimeStretch()(x, rate=torch.tensor([-0.4]))[0, 0]).abs()
    assert spectrum[:400].argmax().item() * 2 == pytest.approx(500, abs=4)
    assert (400 + spectrum[400:].argmax().item()) * 2 == pytest.approx(1250, abs=4)


def test_faster_leaves_silence_at_both_ends():
    x = torch.sin(2 * math.pi * 440 * SECONDS)[None, None]
    y = TimeStretch()(x, rate=torch.tensor([0.5]))[0, 0]
    spare = int(4000 * (1 - 2**-0.5) / 2)
    assert y[: spare - 512].abs().max() < 1e-3
    assert y[-(spare - 512) :].abs().max() < 1e-3
    assert y[spare + 300 : -spare - 300].square().mean().sqrt().item() == pytest.approx(math.sqrt(0.5), rel=0.05)


@given(n_samples=st.integers(1, 200), n_fft=st.sampled_from([4, 16, 64]), seed=st.integers(0, 9))
def test_speed_one_is_the_identity(n_samples, n_fft, seed):
    x = torch.randn(2, 2, n_samples, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(stretched(x, torch.ones(2), n_fft), x, atol=1e-5)


def test_long_signals_keep_their_phase():
    x = torch.sin(torch.arange(200_000.0) * 0.7)[None, None]
    assert torch.allclose(stretched(x, torch.ones(1)), x, atol=1e-4)


def test_continuous_in_the_speed():
    x = torch.randn(1, 1, 300, dtype=torch.float64)
    rates = torch.tensor([0.2, 0.2 + 1e-7], dtype=torch.float64)
    y = TimeStretch(n_fft=64)(x.expand(2, 1, 300), rate=rates)
    assert (y[1] - y[0]).abs().max() < 1e-4


def test_gradcheck_in_speed_and_signal():
    x = torch.randn(2, 1, 40, dtype=torch.float64, requires_grad=True)
    speed = torch.tensor([1.21, 0.77], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, speed: stretched(x, speed, 16), (x, speed))


def test_gradient_descent_finds_a_tempo():
    x = _burst(440.0)
    target = TimeStretch()(x, rate=torch.tensor([0.3])).abs()
    rate = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([rate], lr=0.05)
    for _ in range(40):
        optimizer.zero_grad()
        envelope = torch.nn.functional.avg_pool1d(TimeStretch()(x, rate=rate).abs() - target, 101, 50)
        envelope.square().sum().backward()
        optimizer.step()
    assert rate.item() == pytest.approx(0.3, abs=0.05)


def test_silence_between_sounds_has_a_finite_gradient():
    x = torch.zeros(1, 1, 600)
    x[..., 250:300] = torch.randn(50)
    x.requires_grad_()
    rate = torch.tensor([0.3], requires_grad=True)
    y = TimeStretch(n_fft=64)(x, rate=rate)
    y.square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(rate.grad).all()
    assert rate.grad.abs() > 0


def test_windows_shrink_with_the_signal():
    x = torch.randn(1, 1, 40)
    rate = torch.tensor([0.3])
    assert torch.equal(TimeStretch(n_fft=512)(x, rate=rate), TimeStretch(n_fft=16)(x, rate=rate))
    assert torch.equal(TimeStretch(n_fft=8)(x, rate=rate), stretched(x, torch.exp2(rate), 8))


def test_half_precision_is_computed_in_single():
    x, rate = torch.randn(1, 1, 100).bfloat16(), torch.tensor([0.3])
    assert torch.equal(TimeStretch()(x, rate=rate), TimeStretch()(x.float(), rate=rate).bfloat16())


@pytest.mark.parametrize("n_fft", [0, 2, 100, -8, True])
def test_windows_that_are_no_power_of_two(n_fft):
    with pytest.raises(ArgumentError, match=r"audio\.time_stretch: n_fft must be a power of 2 of at least 4, but got"):
        TimeStretch(n_fft=n_fft)
