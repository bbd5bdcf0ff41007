"""Zero-phase filters with a learned cut-off: low pass, high pass, band stop, tilt. Uses response.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad.errors import ArgumentError, RangeError
from augrad_audio.response import below_nyquist, butterworth, filtered, frequencies, notch, tilt_change
from augrad_audio.signals import Number, SignalTransform, checked_sample_rate, working_dtype


class FrequencyRangeTransform(SignalTransform):
    """Base class of the transforms with a parameter in Hz that may reach the Nyquist frequency.

    The ranges that the classes declare are for signals at 16 kHz; the constructor scales them to `sample_rate`.

    torchaudio's `lowpass_biquad` and its relatives take one cut-off for all signals of a batch, as a number that learns
    nothing, and move what they pass in time. The tests hold our gains against theirs.

    Args:
        sample_rate: sample rate of the signals in Hz, above 0. Required, because the default range follows from it.
        **ranges: a different `Range` or limit for the parameter, up to half the sample rate.

    Attributes:
        sample_rate: in Hz.

    Raises:
        ArgumentError: `sample_rate` is missing, or is not a finite number above 0.
        RangeError: a range goes beyond the Nyquist frequency or, unless it is signed, below 0 Hz.
    """

    def __init__(self, *, sample_rate: Number | None = None, **ranges: float | Range) -> None:
        rate = checked_sample_rate(self.name, sample_rate)
        self.ranges = self.default_ranges(rate / 2)
        super().__init__(**ranges)
        self.sample_rate = rate
        nyquist_hz = self.nyquist_hz
        for name, given in self.ranges.items():
            low, high = given.bounds
            lowest = -nyquist_hz if given.signed else 0.0
            if low < lowest or high > nyquist_hz:
                raise RangeError(
                    f"{self.name}: {name} must lie between {lowest:g} Hz and the Nyquist frequency, which is "
                    f"{nyquist_hz:g} Hz at sample_rate={self.sample_rate:g}, but its range is {low:g} to {high:g} Hz.",
                    argument=name,
                    value=given,
                    nyquist_hz=nyquist_hz,
                )

    @property
    def nyquist_hz(self) -> float:
        """The highest frequency that the signals can hold: half the sample rate, in Hz."""
        return self.sample_rate / 2

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns a sample rate at which the example batch lasts 64 ms."""
        return {"sample_rate": 1000.0}

    @classmethod
    def default_ranges(cls, nyquist_hz: float) -> dict[str, Range]:
        """Scales the declared ranges, which are for a Nyquist frequency of 8000 Hz, to another Nyquist frequency."""
        factor = nyquist_hz / 8000.0
        return {
            name: replace(
                declared,
                high=declared.high * factor,
                low=declared.low * factor,
                identity=declared.identity * factor,
            )
            for name, declared in cls.ranges.items()
        }


class LowPass(FrequencyRangeTransform):
    """Removes frequencies above `cutoff_hz`, where the gain is -3 dB. At the Nyquist frequency nothing is removed.

    The gain is that of a digital Butterworth filter of order 4 (24 dB per octave). Unlike that filter, this transform
    delays nothing. The default range of `cutoff_hz` goes down to a twentieth of the Nyquist frequency.

    Args:
        sample_rate: sample rate of the signals in Hz. Required.
        **ranges: a different range for `cutoff_hz`; a number is the lowest cut-off.

    Raises:
        ArgumentError: `sample_rate` is missing, or is not a finite number above 0.
        RangeError: a cut-off is below 0 Hz or above the Nyquist frequency.

    Example:
        >>> x = torch.tensor([1.0, -1.0, -1.0, 1.0]).repeat(8).reshape(1, 1, 32)  # 2000 Hz
        >>> y = LowPass(sample_rate=8000)(x, cutoff_hz=torch.tensor([500.0]))
        >>> y.abs().max().item() < 0.01
        True
    """

    assumes = "the label does not depend on frequencies above the learned cut-off"
    cutoff_hz = Range(8000.0, low=400.0, unit="Hz", identity=8000.0)

    def forward(self, x: Any, *, cutoff_hz: Float[Tensor, " batch"]) -> Any:
        frequency = frequencies(x)
        cutoff = cutoff_hz.to(frequency.dtype) / self.sample_rate
        return filtered(x, butterworth(below_nyquist(frequency), cutoff))


