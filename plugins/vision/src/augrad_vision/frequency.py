"""Frequency mix: coarse structure from an image, fine structure from another image. Uses spectrum.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range
from augrad_vision.images import ImageTransform
from augrad_vision.spectrum import gaussian_blur


def frequency_mix(
    x: Float[Tensor, "batch channels height width"],
    partner: Int[Tensor, " batch"],
    sigma: Float[Tensor, " batch"],
) -> Float[Tensor, "batch channels height width"]:
    """Adds the high frequencies of a partner to the low frequencies of each image: `blur(x) + partner - blur(partner)`.

    Args:
        x: images `(batch, channels, height, width)`.
        partner: index of the partner of each image.
        sigma: width in pixels of the Gaussian that separates low from high frequencies. The cut-off lies at
            `1 / (2 pi sigma)` cycles per pixel.

    Example:
        >>> x = torch.rand(2, 1, 4, 4)
        >>> bool(torch.allclose(frequency_mix(x, torch.tensor([0, 1]), torch.ones(2)), x))
        True
    """
    other = x.index_select(0, partner)
    return other + gaussian_blur(x - other, sigma)


class FrequencyMix(ImageTransform):
    """Keeps the coarse structure of an image and takes the fine structure from another image of the batch.

    `sigma` is learned: the width in pixels of the Gaussian that separates coarse from fine. The cut-off lies at
    `1 / (2 pi sigma)` cycles per pixel. At width 0 the image is kept unchanged.

    The pairing is inner noise: every image has a partner and is the partner of another image. In a batch of a single
    image nothing changes.

    Example:
        >>> x = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])
        >>> mixed = FrequencyMix()(x, sigma=torch.full((2,), 2.0), noise=torch.tensor([1, 0]))
        >>> mixed.mean((1, 2, 3)).round().abs().tolist()
        [0.0, 1.0]

    References:
        Oliva, Torralba, Schyns: Hybrid images, SIGGRAPH 2006.
    """

    assumes = "the label does not depend on texture finer than the learned width"
    mixes_samples = True
    sigma = Range(4.0, unit="px")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        # One random cycle through all samples: no image is its own partner, and each is used once.
        order = torch.randperm(x.shape[0], generator=generator, device=x.device)
        return torch.empty_like(order).scatter(0, order, order.roll(1))

    def forward(self, x: Any, *, sigma: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        return frequency_mix(x, noise, sigma)
