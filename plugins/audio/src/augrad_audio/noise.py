"""Noise at a learned signal-to-noise ratio: white, and coloured with a learned exponent. Uses level.py, signals.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad_audio.level import amplitude, own_rms
from augrad_audio.signals import SignalTransform, per_signal, working_dtype

Signals = Float[Tensor, "batch channels time"]
"""A batch of waveforms."""

_SMALLEST = 1e-12
# Added to mean squares of noise that are near 1.

_FADE_DB = 5.0
# How fast noise fades in at the clean end: 10 dB from there the ratio is right within 0.1 dB.


def noise_level(snr_db: Float[Tensor, " batch"], clean_db: float) -> Float[Tensor, " batch"]:
    """Amplitude of noise against the signal's: `10 ** (-snr / 20)`, drawn in to exactly 0 at the ratio that is clean.

    The factor that draws it in, `1 - 10 ** ((snr - clean) / 5)`, is 0.99 (-0.09 dB) 10 dB below the clean end, and
    0.9 (-0.9 dB) 5 dB below it.

    Args:
        snr_db: signal-to-noise ratio in dB, at most `clean_db`.
        clean_db: the ratio at which noise is left out, in dB.

    Example:
        >>> (1000 * noise_level(torch.tensor([0.0, 20.0, 40.0]), 40.0)).round().abs().tolist()
        [1000.0, 100.0, 0.0]
    """
    return -amplitude(-snr_db) * torch.expm1(math.log(10) / _FADE_DB * (snr_db - clean_db))


def add_noise(x: Signals, noise: Signals, level: Float[Tensor, " batch"]) -> Signals:
    """Adds noise at a level against the signal's own: a silent or constant signal gets none.

    torchaudio's `add_noise` takes a ratio in dB, and no finite ratio is without noise: it has no identity.

    Args:
        x: signals; their level is the root mean square about the mean (see `own_rms`), over all channels.
        noise: of any level, which is normalised per sample.
        level: amplitude of the noise over that of the signal.

    Example:
        >>> x, noise = torch.tensor([[[2.0, -2.0]]]), torch.tensor([[[5.0, 5.0]]])
        >>> (10 * add_noise(x, noise, torch.tensor([0.5]))).round().tolist()
        [[[30.0, -10.0]]]
    """
    wide = noise.to(working_dtype(x))
    power = wide.square().mean(dim=(1, 2), keepdim=True)
    added = per_signal(level, wide) * own_rms(x) * wide * (power + _SMALLEST).rsqrt()
    return x + added.to(x.dtype)


def coloured(noise: Signals, exponent: Float[Tensor, " batch"]) -> Signals:
    """Noise with a power spectrum `1 / f ** exponent` from white noise, without a mean.

    Args:
        noise: white.
        exponent: 0 for white, 1 for pink, 2 for brown; -1 for blue, -2 for violet.

    Example:
        >>> coloured(torch.ones(1, 1, 4), torch.tensor([1.0])).flatten().abs().tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    n_times = noise.shape[-1]
    if noise.shape[0] == 0:
        return noise
    wide = noise.to(working_dtype(noise))
    spectrum = torch.fft.rfft(wide)
    bins = torch.arange(spectrum.shape[-1], device=noise.device, dtype=wide.dtype)
    # Against the middle of the spectrum on its logarithmic scale, so that no exponent makes it overflow.
    octaves = torch.log(bins.clamp_min(1) / math.sqrt(max(n_times / 2, 1)))
    gain = torch.exp(-0.5 * exponent.to(wide.dtype)[:, None] * octaves) * (bins > 0)
    shaped: Tensor = torch.fft.irfft(spectrum * gain[:, None], n=n_times)
    return shaped


class WhiteNoise(SignalTransform):
    """Adds white noise at a signal-to-noise ratio of `snr_db`; the learned range reads, say, 5 to 30 dB.

    The ratio is that of mean squares, the signal's about its mean, over all channels; the noise of each channel is
    independent. The *upper* end of the range counts as clean: noise is drawn in to exactly nothing there, over the last
    10 dB (see `noise_level`), so that the transform has an identity although no finite ratio is without noise. Draws
    are uniform in dB between the learned ratio and the clean end. Silence stays silent.

    Args:
        **ranges: another range for `snr_db`; a number is the lowest ratio, and a `Range` may move the clean end:
            `Range(60.0, low=0.0, unit="dB", identity=60.0)`.

    Example:
        >>> x, noise = torch.tensor([[[1.0, -1.0]]]), torch.tensor([[[1.0, 1.0]]])
        >>> (100 * WhiteNoise()(x, snr_db=torch.tensor([20.0]), noise=noise)).round().tolist()
        [[[110.0, -90.0]]]
    """

    assumes = "white noise, down to the learned ratio of signal to noise, carries no information about the target"
    snr_db = Range(30.0, low=0.0, unit="dB", identity=30.0)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(self, x: Any, *, snr_db: Float[Tensor, " batch"], noise: Signals) -> Any:
        return add_noise(x, noise, noise_level(snr_db, self.ranges["snr_db"].identity))


class ColouredNoise(SignalTransform):
    """Adds noise whose power falls with frequency as `1 / f ** exponent`, at a signal-to-noise ratio of `snr_db`.

    Exponents of 1 and 2 are pink and brown noise, deep; -1 and -2 are blue and violet, hissing. The ratio, its clean
    end and silence are as in `WhiteNoise`; where there is no noise the exponent changes nothing.

    Args:
        **ranges: another range for `snr_db` or `exponent`.

    Example:
        >>> x, noise = torch.tensor([[[1.0, 0.0, -1.0, 0.0]]]), torch.tensor([[[0.0, 1.0, 0.0, -1.0]]])
        >>> clean, pink = torch.tensor([30.0]), torch.tensor([1.0])
        >>> torch.equal(ColouredNoise()(x, snr_db=clean, exponent=pink, noise=noise), x)
        True
    """

    assumes = "noise of the learned colours, down to the learned ratio, carries no information about the target"
    snr_db = Range(30.0, low=0.0, unit="dB", identity=30.0)
    exponent = Range(2.0, signed=True)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(
        self, x: Any, *, snr_db: Float[Tensor, " batch"], exponent: Float[Tensor, " batch"], noise: Signals
    ) -> Any:
        level = noise_level(snr_db, self.ranges["snr_db"].identity)
        return add_noise(x, coloured(noise, exponent), level)
