"""Time warp: time runs faster in some parts and slower in others, smoothly. Uses interpolation.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad.options import count
from augrad_audio.interpolation import place_dtype, sample
from augrad_audio.signals import SignalTransform, working_dtype

_N_STEPS = 16
# Fixed-point steps that invert a warp. Each step multiplies the error by the warp's steepest slope.


def warp_shifts(
    strength: Float[Tensor, " batch"], waves: Float[Tensor, "batch waves"], at: Float[Tensor, "#batch time"]
) -> Float[Tensor, "batch time"]:
    r"""Computes smooth random shifts from each place to the source of its content; they are 0 at both ends.

    The formula is `strength * sqrt(2 / n) * sum_k waves_k sin(pi k at)`. The root mean square over time and noise is
    `strength`.

    Args:
        strength: as a fraction of the duration.
        waves: independent standard normal numbers, `n` per signal.
        at: places, in [0, 1] from the start of the signal to its end.

    Example:
        >>> at = torch.tensor([[0.0, 0.5, 1.0]])
        >>> [round(abs(shift), 3) for shift in warp_shifts(torch.tensor([0.1]), torch.ones(1, 1), at)[0].tolist()]
        [0.0, 0.141, 0.0]
    """
    n_waves = waves.shape[1]
    k = torch.arange(1, n_waves + 1, device=waves.device, dtype=at.dtype)
    basis = torch.sin(math.pi * k[:, None] * at[:, None])
    scaled = math.sqrt(2 / n_waves) * strength.to(at.dtype)[:, None] * waves.to(at.dtype)
    return (scaled[:, :, None] * basis).sum(dim=1)


class TimeWarp(SignalTransform):
    """Stretches time in some parts and compresses it in others, smoothly and at random; both ends stay in place.

    The content at `t + shift(t)` moves to `t`. The shift has the root mean square `strength`, as a fraction of the
    duration. Above about `0.2 / n_waves`, time begins to run backwards in places. The pitch changes with the tempo.

    Two limits: compressed parts are not low-passed first, so frequencies near the highest frequency may fold down. And
    spectrograms should be logarithmic, because band-limited interpolation of power can fall a little below 0 beside a
    steep edge.

    Args:
        n_waves: largest number of half periods of the shift over the signal, at least 1. More waves give a rougher
            shift.
        **ranges: a different `Range` or limit for `strength`.

    Raises:
        ArgumentError: `n_waves` is not an int of at least 1.

    Example:
        >>> x, waves = torch.rand(1, 1, 16), torch.randn(1, 3)
        >>> bool(torch.allclose(TimeWarp()(x, strength=torch.zeros(1), noise=waves), x, atol=1e-5))
        True

    References:
        Park et al.: SpecAugment, Interspeech 2019, section 2 (time warping).
    """

    assumes = "the label does not depend on the tempo of each part of a signal, within the learned range"
    moves_coordinates = True
    layouts = (3, 4)
    strength = Range(0.05, unit="duration")

    def __init__(self, *, n_waves: int = 3, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.n_waves = count("n_waves", n_waves, owner=self.name)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape[0], self.n_waves, generator=generator, device=x.device, dtype=working_dtype(x))

    def forward(self, x: Any, *, strength: Float[Tensor, " batch"], noise: Float[Tensor, "batch waves"]) -> Any:
        at = _places(x)
        return _moved(x, at + warp_shifts(strength, noise, at))

    def invert(self, y: Any, *, strength: Float[Tensor, " batch"], noise: Float[Tensor, "batch waves"]) -> Any:
        at = _places(y)
        undone = -warp_shifts(strength, noise, at)
        for _ in range(_N_STEPS):
            undone = -warp_shifts(strength, noise, at + undone)
        return _moved(y, at + undone)


def _places(x: Tensor) -> Float[Tensor, "1 time"]:
    """Returns the place of each sample in the signal, in [0, 1]; the first and last are half a sample inside."""
    n_samples = x.shape[-1]
    return ((torch.arange(n_samples, device=x.device, dtype=place_dtype(x)) + 0.5) / n_samples)[None]


def _moved(x: Tensor, at: Float[Tensor, "#batch time"]) -> Tensor:
    places = (at * x.shape[-1] - 0.5).expand(x.shape[0], -1)
    return sample(x, places, padding="reflection")
