"""Tone curves and related transforms: gamma, sharpness, solarize, posterize, equalize. Uses images.py."""

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
# Added to the base of gamma's power, because a power below 1 has an infinite slope at black.

_SOFTNESS = 0.1
# Width of the sigmoid through which pixels near the threshold of solarize pass a gradient to it.

_FINEST = 1e-3
# Smallest step that posterize divides by. For smaller steps the rounding fades out, and at 0 it is gone.


def adjust_gamma(x: Images, exponent: Float[Tensor, " batch"]) -> Images:
    """Computes `x ** exponent` with finite values and gradients at black; it is odd in `x`.

    kornia's `adjust_gamma` clips to [0, 1], so that a standardised image loses its dark half.

    Example:
        >>> adjust_gamma(torch.full((1, 1, 1, 1), 0.5), torch.tensor([2.0])).round(decimals=3).item()
        0.25
    """
    return x * (x.abs() + _DARK) ** (per_image(exponent, x) - 1)


def sharpen(x: Images, amount: Float[Tensor, " batch"]) -> Images:
    """Computes `x + amount (x - smooth)`; `smooth` is PIL's 3x3 smoothing (centre 5, neighbours 1, divided by 13).

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
    """Inverts the values above a threshold. For the gradient, a sigmoid of width 0.1 replaces the step.

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
    """Rounds values to multiples of a step. For the gradient, a smooth staircase replaces the rounding.

    kornia's `posterize` takes whole bits and passes no gradient.

    The staircase `x - step / (2 pi) sin(2 pi x / step)` is flat at the multiples and steepest half-way between them.

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
    """Replaces each value by its rank in its channel, scaled to [0, 1], by a histogram with triangular bins.

    A value counts for its two nearest bins in proportion, and ranks are interpolated between bins; both give a
    gradient, which kornia's `equalize` does not have. A constant channel becomes 0.5.

    Args:
        x: images; values outside [0, 1] count as 0 or 1.
        n_bins: number of bins of the histogram, at least 2.

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
    """Raises values to the power `2 ** factor`. Positive factors darken the middle tones, negative ones lift them.

    Black and white do not change.

    Example:
        >>> Gamma()(torch.full((1, 1, 1, 1), 0.5), factor=torch.tensor([1.0])).round(decimals=3).item()
        0.25
    """

    assumes = "the label does not depend on the brightness of the middle tones within the learned range"
    factor = Range(1.0, unit="octave", signed=True)

    def forward(self, x: Any, *, factor: Float[Tensor, " batch"]) -> Any:
        return adjust_gamma(x, torch.exp2(factor))


class Sharpness(ImageTransform):
    """Adds `amount` times the difference between the image and a smoothed copy. At -1 it returns the smoothed copy.

    Example:
        >>> edge = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 1, 4, 4)
        >>> sharp = Sharpness()(edge, amount=torch.tensor([1.0]))
        >>> bool(sharp.max() > 1), bool(sharp.min() < 0)
        (True, True)
    """

    assumes = "the label does not depend on the sharpness of edges within the learned range"
    amount = Range(1.0, unit="fraction", signed=True)

    def forward(self, x: Any, *, amount: Float[Tensor, " batch"]) -> Any:
        return sharpen(x, amount)


class Solarize(ImageTransform):
    """Inverts the values above `threshold`. At 1, the identity, no value is above it.

    The gradient is straight-through, see `solarize`.

    Example:
        >>> Solarize()(torch.full((1, 1, 1, 1), 0.75), threshold=torch.tensor([0.5])).item()
        0.25
    """

    assumes = "the label does not depend on whether bright parts are shown bright or inverted"
    gradient = "straight-through"
    threshold = Range(1.0, unit="intensity", identity=1.0)

    def forward(self, x: Any, *, threshold: Float[Tensor, " batch"]) -> Any:
        return solarize(x, threshold)


class Posterize(ImageTransform):
    """Rounds values to multiples of `step`. A step of `1 / (2 ** bits - 1)` leaves that number of bits.

    The gradient is straight-through, see `posterize`. At step 0 nothing is rounded.

    Example:
        >>> Posterize()(torch.full((1, 1, 1, 1), 0.6), step=torch.tensor([0.5])).item()
        0.5
    """

    assumes = "the label does not depend on differences of intensity finer than the learned step"
    gradient = "straight-through"
    step = Range(0.5, unit="intensity")

    def forward(self, x: Any, *, step: Float[Tensor, " batch"]) -> Any:
        return posterize(x, step)


class Equalize(ImageTransform):
    """Spreads the values of each channel evenly over [0, 1], by their ranks. It has no parameter.

    Its gradient with respect to the input comes from a soft histogram, see `equalize`.

    Example:
        >>> Equalize()(torch.tensor([0.4, 0.6]).reshape(1, 1, 1, 2)).flatten().tolist()
        [0.25, 0.75]
    """

    assumes = "the label depends only on the order of intensities, not on their distribution"

    def forward(self, x: Any) -> Any:
        return equalize(x)
