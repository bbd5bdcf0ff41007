"""Pitch shift that keeps the length: grains are read faster or slower, with matching phases. Uses signals.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn.functional import fold, pad

from augrad import Range
from augrad.errors import RangeError
from augrad.precision import full_precision
from augrad_audio.signals import SignalTransform, check_window, working_dtype

Signals = Float[Tensor, "batch channels time"]
"""A batch of waveforms."""

OVERLAP = 8
"""Number of grains over each sample. At an octave up, where a grain is half as long, 4 are left."""

HIGHEST = 24.0
"""Largest shift in semitones: two octaves up, where grains are so short that they just meet."""

_SILENT = 1e-24
# Mean square below which a spectrum counts as silent, because a square root has an infinite slope at 0.

_FAINT = 1e-6
# Fraction of a spectrum's mean power. A fainter bin (-60 dB) turns at its own centre frequency, because its phase is
# only noise and because the angle of 0 has no gradient.

_ROLLOFF = 0.125
# Width of the fade-out beyond the Nyquist frequency, as a fraction of the band.


def pitch_shift(x: Signals, semitones: Float[Tensor, " batch"], n_fft: int = 512) -> Signals:
    r"""Multiplies every frequency by `2 ** (semitones / 12)` and keeps the timing; differentiable in both arguments.

    This is a phase vocoder in a single step. Signals are cut into overlapping grains around times `c_m`. Each grain is
    read at `c_m + ratio (t - c_m)`, exactly, through its Fourier series. Grains read like this would cancel each other,
    so each frequency `w` of grain `m` is turned by `(ratio - 1)` times the phase that `w` has gained since the middle
    of the signal. That phase is the sum, over grains, of the turn from a grain to the next: the angle of
    `S_m = sum conj(X_{m-1}) X_m` over all channels and three neighbouring bins. Channels therefore keep their phases
    relative to each other, and a spectral peak turns as a whole. Nothing is rounded to steps or whole samples, so the
    map is smooth in `semitones` and is the identity at 0.

    Clicks are smeared over a grain, as in every phase vocoder. Frequencies moved beyond the Nyquist frequency are left
    out. Beyond its ends a signal continues as its mirror image.

    Args:
        x: signals.
        semitones: at most 24; positive values raise the pitch.
        n_fft: length of a grain in samples, a power of 2 of at least 8.

    Example:
        >>> x = torch.sin(2 * torch.pi * 0.05 * torch.arange(800.0))[None, None]
        >>> y = pitch_shift(x, torch.tensor([12.0]))
        >>> torch.fft.rfft(y).abs().argmax().item() / 800
        0.1

    References:
        Flanagan, Golden: Phase vocoder, Bell System Technical Journal 1966.
        Laroche, Dolson: New phase-vocoder techniques for pitch-shifting, WASPAA 1999.
    """
    if x.shape[0] == 0:
        return x
    dtype = working_dtype(x)
    rise = torch.expm1(math.log(2) / 12 * semitones.to(dtype))
    # Autocast would take these matrix products in bfloat16, and 0 semitones would then change the signal.
    with full_precision(x.device):
        spectra = _analysed(x.to(dtype), n_fft)
        turned = spectra * _exponential(_turns(spectra, rise))[:, None]
        grains = _read(turned, rise, n_fft)
    weights = _weights(rise, n_fft)
    n_grains = grains.shape[2]
    total = _added(grains * weights[:, 0][:, None, None], x.shape[-1])
    norm = _added((weights[:, 0] * weights[:, 1])[:, None, None].expand(-1, 1, n_grains, -1), x.shape[-1])
    return (total / norm).to(x.dtype)


def _window(n_fft: int, like: Tensor) -> Float[Tensor, " window"]:
    return torch.hann_window(n_fft, device=like.device, dtype=like.dtype)


def _exponential(turns: Float[Tensor, "*axes"]) -> Complex[Tensor, "*axes"]:
    return torch.complex(torch.cos(2 * math.pi * turns), torch.sin(2 * math.pi * turns))


def _analysed(x: Signals, n_fft: int) -> Complex[Tensor, "batch channels grains bins"]:
    """Computes the spectra of grains at every multiple of the hop, from half a grain before the signal to half after.

    Phases are relative to the middle of the grain.
    """
    n_times, hop = x.shape[-1], n_fft // OVERLAP
    n_grains = (n_times - 1) // hop + 1 + OVERLAP
    place = torch.arange((n_grains - 1) * hop + n_fft, device=x.device) - n_fft
    place = torch.remainder(place, 2 * n_times)
    place = torch.where(place < n_times, place, 2 * n_times - 1 - place)
    grains = x.index_select(2, place).unfold(-1, n_fft, hop) * _window(n_fft, x)
    spectra: Tensor = torch.fft.rfft(grains.roll(-n_fft // 2, dims=-1))
    return spectra


def _turns(
    spectra: Complex[Tensor, "batch channels grains bins"], rise: Float[Tensor, " batch"]
) -> Float[Tensor, "batch grains bins"]:
    """Computes the periods by which to turn each bin of each grain, so that grains read at another speed join."""
    power = (spectra.real.square() + spectra.imag.square()).mean(dim=(1, 2, 3), keepdim=True)
    level = (power + _SILENT).sqrt()
    unit = spectra / level
    step = (unit[:, :, 1:] * unit[:, :, :-1].conj()).sum(dim=1)
    # The spectrum of a real signal continues beyond both ends as its conjugate.
    wide = torch.cat([step[..., 1:2].conj(), step, step[..., -2:-1].conj()], dim=-1)
    step = wide[..., :-2] + 2 * step + wide[..., 2:]
    # Without a bin's own turn, k / 8, the rest is small and has no jump where anything is audible.
    bins = torch.arange(step.shape[-1], device=step.device, dtype=level.dtype)
    step = step * _exponential(-torch.remainder(bins, OVERLAP) / OVERLAP)
    periods = bins / OVERLAP + torch.atan2(step.imag, step.real + _FAINT) / (2 * math.pi)
    turns = rise[:, None, None] * periods
    # Whole periods change nothing, but they would cost digits in the sum.
    turns = pad((turns - turns.detach().round()).cumsum(dim=1), (0, 0, 1, 0))
    middle = turns.shape[1] // 2
    return turns - turns[:, middle : middle + 1]


def _read(
    spectra: Complex[Tensor, "batch channels grains bins"], rise: Float[Tensor, " batch"], n_fft: int
) -> Float[Tensor, "batch channels grains window"]:
    """Reads grains at `ratio` times the distance from their middle, by their Fourier series."""
    n_bins = spectra.shape[-1]
    bins = torch.arange(n_bins, device=rise.device)
    # Cosines are equal on both sides of the middle and sines opposite, so only one side is computed.
    products = bins[:, None] * torch.arange(n_fft // 2 + 1, device=rise.device)
    # Whole products without whole periods come first; at ratio 1 the series is then exact.
    whole = torch.remainder(products, n_fft).to(rise.dtype) / n_fft
    turns = whole + rise[:, None, None] * (products.to(rise.dtype) / n_fft)
    scaled = (1 + rise)[:, None] * (bins / (n_bins - 1)).to(rise.dtype)
    fade = torch.cos(math.pi / 2 * ((scaled - 1) / _ROLLOFF).clamp(0, 1)).square()
    sides = torch.where((bins > 0) & (2 * bins < n_fft), 2.0, 1.0).to(rise.dtype)
    share = (fade * sides / n_fft)[:, :, None]
    even = spectra.real.flatten(1, 2) @ (share * torch.cos(2 * math.pi * turns))
    odd = spectra.imag.flatten(1, 2) @ (share * torch.sin(2 * math.pi * turns))
    grains = torch.cat([(even + odd)[..., 1:].flip(-1), (even - odd)[..., :-1]], dim=-1)
    return grains.reshape(*spectra.shape[:3], n_fft)


def _weights(rise: Float[Tensor, " batch"], n_fft: int) -> Float[Tensor, "batch 2 window"]:
    """Computes, both as they are read, the weight of a grain in the sum and the window that it already contains."""
    place = (torch.arange(n_fft, device=rise.device, dtype=rise.dtype) - n_fft // 2) / n_fft
    read = (1 + rise)[:, None] * place
    # A Fourier series repeats beyond its ends.
    own = torch.cos(math.pi * read).square() * (read.abs() < 0.5)
    return torch.stack([own * _window(n_fft, rise), own], dim=1)


def _added(grains: Float[Tensor, "batch channels grains window"], n_times: int) -> Signals:
    """Adds up overlapping grains and cuts out the part where the signal is."""
    n_fft, n_grains = grains.shape[-1], grains.shape[2]
    hop = n_fft // OVERLAP
    length = (n_grains - 1) * hop + n_fft
    columns = grains.flatten(0, 1).transpose(1, 2)
    total = fold(columns, (1, length), kernel_size=(1, n_fft), stride=(1, hop))
    return total.reshape(grains.shape[0], grains.shape[1], length)[..., n_fft : n_fft + n_times]


class PitchShift(SignalTransform):
    """Shifts the pitch by `semitones`, upwards if positive, and keeps the length; 12 semitones are an octave.

    Frequencies are multiplied, so harmonics stay harmonics, and the timbre (formants) moves with them. See
    `pitch_shift`, which is smooth in `semitones`. torchaudio's `pitch_shift` takes one number for a whole batch and
    passes no gradient to it. A signal of `n` samples costs about `4 n n_fft` multiplications.

    Args:
        n_fft: length of a grain in samples, a power of 2 of at least 8. About 50 ms is usual for speech and music. A
            signal shorter than a grain gets shorter grains.
        **ranges: a different `Range` or limit for `semitones`, up to 24.

    Raises:
        ArgumentError: `n_fft` is not a power of 2 of at least 8.
        RangeError: a range goes beyond 24 semitones.

    Example:
        >>> x = torch.rand(2, 1, 100)
        >>> bool(torch.allclose(PitchShift()(x, semitones=torch.zeros(2)), x, atol=1e-5))
        True
    """

    assumes = "the label does not depend on pitch, and the timbre that moves with it, within the learned range"
    semitones = Range(12.0, unit="semitone", signed=True)

    def __init__(self, *, n_fft: int = 512, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        check_window(self.name, n_fft, least=OVERLAP)
        highest = max(self.ranges["semitones"].bounds)
        if highest > HIGHEST:
            raise RangeError(
                f"{self.name}: semitones must end at {HIGHEST:g} at most, but its range goes up to {highest:g}. Beyond "
                "that, grains no longer meet; use audio.speed, which has no grains.",
                argument="semitones",
                value=self.ranges["semitones"],
            )
        self.n_fft = n_fft

    def forward(self, x: Any, *, semitones: Float[Tensor, " batch"]) -> Any:
        longest = 1 << (x.shape[-1].bit_length() - 1)
        return pitch_shift(x, semitones, max(OVERLAP, min(self.n_fft, longest)))
