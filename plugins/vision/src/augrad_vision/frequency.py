"""Frequency mix: the coarse structure of one image with the fine structure of another. Uses spectrum.py."""

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
    """Low frequencies of each image plus the high frequencies of its partner: `blur(x) + partner - blur(partner)`.

    Args:
        x: images.
        partner: for each the index of another.
        sigma: width of the Gaussian that parts low from high, in pixels; the cut-off is at `1 / (2 pi sigma)` cycles
            per pixel.

    Example:
        >>> x = torch.rand(2, 1, 4, 4)
        >>> bool(torch.allclose(frequency_mix(x, torch.tensor([0, 1]), torch.ones(2)), x))
        True
    """
    other = x.index_select(0, partner)
    return other + gaussian_blur(x - other, sigma)


class FrequencyMix(ImageTransform):
    """Keeps what is coarser than a cut-off and takes what is finer from another image of the batch.

    The cut-off is learned as `sigma`, the width in pixels of the Gaussian that parts the two: it lies at
    `1 / (2 pi sigma)` cycles per pixel, and at width 0 everything is kept. Each image is partner of one other; who is
    whose is inner noise. With a batch of one there is no other, and nothing changes.

    Example:
        >>> x = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])
        >>> mixed = FrequencyMix()(x, sigma=torch.full((2,), 2.0), noise=torch.tensor([1, 0]))
        >>> mixed.mean((1, 2, 3)).round().abs().tolist()
        [0.0, 1.0]

    References:
        Oliva, Torralba, Schyns: Hybrid images, SIGGRAPH 2006.
    """

    assumes = "fine texture, below the learned width, carries no information about the target"
    mixes_samples = True
    sigma = Range(4.0, unit="px")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        # One cycle through all samples in random order: nobody's partner is itself, and everybody is one.
        order = torch.randperm(x.shape[0], generator=generator, device=x.device)
        return torch.empty_like(order).scatter(0, order, order.roll(1))

    def forward(self, x: Any, *, sigma: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        return frequency_mix(x, noise, sigma)
