"""Images as sums of cosines: blur and smooth fields without padding. Used by local.py, frequency.py, fields.py."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.precision import full_precision
from augrad_vision.images import working_dtype


def cosines(n_waves: int, size: int, like: Tensor) -> Float[Tensor, "waves size"]:
    """Builds the first cosines of the discrete cosine transform (type II): orthogonal, with mean square 1.

    Wave `k` makes `k / 2` periods over the image. It continues beyond the border as if mirrored there.

    Example:
        >>> basis = cosines(2, 4, torch.zeros(1))
        >>> (basis @ basis.T / 4).round(decimals=5).abs().tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    dtype = working_dtype(like)
    place = (torch.arange(size, device=like.device, dtype=dtype) + 0.5) / size
    waves = torch.arange(n_waves, device=like.device, dtype=dtype)
    basis = math.sqrt(2) * torch.cos(math.pi * waves[:, None] * place)
    return torch.where(waves[:, None] == 0, torch.ones_like(basis), basis)


def gaussian_blur(
    x: Float[Tensor, "batch channels height width"], sigma: Float[Tensor, " batch"]
) -> Float[Tensor, "batch channels height width"]:
    """Blurs each image by a Gaussian of its own width, mirrored at the border. Width 0 returns the image itself.

    The blur multiplies the cosine spectrum by a Gaussian. Compared with a sampled kernel, it needs no largest radius,
    takes the same time for any width, and keeps its gradient at small widths, where a sampled kernel is a single 1.
    kornia's `gaussian_blur2d` refuses width 0, and costs 2 to 3 times as much with the 25x25 kernel that width 4 needs.

    Args:
        x: images `(batch, channels, height, width)`.
        sigma: standard deviation of the Gaussian in pixels, at least 0.

    Example:
        >>> x = torch.zeros(1, 1, 1, 9)
        >>> x[..., 4] = 1
        >>> [round(value, 2) for value in gaussian_blur(x, torch.tensor([1.0]))[0, 0, 0, 3:6].tolist()]
        [0.24, 0.4, 0.24]
    """
    dtype = working_dtype(x)
    # Autocast would take these matrix products in bfloat16, and width 0 would then change the image.
    with full_precision(x.device):
        across = _blurring(x.shape[3], sigma.to(dtype), x)
        down = _blurring(x.shape[2], sigma.to(dtype), x)
        return (down[:, None] @ x.to(dtype) @ across[:, None]).to(x.dtype)


def _blurring(size: int, sigma: Float[Tensor, " batch"], like: Tensor) -> Float[Tensor, "batch size size"]:
    """Builds the symmetric matrix that blurs an axis: the identity minus each cosine's loss under the Gaussian."""
    basis = cosines(size, size, like)
    frequency = math.pi / size * torch.arange(size, device=like.device, dtype=basis.dtype)
    loss = torch.expm1(-0.5 * (sigma[:, None] * frequency) ** 2)
    identity = torch.eye(size, device=like.device, dtype=basis.dtype)
    return identity + (basis.T * loss[:, None]) @ basis / size


def smooth_field(
    waves: Float[Tensor, "batch fields waves waves"], height: int, width: int
) -> Float[Tensor, "batch fields height width"]:
    """Makes smooth random fields from coefficients of their first cosines; the variance is 1, averaged over the image.

    Args:
        waves: independent standard normal numbers, for each field one per pair of vertical and horizontal wave.
        height: height of the image in pixels.
        width: width of the image in pixels.

    Example:
        >>> smooth_field(torch.ones(1, 1, 1, 1), 2, 2).flatten().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    n_waves = waves.shape[-1]
    down, across = cosines(n_waves, height, waves), cosines(n_waves, width, waves)
    with full_precision(waves.device):
        return down.T @ waves.to(down.dtype) @ across / n_waves
