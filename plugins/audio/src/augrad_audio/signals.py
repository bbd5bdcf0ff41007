"""What signal transforms share: modality, check of a batch, sample rate, example batch, what an audit asks.

Uses sample_features.py and drawing.py; base of the other files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range, Transform
from augrad.errors import ArgumentError, InputError
from augrad.options import count, number, one_of, refused
from augrad.transform.drawing import INK
from augrad_audio.sample_features import signal_features

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Number = int | float
"""A number as a user writes it: 8000 as well as 8000.0."""

UNITS = ("ms", "samples")
"""In what a duration may be counted: milliseconds need a sample rate, samples do not."""

_LAYOUTS = {3: "waveforms (batch, channels, time)", 4: "spectrograms (batch, channels, freq, time)"}


class SignalTransform(Transform):
    """Base of the transforms of waveforms `(batch, channels, time)`; of sound, and of any other signal.

    Attributes:
        layouts: numbers of axes that are accepted: 3 for waveforms, 4 for spectrograms
            `(batch, channels, freq, time)`.
    """

    modality = "audio"
    layouts: ClassVar[tuple[int, ...]] = (3,)

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a batch of floating-point signals."""
        super().validate(x)
        shape = tuple(x.shape)
        expected = " or ".join(_LAYOUTS[n_axes] for n_axes in self.layouts)
        if x.ndim not in self.layouts:
            hint = " Add the channels with x[:, None]." if x.ndim == 2 and 3 in self.layouts else ""
            raise InputError(
                f"{self.name} expects {expected}, but got shape {shape}.{hint}", transform=self.name, shape=shape
            )
        if 0 in shape[1:]:
            raise InputError(
                f"{self.name} expects {expected} with at least 1 entry along each axis, but got shape {shape}.",
                transform=self.name,
                shape=shape,
            )

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Smooth waveforms with 2 channels of 64 samples in [0, 0.9], silent at both ends, for the conformance kit."""
        # The kit is no part of a training run, so it is loaded only where a kit asks.
        from augrad.testing import smooth

        # What leaves the frame is lost to an inverse: the loud part belongs in the middle.
        window = torch.hann_window(66, periodic=False, dtype=torch.float64)[1:-1]
        return smooth((n_samples, 2, 64), generator) * window

    @classmethod
    def features(cls, x: Any) -> Float[Tensor, "batch features"]:
        """Waveforms by their short-time spectrum and their course: see `augrad_audio.sample_features.signal_features`.

        Spectrograms `(batch, channels, freq, time)` by their values.
        """
        values = super().features(x)
        return signal_features(values.reshape(x.shape)) if x.ndim == 3 else values

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """A waveform above its spectrogram, or a line per channel if it is too short for one; a spectrogram as such."""
        # matplotlib is loaded only where something is drawn.
        from augrad_audio.drawing import draw_signal

        if not isinstance(sample, Tensor) or sample.ndim not in _LAYOUTS or len(sample) != 1:
            super().draw(axes, sample, original=original, colour=colour)
        else:
            draw_signal(axes, sample, original=original, colour=colour)


class SampledTransform(SignalTransform):
    """Base of the transforms with a quantity in milliseconds or hertz, which needs the sample rate.

    Args:
        sample_rate: of the signals, in Hz, above 0. Required.
        **ranges: another range for a parameter, see `augrad.Transform`.

    Attributes:
        sample_rate: in Hz.

    Raises:
        ArgumentError: `sample_rate` is missing, or is not a finite number above 0.
    """

    def __init__(self, *, sample_rate: Number | None = None, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.sample_rate = checked_sample_rate(self.name, sample_rate)

    @property
    def nyquist_hz(self) -> float:
        """The highest frequency that the signals can hold, half the sample rate, in Hz."""
        return self.sample_rate / 2

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """A sample rate at which the example batch lasts 64 ms."""
        return {"sample_rate": 1000.0}


def checked_sample_rate(name: str, sample_rate: Any) -> float:
    """The sample rate in Hz, if it is one.

    Args:
        name: of the transform that needs it, for the message.
        sample_rate: what its constructor was given.

    Raises:
        ArgumentError: it is missing, or is not a finite number above 0.

    Example:
        >>> checked_sample_rate("audio.time_shift", 8000)
        8000.0
    """
    if sample_rate is None:
        raise ArgumentError(
            f"{name} needs sample_rate, in Hz, which was not given. Pass sample_rate=8000, say, to its constructor, "
            'or AugmentationLayer([...], arguments={"sample_rate": 8000}) to all of a layer. (Durations can also be '
            'counted in samples where a transform takes unit="samples".)',
            argument="sample_rate",
            transform=name,
        )
    noun = "a finite number of Hz"
    return number("sample_rate", sample_rate, above=0, noun=noun, owner=name, transform=name)


def samples_per(name: str, unit: str, sample_rate: Any) -> float:
    """How many samples one unit of a duration is.

    Args:
        name: of the transform that has a duration, for the message.
        unit: `"ms"`, which needs the sample rate, or `"samples"`, which does not.
        sample_rate: in Hz, or None.

    Raises:
        ArgumentError: another unit; a sample rate that is missing, or is not a finite number above 0.

    Example:
        >>> samples_per("audio.time_shift", "ms", 8000), samples_per("audio.time_shift", "samples", None)
        (8.0, 1.0)
    """
    one_of("unit", unit, UNITS, owner=name, transform=name)
    rate = None if sample_rate is None and unit == "samples" else checked_sample_rate(name, sample_rate)
    return rate / 1000 if rate is not None and unit == "ms" else 1.0


def check_window(name: str, n_fft: int, *, least: int) -> None:
    """Raises `ArgumentError` unless a window has a power of 2 of samples, at least `least` (itself a power of 2).

    Args:
        name: the name of the transform, for the message.
        n_fft: the number of samples.
        least: the smallest accepted number.

    Example:
        >>> check_window("audio.time_stretch", 512, least=4)
    """
    noun = "a power of 2"
    size = count("n_fft", n_fft, least=least, noun=noun, owner=name)
    if size & (size - 1):
        raise refused("n_fft", size, f"{noun} of at least {least}", owner=name)


def per_signal(value: Float[Tensor, " batch"], like: Tensor) -> Float[Tensor, "batch *ones"]:
    """One value per sample, shaped to act on signals of as many axes as `like`, in their dtype.

    Example:
        >>> per_signal(torch.ones(2), torch.zeros(2, 3, 4)).shape
        torch.Size([2, 1, 1])
    """
    return value.to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))


def working_dtype(x: Tensor) -> torch.dtype:
    """The dtype to compute in: that of `x`, but float32 for half precision, in which spectra and places have no digits.

    Example:
        >>> working_dtype(torch.zeros(1, dtype=torch.bfloat16)), working_dtype(torch.zeros(1, dtype=torch.float64))
        (torch.float32, torch.float64)
    """
    return torch.promote_types(x.dtype, torch.float32)
