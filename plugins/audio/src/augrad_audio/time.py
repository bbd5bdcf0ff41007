"""Time as matrices: shift, speed and reversal, so that several cost one resampling. Uses interpolation.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import Action, MatrixTransform, Range
from augrad.transform.matrix import inverse
from augrad_audio.interpolation import check_padding, place_dtype, sample
from augrad_audio.signals import Number, SignalTransform, samples_per


@dataclass(frozen=True)
class TimeAction(Action):
    """Applies a time matrix to homogeneous time `(t, 1)`, in samples.

    The origin is the middle of the signal. A matrix says where content *goes*: `[[a, b], [0, 1]]` moves the content at
    `t` to `a t + b`. A product of any number of matrices costs a single band-limited resampling. Frequencies that a
    slower sampling cannot hold are removed first.

    Args:
        padding: continuation before and after the signal: `"zeros"`, `"cyclic"` or `"reflection"`.

    Raises:
        ArgumentError: `padding` is unknown.

    Example:
        >>> later = torch.tensor([[[1.0, 1.0], [0.0, 1.0]]])
        >>> TimeAction("cyclic").act(torch.tensor([[[1.0, 2.0, 3.0]]]), later).round(decimals=4).tolist()
        [[[3.0, 1.0, 2.0]]]
    """

    size: ClassVar[int] = 2
    moves_coordinates: ClassVar[bool] = True

    padding: str = "zeros"

    def __post_init__(self) -> None:
        check_padding(self.padding)

    def act(self, x: Any, matrix: Float[Tensor, "batch 2 2"]) -> Any:
        return resampled(x, matrix, padding=self.padding)


def resampled(
    x: Float[Tensor, "batch *event time"], matrix: Float[Tensor, "#batch 2 2"], *, padding: str = "zeros"
) -> Float[Tensor, "batch *event time"]:
    """Moves the content of each signal by a matrix, with one band-limited resampling; differentiable in the matrix.

    Args:
        x: signals, or dense outputs with one value per sample of the signal.
        matrix: where content goes, in samples from the middle of the signal (see `TimeAction`); must be invertible.
        padding: `"zeros"`, `"cyclic"` or `"reflection"`.

    Returns:
        Signals with the shape and dtype of `x`. See `interpolation.sample` for the cost.

    Example:
        >>> reverse = torch.tensor([[[-1.0, 0.0], [0.0, 1.0]]])
        >>> resampled(torch.tensor([[[1.0, 2.0, 3.0]]]), reverse).round(decimals=4).tolist()
        [[[3.0, 2.0, 1.0]]]
    """
    n_samples = x.shape[-1]
    source = inverse(matrix.to(place_dtype(x))).expand(x.shape[0], 2, 2)
    middle = (n_samples - 1) / 2
    time = torch.arange(n_samples, device=x.device, dtype=source.dtype) - middle
    places = source[:, :1, 0] * time + (source[:, :1, 1] + middle)
    return sample(x, places, padding=padding, speed=source[:, 0, 0])


class TimeTransform(SignalTransform, MatrixTransform):
    """Base class of the transforms that are matrices on time; see `TimeAction` for the conventions.

    Args:
        padding: continuation before and after the signal: `"zeros"`, `"cyclic"` or `"reflection"`.
        **ranges: a different `Range` or limit for a parameter, see `augrad.Transform`.

    Raises:
        ArgumentError: `padding` is unknown.
    """

    action = TimeAction()

    def __init__(self, *, padding: str = "zeros", **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.action = TimeAction(padding)


class TimeShift(TimeTransform):
    """Shifts signals in time by `offset`, also by fractions of a sample. Positive offsets delay the signal.

    Matrix: `[[1, offset], [0, 1]]`.

    Args:
        sample_rate: sample rate of the signals in Hz. Required unless `unit` is `"samples"`.
        unit: unit of `offset`: `"ms"`, or `"samples"` for signals that are not sound.
        padding: content that moves in: `"zeros"`, `"cyclic"` (like `torch.roll`) or `"reflection"`.
        **ranges: a different `Range` or limit for `offset`, in `unit`.

    Raises:
        ArgumentError: `sample_rate` is missing or not a number above 0, or `unit` or `padding` is unknown.

    Example:
        >>> x = torch.tensor([[[1.0, 2.0, 3.0]]])
        >>> later = TimeShift(unit="samples", padding="cyclic")(x, offset=torch.tensor([1.0]))
        >>> later.round(decimals=4).tolist()
        [[[3.0, 1.0, 2.0]]]
    """

    assumes = "the label does not depend on the moment at which a signal starts, within the learned range"
    offset = Range(100.0, unit="ms", signed=True)

    def __init__(
        self,
        *,
        sample_rate: Number | None = None,
        unit: str = "ms",
        padding: str = "zeros",
        **ranges: float | Range,
    ) -> None:
        super().__init__(padding=padding, **ranges)
        self._samples = samples_per(self.name, unit, sample_rate)
        self.ranges = {"offset": replace(self.ranges["offset"], unit=unit)}

    def matrix(self, *, offset: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2 2"]:
        return affine(torch.ones_like(offset), offset * self._samples)

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns a sample rate at which the example batch lasts longer than the range of shifts."""
        return {"sample_rate": 500.0}


class Speed(TimeTransform):
    """Plays signals `2 ** rate` times as fast about their middle; the pitch changes too, as on a turntable.

    Positive rates are faster and higher. The length is kept. Use `TimeStretch` to keep the pitch, and `PitchShift` to
    keep the tempo. Matrix: `[[2 ** -rate, 0], [0, 1]]`.

    Example:
        >>> Speed().matrix(rate=torch.tensor([1.0]))[0].tolist()
        [[0.5, 0.0], [0.0, 1.0]]
    """

    assumes = "the label does not depend on speed, and the pitch that goes with it, within the learned range"
    rate = Range(0.5, unit="octave", signed=True)

    def matrix(self, *, rate: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2 2"]:
        return affine(torch.exp2(-rate), torch.zeros_like(rate))


class TimeReverse(TimeTransform):
    """Plays signals backwards. It has no parameter; only its selection weight is learned.

    Example:
        >>> TimeReverse()(torch.tensor([[[1.0, 2.0]]])).round(decimals=4).tolist()
        [[[2.0, 1.0]]]
    """

    assumes = "the label stays the same when signals are played backwards"

    def matrix(self) -> Float[Tensor, "1 2 2"]:
        return torch.diag(torch.tensor([-1.0, 1.0]))[None]


def affine(slope: Float[Tensor, " batch"], offset: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2 2"]:
    """Builds a matrix `[[slope, offset], [0, 1]]` per sample.

    Example:
        >>> affine(torch.tensor([2.0]), torch.tensor([3.0])).tolist()
        [[[2.0, 3.0], [0.0, 1.0]]]
    """
    zero, one = torch.zeros_like(slope), torch.ones_like(slope)
    return torch.stack([slope, offset, zero, one], dim=-1).reshape(-1, 2, 2)
