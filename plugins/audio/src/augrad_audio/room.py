"""Reverberation with a learned decay time, by convolution with decaying noise. Uses signals.py."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad.options import number
from augrad_audio.signals import Number, SignalTransform, per_signal, samples_per, working_dtype

Signals = Float[Tensor, "batch channels time"]
"""A batch of waveforms."""

_SHORTEST = 1e-3
# Samples added to a decay time; at decay 0 the exponential is then 1 at the first sample and 0 afterwards.

_SMALLEST = 1e-12
# Added to the energy of the tail, whose first random value may be 0.


def reverberate(x: Signals, noise: Signals, decay: Float[Tensor, " batch"], wet: Float[Tensor, " batch"]) -> Signals:
    r"""Adds to each channel its convolution with a tail: noise that decays by 60 dB within `decay` samples.

    The result is `(x + wet tail * x) / sqrt(1 + wet^2)`. The tail `noise(t) 10^(-3 t / decay)` is normalised to energy
    1, so `wet` is the amplitude of the room's sound relative to the direct sound, and the level stays about the same.
    The convolution is causal and does not wrap round from the end to the start. torchaudio's `fftconvolve` gives the
    same result, but takes 3 to 37 times as long for 4,000 to 22,050 samples, because `2 n - 1` is a poor length for an
    FFT.

    Args:
        x: signals.
        noise: standard normal noise of the shape of `x`, which stands for the room.
        decay: reverberation time T60, in which the tail falls by 60 dB, in samples, at least 0.
        wet: amplitude of the room's sound relative to the direct sound, at least 0.

    Example:
        >>> x, noise = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]]), torch.ones(1, 1, 4)
        >>> y = reverberate(x, noise, torch.tensor([3.0]), torch.tensor([1.0])).flatten()
        >>> [round((value / y[1]).item(), 2) for value in y[1:]]  # by 20 dB from each sample to the next
        [1.0, 0.1, 0.01]
    """
    if x.shape[0] == 0:
        return x
    dtype, n_times = working_dtype(x), x.shape[-1]
    place = torch.arange(n_times, device=x.device, dtype=dtype)
    envelope = torch.exp(-3 * math.log(10) * place / (decay.to(dtype)[:, None] + _SHORTEST))
    tail = noise.to(dtype) * envelope[:, None]
    tail = tail * (tail.square().sum(dim=-1, keepdim=True) + _SMALLEST).rsqrt()
    wide, wet = x.to(dtype), per_signal(wet.to(dtype), tail)
    spectrum = torch.fft.rfft(wide, n=2 * n_times) * torch.fft.rfft(tail, n=2 * n_times)
    room: Tensor = torch.fft.irfft(spectrum, n=2 * n_times)
    return ((wide + wet * room[..., :n_times]) * (1 + wet.square()).rsqrt()).to(x.dtype)


class Reverberation(SignalTransform):
    """Plays signals in a room whose reverberation falls by 60 dB within `decay` (its T60).

    A longer reverberation is also louder: its amplitude relative to the direct sound is `decay / balance`. At decay 0
    there is no room. The level stays about the same, and silence stays silent. The room is inner noise: a tail of noise
    for each channel. Reverberation beyond the end of the signal is lost.

    Args:
        sample_rate: sample rate of the signals in Hz. Required unless `unit` is `"samples"`.
        unit: unit of `decay` and `balance`: `"ms"`, or `"samples"` for signals that are not sound.
        balance: decay at which the reverberation is as loud as the direct sound, above 0. The default is half a second,
            as in a living room with the microphone some steps away.
        **ranges: a different `Range` or limit for `decay`, in `unit`.

    Raises:
        ArgumentError: `sample_rate` is missing or not a number above 0, `unit` is unknown, or `balance` is not above 0.

    Example:
        >>> x, noise = torch.rand(1, 1, 80), torch.randn(1, 1, 80)
        >>> room = Reverberation(sample_rate=8000)
        >>> bool(torch.allclose(room(x, decay=torch.zeros(1), noise=noise), x))
        True

    References:
        Moorer: About this reverberation business, Computer Music Journal 1979 (decaying noise as a room).
    """

    assumes = "the label does not depend on the room in which the signal sounds, up to the learned decay time"
    decay = Range(1000.0, unit="ms")

    def __init__(
        self,
        *,
        sample_rate: Number | None = None,
        unit: str = "ms",
        balance: Number = 500.0,
        **ranges: float | Range,
    ) -> None:
        super().__init__(**ranges)
        self._samples = samples_per(self.name, unit, sample_rate)
        noun = f"a finite decay time in {unit}"
        self.balance = number("balance", balance, above=0, noun=noun, owner=self.name)
        self.ranges = {"decay": replace(self.ranges["decay"], unit=unit)}

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns a sample rate at which the example batch lasts 64 ms."""
        return {"sample_rate": 1000.0}

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(self, x: Any, *, decay: Float[Tensor, " batch"], noise: Signals) -> Any:
        return reverberate(x, noise, decay * self._samples, decay / self.balance)
