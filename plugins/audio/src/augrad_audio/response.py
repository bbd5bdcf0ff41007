"""Gains that filters apply to a spectrum: real, by frequency, differentiable in the cut-off. Used by filters.py."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from augrad_audio.signals import working_dtype

Signals = Float[Tensor, "batch channels time"]
"""A batch of waveforms."""

ORDER = 4
"""Order of the Butterworth responses: 24 dB per octave beyond the cut-off."""

_NOWHERE = 1e-12
# Squared distance below which a frequency counts as on the far side, because the logarithm of 0 has no slope.

_QUARTER = 0.25
# Fraction of a bin by which the lowest and the highest bin are moved inwards. At exactly 0 Hz or the Nyquist frequency
# a response would jump from 1 to 0 as soon as the cut-off leaves it.

_OCTAVES = 5.0
# Range of a tilt below the reference. Further down the gain is constant, or rumble would grow without bound.


def mirrored(x: Signals) -> Float[Tensor, "batch channels twice"]:
    """Appends the mirror image to each signal. Repeated periodically, the result has no step at its ends.

    Example:
        >>> mirrored(torch.tensor([[[1.0, 2.0, 3.0]]])).flatten().tolist()
        [1.0, 2.0, 3.0, 3.0, 2.0, 1.0]
    """
    return torch.cat([x, x.flip(-1)], dim=-1)


def filtered(x: Signals, change: Float[Tensor, "batch bins"]) -> Signals:
    """Changes the gain of each frequency of signals, mirrored at their ends: `x + filter(x)`.

    Args:
        x: signals of `n` samples.
        change: real gain minus 1 for each of the `n + 1` frequencies of `frequencies(x)`. Phases do not change, so
            nothing moves in time.

    Example:
        >>> filtered(torch.tensor([[[1.0, 3.0]]]), torch.tensor([[0.0, -1.0, -1.0]])).flatten().tolist()
        [2.0, 2.0]
    """
    if x.shape[0] == 0:
        return x
    both = mirrored(x.to(change.dtype))
    spectrum = torch.fft.rfft(both)
    changed: Tensor = torch.fft.irfft(spectrum * change[:, None], n=both.shape[-1])
    return x + changed[..., : x.shape[-1]].to(x.dtype)


def frequencies(x: Signals) -> Float[Tensor, " bins"]:
    """Returns the frequencies that `filtered` changes: 0 to 0.5 cycles per sample, at half the spacing of an FFT.

    Example:
        >>> frequencies(torch.zeros(1, 1, 2)).tolist()
        [0.0, 0.25, 0.5]
    """
    n_bins = x.shape[-1] + 1
    return torch.arange(n_bins, device=x.device, dtype=working_dtype(x)) / (2 * (n_bins - 1))


def below_nyquist(frequency: Float[Tensor, " bins"]) -> Float[Tensor, " bins"]:
    """Moves the frequency 0.5 down by a quarter of a bin, where the tangent is finite; the others do not change.

    Example:
        >>> below_nyquist(torch.tensor([0.0, 0.25, 0.5])).tolist()
        [0.0, 0.25, 0.4375]
    """
    n_bins = frequency.shape[0]
    return frequency.clamp(max=0.5 - _QUARTER / (2 * (n_bins - 1)))


def butterworth(
    frequency: Float[Tensor, " bins"], cutoff: Float[Tensor, " batch"], order: int = ORDER
) -> Float[Tensor, "batch bins"]:
    r"""Computes the gain minus 1 of a digital Butterworth low pass.

    The formula is `1 / sqrt(1 + (tan(pi f) / tan(pi c))^(2 order)) - 1`. At the cut-off `c` the gain is `1 / sqrt(2)`
    (-3 dB). At cut-off 0.5 it is exactly 1 everywhere. Frequency `0.5 - f` and cut-off `0.5 - c` give a high pass.

    Args:
        frequency: in cycles per sample, at least 0 and below 0.5.
        cutoff: in cycles per sample, in (0, 0.5].
        order: steepness; the gain falls by `6 order` dB per octave beyond the cut-off.

    Example:
        >>> gain = 1 + butterworth(torch.tensor([0.0, 0.125, 0.2]), torch.tensor([0.125, 0.5]))
        >>> (100 * gain).round().tolist()
        [[100.0, 71.0, 11.0], [100.0, 100.0, 100.0]]
    """
    # 1 / tan(pi c) is written as tan(pi (0.5 - c)), which is exactly 0 at cut-off 0.5.
    ratio = torch.tan(math.pi * frequency) * torch.tan(math.pi * (0.5 - cutoff))[:, None]
    return _attenuation(order * torch.log(ratio.square() + _NOWHERE**2))


def notch(
    frequency: Float[Tensor, " bins"],
    centre: Float[Tensor, " batch"],
    width: Float[Tensor, " batch"],
    order: int = ORDER,
) -> Float[Tensor, "batch bins"]:
    """Computes the gain minus 1 of a band-stop filter: -3 dB at `centre +- width / 2`, exactly 0 at width 0.

    Args:
        frequency: in cycles per sample.
        centre: centre of the band in cycles per sample.
        width: width of the band in cycles per sample, at least 0.
        order: steepness of the edges.

    Example:
        >>> gain = 1 + notch(torch.tensor([0.1, 0.101, 0.15, 0.2]), torch.tensor([0.2]), torch.tensor([0.1]))
        >>> (100 * gain).round().tolist()
        [[100.0, 100.0, 71.0, 0.0]]
    """
    away = (frequency - centre[:, None]).square() + (_QUARTER * (frequency[1] - frequency[0])).square()
    ratio = (width[:, None] / 2).square() / away
    return _attenuation(order * torch.log(ratio + _NOWHERE))


def _attenuation(logarithm: Float[Tensor, "batch bins"]) -> Float[Tensor, "batch bins"]:
    # 1 / sqrt(1 + e^l) - 1 without overflow; a power of a ratio soon leaves single precision.
    return torch.expm1(-0.5 * softplus(logarithm))


def tilt_change(
    frequency: Float[Tensor, " bins"], tilt: Float[Tensor, " batch"], reference: float
) -> Float[Tensor, "batch bins"]:
    """Computes the gain minus 1 of a tilt: `tilt` dB per octave, 0 dB at `reference`, constant 5 octaves below it.

    Frequency 0, the mean of a signal, belongs to no octave and keeps its gain.

    Args:
        frequency: in cycles per sample.
        tilt: in dB per octave.
        reference: in cycles per sample.

    Example:
        >>> gain = 1 + tilt_change(torch.tensor([0.0, 0.1, 0.2, 0.4]), torch.tensor([6.0206]), 0.1)
        >>> (10 * gain).round().tolist()
        [[10.0, 10.0, 20.0, 40.0]]
    """
    lowest = (reference * 2**-_OCTAVES) ** 2
    octaves = 0.5 * torch.log2((frequency.square() + lowest) / (reference**2 + lowest))
    octaves = torch.where(frequency > 0, octaves, torch.zeros_like(octaves))
    return torch.expm1(math.log(10) / 20 * tilt[:, None] * octaves)
