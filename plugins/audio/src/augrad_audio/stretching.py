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
# Windows over each sample: with fewer, the phase between two of them may turn by more than half a period.
_AUDIBLE = 1e-4
# Of the loudest bin of a signal (-80 dB): below it a phase is noise, and its gradient, which grows as 1 / magnitude,
# is left out.

Frames = Float[Tensor, "batch channels frames bins"]


def stretched(
    x: Float[Tensor, "batch channels time"], speed: Float[Tensor, " batch"], n_fft: int = 512
) -> Float[Tensor, "batch channels time"]:
    """Signals played at another speed with their pitch kept, about their middle; differentiable in both.

    A phase vocoder: at output frame `j` the spectrum has the magnitude that the input has at the time `s(j)`, and the
    phase `p(m) + (p(s(j)) - p(m)) / speed`, where `p` is the input's unwrapped phase and `m` its middle. That is the
    integral of its frequency over the stretched time, in closed form: it needs no sum over frames, is continuous in
    the speed, and is the input at speed 1. Between frames magnitudes and phases are linear. In training it keeps about
    43 times the memory of the signals.

    Args:
        x: signals.
        speed: above 0; 2 is twice as fast and leaves silence at both ends, 0.5 shows the middle half.
        n_fft: samples of one window, a power of 2 of at least 4.

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
    """What each bin's own frequency turns by up to each frame: whole quarters of a turn, so exact for long signals."""
    frame = torch.arange(n_frames, device=like.device)[:, None]
    quarter = torch.remainder(frame * torch.arange(n_bins, device=like.device), _OVERLAP)
    angle = quarter.to(like.dtype) * (2 * math.pi / _OVERLAP)
    return torch.complex(torch.cos(angle), torch.sin(angle))


def _analysed(x: Float[Tensor, "batch channels time"], n_fft: int) -> Complex[Tensor, "batch channels frames bins"]:
    """Spectra of windows centred on each multiple of the hop, relative to each bin's own frequency."""
    n_samples, hop = x.shape[-1], n_fft // _OVERLAP
    n_frames = -(-(n_samples - 1) // hop) + 1
    padded = pad(x, (n_fft // 2, (n_frames - 1) * hop + n_fft // 2 - n_samples))
    spectrum = torch.fft.rfft(padded.unfold(-1, n_fft, hop) * _window(n_fft, x))
    relative: Tensor = spectrum * _carrier(n_frames, spectrum.shape[-1], x).conj()
    return relative


def _synthesised(
    spectrum: Complex[Tensor, "batch channels frames bins"], n_samples: int
) -> Float[Tensor, "batch channels time"]:
    """The signal with the spectra that `_analysed` would find, as far as there is one."""
    n_frames, n_bins = spectrum.shape[2:]
    n_fft = 2 * (n_bins - 1)
    frames = torch.fft.irfft(spectrum * _carrier(n_frames, n_bins, spectrum.real), n=n_fft)
    window = _window(n_fft, frames)
    total = _added(frames * window)
    norm = _added((window * window).expand(1, 1, n_frames, -1))
    inner = slice(n_fft // 2, n_fft // 2 + n_samples)
    return total[..., inner] / norm[..., inner]


def _added(frames: Float[Tensor, "batch channels frames window"]) -> Float[Tensor, "batch channels time"]:
    """Overlapping windows added up."""
    hop = frames.shape[-1] // _OVERLAP
    parts = frames.reshape(*frames.shape[:-1], _OVERLAP, hop).unbind(-2)
    padded = [pad(part.flatten(-2), (k * hop, (_OVERLAP - 1 - k) * hop)) for k, part in enumerate(parts)]
    return torch.stack(padded).sum(dim=0)


def _unwrapped(spectrum: Complex[Tensor, "batch channels frames bins"]) -> Frames:
    """Phases that turn by at most half a period from one frame to the next."""
    magnitude = spectrum.detach().abs()
    loudest = magnitude.amax(dim=(1, 2, 3), keepdim=True)
    # Far above where a square is no number any more: the gradient of an angle divides by it.
    audible = magnitude > (_AUDIBLE * loudest).clamp_min(torch.finfo(magnitude.dtype).tiny ** 0.4)
    # The angle of 0 has no gradient but NaN, which a where around the angle would let through.
    phase = torch.where(audible, torch.where(audible, spectrum, 1.0).angle(), spectrum.detach().angle())
    turns = torch.round(-torch.diff(phase.detach(), dim=2) / (2 * math.pi)).cumsum(dim=2)
    return phase + 2 * math.pi * pad(turns, (0, 0, 1, 0))


def _between(frames: Frames, at: Float[Tensor, "batch places"]) -> Float[Tensor, "batch channels places bins"]:
    """Values between frames, linear; beyond the first and the last one their own."""
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
    """Plays signals `2 ** rate` times as fast with their pitch kept, about their middle; the length is kept.

    Positive rates are faster, and leave silence at both ends. See `stretched`. Clicks are smeared over a window, as by
    every phase vocoder.

    Args:
        n_fft: samples of one window, a power of 2 of at least 4; about 50 ms of speech or music is usual. A signal
            shorter than two windows gets a shorter one.
        **ranges: another range for `rate`.

    Raises:
        ArgumentError: `n_fft` is no power of 2 of at least 4.

    Example:
        >>> x = torch.sin(torch.arange(400.0) / 3)[None, None]
        >>> TimeStretch(n_fft=64)(x, rate=torch.tensor([0.5])).shape
        torch.Size([1, 1, 400])
    """

    assumes = "tempo, with pitch kept, within the learned range carries no information about the target"
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
        """Noise with some of each frequency, for the conformance kit: where there is none, the phase has a kink."""
        noise = torch.randn(n_samples, 2, 64, generator=generator, dtype=torch.float64)
        return 0.2 * noise
