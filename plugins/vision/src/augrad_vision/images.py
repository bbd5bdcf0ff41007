"""What every image transform shares: the modality, the check of a batch, an example batch. Base of all other files here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

from augrad import Transform
from augrad.errors import InputError

if TYPE_CHECKING:
    from augrad import Range

CHANNELS = (1, 3)
"""How many channels an image may have: gray, or red, green and blue."""


class ImageTransform(Transform):
    """Base of the transforms of images `(batch, channels, height, width)` in [0, 1] with 1 or 3 channels.

    Values are not clamped to [0, 1] on the way out: a clamp has no gradient where it acts, and would stand between
    matrices that are otherwise multiplied.
    """

    modality = "vision"

    def __init__(self, **ranges: float | Range) -> None:
        super().__init__(**ranges)

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a batch of floating-point images."""
        super().validate(x)
        if x.ndim != 4:
            raise InputError(
                f"{self.name} expects images (batch, channels, height, width), but got shape {tuple(x.shape)}."
                + (" Add the missing axis with x[None] or x[:, None]." if x.ndim == 3 else ""),
                transform=self.name,
                shape=tuple(x.shape),
            )
        if x.shape[1] not in CHANNELS:
            hint = " The channels come last here: use x.permute(0, 3, 1, 2)." if x.shape[3] in CHANNELS else ""
            raise InputError(
                f"{self.name} expects 1 or 3 channels, but got {x.shape[1]} in shape {tuple(x.shape)}.{hint}",
                transform=self.name,
                shape=tuple(x.shape),
            )
        if 0 in x.shape[2:]:
            raise InputError(
                f"{self.name} expects images of at least 1 x 1 pixels, but got shape {tuple(x.shape)}.",
                transform=self.name,
                shape=tuple(x.shape),
            )

    def example_batch(self, n_samples: int, generator: Generator | None) -> Tensor:
        """Smooth colour images of 12 x 12 pixels, dark and bright, for the conformance kit."""
        coarse = torch.rand(n_samples, 3, 4, 4, generator=generator)
        if not n_samples:
            return coarse.new_zeros(0, 3, 12, 12)
        return interpolate(coarse, size=(12, 12), mode="bicubic", align_corners=False).clamp(0.02, 0.98)


def per_image(value: Tensor, like: Tensor) -> Tensor:
    """One value per sample, `(batch,)`, shaped to act on images `(batch, channels, height, width)` in their dtype.

    Example:
        >>> per_image(torch.ones(2), torch.zeros(2, 3, 4, 4)).shape
        torch.Size([2, 1, 1, 1])
    """
    return value.to(like.dtype)[:, None, None, None]
