"""Basis of all signal transforms: modality, check of a batch, sample rate, example batch, hooks for the audit.

Uses sample_features.py and drawing.py; base of the other files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Transform
from augrad.errors import ArgumentError, InputError
from augrad.options import count, number, one_of, refused
from augrad.transform.drawing import INK
from augrad_audio.sample_features import signal_features

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Number = int | float
"""A number as a user writes it: 8000 as well as 8000.0."""

UNITS = ("ms", "samples")
"""Units of a duration: milliseconds need a sample rate, samples do not."""

_LAYOUTS = {3: "waveforms (batch, channels, time)", 4: "spectrograms (batch, channels, freq, time)"}


class SignalTransform(Transform):
    """Base class of the transforms of waveforms `(batch, channels, time)`: sound, or any other signal.

    Attributes:
        layouts: accepted numbers of axes: 3 for waveforms, 4 for spectrograms `(batch, channels, freq, time)`.
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
        """Makes smooth waveforms with 2 channels of 64 samples in [0, 0.9], silent at both ends, for the kit."""
        # A training run does not need the conformance kit, so it is imported only here.
        from augrad.testing import smooth

        # An inverse cannot restore content that left the frame, so the loud part is placed in the middle.
        window = torch.hann_window(66, periodic=False, dtype=torch.float64)[1:-1]
        return smooth((n_samples, 2, 64), generator) * window

    @classmethod
    def features(cls, x: Any) -> Float[Tensor, "batch features"]:
        """Returns features by which an audit compares samples; see `augrad_audio.sample_features.signal_features`.

        Spectrograms `(batch, channels, freq, time)` are compared by their values.
        """
        values = super().features(x)
        return signal_features(values.reshape(x.shape)) if x.ndim == 3 else values

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """Draws a waveform above its spectrogram, a short waveform as a line per channel, or a spectrogram."""
        # matplotlib is imported only when something is drawn.
        from augrad_audio.drawing import draw_signal

        if not isinstance(sample, Tensor) or sample.ndim not in _LAYOUTS or len(sample) != 1:
            super().draw(axes, sample, original=original, colour=colour)
        else:
            draw_signal(axes, sample, original=original, colour=colour)


def checked_sample_rate(name: str, sample_rate: Any) -> float:
    """Checks a sample rate and returns it in Hz.

    Args:
        name: name of the transform that needs it, for the message.
        sample_rate: the argument of its constructor.

    Raises:
        ArgumentError: `sample_rate` is missing, or is not a finite number above 0.

    Example:
        >>> checked_sample_rate("audio.time_shift", 8000)
        8000.0
    """
    if sample_rate is None:
        raise ArgumentError(
            f"{name} needs sample_rate, in Hz, which was not given. Pass it to the constructor, as in "
            'sample_rate=8000, or to a whole layer: AugmentationLayer([...], arguments={"sample_rate": 8000}). '
            '(Transforms with an argument unit="samples" can count durations in samples instead.)',
            argument="sample_rate",
            transform=name,
        )
    noun = "a finite number of Hz"
    return number("sample_rate", sample_rate, above=0, noun=noun, owner=name, transform=name)


def samples_per(name: str, unit: str, sample_rate: Any) -> float:
    """Returns the number of samples in a unit of time.

    Args:
        name: name of the transform that has a duration, for the message.
        unit: `"ms"`, which needs the sample rate, or `"samples"`, which does not.
        sample_rate: in Hz, or None.

    Raises:
        ArgumentError: `unit` is unknown, or `sample_rate` is missing or not a finite number above 0.

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
    """Reshapes one value per sample so that it broadcasts over signals with as many axes as `like`, in its dtype.

    Example:
        >>> per_signal(torch.ones(2), torch.zeros(2, 3, 4)).shape
        torch.Size([2, 1, 1])
    """
    return value.to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))


def working_dtype(x: Tensor) -> torch.dtype:
    """Returns the dtype to compute in: float32 for half precision, which is too coarse here, else that of `x`.

    Example:
        >>> working_dtype(torch.zeros(1, dtype=torch.bfloat16)), working_dtype(torch.zeros(1, dtype=torch.float64))
        (torch.float32, torch.float64)
    """
    return torch.promote_types(x.dtype, torch.float32)