class HighPass(FrequencyRangeTransform):
    """Removes frequencies below `cutoff_hz`, where the gain is -3 dB. At 0 Hz nothing is removed.

    The gain is that of a digital Butterworth filter of order 4 (24 dB per octave). Unlike that filter, this transform
    delays nothing. Any cut-off that is not near 0 removes the mean. The default range of `cutoff_hz` goes up to half
    the Nyquist frequency.

    Args:
        sample_rate: sample rate of the signals in Hz. Required.
        **ranges: a different range for `cutoff_hz`; a number is the highest cut-off.

    Raises:
        ArgumentError: `sample_rate` is missing, or is not a finite number above 0.
        RangeError: a cut-off is below 0 Hz or above the Nyquist frequency.


    Example:
        >>> y = HighPass(sample_rate=8000)(torch.ones(1, 1, 16), cutoff_hz=torch.tensor([1000.0]))
        >>> y.abs().max().item() < 0.01
        True
    """

    assumes = "the label does not depend on frequencies below the learned cut-off"
    cutoff_hz = Range(4000.0, unit="Hz")

    def forward(self, x: Any, *, cutoff_hz: Float[Tensor, " batch"]) -> Any:
        frequency = frequencies(x)
        cutoff = cutoff_hz.to(frequency.dtype) / self.sample_rate
        # A high pass is the low pass on the mirrored frequency axis.
        return filtered(x, butterworth(below_nyquist(0.5 - frequency), 0.5 - cutoff))


class BandStop(FrequencyRangeTransform):
    """Removes a frequency band of width `width_hz` with soft edges, -3 dB each. At width 0 nothing is removed.

    The position of the band is inner noise, uniform between 0 Hz and the Nyquist frequency. The default range of
    `width_hz` goes up to half the Nyquist frequency.

    Args:
        sample_rate: sample rate of the signals in Hz. Required.
        **ranges: a different range for `width_hz`; a number is the largest width.

    Raises:
        ArgumentError: `sample_rate` is missing, or is not a finite number above 0.
        RangeError: a width is below 0 Hz or above the Nyquist frequency.

    Example:
        >>> x = torch.tensor([1.0, -1.0, -1.0, 1.0]).repeat(8).reshape(1, 1, 32)  # 2000 Hz
        >>> y = BandStop(sample_rate=8000)(x, width_hz=torch.tensor([1000.0]), noise=torch.tensor([0.5]))
        >>> y.abs().max().item() < 0.1
        True

    References:
        Park et al.: SpecAugment, Interspeech 2019 (frequency masking, on spectrograms).
    """

    assumes = "the label stays the same when any single band of frequencies, up to the learned width, is missing"
    width_hz = Range(4000.0, unit="Hz")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.rand(x.shape[0], generator=generator, device=x.device, dtype=working_dtype(x))

    def forward(self, x: Any, *, width_hz: Float[Tensor, " batch"], noise: Float[Tensor, " batch"]) -> Any:
        frequency = frequencies(x)
        width = width_hz.to(frequency.dtype) / self.sample_rate
        centre = width / 2 + noise.to(frequency.dtype) * (0.5 - width)
        return filtered(x, notch(frequency, centre, width))


class EqualizerTilt(SignalTransform):
    """Tilts the spectrum by `tilt` dB per octave about a reference frequency, where the gain is 0 dB.

    Positive tilts make a sound brighter and negative tilts make it darker, as another microphone or room does. The gain
    is constant from 5 octaves below the reference downwards. The mean of a signal does not change.

    Args:
        reference: the frequency with gain 0 dB, as a fraction of the Nyquist frequency, in (0, 1).
        **ranges: a different `Range` or limit for `tilt`, in dB per octave.

    Raises:
        ArgumentError: `reference` is not in (0, 1).

    Example:
        >>> x = torch.tensor([1.0, 0.0, -1.0, 0.0]).repeat(16).reshape(1, 1, 64)  # an octave above the reference
        >>> y = EqualizerTilt(reference=0.25)(x, tilt=torch.tensor([6.0206]))
        >>> round(y[0, 0, 32].item(), 1)
        2.0
    """

    assumes = "the label does not depend on the spectrum's tilt, bright or dark, within the learned range"
    tilt = Range(6.0, unit="dB/octave", signed=True)

    def __init__(self, *, reference: float = 0.125, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        if not 0 < reference < 1:
            raise ArgumentError(
                f"{self.name}: reference must be a fraction of the Nyquist frequency in (0, 1), but got {reference!r}.",
                argument="reference",
                value=reference,
            )
        self.reference = reference

    def forward(self, x: Any, *, tilt: Float[Tensor, " batch"]) -> Any:
        frequency = frequencies(x)
        return filtered(x, tilt_change(frequency, tilt.to(frequency.dtype), self.reference / 2))
