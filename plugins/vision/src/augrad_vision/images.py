"""Basis of all image transforms: the modality, the check of a batch, an example batch. All other files use it."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Transform
from augrad.errors import InputError

CHANNELS = (1, 3)
"""Allowed numbers of channels: 1 for gray, 3 for red, green and blue."""


class ImageTransform(Transform):
    """Base class of the transforms of images `(batch, channels, height, width)` in [0, 1] with 1 or 3 channels.

    The output is not clamped to [0, 1], for two reasons. A clamp has no gradient where it acts. It would also prevent
    two matrices in a row from being multiplied into a single matrix.
    """

    modality = "vision"

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a batch of floating-point images."""
        super().validate(x)
        shape = tuple(x.shape)
        if x.ndim != 4:
            hint = " Add the missing axis with x[None] or x[:, None]." if x.ndim == 3 else ""
            raise InputError(
                f"{self.name} expects images (batch, channels, height, width), but got shape {shape}.{hint}",
                transform=self.name,
                shape=shape,
            )
        if shape[1] not in CHANNELS:
            hint = " Move the channels from the last axis with x.permute(0, 3, 1, 2)." if shape[3] in CHANNELS else ""
            raise InputError(
                f"{self.name} expects 1 or 3 channels, but got {shape[1]} in shape {shape}.{hint}",
                transform=self.name,
                shape=shape,
            )
        if 0 in shape[2:]:
            raise InputError(
                f"{self.name} expects images of at least 1 x 1 pixels, but got shape {shape}.",
                transform=self.name,
                shape=shape,
            )

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Makes smooth colour images of 12 x 12 pixels in [0, 0.9], dark at the border, for the conformance kit."""
        # A training run does not need the kit, so it is imported only here.
        from augrad.testing import smooth

        images = smooth((n_samples, 3, 12, 12), generator, n_axes=2)
        # An inverse cannot restore content that left the frame, so bright content is placed in the middle.
        window = torch.hann_window(14, periodic=False, dtype=images.dtype)[1:-1]
        return images * window[:, None] * window


def per_image(value: Float[Tensor, " batch"], like: Tensor) -> Float[Tensor, "batch 1 1 1"]:
    """Reshapes one value per sample so that it broadcasts over images, in the dtype of `like`.

    Example:
        >>> per_image(torch.ones(2), torch.zeros(2, 3, 4, 4)).shape
        torch.Size([2, 1, 1, 1])
    """
    return value.to(like.dtype)[:, None, None, None]


def working_dtype(x: Tensor) -> torch.dtype:
    """Returns the dtype to compute in: float32 for half precision, which is too coarse here, else that of `x`.

    Example:
        >>> working_dtype(torch.zeros(1, dtype=torch.bfloat16)), working_dtype(torch.zeros(1, dtype=torch.float64))
        (torch.float32, torch.float64)
    """
    return torch.promote_types(x.dtype, torch.float32)
