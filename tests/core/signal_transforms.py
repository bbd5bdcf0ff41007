"""Small transforms of signals `(batch, channels, time)` for the tests of the core; each keeps every promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from augrad import Action, MatrixTransform, Range, Transform
from augrad.testing import smooth


class Gain(Transform):
    """Multiplies the signal by `10 ** (gain_db / 20)`."""

    modality = "signal"
    assumes = "the loudness of the signal carries no information about the target"
    gain_db = Range(6.0, unit="dB", signed=True)

    def forward(self, x: Tensor, *, gain_db: Tensor) -> Tensor:
        return x * 10 ** (gain_db.to(x.dtype) / 20)[:, None, None]

    def invert(self, y: Tensor, *, gain_db: Tensor) -> Tensor:
        return self.forward(y, gain_db=-gain_db)


class Shift(Transform):
    """Rolls the signal along time, by `shift` of its length, in the frequency domain."""

    modality = "signal"
    assumes = "the start of the signal carries no information about the target"
    moves_coordinates = True
    shift = Range(0.5, unit="of length", signed=True)

    def forward(self, x: Tensor, *, shift: Tensor) -> Tensor:
        if x.shape[0] == 0:  # MKL refuses to transform nothing
            return x.clone()
        wide = x if x.dtype == torch.float64 else x.float()
        n = x.shape[-1]
        # The highest frequency of an even length has no sign, so it stays where it is.
        turns = torch.arange(n // 2 + 1, device=x.device) * (torch.arange(n // 2 + 1, device=x.device) < n / 2)
        phase = -2 * torch.pi * shift.to(wide.dtype)[:, None, None] * turns
        spectrum = torch.fft.rfft(wide) * torch.polar(torch.ones_like(phase), phase)
        return torch.fft.irfft(spectrum, n=n).to(x.dtype)

    def invert(self, y: Tensor, *, shift: Tensor) -> Tensor:
        return self.forward(y, shift=-shift)


class Noise(Transform):
    """Adds white noise of standard deviation `std`."""

    modality = "signal"
    assumes = "what is drowned by little noise carries no information about the target"
    std = Range(1.0)

    def draw_noise(self, x: Tensor, generator: Generator | None) -> Tensor:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(self, x: Tensor, *, std: Tensor, noise: Tensor) -> Tensor:
        return x + std.to(x.dtype)[:, None, None] * noise.to(x.dtype)


class Flip(Transform):
    """Reverses time. It has nothing to learn but its weight."""

    modality = "signal"
    assumes = "the direction of time carries no information about the target"
    moves_coordinates = True

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(-1)

    def invert(self, y: Tensor) -> Tensor:
        return self.forward(y)


class Quantize(Transform):
    """Rounds down to steps of `step`; the gradient is that of the mean loss by rounding, `-step / 2`."""

    modality = "signal"
    assumes = "the last digits of the signal carry no information about the target"
    gradient = "straight-through"
    step = Range(0.2, unit="V")

    def forward(self, x: Tensor, *, step: Tensor) -> Tensor:
        step = step.to(x.dtype)[:, None, None]
        whole = torch.floor(x.detach() / step.detach().clamp_min(1e-6))
        rounded = torch.where(step.detach() > 1e-6, whole * step.detach(), x.detach())
        # floor(x / s) * s loses s / 2 on average: that is the slope of the smoothed map.
        return rounded + (x - x.detach()) - (step - step.detach()) / 2


class Blend(Transform):
    """Blends each signal with the next one of the batch, by `share`."""

    modality = "signal"
    assumes = "a little of another signal carries no information about the target"
    mixes_samples = True
    share = Range(0.5)

    def forward(self, x: Tensor, *, share: Tensor) -> Tensor:
        share = share.to(x.dtype)[:, None, None]
        return (1 - share) * x + share * x.roll(1, 0)


class ColumnNoise(Transform):
    """Adds noise of standard deviation `std` to each column of a table, learned per column."""

    modality = "table"
    assumes = "small errors of measurement carry no information about the target"
    std = Range(1.0, per="feature")

    def __init__(self, n_features: int = 5, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.n_features = n_features

    def example_batch(self, n_samples: int, generator: Generator | None) -> Tensor:
        return smooth((n_samples, self.n_features), generator)

    def draw_noise(self, x: Tensor, generator: Generator | None) -> Tensor:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(self, x: Tensor, *, std: Tensor, noise: Tensor) -> Tensor:
        return x + std.to(x.dtype) * noise


@dataclass(frozen=True)
class Channels(Action):
    """Two or more channels, of which the first two are mixed."""

    size: ClassVar[int] = 2

    def act(self, x: Tensor, matrix: Tensor) -> Tensor:
        mixed = torch.einsum("nij,njt->nit", matrix.to(x.dtype), x[:, :2])
        return torch.cat([mixed, x[:, 2:]], dim=1)


class Turn(MatrixTransform):
    """Turns the first two channels into each other by `angle`."""

    modality = "signal"
    assumes = "the orientation of the sensor carries no information about the target"
    action = Channels()
    angle = Range(180.0, unit="deg", signed=True)

    def matrix(self, *, angle: Tensor) -> Tensor:
        c, s = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        return torch.stack([c, -s, s, c], dim=-1).reshape(-1, 2, 2)


class Stretch(MatrixTransform):
    """Stretches the first two channels, by `first` and `second` powers of two."""

    modality = "signal"
    assumes = "the scale of each sensor axis carries no information about the target"
    action = Channels()
    first = Range(1.0, unit="log2", signed=True)
    second = Range(1.0, unit="log2", signed=True)

    def matrix(self, *, first: Tensor, second: Tensor) -> Tensor:
        return torch.diag_embed(torch.stack([2**first, 2**second], dim=-1))


class Swap(MatrixTransform):
    """Swaps the first two channels: a matrix without anything to learn but its weight."""

    modality = "signal"
    assumes = "the order of the sensor axes carries no information about the target"
    action = Channels()

    def matrix(self) -> Tensor:
        return torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])


@dataclass(frozen=True)
class Ring(Action):
    """The circle of time: the matrix `[[1, s], [0, 1]]` rolls a signal by `s` of its length."""

    size: ClassVar[int] = 2
    moves_coordinates: ClassVar[bool] = True

    def act(self, x: Tensor, matrix: Tensor) -> Tensor:
        return Shift().forward(x, shift=matrix[:, 0, 1] / x.shape[-1])

    def units(self, x: Any) -> Tensor:
        return torch.tensor([[1.0, float(x.shape[-1])], [1.0, 1.0]])


class RingShift(MatrixTransform):
    """Rolls the signal along time by `shift` of its length, as a matrix on the circle of time."""

    modality = "signal"
    assumes = "the start of the signal carries no information about the target"
    action = Ring()
    shift = Range(0.5, unit="of length", signed=True)

    def matrix(self, *, shift: Tensor) -> Tensor:
        one, zero = torch.ones_like(shift), torch.zeros_like(shift)
        return torch.stack([one, shift, zero, one], dim=-1).reshape(-1, 2, 2)


GOOD: tuple[type[Transform], ...] = (
    Gain,
    Shift,
    Noise,
    Flip,
    Quantize,
    Blend,
    ColumnNoise,
    Turn,
    Stretch,
    Swap,
    RingShift,
)
"""Every transform of this file."""
