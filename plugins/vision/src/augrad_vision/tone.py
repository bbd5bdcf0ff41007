"""Tone curves and what is near them: gamma, sharpness, solarize, posterize, equalize. Uses images.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from kornia.filters import filter2d
from torch import Tensor

from augrad import Range
from augrad_vision.images import ImageTransform, per_image

Images = Float[Tensor, "batch channels height width"]
"""A batch of images."""

_DARK = 1e-4
# Added to what gamma raises to a power: at black the slope of a power under 1 would be infinite.

_SOFTNESS = 0.1
# How far from the threshold of solarize a pixel still passes a gradient to it.

_FINEST = 1e-3
# Smallest step that posterize divides by; below it the rounding is drawn in, to nothing at 0.


def adjust_gamma(x: Images, exponent: Float[Tensor, " batch"]) -> Images:
    """`x ** exponent`, finite in value and gradient at black, and odd in `x`.

    kornia's `adjust_gamma` clips to [0, 1], so that a standardised image loses its dark half.

    Example:
        >>> adjust_gamma(torch.full((1, 1, 1, 1), 0.5), torch.tensor([2.0])).round(decimals=3).item()
        0.25
    """
    return x * (x.abs() + _DARK) ** (per_image(exponent, x) - 1)


def sharpen(x: Images, amount: Float[Tensor, " batch"]) -> Images:
    """`x + amount (x - smooth)`, where `smooth` is PIL's 3x3 smoothing (centre 5, neighbours 1, over 13).

    The smoothing is kornia's `filter2d`. Its `sharpness` clips to [0, 1] and passes a gradient at 44 % of the values,
    where this passes one at 84 %.

    Example:
        >>> sharpen(torch.ones(1, 1, 2, 2), torch.tensor([1.0])).flatten().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    kernel = torch.ones(1, 3, 3, device=x.device, dtype=x.dtype)
    kernel[:, 1, 1] = 5
    smooth = filter2d(x, kernel / 13, border_type="replicate")
    return x + per_image(amount, x) * (x - smooth)


def solarize(x: Images, threshold: Float[Tensor, " batch"]) -> Images:
    """Inverts the values above a threshold; the gradient is that of a sigmoid of width 0.1 in place of the step.

    kornia's `solarize` has the same values; no gradient reaches its threshold.

    Example:
        >>> solarize(torch.tensor([0.25, 1.0]).reshape(1, 1, 1, 2), torch.tensor([0.5])).flatten().tolist()
        [0.25, 0.0]
    """
    above, turned = x - per_image(threshold, x), 1 - 2 * x
    soft = x + torch.sigmoid(above / _SOFTNESS) * turned
    hard = torch.where(above > 0, 1 - x, x)
    return soft + (hard - soft).detach()


def posterize(x: Images, step: Float[Tensor, " batch"]) -> Images:
    """Rounds values to multiples of a step; the gradient is that of a smooth staircase.

    kornia's `posterize` takes whole bits and passes no gradient.

    The staircase is `x - step / (2 pi) sin(2 pi x / step)`: flat at the multiples, and steepest half-way.

    Example:
        >>> posterize(torch.tensor([0.3, 0.6]).reshape(1, 1, 1, 2), torch.tensor([0.5])).flatten().tolist()
        [0.5, 0.5]
    """
    step = per_image(step, x)
    steps = x / step.clamp_min(_FINEST)
    soft = x - step / (2 * math.pi) * torch.sin(2 * math.pi * steps)
    hard = x + step * (torch.round(steps) - steps)
    return soft + (hard - soft).detach()


def equalize(x: Images, n_bins: int = 64) -> Images:
    """Replaces each value by its rank among those of its channel, in [0, 1], by a histogram of triangular bins.

    A value counts for the two nearest bins in proportion, and the rank is interpolated between bins, so that there is a
    gradient, where kornia's `equalize` has none. A constant channel becomes 0.5.

    Args:
        x: images; values outside of [0, 1] count as 0 and 1.
        n_bins: of the histogram, at least 2.

    Example:
        >>> equalize(torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)).flatten().tolist()
        [0.25, 0.75]
    """
    place = x.flatten(2).clamp(0, 1) * (n_bins - 1)
    left = place.detach().floor().clamp(0, n_bins - 2)
    share, index = place - left, left.long()
    counts = x.new_zeros(*place.shape[:2], n_bins)
    counts = counts.scatter_add(2, index, 1 - share).scatter_add(2, index + 1, share)
    ranks = (counts.cumsum(2) - counts / 2) / place.shape[2]
    found = ranks.gather(2, index) * (1 - share) + ranks.gather(2, index + 1) * share
    return found.reshape(x.shape)


class Gamma(ImageTransform):
    """Raises values to the power `2 ** factor`: positive factors darken the middle tones, negative ones lift them.

    Black and white stay where they are.

    Example:
        >>> Gamma()(torch.full((1, 1, 1, 1), 0.5), factor=torch.tensor([1.0])).round(decimals=3).item()
        0.25
    """

    assumes = "the brightness of the middle tones within the learned range carries no information about the target"
    factor = Range(1.0, unit="octave", signed=True)

    def forward(self, x: Any, *, factor: Float[Tensor, " batch"]) -> Any:
        return adjust_gamma(x, torch.exp2(factor))


class Sharpness(ImageTransform):
    """Adds `amount` times the difference to a smoothed copy; at -1 the smoothed copy is left.

    Example:
        >>> edge = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 1, 4, 4)
        >>> sharp = Sharpness()(edge, amount=torch.tensor([1.0]))
        >>> bool(sharp.max() > 1), bool(sharp.min() < 0)
        (True, True)
    """

    assumes = "how sharp edges are, within the learned range, carries no information about the target"
    amount = Range(1.0, unit="fraction", signed=True)

    def forward(self, x: Any, *, amount: Float[Tensor, " batch"]) -> Any:
        return sharpen(x, amount)


class Solarize(ImageTransform):
    """Inverts the values above `threshold`; at 1 there are none.

    Gradient: straight-through, see `solarize`.

    Example:
        >>> Solarize()(torch.full((1, 1, 1, 1), 0.75), threshold=torch.tensor([0.5])).item()
        0.25
    """

    assumes = "whether bright parts are shown bright or inverted carries no information about the target"
    gradient = "straight-through"
    threshold = Range(1.0, unit="intensity", identity=1.0)

    def forward(self, x: Any, *, threshold: Float[Tensor, " batch"]) -> Any:
        return solarize(x, threshold)


class Posterize(ImageTransform):
    """Rounds values to multiples of `step`: a step of `1 / (2 ** bits - 1)` leaves that many bits.

    Gradient: straight-through, see `posterize`. At 0 there is no rounding.

    Example:
        >>> Posterize()(torch.full((1, 1, 1, 1), 0.6), step=torch.tensor([0.5])).item()
        0.5
    """

    assumes = "fine differences of intensity, below the learned step, carry no information about the target"
    gradient = "straight-through"
    step = Range(0.5, unit="intensity")

    def forward(self, x: Any, *, step: Float[Tensor, " batch"]) -> Any:
        return posterize(x, step)


class Equalize(ImageTransform):
    """Spreads the values of each channel evenly over [0, 1], by their ranks. It has no parameter.

    Its gradient in the input is that of a soft histogram, see `equalize`.

    Example:
        >>> Equalize()(torch.tensor([0.4, 0.6]).reshape(1, 1, 1, 2)).flatten().tolist()
        [0.25, 0.75]
    """

    assumes = "the distribution of intensities carries no information about the target, only their order"

    def forward(self, x: Any) -> Any:
        return equalize(x)
