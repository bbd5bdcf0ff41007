"""Moved frequencies and scrambled phases: frequency shift, phase noise. Uses response.py, signals.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad_audio.filters import FrequencyRangeTransform
from augrad_audio.response import mirrored
from augrad_audio.signals import SignalTransform, working_dtype

Signals = Float[Tensor, "batch channels time"]
"""A batch of waveforms."""


def quadrature(x: Signals) -> Signals:
    """Computes the Hilbert transform of signals, mirrored at their ends: cosines become sines and the mean is lost.

    `x + i quadrature(x)` is the analytic signal.

    Example:
        >>> quadrature(torch.ones(1, 1, 4)).flatten().tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    both = mirrored(x)
    spectrum = torch.fft.rfft(both)
    # The mean and the Nyquist frequency have no sine.
    turned = torch.zeros_like(spectrum[..., :1])
    turned = torch.cat([turned, -1j * spectrum[..., 1:-1], turned], dim=-1)
    sine: Tensor = torch.fft.irfft(turned, n=both.shape[-1])
    return sine[..., : x.shape[-1]]


def frequency_shift(x: Signals, shift: Float[Tensor, " batch"]) -> Signals:
    """Moves every frequency by the same amount; the phase in the middle of the signal does not change.

    Args:
        x: signals.
        shift: in cycles per sample. Frequencies that are moved beyond 0 or 0.5 fold back.

    Example:
        >>> x = torch.rand(1, 1, 8)
        >>> torch.equal(frequency_shift(x, torch.zeros(1)), x)
        True
    """
    if x.shape[0] == 0:
        return x
    dtype, n_times = working_dtype(x), x.shape[-1]
    place = torch.arange(n_times, device=x.device, dtype=dtype) - (n_times - 1) / 2
    phase = (2 * math.pi * shift.to(dtype)[:, None] * place)[:, None]
    wide = x.to(dtype)
    return (wide * torch.cos(phase) - quadrature(wide) * torch.sin(phase)).to(x.dtype)


def rotate_phases(x: Signals, phase: Float[Tensor, "batch bins"]) -> Signals:
    """Adds a phase to every frequency of a signal; the amplitude spectrum does not change.

    Args:
        x: signals of `n` samples.
        phase: in radians, for each of the `n // 2 + 1` frequencies of the FFT. The mean has no phase, nor has the
            Nyquist frequency of an even number of samples; both are left alone.

    Example:
        >>> rotate_phases(torch.tensor([[[1.0, 0.0, -1.0, 0.0]]]), torch.full((1, 3), torch.pi / 2)).round().tolist()
        [[[0.0, -1.0, 0.0, 1.0]]]
    """
    if x.shape[0] == 0:
        return x
    n_times, dtype = x.shape[-1], working_dtype(x)
    spectrum = torch.fft.rfft(x.to(dtype))
    bins = torch.arange(spectrum.shape[-1], device=x.device)
    turn = phase.to(dtype) * ((bins > 0) & (2 * bins < n_times))
    change = torch.complex(torch.cos(turn) - 1, torch.sin(turn))
    changed: Tensor = torch.fft.irfft(spectrum * change[:, None], n=n_times)
    return x + changed.to(x.dtype)


class FrequencyShift(FrequencyRangeTransform):
    """Moves every frequency by `shift_hz`, upwards if positive, through the analytic signal.

    A frequency shift keeps the differences between frequencies; a change of pitch keeps their ratios. Harmonics
    therefore become inharmonic, as in a badly tuned radio. Frequencies moved below 0 Hz or beyond the Nyquist frequency
    fold back, and the mean becomes a tone of `shift_hz`. The default range goes up to a twentieth of the Nyquist
    frequency.

    Args:
        sample_rate: sample rate of the signals in Hz. Required.
        **ranges: a different range for `shift_hz`; a number is the largest shift in either direction.

    Raises:
        ArgumentError: `sample_rate` is missing, or is not a finite number above 0.
        RangeError: a shift is larger than the Nyquist frequency.

    Example:
        >>> x = torch.cos(2 * torch.pi * 1000 / 8000 * torch.arange(800)).reshape(1, 1, -1)
        >>> y = FrequencyShift(sample_rate=8000)(x, shift_hz=torch.tensor([200.0]))
        >>> torch.fft.rfft(y).abs().argmax().item() * 10  # Hz
        1200
    """

    assumes = "the label does not depend on the position of the spectrum, up to the learned shift"
    shift_hz = Range(400.0, unit="Hz", signed=True)

    def forward(self, x: Any, *, shift_hz: Float[Tensor, " batch"]) -> Any:
        return frequency_shift(x, shift_hz.to(working_dtype(x)) / self.sample_rate)


class PhaseNoise(SignalTransform):
    """Adds a random phase, up to `phase` radians in either direction, to every frequency (a Fourier surrogate).

    The amplitude spectrum of each channel does not change. All channels get the same phases, so relations between
    channels are kept. The phases are inner noise, uniform and independent. The signal is treated as periodic.

    Example:
        >>> x, noise = torch.rand(1, 1, 8), torch.rand(1, 5)
        >>> y = PhaseNoise()(x, phase=torch.tensor([3.0]), noise=noise)
        >>> bool(torch.allclose(torch.fft.rfft(x).abs(), torch.fft.rfft(y).abs(), atol=1e-5))
        True

    References:
        Theiler et al.: Testing for nonlinearity in time series: the method of surrogate data, Physica D 1992.
        Schwabedal et al.: Addressing class imbalance in classification problems of noisy signals by using Fourier
        transform surrogates, 2018.
    """

    assumes = "the label depends only on the spectrum, not on when events happen relative to each other"
    phase = Range(math.pi, unit="rad")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        size = (x.shape[0], x.shape[-1] // 2 + 1)
        return 2 * torch.rand(size, generator=generator, device=x.device, dtype=working_dtype(x)) - 1

    def forward(self, x: Any, *, phase: Float[Tensor, " batch"], noise: Float[Tensor, "batch bins"]) -> Any:
        return rotate_phases(x, phase.to(noise.dtype)[:, None] * noise)
