"""What samples of signals are compared by where nothing has been learned: spectrum and waveform. Used by signals.py."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from augrad.precision import full_precision

LEAST_WINDOW, MOST_WINDOW = 16, 512
"""Of the short-time spectrum, in samples."""

MOST_FRAMES = 64
"""Of the short-time spectrum: those of longer signals are averaged."""

MOST_POINTS = 256
"""Of the smoothed waveform."""

FLOOR = 0.01
"""Below this part of the spread of a signal, levels of its spectrum count as silence: 40 dB."""

_SAME = 1e-3
# Spread of a signal, as a part of its peak, below which it counts as constant.

_ROWS = 256
# Samples whose spectra are held at once.


def window_length(n_samples: int) -> int:
    """Of the short-time spectrum of a signal: a power of two, about a sixteenth of its length.

    Example:
        >>> [window_length(n) for n in (16, 128, 1000, 8000, 160_000)]
        [16, 16, 64, 512, 512]
    """
    power: int = 2 ** round(math.log2(n_samples / 16))
    return min(MOST_WINDOW, max(LEAST_WINDOW, power))


def signal_features(x: Float[Tensor, "batch channels time"]) -> Float[Tensor, "batch features"]:
    """Logarithm of the short-time spectrum, and the smoothed waveform with its phase.

    Of some signals the spectrum says what they are (speech), of others the course (currents, outlines); so both are
    there. The logarithm keeps the level. The waveform is centred and divided by its spread, and weighted so that one in
    which slow changes are all there is counts as much as a spectrum whose levels vary by a factor of e; what smoothing
    takes from it counts in the spectrum alone. Nothing depends on other samples, or on a sample rate. What is no number
    counts as 0. Signals of fewer than 16 samples are their own features.

    Args:
        x: signals, in float32 or float64.

    Returns:
        `channels * (bins * frames + points + 1)` numbers per sample: the spectrum, the waveform, its mean.

    Example:
        >>> signal_features(torch.rand(3, 1, 128)).shape, signal_features(torch.rand(3, 2, 5)).shape
        (torch.Size([3, 282]), torch.Size([3, 10]))
    """
    x = x.detach()
    x = torch.where(x.isfinite(), x, 0)
    if x.shape[2] < LEAST_WINDOW:
        return x.flatten(1)
    if not len(x):  # MKL refuses to transform nothing
        return x.new_zeros(0, signal_features(x.new_zeros(1, *x.shape[1:])).shape[1])
    with full_precision(x.device):
        return torch.cat([_described(x[start : start + _ROWS]) for start in range(0, len(x), _ROWS)])


def _described(x: Float[Tensor, "batch channels time"]) -> Float[Tensor, "batch features"]:
    peak = x.abs().amax(dim=(1, 2), keepdim=True)
    # A silent signal has no level: it keeps its zeros, and a spectrum at the floor.
    peak = torch.where(peak > 0, peak, 1)
    x = x / peak
    mean = x.mean(dim=2, keepdim=True)
    centred = x - mean
    spread = centred.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp_min(_SAME)
    levels = (_spectrum(x, FLOOR * spread) + peak.log()).flatten(1)
    course = adaptive_avg_pool1d(centred, min(x.shape[2], MOST_POINTS)) / spread
    course = torch.cat([course, mean / spread.maximum(mean.abs())], dim=2).flatten(1)
    return torch.cat([levels, course * (levels.shape[1] / course.shape[1]) ** 0.5], dim=1)


def _spectrum(
    x: Float[Tensor, "batch channels time"], floor: Float[Tensor, "batch 1 1"]
) -> Float[Tensor, "batch channels levels"]:
    """Log magnitudes, in units in which white noise has that of its spread."""
    n_fft = window_length(x.shape[2])
    window = torch.hann_window(n_fft, dtype=x.dtype, device=x.device)
    spectrum = torch.stft(
        x.flatten(0, 1), n_fft, n_fft // 2, window=window, pad_mode="constant", return_complex=True
    ).abs()
    spectrum = spectrum / window.square().sum().sqrt()
    if spectrum.shape[2] > MOST_FRAMES:
        spectrum = adaptive_avg_pool1d(spectrum, MOST_FRAMES)
    return (spectrum.reshape(*x.shape[:2], -1) + floor).log()
