"""Masks: a stretch of time, or a frequency band of a spectrogram, is removed with soft edges. Uses signals.py."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad.options import number
from augrad_audio.signals import SignalTransform, working_dtype


def soft_interval(
    fraction: Float[Tensor, " batch"], place: Float[Tensor, " batch"], size: int, softness: float
) -> Float[Tensor, "batch size"]:
    """Makes a mask with soft edges: 1 inside an interval that covers a fraction of an axis, 0 outside.

    The mask is the difference of two sigmoids at the edges, so it vanishes with its length.

    Args:
        fraction: covered fraction of the axis, in [0, 1].
        place: position of the interval, from -1 (start of the axis) to 1 (end of the axis).
        size: number of entries of the axis.
        softness: width of the edges as a fraction of the axis, above 0.

    Example:
        >>> interval = soft_interval(torch.tensor([0.5]), torch.tensor([-1.0]), 8, 0.001)
        >>> interval.round(decimals=4).abs().tolist()
        [[1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    at = (torch.arange(size, device=fraction.device, dtype=fraction.dtype) + 0.5) / size
    start = ((1 + place) / 2 * (1 - fraction))[:, None]
    end = start + fraction[:, None]
    return torch.sigmoid((at - start) / softness) - torch.sigmoid((at - end) / softness)


class Mask(SignalTransform):
    """Base class of the masks: replaces an interval of an axis, in all channels, by `fill`.

    The position of the interval is inner noise, uniform over all positions inside the signal.

    Args:
        fill: value inside the interval. 0 is silence in a waveform or power spectrogram, but not in a logarithmic
            spectrogram.
        softness: width of the edges as a fraction of the axis, above 0. Only the edges pass a gradient to `fraction`.
        **ranges: a different `Range` or limit for `fraction`.

    Attributes:
        axis: the masked axis, counted from the last.

    Raises:
        ArgumentError: `fill` is not finite, or `softness` is not a finite number above 0.
    """

    axis: ClassVar[int] = -1
    fraction = Range(0.5, unit="fraction")

    def __init__(self, *, fill: float = 0.0, softness: float = 0.01, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        number("fill", fill, owner=self.name)
        hint = "A hard edge has no gradient."
        number("softness", softness, above=0, noun="a finite fraction", owner=self.name, hint=hint)
        self.fill, self.softness = fill, softness

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return 2 * torch.rand(x.shape[0], generator=generator, device=x.device, dtype=working_dtype(x)) - 1

    def forward(self, x: Any, *, fraction: Float[Tensor, " batch"], noise: Float[Tensor, " batch"]) -> Any:
        place = noise.to(working_dtype(x))
        interval = soft_interval(fraction.to(place.dtype), place, x.shape[self.axis], self.softness)
        shape = [1] * x.ndim
        shape[0], shape[self.axis] = interval.shape
        return x + interval.reshape(shape).to(x.dtype) * (self.fill - x)


class TimeMask(Mask):
    """Silences a stretch of `fraction` of a waveform, or of a spectrogram in all its frequencies.

    See `Mask` for the arguments.

    Example:
        >>> x, first = torch.ones(1, 1, 8), torch.tensor([-1.0])
        >>> TimeMask(softness=0.001)(x, fraction=torch.tensor([0.25]), noise=first).round().flatten().abs().tolist()
        [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]

    References:
        Park et al.: SpecAugment, Interspeech 2019, section 2.
    """

    assumes = "the label stays the same when any single stretch of time, up to the learned length, is missing"
    layouts = (3, 4)


class FrequencyMask(Mask):
    """Removes a band of `fraction` of the frequencies of spectrograms `(batch, channels, freq, time)`.

    See `Mask` for the arguments.

    Example:
        >>> x, lowest = torch.ones(1, 1, 4, 2), torch.tensor([-1.0])
        >>> masked = FrequencyMask(softness=0.001)(x, fraction=torch.tensor([0.25]), noise=lowest)
        >>> masked[0, 0, :, 0].round().abs().tolist()
        [0.0, 1.0, 1.0, 1.0]

    References:
        Park et al.: SpecAugment, Interspeech 2019, section 2.
    """

    assumes = "the label stays the same when any single band of frequencies, up to the learned width, is missing"
    layouts = (4,)
    axis = -2

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Makes smooth spectrograms with 2 channels of 16 frequencies and 12 frames, for the conformance kit."""
        from augrad.testing import smooth

        return smooth((n_samples, 2, 16, 12), generator, n_axes=2)
