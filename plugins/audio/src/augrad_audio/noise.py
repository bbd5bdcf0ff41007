"""Noise at a learned signal-to-noise ratio: white, or coloured by a learned exponent. Uses level.py, signals.py."""

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
# Added to mean squares of noise, which are near 1.

_FADE_DB = 5.0
# Speed at which noise fades out towards the clean end; 10 dB away from there the ratio is right within 0.1 dB.


def noise_level(snr_db: Float[Tensor, " batch"], clean_db: float) -> Float[Tensor, " batch"]:
    """Converts a signal-to-noise ratio to the noise amplitude `10 ** (-snr / 20)`, faded to exactly 0 at `clean_db`.

    The fade is a factor `1 - 10 ** ((snr - clean) / 5)`. It is 0.99 (-0.09 dB) at 10 dB below the clean end, and 0.9
    (-0.9 dB) at 5 dB below it.

    Args:
        snr_db: signal-to-noise ratio in dB, at most `clean_db`.
        clean_db: ratio in dB at which there is no noise.

    Example:
        >>> (1000 * noise_level(torch.tensor([0.0, 20.0, 40.0]), 40.0)).round().abs().tolist()
        [1000.0, 100.0, 0.0]
    """
    return -amplitude(-snr_db) * torch.expm1(math.log(10) / _FADE_DB * (snr_db - clean_db))


def add_noise(x: Signals, noise: Signals, level: Float[Tensor, " batch"]) -> Signals:
    """Adds noise at a level relative to the signal's own level; a silent or constant signal gets no noise.

    torchaudio's `add_noise` takes a ratio in dB, and no finite ratio is without noise: it has no identity.

    Args:
        x: signals; their level is the root mean square about the mean (see `own_rms`), over all channels.
        noise: noise of any level; it is normalised per sample.
        level: amplitude of the noise divided by the amplitude of the signal.

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
    """Turns white noise into noise with the power spectrum `1 / f ** exponent` and mean 0.

    Args:
        noise: white noise.
        exponent: 0 for white, 1 for pink, 2 for brown, -1 for blue and -2 for violet noise.

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
    # Relative to the middle of the logarithmic spectrum, so that no exponent overflows.
    octaves = torch.log(bins.clamp_min(1) / math.sqrt(max(n_times / 2, 1)))
    gain = torch.exp(-0.5 * exponent.to(wide.dtype)[:, None] * octaves) * (bins > 0)
    shaped: Tensor = torch.fft.irfft(spectrum * gain[:, None], n=n_times)
    return shaped


class WhiteNoise(SignalTransform):
    """Adds white noise at a signal-to-noise ratio of `snr_db`. A learned range is, for example, 5 to 30 dB.

    The ratio compares mean squares over all channels, the signal's about its mean. The noise of each channel is
    independent. Silence stays silent.

    The *upper* end of the range means no noise. No finite ratio is free of noise, so the noise fades to exactly 0 over
    the last 10 dB (see `noise_level`); this gives the transform an identity. Draws are uniform in dB between the
    learned ratio and this clean end.

    Args:
        **ranges: a different range for `snr_db`. A number is the lowest ratio. A `Range` can also move the clean end:
            `Range(60.0, low=0.0, unit="dB", identity=60.0)`.

    Example:
        >>> x, noise = torch.tensor([[[1.0, -1.0]]]), torch.tensor([[[1.0, 1.0]]])
        >>> (100 * WhiteNoise()(x, snr_db=torch.tensor([20.0]), noise=noise)).round().tolist()
        [[[110.0, -90.0]]]
    """

    assumes = "the label does not depend on white noise, down to the learned signal-to-noise ratio"
    snr_db = Range(30.0, low=0.0, unit="dB", identity=30.0)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(self, x: Any, *, snr_db: Float[Tensor, " batch"], noise: Signals) -> Any:
        return add_noise(x, noise, noise_level(snr_db, self.ranges["snr_db"].identity))


class ColouredNoise(SignalTransform):
    """Adds noise whose power falls with frequency as `1 / f ** exponent`, at a signal-to-noise ratio of `snr_db`.

    Exponents 1 and 2 give pink and brown noise, which sound deep; -1 and -2 give blue and violet noise, which hiss. The
    ratio, its clean end and silence are as in `WhiteNoise`. At the clean end the exponent has no effect.

    Args:
        **ranges: a different `Range` or limit for `snr_db` (dB) or `exponent`.

    Example:
        >>> x, noise = torch.tensor([[[1.0, 0.0, -1.0, 0.0]]]), torch.tensor([[[0.0, 1.0, 0.0, -1.0]]])
        >>> clean, pink = torch.tensor([30.0]), torch.tensor([1.0])
        >>> torch.equal(ColouredNoise()(x, snr_db=clean, exponent=pink, noise=noise), x)
        True
    """

    assumes = "the label does not depend on noise of the learned colours, down to the learned signal-to-noise ratio"
    snr_db = Range(30.0, low=0.0, unit="dB", identity=30.0)
    exponent = Range(2.0, signed=True)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(
        self, x: Any, *, snr_db: Float[Tensor, " batch"], exponent: Float[Tensor, " batch"], noise: Signals
    ) -> Any:
        level = noise_level(snr_db, self.ranges["snr_db"].identity)
        return add_noise(x, coloured(noise, exponent), level)
