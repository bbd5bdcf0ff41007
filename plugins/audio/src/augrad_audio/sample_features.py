"""Features for comparing signals before any model is trained: spectrum and waveform. Used by signals.py."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from augrad.precision import full_precision

LEAST_WINDOW, MOST_WINDOW = 16, 512
"""Shortest and longest window of the short-time spectrum, in samples."""

MOST_FRAMES = 64
"""Largest number of frames of the short-time spectrum; longer signals are averaged down to it."""

MOST_POINTS = 256
"""Largest number of points of the smoothed waveform."""

FLOOR = 0.01
"""Fraction of a signal's spread below which its spectrum counts as silent: 40 dB down."""

_SAME = 1e-3
# Spread of a signal, as a fraction of its peak, below which the signal counts as constant.

_ROWS = 256
# Number of samples whose spectra are in memory at the same time.


def window_length(n_samples: int) -> int:
    """Chooses the window of the short-time spectrum: a power of two, about a sixteenth of the signal's length.

    Example:
        >>> [window_length(n) for n in (16, 128, 1000, 8000, 160_000)]
        [16, 16, 64, 512, 512]
    """
    power: int = 2 ** round(math.log2(n_samples / 16))
    return min(MOST_WINDOW, max(LEAST_WINDOW, power))


def signal_features(x: Float[Tensor, "batch channels time"]) -> Float[Tensor, "batch features"]:
    """Describes a signal by the logarithm of its short-time spectrum and by its smoothed waveform.

    Both are included because some signals are told apart by their spectrum (speech), others by their course (currents,
    outlines). The logarithm keeps the level. The waveform is centred and divided by its spread. Its weight is chosen so
    that a purely slow waveform counts as much as a spectrum whose levels vary by a factor of e. Fast parts, which
    smoothing removes, count in the spectrum only.

    The features of a signal depend neither on other samples nor on a sample rate. NaN and infinity count as 0. A signal
    of fewer than 16 samples is its own features.

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
    if not len(x):  # MKL refuses to transform an empty batch
        return x.new_zeros(0, signal_features(x.new_zeros(1, *x.shape[1:])).shape[1])
    with full_precision(x.device):
        return torch.cat([_described(x[start : start + _ROWS]) for start in range(0, len(x), _ROWS)])


def _described(x: Float[Tensor, "batch channels time"]) -> Float[Tensor, "batch features"]:
    peak = x.abs().amax(dim=(1, 2), keepdim=True)
    # A silent signal has no level: it keeps its zeros, and its spectrum lies at the floor.
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
    """Computes log magnitudes, scaled so that white noise has the magnitude of its spread."""
    n_fft = window_length(x.shape[2])
    window = torch.hann_window(n_fft, dtype=x.dtype, device=x.device)
    spectrum = torch.stft(
        x.flatten(0, 1), n_fft, n_fft // 2, window=window, pad_mode="constant", return_complex=True
    ).abs()
    spectrum = spectrum / window.square().sum().sqrt()
    if spectrum.shape[2] > MOST_FRAMES:
        spectrum = adaptive_avg_pool1d(spectrum, MOST_FRAMES)
    return (spectrum.reshape(*x.shape[:2], -1) + floor).log()
