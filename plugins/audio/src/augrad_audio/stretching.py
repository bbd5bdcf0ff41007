"""Time stretch: tempo without pitch, by a phase vocoder whose speed is a tensor. Uses signals.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Complex, Float
from torch import Generator, Tensor
from torch.nn.functional import pad

from augrad import Range
from augrad_audio.signals import SignalTransform, check_window, working_dtype

_OVERLAP = 4
# Number of windows over each sample; with fewer, the phase may turn by more than half a period between two of them.
_AUDIBLE = 1e-4
# Fraction of a signal's loudest bin (-80 dB). Below it a phase is only noise, and its gradient, which grows as
# 1 / magnitude, is left out.

Frames = Float[Tensor, "batch channels frames bins"]


def stretched(
    x: Float[Tensor, "batch channels time"], speed: Float[Tensor, " batch"], n_fft: int = 512
) -> Float[Tensor, "batch channels time"]:
    """Plays signals at another speed about their middle and keeps their pitch; differentiable in both arguments.

    This is a phase vocoder. The spectrum of output frame `j` has the magnitude of the input at time `s(j)` and the
    phase `p(m) + (p(s(j)) - p(m)) / speed`, where `p` is the input's unwrapped phase and `m` its middle. This phase is
    the integral of the input's frequency over the stretched time, in closed form. It needs no sum over frames, is
    continuous in the speed, and gives the input back at speed 1. Between frames, magnitudes and phases are interpolated
    linearly. In training it keeps about 43 times the memory of the signals.

    Args:
        x: signals.
        speed: above 0. Speed 2 is twice as fast and leaves silence at both ends; 0.5 shows the middle half.
        n_fft: length of a window in samples, a power of 2 of at least 4.

    Example:
        >>> x = torch.randn(1, 1, 100)
        >>> bool(torch.allclose(stretched(x, torch.ones(1), 32), x, atol=1e-5))
        True

    References:
        Flanagan, Golden: Phase vocoder, Bell System Technical Journal 1966.
        Laroche, Dolson: Improved phase vocoder time-scale modification of audio, IEEE TSAP 1999.
    """
    if x.shape[0] == 0:
        return x
    n_samples, hop = x.shape[-1], n_fft // _OVERLAP
    spectrum = _analysed(x.to(working_dtype(x)), n_fft)
    magnitude, phase = spectrum.abs(), _unwrapped(spectrum)
    speed = speed.to(magnitude.dtype)
    middle = torch.full_like(speed, (n_samples - 1) / (2 * hop))[:, None]
    frame = torch.arange(magnitude.shape[2], device=x.device, dtype=magnitude.dtype)
    source = middle + speed[:, None] * (frame - middle)
    outside = torch.relu(-source) + torch.relu(source - frame[-1:])
    loud = _between(magnitude, source) * (1 - outside).clamp_min(0)[:, None, :, None]
    fixed = _between(phase, middle)
    turned = fixed + (_between(phase, source) - fixed) / speed[:, None, None, None]
    return _synthesised(torch.complex(loud * torch.cos(turned), loud * torch.sin(turned)), n_samples).to(x.dtype)


def _window(n_fft: int, like: Tensor) -> Float[Tensor, " window"]:
    return torch.hann_window(n_fft, device=like.device, dtype=like.dtype)


def _carrier(n_frames: int, n_bins: int, like: Tensor) -> Complex[Tensor, "frames bins"]:
    """Computes each bin's own phase at each frame: whole quarters of a turn, so it is exact for long signals."""
    frame = torch.arange(n_frames, device=like.device)[:, None]
    quarter = torch.remainder(frame * torch.arange(n_bins, device=like.device), _OVERLAP)
    angle = quarter.to(like.dtype) * (2 * math.pi / _OVERLAP)
    return torch.complex(torch.cos(angle), torch.sin(angle))


