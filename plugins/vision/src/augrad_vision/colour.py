"""Linear colour changes. Each is a matrix on (red, green, blue, 1), so several cost one product. Uses images.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import Action, MatrixTransform, Range
from augrad.errors import ArgumentError, InputError
from augrad_vision.images import CHANNELS, ImageTransform, working_dtype

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the gray value (luma) of ITU-R BT.601, as in kornia's and PIL's grayscale."""


@dataclass(frozen=True)
class Colours(Action):
    """Applies a colour matrix to the vector `(red, green, blue, 1)` of each pixel.

    A gray image is treated as red = green = blue; the mean of the three resulting channels is the new gray value.

    Example:
        >>> darker = torch.diag(torch.tensor([0.5, 0.5, 0.5, 1.0]))[None]
        >>> Colours().act(torch.ones(1, 1, 1, 1), darker).item()
        0.5
    """

    size: ClassVar[int] = 4

    def act(self, x: Any, matrix: Float[Tensor, "batch 4 4"]) -> Any:
        return recolour(x, matrix)


def recolour(
    x: Float[Tensor, "batch channels height width"], matrix: Float[Tensor, "#batch 4 4"]
) -> Float[Tensor, "batch channels height width"]:
    """Changes the colour of every pixel by an affine matrix; each image may have its own.

    Args:
        x: images `(batch, channels, height, width)` with 1 or 3 channels.
        matrix: `(batch, 4, 4)` or `(1, 4, 4)`; it acts on `(red, green, blue, 1)`. Its last row is `(0, 0, 0, 1)`.

    Example:
        >>> recolour(torch.tensor([1.0, 0.0, 0.5]).reshape(1, 3, 1, 1), torch.eye(4)[None]).flatten().tolist()
        [1.0, 0.0, 0.5]
    """
    matrix = matrix.to(working_dtype(x)).expand(x.shape[0], 4, 4)
    linear, offset = matrix[:, :3, :3], matrix[:, :3, 3:]
    images = x.to(working_dtype(x)).flatten(2)
    if x.shape[1] == 1:
        gain = linear.sum(dim=2, keepdim=True).mean(dim=1, keepdim=True)
        changed = offset.mean(dim=1, keepdim=True) + gain * images
    else:
        # This is a sum of products because autocast would run a matrix product in bfloat16.
        changed = offset + sum(linear[:, :, [j]] * images[:, [j]] for j in range(3))
    return changed.to(x.dtype).reshape(x.shape)


