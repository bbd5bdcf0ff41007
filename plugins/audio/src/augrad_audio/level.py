"""Level: gain, polarity and offset as matrices that fuse, and overdrive. Uses signals.py; noise.py uses `own_rms`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import Action, MatrixTransform, Range
from augrad_audio.signals import SignalTransform, per_signal, working_dtype

Signals = Float[Tensor, "batch channels time"]
"""A batch of waveforms."""

_SILENT = 1e-24
# Mean square below which a signal counts as silent, because a square root has an infinite slope at 0.

_ROUND = 1e-10
# Added to mean squares that are not near 0, so that a silent signal has the ratio 1.


def own_rms(x: Signals) -> Float[Tensor, "batch 1 1"]:
    """Computes the root mean square of each signal about the mean of each channel; 0 for silent and constant signals.

    Subtracting the mean makes the result independent of the zero point, for signals that are not sound.

    Example:
        >>> own_rms(torch.tensor([[[1.0, 3.0]], [[5.0, 5.0]]])).flatten().tolist()
        [1.0, 0.0]
    """
    wide = x.to(working_dtype(x))
    power = (wide - wide.mean(dim=-1, keepdim=True)).square().mean(dim=(1, 2), keepdim=True)
    rms: Tensor = (power + _SILENT).sqrt() - math.sqrt(_SILENT)
    return rms


@dataclass(frozen=True)
class LevelAction(Action):
    """Applies a level matrix to `(value, rms)` for each sample of a signal; `rms` is the signal's root mean square.

    The root mean square (about the mean, see `own_rms`) takes the place of the usual 1. Offsets are therefore in units
    of it and stay in proportion to the signal, whatever gain comes before or after.

    Example:
        >>> twice = torch.diag(torch.tensor([2.0, 2.0]))[None]
        >>> LevelAction().act(torch.tensor([[[1.0, -1.0]]]), twice).tolist()
        [[[2.0, -2.0]]]
    """

    size: ClassVar[int] = 2

    def act(self, x: Any, matrix: Float[Tensor, "batch 2 2"]) -> Any:
        matrix = matrix.to(working_dtype(x))
        wide = x.to(matrix.dtype)
        return (matrix[:, :1, :1] * wide + matrix[:, :1, 1:] * own_rms(x)).to(x.dtype)


class LevelTransform(SignalTransform, MatrixTransform):
    """Base class of the transforms that are matrices on the level of a signal, see `LevelAction`.

    torchaudio's `gain` takes one number for a whole batch. Its `dcshift` clips to [-1, 1] and does not accept bfloat16.
    """

    action = LevelAction()


class Gain(LevelTransform):
    """Makes signals louder (positive) or softer (negative) by `gain_db`; 6.02 dB double the amplitude.

    Example:
        >>> Gain()(torch.ones(1, 1, 1), gain_db=torch.tensor([20.0])).item()
        10.0
    """

    assumes = "the label does not depend on the signal's loudness within the learned range"
    gain_db = Range(20.0, unit="dB", signed=True)

    def matrix(self, *, gain_db: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2 2"]:
        return torch.diag_embed(amplitude(gain_db)[:, None].expand(-1, 2))


class Polarity(LevelTransform):
    """Turns signals upside down. It has no parameter; only its selection weight is learned.

    Example:
        >>> Polarity()(torch.tensor([[[1.0, -2.0]]])).tolist()
        [[[-1.0, 2.0]]]
    """

    assumes = "the label stays the same when signals are turned upside down"

    def matrix(self) -> Float[Tensor, "1 2 2"]:
        return torch.diag(torch.tensor([-1.0, 1.0]))[None]


class DcOffset(LevelTransform):
    """Adds a constant to all channels: `offset` times the signal's root mean square about its mean.

    The unit comes from the signal, so the same range suits sound in [-1, 1] and a sensor's millivolts. A silent or
    constant signal has no unit and does not change.

    Example:
        >>> DcOffset()(torch.tensor([[[2.0, -2.0]]]), offset=torch.tensor([0.5])).tolist()
        [[[3.0, -1.0]]]
    """

    assumes = "the label does not depend on a constant offset of the signal within the learned range"
    offset = Range(1.0, unit="RMS", signed=True)

    def matrix(self, *, offset: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2 2"]:
        zero, one = torch.zeros_like(offset), torch.ones_like(offset)
        return torch.stack([one, offset, zero, one], dim=-1).reshape(-1, 2, 2)


def amplitude(decibels: Float[Tensor, "*values"]) -> Float[Tensor, "*values"]:
    """Converts decibels to the factor of an amplitude, `10 ** (decibels / 20)`.

    Example:
        >>> amplitude(torch.tensor([20.0, 0.0])).tolist()
        [10.0, 1.0]
    """
    return torch.exp(math.log(10) / 20 * decibels)


def overdrive(x: Signals, drive_db: Float[Tensor, " batch"]) -> Signals:
    r"""Clips signals softly and restores their level.

    torchaudio's `overdrive` takes its gain as one number for the whole batch and passes no gradient to it.

    With `u` the signal about its mean in units of its own RMS, and `g = 10^(drive / 20)`, the result is
    `u / sqrt(1 + (g^2 - 1) u^2)`, scaled to the RMS of `u`. Small values grow by exactly `drive` dB relative to a value
    at the RMS. At 0 dB nothing changes.

    Args:
        x: signals.
        drive_db: drive in dB, at least 0.

    Example:
        >>> x = torch.tensor([[[3.0, 1.0, 0.0, -1.0, -3.0]]])
        >>> y = overdrive(x, torch.tensor([12.0]))
        >>> (10 * y).round().tolist()  # nearly a square wave
        [[[23.0, 21.0, 0.0, -21.0, -23.0]]]
    """
    wide = x.to(working_dtype(x))
    mean, rms = wide.mean(dim=-1, keepdim=True), own_rms(x)
    unit = (wide - mean) / (rms + math.sqrt(_SILENT))
    clipping = torch.expm1(math.log(10) / 10 * per_signal(drive_db, unit))
    clipped = unit * (1 + clipping * unit.square()).rsqrt()
    before, after = (part.square().mean(dim=(1, 2), keepdim=True) + _ROUND for part in (unit, clipped))
    return (mean + rms * clipped * (before / after).sqrt()).to(x.dtype)


class Overdrive(SignalTransform):
    """Clips signals softly, like an overdriven amplifier: small values gain `drive_db` relative to loud ones.

    The level does not change; use `Gain` for loudness. See `overdrive` for the formula.

    Example:
        >>> x = torch.linspace(-1, 1, 5).reshape(1, 1, -1)
        >>> bool(torch.allclose(Overdrive()(x, drive_db=torch.zeros(1)), x))
        True
    """

    assumes = "the label does not depend on distortion of loud parts, up to the learned drive"
    drive_db = Range(20.0, unit="dB")

    def forward(self, x: Any, *, drive_db: Float[Tensor, " batch"]) -> Any:
        return overdrive(x, drive_db)
