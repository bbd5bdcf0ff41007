"""Local changes: blur, noise and an erased window. Uses spectrum.py, coordinates.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad.options import number
from augrad_vision.coordinates import pixel_axes
from augrad_vision.images import ImageTransform, per_image, working_dtype
from augrad_vision.spectrum import gaussian_blur

_SMALLEST = 1e-6
# Area below which an erased window's side grows linearly, because a square root has an infinite slope at 0.


def soft_window(
    fraction: Float[Tensor, " batch"],
    place: Float[Tensor, "batch 2"],
    height: int,
    width: int,
    softness: float,
) -> Float[Tensor, "batch 1 height width"]:
    """Makes a mask with soft edges: 1 inside a window that covers a given fraction of the image, 0 outside.

    Along each axis the mask is the difference of two sigmoids at the window's edges, so it vanishes with its size.

    Args:
        fraction: covered fraction of the area, in [0, 1].
        place: position of the window per axis (x, y), from -1 (left, top) to 1 (right, bottom).
        height: height of the image in pixels.
        width: width of the image in pixels.
        softness: width of the edges in pixels, above 0.

    Example:
        >>> window = soft_window(torch.tensor([0.25]), torch.zeros(1, 2), 8, 8, 0.1)
        >>> round(window.mean().item(), 3), round(window[0, 0, 4, 4].item(), 3), round(window[0, 0, 0, 0].item(), 3)
        (0.25, 1.0, 0.0)
    """
    side = (fraction + _SMALLEST).sqrt() - math.sqrt(_SMALLEST)
    x, y = pixel_axes(height, width, fraction)
    across = _soft_interval(x, side * width / 2, place[:, 0] * (1 - side) * width / 2, softness)
    down = _soft_interval(y, side * height / 2, place[:, 1] * (1 - side) * height / 2, softness)
    return (down[:, :, None] * across[:, None, :])[:, None]


def _soft_interval(
    at: Float[Tensor, " size"], half: Float[Tensor, " batch"], centre: Float[Tensor, " batch"], softness: float
) -> Float[Tensor, "batch size"]:
    offset, half = at - centre[:, None], half[:, None]
    return torch.sigmoid((offset + half) / softness) - torch.sigmoid((offset - half) / softness)


class GaussianBlur(ImageTransform):
    """Blurs images by a Gaussian with standard deviation `sigma` in pixels. The image is mirrored at its border.

    Example:
        >>> x = torch.zeros(1, 1, 9, 9)
        >>> x[..., 4, 4] = 1
        >>> round(GaussianBlur()(x, sigma=torch.tensor([1.0]))[0, 0, 4, 4].item(), 3)
        0.159
    """

    assumes = "the label does not depend on details finer than the learned width"
    sigma = Range(4.0, unit="px")

    def forward(self, x: Any, *, sigma: Float[Tensor, " batch"]) -> Any:
        return gaussian_blur(x, sigma)


class GaussianNoise(ImageTransform):
    """Adds independent normal noise with standard deviation `std` to every value.

    Example:
        >>> x = torch.zeros(1, 1, 1, 1)
        >>> GaussianNoise()(x, std=torch.tensor([0.1]), noise=x + 5).item()
        0.5
    """

    assumes = "the label does not depend on pixel noise of the learned size"
    std = Range(0.3, unit="intensity")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(self, x: Any, *, std: Float[Tensor, " batch"], noise: Tensor) -> Any:
        return x + per_image(std, x) * noise.to(x.dtype)


class Erase(ImageTransform):
    """Erases a window with soft edges that covers `fraction` of the area and has the proportions of the image.

    The position of the window is inner noise, uniform over all positions inside the image.

    Args:
        fill: value inside the window.
        softness: width of the window's edges in pixels, above 0. Only the edges pass a gradient to `fraction`.
        **ranges: a different `Range` or limit for `fraction`.

    Raises:
        ArgumentError: `fill` is not finite, or `softness` is not a finite number above 0.

    Example:
        >>> erased = Erase()(torch.ones(1, 1, 8, 8), fraction=torch.tensor([0.25]), noise=torch.zeros(1, 2))
        >>> round(erased.mean().item(), 2), erased[0, 0, 4, 4].item() < 0.2
        (0.75, True)
    """

    assumes = "the label stays the same when any single part of the image, up to the learned area, is missing"
    fraction = Range(0.5, unit="area")

    def __init__(self, *, fill: float = 0.0, softness: float = 0.5, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        number("fill", fill, owner=self.name)
        hint = "A hard edge has no gradient."
        number("softness", softness, above=0, noun="a finite number of pixels", owner=self.name, hint=hint)
        self.fill, self.softness = fill, softness

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return 2 * torch.rand(x.shape[0], 2, generator=generator, device=x.device, dtype=working_dtype(x)) - 1

    def forward(self, x: Any, *, fraction: Float[Tensor, " batch"], noise: Float[Tensor, "batch 2"]) -> Any:
        place = noise.to(working_dtype(x))
        window = soft_window(fraction.to(place.dtype), place, x.shape[2], x.shape[3], self.softness)
        return x + window.to(x.dtype) * (self.fill - x)
