"""Filters: cut-offs in Hz and tilts in dB per octave, measured; neutral ends; ranges that follow the sample rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import signal

from augrad import AugmentationLayer, Range, keyed_generator
from augrad.errors import ArgumentError, RangeError
from augrad.testing import check_reference
from augrad_audio.filters import BandStop, EqualizerTilt, HighPass, LowPass

RATE = 8000


def tone(frequency, n_times=4000):
    """A tone with amplitude 1."""
    return torch.cos(2 * math.pi * frequency / RATE * torch.arange(n_times, dtype=torch.float64))[None, None]


def decibels(y, x):
    """Change of level, in dB, away from the ends."""
    inner = slice(500, -500)
    return 20 * math.log10(float(y[..., inner].square().mean().sqrt() / x[..., inner].square().mean().sqrt()))


def value(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("cutoff", [500.0, 1000.0, 2500.0])
@pytest.mark.parametrize("kind", [LowPass, HighPass])
def test_the_gain_is_minus_3_db_at_the_cutoff(kind, cutoff):
    x = tone(cutoff)
    y = kind(sample_rate=RATE)(x, cutoff_hz=value(cutoff))
    assert decibels(y, x) == pytest.approx(-3.01, abs=0.02)


def test_one_side_passes_and_the_other_does_not():
    below, above = tone(500.0), tone(2000.0)
    low, high = LowPass(sample_rate=RATE), HighPass(sample_rate=RATE)
    assert decibels(low(below, cutoff_hz=value(1000.0)), below) == pytest.approx(0.0, abs=0.1)
    assert decibels(low(above, cutoff_hz=value(1000.0)), above) < -24
    assert decibels(high(above, cutoff_hz=value(1000.0)), above) == pytest.approx(0.0, abs=0.1)
    assert decibels(high(below, cutoff_hz=value(1000.0)), below) < -24


def _by_scipy(kind):
    def reference(sample, cutoff_hz):
        n_times = sample.shape[-1]
        if cutoff_hz in (0.0, 500.0):
            return sample
        numerator, denominator = signal.butter(4, cutoff_hz, kind, fs=1000.0)
        both = np.concatenate([sample, sample[..., ::-1]], axis=-1)
        _, response = signal.freqz(numerator, denominator, 2 * np.pi * np.fft.rfftfreq(2 * n_times))
        return np.fft.irfft(np.fft.rfft(both) * np.abs(response), n=2 * n_times)[..., :n_times]

    return reference


def test_filters_equal_scipys_without_its_phase():
    check_reference(LowPass(sample_rate=1000), _by_scipy("low"), tolerance=1e-5)
    check_reference(HighPass(sample_rate=1000), _by_scipy("high"), tolerance=1e-5)


def test_nothing_moves_in_time():
    x = torch.zeros(1, 1, 401, dtype=torch.float64)
    x[..., 200] = 1
    for transform, given in [
        (LowPass(sample_rate=RATE), {"cutoff_hz": value(800.0)}),
        (HighPass(sample_rate=RATE), {"cutoff_hz": value(800.0)}),
        (EqualizerTilt(), {"tilt": value(5.0)}),
        (BandStop(sample_rate=RATE), {"width_hz": value(800.0), "noise": value(0.3)}),
    ]:
        y = transform(x, **given)
        assert torch.allclose(y, y.flip(-1), atol=1e-6), transform.name
        assert y.abs().argmax() == 200


def test_a_low_pass_keeps_the_mean_and_a_high_pass_takes_it():
    x = torch.full((2, 1, 50), 3.0)
    cutoff = torch.tensor([300.0, 2000.0])
    assert torch.allclose(LowPass(sample_rate=RATE)(x, cutoff_hz=cutoff), x, atol=1e-5)
    assert torch.allclose(HighPass(sample_rate=RATE)(x, cutoff_hz=cutoff), torch.zeros(()), atol=1e-3)


@pytest.mark.parametrize("place", [0.0, 0.25, 1.0])
def test_a_band_is_stopped_where_the_noise_says(place):
    width = 600.0
    centre = width / 2 + place * (RATE / 2 - width)
    stop = BandStop(sample_rate=RATE)

    def gain(frequency):
        x = tone(frequency)
        return decibels(stop(x, width_hz=value(width), noise=value(place)), x)

    assert gain(min(max(centre, 100.0), 3900.0)) < -12
    for edge in (centre - width / 2, centre + width / 2):
        if 0 < edge < RATE / 2:
            assert gain(edge) == pytest.approx(-3.01, abs=0.05)
    assert gain(centre + 1200 if centre < 2000 else centre - 1200) == pytest.approx(0.0, abs=0.05)


def test_bands_lie_everywhere():
    noise = BandStop(sample_rate=RATE).draw_noise(torch.zeros(500, 1, 4), keyed_generator(0))
    assert noise.shape == (500,)
    assert 0 <= noise.min() < 0.02
    assert 0.98 < noise.max() <= 1


@pytest.mark.parametrize("slope", [-6.0, -2.0, 3.0, 6.0])
def test_a_tilt_is_in_db_per_octave_on_a_white_spectrum(slope):
    x = torch.randn(1, 1, 2**15, generator=keyed_generator(1), dtype=torch.float64)
    y = EqualizerTilt()(x, tilt=value(slope))
    frequency, before = signal.welch(x[0, 0].numpy(), nperseg=1024)
    _, after = signal.welch(y[0, 0].numpy(), nperseg=1024)
    inside = slice(16, -16)
    gain = 10 * np.log10(after / before)[inside]
    fitted, _ = np.polyfit(np.log2(frequency[inside] * 16), gain, 1)
    assert fitted == pytest.approx(slope, abs=0.1)
    # A reference at an eighth of the Nyquist frequency, 1/16 cycle per sample.
    assert np.interp(1 / 16, frequency[inside], gain) == pytest.approx(0.0, abs=0.2)


def test_the_reference_of_a_tilt_can_be_chosen():
    x = tone(2000.0)
    for reference, expected in [(0.5, 0.0), (0.25, 4.0)]:
        y = EqualizerTilt(reference=reference)(x, tilt=value(4.0))
        assert decibels(y, x) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("rate", [100.0, 8000, 44100])
def test_ranges_follow_the_sample_rate(rate):
    assert LowPass(sample_rate=rate).ranges["cutoff_hz"].bounds == pytest.approx((rate / 40, rate / 2))
    assert LowPass(sample_rate=rate).ranges["cutoff_hz"].identity == rate / 2
    assert HighPass(sample_rate=rate).ranges["cutoff_hz"].bounds == pytest.approx((0, rate / 4))
    assert BandStop(sample_rate=rate).ranges["width_hz"].bounds == pytest.approx((0, rate / 4))


def test_a_number_is_the_far_end():
    assert LowPass(sample_rate=44100, cutoff_hz=9000.0).ranges["cutoff_hz"].bounds == (9000.0, 22050.0)
    assert HighPass(sample_rate=100, cutoff_hz=30.0).ranges["cutoff_hz"].bounds == (0.0, 30.0)


@pytest.mark.parametrize(
    ("kind", "ranges"),
    [
        (LowPass, {"cutoff_hz": Range(5000.0, low=100.0, unit="Hz", identity=5000.0)}),
        (LowPass, {"cutoff_hz": -100.0}),
        (HighPass, {"cutoff_hz": 4001.0}),
        (BandStop, {"width_hz": 8000.0}),
    ],
)
def test_a_range_beyond_the_nyquist_frequency_is_refused(kind, ranges):
    (name,) = ranges
    message = rf"{kind.name}: {name} must lie between 0 Hz and the Nyquist frequency, which is 4000 Hz at "
    with pytest.raises(RangeError, match=message) as caught:
        kind(sample_rate=RATE, **ranges)
    assert caught.value.nyquist_hz == 4000


@pytest.mark.parametrize("kind", [LowPass, HighPass, BandStop])
def test_a_missing_sample_rate_is_named(kind):
    with pytest.raises(ArgumentError, match=rf"{kind.name} needs sample_rate, in Hz, which was not given"):
        kind()


@pytest.mark.parametrize("reference", [0.0, 1.0, -0.1, math.nan])
def test_a_reference_beyond_the_spectrum_is_refused(reference):
    with pytest.raises(ArgumentError, match=r"audio\.equalizer_tilt: reference must be a fraction of the Nyquist"):
        EqualizerTilt(reference=reference)


def test_a_layer_shares_one_sample_rate():
    layer = AugmentationLayer(["audio.low_pass", "audio.high_pass"], arguments={"sample_rate": RATE}, magnitude=0.5)
    x = torch.randn(3, 1, 64)
    y = layer(x, generator=keyed_generator(2))
    assert y.shape == x.shape
    (gradient,) = torch.autograd.grad(y.square().sum(), layer.strength.raw_magnitudes)
    assert gradient.abs().sum() > 0
