"""Smooth random deformations: elastic, and affine maps that vary over the image. Uses spectrum.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import Range
from augrad.options import count
from augrad_vision.coordinates import check_padding, in_frame, pixel_axes, sample
from augrad_vision.images import ImageTransform, per_image, working_dtype
from augrad_vision.spectrum import smooth_field

_N_STEPS = 8
# Fixed-point steps that invert a deformation. Each step multiplies the error by the deformation's steepest slope.

Shifts = Float[Tensor, "batch 2 height width"]
"""Shift `(x, y)` in pixels from each output pixel to the place where its content comes from."""


def displaced(x: Float[Tensor, "batch channels height width"], shifts: Shifts, *, padding: str = "zeros") -> Any:
    """Moves the content of images: pixel `p` of the result shows the input at `p + shifts(p)`.

    Example:
        >>> x, left = torch.tensor([[[[1.0, 2.0, 3.0]]]]), torch.zeros(1, 2, 1, 3)
        >>> left[:, 0] = 1
        >>> displaced(x, left).flatten().tolist()
        [2.0, 3.0, 0.0]
    """
    height, width = x.shape[-2:]
    across, down = pixel_axes(height, width, shifts)
    places = torch.stack([shifts[:, 0] + across, shifts[:, 1] + down[:, None]], dim=1)
    return sample(x, in_frame(places), padding=padding)


def undoing(shifts: Shifts) -> Shifts:
    """Inverts shifts by the fixed-point iteration `u(p) = -shifts(p + u(p))`. It fails where the shifts fold.

    Example:
        >>> bool((undoing(torch.ones(1, 2, 4, 4)) == -1).all())
        True
    """
    undone = -shifts
    for _ in range(_N_STEPS):
        undone = -displaced(shifts, undone, padding="border")
    return undone


def elastic_shifts(
    displacement: Float[Tensor, " batch"], waves: Float[Tensor, "batch 2 waves waves"], height: int, width: int
) -> Shifts:
    """Makes smooth random shifts with the given root mean square per axis, in pixels; the image's mean shift is 0.

    Example:
        >>> shifts = elastic_shifts(torch.full((500,), 2.0), torch.randn(500, 2, 4, 4), 8, 8)
        >>> round(shifts.square().mean().sqrt().item())
        2
    """
    n_waves = waves.shape[-1]
    rest = torch.ones(n_waves, n_waves, device=waves.device, dtype=waves.dtype)
    rest[0, 0] = 0
    # The constant wave is left out because it would be a translation; the other waves are scaled up to make up for it.
    fields = smooth_field(waves * rest, height, width) * (n_waves / (n_waves**2 - 1) ** 0.5)
    shifts: Tensor = per_image(displacement, fields) * fields
    return shifts


def affine_shifts(
    waves: Float[Tensor, "batch 4 waves waves"],
    height: int,
    width: int,
    *,
    angle: Float[Tensor, " batch"],
    factor: Float[Tensor, " batch"],
    offset: Float[Tensor, " batch"],
) -> Shifts:
    """Makes the shifts of an affine map about the centre whose rotation, scale and translation vary over the image.

    Args:
        waves: coefficients of the four fields: rotation, scale, translation in x, translation in y.
        height: height of the image in pixels.
        width: width of the image in pixels.
        angle: root mean square of the rotation, in degrees.
        factor: root mean square of log2 of the scale.
        offset: root mean square of the translation per axis, as a fraction of width and height.

    Example:
        >>> zero = torch.zeros(1)
        >>> affine_shifts(torch.randn(1, 4, 3, 3), 4, 4, angle=zero, factor=zero, offset=zero).abs().max().item()
        0.0
    """
    fields = smooth_field(waves, height, width)
    turn, grow, right, lower = fields.unbind(1)
    angle, factor, offset = (value.to(fields.dtype)[:, None, None] for value in (angle, factor, offset))
    size = torch.exp2(-factor * grow)
    cosine, sine = size * torch.cos(torch.deg2rad(angle) * turn), size * torch.sin(torch.deg2rad(angle) * turn)
    x, y = pixel_axes(height, width, fields)
    y = y[:, None]
    across = cosine * x - sine * y - x - offset * width * right
    down = sine * x + cosine * y - y - offset * height * lower
    return torch.stack([across, down], dim=1)


class FieldTransform(ImageTransform):
    """Base class of the smooth random deformations. The random fields are inner noise, so only their size is learned.

    Args:
        n_waves: largest number of half periods over the image, at least 2. More waves give rougher fields.
        padding: fill outside the frame: `"zeros"`, `"border"` or `"reflection"`.
        **ranges: a different `Range` or limit for a parameter.

    Raises:
        ArgumentError: `n_waves` is below 2, or `padding` is unknown.
    """

    moves_coordinates = True
    invertible = True
    n_fields = 2

    def __init__(self, *, n_waves: int = 4, padding: str = "zeros", **ranges: float | Range) -> None:
        super().__init__(**ranges)
        count("n_waves", n_waves, least=2, owner=self.name)
        check_padding(padding)
        self.n_waves, self.padding = n_waves, padding

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        shape = (x.shape[0], self.n_fields, self.n_waves, self.n_waves)
        return torch.randn(shape, generator=generator, device=x.device, dtype=working_dtype(x))


class Elastic(FieldTransform):
    """Deforms images like rubber. `displacement` is the root mean square of the shifts per axis, in pixels.

    Example:
        >>> x, waves = torch.rand(1, 1, 8, 8), torch.randn(1, 2, 4, 4)
        >>> bool(torch.allclose(Elastic()(x, displacement=torch.zeros(1), noise=waves), x, atol=1e-5))
        True

    References:
        Simard, Steinkraus, Platt: Best practices for convolutional neural networks, ICDAR 2003.
    """

    assumes = "the label does not depend on smooth deformations of the learned size"
    displacement = Range(3.0, unit="px")

    def forward(self, x: Any, *, displacement: Float[Tensor, " batch"], noise: Tensor) -> Any:
        return displaced(x, elastic_shifts(displacement, noise, *x.shape[-2:]), padding=self.padding)

    def invert(self, y: Any, *, displacement: Float[Tensor, " batch"], noise: Tensor) -> Any:
        return displaced(y, undoing(elastic_shifts(displacement, noise, *y.shape[-2:])), padding=self.padding)


class RandomFieldAffine(FieldTransform):
    """Rotates, scales and shifts each part of an image differently; the affine parameters are smooth random fields.

    `angle` (degrees), `factor` (log2 of the scale) and `offset` (fraction of the image size) are the root mean squares
    of their fields.

    Example:
        >>> x, waves, zero = torch.rand(1, 1, 8, 8), torch.randn(1, 4, 3, 3), torch.zeros(1)
        >>> same = RandomFieldAffine()(x, angle=zero, factor=zero, offset=zero, noise=waves)
        >>> bool(torch.allclose(same, x, atol=1e-5))
        True
    """

    assumes = "the label does not depend on the pose of each part of the image within the learned range"
    n_fields = 4
    angle = Range(45.0, unit="deg")
    factor = Range(0.5, unit="octave")
    offset = Range(0.1, unit="size")

    def __init__(self, *, n_waves: int = 3, padding: str = "zeros", **ranges: float | Range) -> None:
        super().__init__(n_waves=n_waves, padding=padding, **ranges)

    def forward(self, x: Any, *, angle: Tensor, factor: Tensor, offset: Tensor, noise: Tensor) -> Any:
        shifts = affine_shifts(noise, *x.shape[-2:], angle=angle, factor=factor, offset=offset)
        return displaced(x, shifts, padding=self.padding)

    def invert(self, y: Any, *, angle: Tensor, factor: Tensor, offset: Tensor, noise: Tensor) -> Any:
        shifts = affine_shifts(noise, *y.shape[-2:], angle=angle, factor=factor, offset=offset)
        return displaced(y, undoing(shifts), padding=self.padding)