def affine(linear: Float[Tensor, "batch 3 3"], offset: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 4 4"]:
    """Builds the matrix of `colour -> linear @ colour + offset` on `(red, green, blue, 1)`.

    Example:
        >>> affine(torch.eye(3)[None], torch.tensor([[7.0, 8.0, 9.0]]))[0, 0].tolist()
        [1.0, 0.0, 0.0, 7.0]
    """
    top = torch.cat([linear, offset[:, :, None]], dim=2)
    bottom = torch.zeros_like(top[:, :1])
    bottom[:, :, 3] = 1
    return torch.cat([top, bottom], dim=1)


def weighted_sum(weights: tuple[float, float, float], like: Tensor) -> Float[Tensor, "3 3"]:
    """Builds the matrix that replaces each channel by the same weighted sum of the three channels."""
    row = torch.stack([torch.full((), weight, device=like.device, dtype=like.dtype) for weight in weights])
    return row.expand(3, 3)


class ColourTransform(ImageTransform, MatrixTransform):
    """Base class of the transforms that apply an affine matrix to colours.

    kornia's functions clip to [0, 1]. For an input that fills nine tenths of the range, a gradient comes from 53 % of
    the values of `adjust_brightness`, 40 % of `adjust_contrast`, 14 % of `adjust_saturation` and 25 % of `adjust_hue`
    (which costs 4 times as much). Ours reach 75 to 100 % (`tests/benchmarks/bench_libraries.py`). Transforms without a
    parameter call kornia where they stand alone.

    Attributes:
        needs_colour: whether the transform would leave gray images as they are, and therefore refuses them.
    """

    action = Colours()
    needs_colour: ClassVar[bool] = False

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a batch of images, with colour if that is needed."""
        super().validate(x)
        if self.needs_colour and x.shape[1] != 3:
            raise InputError(
                f"{self.name} needs 3 channels (red, green, blue), but got 1: gray images have no colour to change. "
                "Leave this transform out, or expand the images to three channels with x.expand(-1, 3, -1, -1).",
                transform=self.name,
                shape=tuple(x.shape),
            )


class Brightness(ColourTransform):
    """Makes images brighter or darker: adds the same offset to all channels.

    Example:
        >>> Brightness()(torch.zeros(1, 1, 1, 1), offset=torch.tensor([0.25])).item()
        0.25
    """

    assumes = "the label does not depend on the image's brightness within the learned range"
    offset = Range(0.5, unit="intensity", signed=True)

    def matrix(self, *, offset: Float[Tensor, " batch"]) -> Float[Tensor, "batch 4 4"]:
        return affine(torch.eye(3).to(offset).expand(len(offset), 3, 3), offset[:, None].expand(-1, 3))


class Contrast(ColourTransform):
    """Multiplies the distance of each value from mid-gray (0.5) by `2 ** factor`; negative factors reduce contrast.

    The reference is mid-gray, not the mean of each image. The transform is therefore a matrix, and an image is treated
    the same in every batch.

    Example:
        >>> Contrast()(torch.full((1, 1, 1, 1), 0.75), factor=torch.tensor([1.0])).item()
        1.0
    """

    assumes = "the label does not depend on the image's contrast within the learned range"
    factor = Range(1.0, unit="octave", signed=True)

    def matrix(self, *, factor: Float[Tensor, " batch"]) -> Float[Tensor, "batch 4 4"]:
        gain = torch.exp2(factor)
        linear = gain[:, None, None] * torch.eye(3).to(factor)
        return affine(linear, (0.5 * (1 - gain))[:, None].expand(-1, 3))


class Saturation(ColourTransform):
    """Changes how colourful an image is: `gray + (1 + amount) (colour - gray)`. At -1 the image is gray.

    The gray value is the luma `0.299 red + 0.587 green + 0.114 blue`. Gray images are refused.

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
        >>> [round(v, 3) for v in Saturation()(red, amount=torch.tensor([-1.0])).flatten().tolist()]
        [0.299, 0.299, 0.299]
    """

    assumes = "the label does not depend on the saturation of colours within the learned range"
    needs_colour = True
    amount = Range(1.0, unit="fraction", signed=True)

    def matrix(self, *, amount: Float[Tensor, " batch"]) -> Float[Tensor, "batch 4 4"]:
        gain, gray = (1 + amount)[:, None, None], weighted_sum(LUMA, amount)
        return affine(gain * torch.eye(3).to(amount) + (1 - gain) * gray, amount.new_zeros(len(amount), 3))


class Hue(ColourTransform):
    """Rotates colours about the gray axis: 120 degrees turn red into green, green into blue and blue into red.

    This is Rodrigues' rotation about `(1, 1, 1)`. It keeps the mean of the channels and is linear, unlike a hue shift
    in HSV. Gray images are refused.

    Example:
        >>> red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
        >>> Hue()(red, angle=torch.tensor([120.0])).round().abs().flatten().tolist()
        [0.0, 1.0, 0.0]
    """

    assumes = "the label does not depend on the hue of colours within the learned range"
    needs_colour = True
    angle = Range(180.0, unit="deg", signed=True)

    def matrix(self, *, angle: Float[Tensor, " batch"]) -> Float[Tensor, "batch 4 4"]:
        cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        same = (1 + 2 * cosine) / 3
        before, after = (1 - cosine) / 3 - sine / math.sqrt(3), (1 - cosine) / 3 + sine / math.sqrt(3)
        rows = torch.stack([same, before, after, after, same, before, before, after, same], dim=-1)
        return affine(rows.reshape(-1, 3, 3), angle.new_zeros(len(angle), 3))


class ChannelGain(ColourTransform):
    """Multiplies each channel by its own `2 ** gain`, as a coloured light does. Each channel has a learned gain.

    Args:
        n_channels: number of channels of the images, 1 or 3.
        **ranges: a different `Range` or limit for `gain`, in stops (1 stop doubles the light).

    Raises:
        ArgumentError: `n_channels` is neither 1 nor 3.

    Example:
        >>> white, gain = torch.ones(1, 3, 1, 1), torch.tensor([[1.0, 0.0, -1.0]])
        >>> ChannelGain()(white, gain=gain).flatten().tolist()
        [2.0, 1.0, 0.5]
    """

    assumes = "the label does not depend on the colour of the light, which scales each channel by a factor"
    gain = Range(1.0, unit="stop", signed=True, per="channel")

    def __init__(self, n_channels: int = 3, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        if n_channels not in CHANNELS:
            raise ArgumentError(
                f"{self.name}: n_channels must be 1 or 3, but got {n_channels!r}.",
                argument="n_channels",
                value=n_channels,
            )
        self.n_channels = n_channels

    def validate(self, x: Any) -> None:
        """Raises `InputError` unless `x` is a batch of images with `n_channels` channels."""
        super().validate(x)
        if x.shape[1] != self.n_channels:
            raise InputError(
                f"{self.name} was built for n_channels={self.n_channels}, but got {x.shape[1]} in shape "
                f"{tuple(x.shape)}. Build it as ChannelGain(n_channels={x.shape[1]}).",
                transform=self.name,
                shape=tuple(x.shape),
            )

    def matrix(self, *, gain: Float[Tensor, "batch channels"]) -> Float[Tensor, "batch 4 4"]:
        linear = torch.diag_embed(torch.exp2(gain.expand(-1, 3)))
        return affine(linear, gain.new_zeros(len(gain), 3))


class Grayscale(ColourTransform):
    """Replaces each colour by its gray value `0.299 red + 0.587 green + 0.114 blue`. It has no parameter.

    Example:
        >>> blue = torch.tensor([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1)
        >>> [round(v, 3) for v in Grayscale()(blue).flatten().tolist()]
        [0.114, 0.114, 0.114]
    """

    assumes = "the label does not depend on colour at all"
    needs_colour = True
    invertible = False

    def forward(self, x: Any) -> Any:  # type: ignore[override]  # it takes no values
        from kornia.color import rgb_to_grayscale  # 0.7 s: only where it stands alone

        return rgb_to_grayscale(x).expand_as(x).contiguous()

    def matrix(self) -> Float[Tensor, "1 4 4"]:
        gray = weighted_sum(LUMA, torch.ones(()))[None]
        return affine(gray, gray.new_zeros(1, 3))


class Invert(ColourTransform):
    """Replaces each value `v` by `1 - v`, as in a photographic negative. It has no parameter.

    Example:
        >>> Invert()(torch.full((1, 1, 1, 1), 0.25)).item()
        0.75
    """

    assumes = "the label stays the same when light and dark are exchanged"

    def forward(self, x: Any) -> Any:  # type: ignore[override]  # it takes no values
        from kornia.enhance import invert  # 0.7 s: only where it stands alone

        return invert(x)

    def matrix(self) -> Float[Tensor, "1 4 4"]:
        return affine(-torch.eye(3)[None], torch.ones(1, 3))