def _analysed(x: Float[Tensor, "batch channels time"], n_fft: int) -> Complex[Tensor, "batch channels frames bins"]:
    """Computes the spectra of windows at each multiple of the hop, relative to each bin's own frequency."""
    n_samples, hop = x.shape[-1], n_fft // _OVERLAP
    n_frames = -(-(n_samples - 1) // hop) + 1
    padded = pad(x, (n_fft // 2, (n_frames - 1) * hop + n_fft // 2 - n_samples))
    spectrum = torch.fft.rfft(padded.unfold(-1, n_fft, hop) * _window(n_fft, x))
    relative: Tensor = spectrum * _carrier(n_frames, spectrum.shape[-1], x).conj()
    return relative


def _synthesised(
    spectrum: Complex[Tensor, "batch channels frames bins"], n_samples: int
) -> Float[Tensor, "batch channels time"]:
    """Makes the signal whose spectra, as from `_analysed`, come closest to the given spectra."""
    n_frames, n_bins = spectrum.shape[2:]
    n_fft = 2 * (n_bins - 1)
    frames = torch.fft.irfft(spectrum * _carrier(n_frames, n_bins, spectrum.real), n=n_fft)
    window = _window(n_fft, frames)
    total = _added(frames * window)
    norm = _added((window * window).expand(1, 1, n_frames, -1))
    inner = slice(n_fft // 2, n_fft // 2 + n_samples)
    return total[..., inner] / norm[..., inner]


def _added(frames: Float[Tensor, "batch channels frames window"]) -> Float[Tensor, "batch channels time"]:
    """Adds up overlapping windows."""
    hop = frames.shape[-1] // _OVERLAP
    parts = frames.reshape(*frames.shape[:-1], _OVERLAP, hop).unbind(-2)
    padded = [pad(part.flatten(-2), (k * hop, (_OVERLAP - 1 - k) * hop)) for k, part in enumerate(parts)]
    return torch.stack(padded).sum(dim=0)


def _unwrapped(spectrum: Complex[Tensor, "batch channels frames bins"]) -> Frames:
    """Unwraps phases so that they turn by at most half a period from a frame to the next."""
    magnitude = spectrum.detach().abs()
    loudest = magnitude.amax(dim=(1, 2, 3), keepdim=True)
    # Far above the point where squares underflow, because the gradient of an angle divides by a square.
    audible = magnitude > (_AUDIBLE * loudest).clamp_min(torch.finfo(magnitude.dtype).tiny ** 0.4)
    # The gradient of the angle of 0 is NaN, and an outer torch.where would let it through.
    phase = torch.where(audible, torch.where(audible, spectrum, 1.0).angle(), spectrum.detach().angle())
    turns = torch.round(-torch.diff(phase.detach(), dim=2) / (2 * math.pi)).cumsum(dim=2)
    return phase + 2 * math.pi * pad(turns, (0, 0, 1, 0))


def _between(frames: Frames, at: Float[Tensor, "batch places"]) -> Float[Tensor, "batch channels places bins"]:
    """Interpolates linearly between frames; before the first and after the last frame their values continue."""
    below = torch.floor(at.detach())
    last = frames.shape[2] - 1
    before, after = (
        frames.gather(
            2,
            index.nan_to_num()
            .clamp(0, last)
            .to(torch.int64)[:, None, :, None]
            .expand(-1, frames.shape[1], -1, frames.shape[3]),
        )
        for index in (below, below + 1)
    )
    return torch.lerp(before, after, (at - below)[:, None, :, None].expand_as(before))


class TimeStretch(SignalTransform):
    """Plays signals `2 ** rate` times as fast about their middle; keeps their pitch and their length.

    Positive rates are faster and leave silence at both ends. See `stretched`. Clicks are smeared over a window, as in
    every phase vocoder. Use `Speed` if the pitch may change with the tempo: it costs less and smears nothing.

    Args:
        n_fft: length of a window in samples, a power of 2 of at least 4. About 50 ms is usual for speech and music. A
            signal shorter than two windows gets shorter windows.
        **ranges: a different `Range` or limit for `rate`, in octaves.

    Raises:
        ArgumentError: `n_fft` is not a power of 2 of at least 4.

    Example:
        >>> x = torch.sin(torch.arange(400.0) / 3)[None, None]
        >>> TimeStretch(n_fft=64)(x, rate=torch.tensor([0.5])).shape
        torch.Size([1, 1, 400])
    """

    assumes = "the label does not depend on tempo, at constant pitch, within the learned range"
    moves_coordinates = True
    rate = Range(0.5, unit="octave", signed=True)

    def __init__(self, *, n_fft: int = 512, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        check_window(self.name, n_fft, least=4)
        self.n_fft = n_fft

    def forward(self, x: Any, *, rate: Float[Tensor, " batch"]) -> Any:
        longest = 1 << (x.shape[-1] // 2).bit_length() - 1 if x.shape[-1] > 8 else 4
        return stretched(x, torch.exp2(rate), min(self.n_fft, longest))

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Makes noise with every frequency, for the conformance kit; the phase of a missing frequency has a kink."""
        noise = torch.randn(n_samples, 2, 64, generator=generator, dtype=torch.float64)
        return 0.2 * noise
