"""Geometric transforms. All are matrices, so several of them cost one resampling. Uses coordinates.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import MatrixTransform, Range
from augrad_vision.coordinates import ImageCoordinates
from augrad_vision.images import ImageTransform, working_dtype

Row = tuple[Tensor | int, Tensor | int, Tensor | int]
"""A row of a matrix; each entry is a number for all samples or a tensor `(batch,)`."""


def homography(rows: tuple[Row, Row, Row], like: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
    """Builds a 3x3 matrix per sample from rows of entries.

    Example:
        >>> s = torch.tensor([2.0])
        >>> homography(((s, 0, 0), (0, s, 0), (0, 0, 1)), s)[0].diagonal().tolist()
        [2.0, 2.0, 1.0]
    """
    flat = [entry if isinstance(entry, Tensor) else torch.full_like(like, entry) for row in rows for entry in row]
    return torch.stack(flat, dim=-1).reshape(-1, 3, 3)


class GeometricTransform(ImageTransform, MatrixTransform):
    """Base class of the transforms that are matrices on image coordinates; see `ImageCoordinates` for the conventions.

    A layer multiplies the matrices and resamples once. kornia's functions agree with each of ours to 1e-5 and cost 0.5
    to 1.0 times as much alone, but 1.6 to 2.3 times as much between two others, where they blur the image three times
    (`tests/benchmarks/bench_libraries.py`). Flips call kornia where they stand alone.

    Args:
        padding: fill outside the frame: `"zeros"`, `"border"` or `"reflection"`.
        **ranges: a different `Range` or limit for a parameter, see `augrad.Transform`.

    Raises:
        ArgumentError: `padding` is unknown.
    """

    action = ImageCoordinates()

    def __init__(self, *, padding: str = "zeros", **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.action = ImageCoordinates(padding)


class Rotate(GeometricTransform):
    """Rotates images about their centre. Positive angles turn counter-clockwise on the screen.

    Matrix: `[[cos a, sin a], [-sin a, cos a]]` (y points down).

    Example:
        >>> x = torch.arange(4.0).reshape(1, 1, 2, 2)
        >>> Rotate()(x, angle=torch.tensor([90.0])).round().flatten().tolist()
        [1.0, 3.0, 0.0, 2.0]
    """

    assumes = "the label does not depend on the image's orientation within the learned range"
    angle = Range(180.0, unit="deg", signed=True)

    def matrix(self, *, angle: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        return homography(((cosine, sine, 0), (-sine, cosine, 0), (0, 0, 1)), angle)


class TranslateX(GeometricTransform):
    """Shifts images sideways. Positive offsets, as a fraction of the width, move content to the right.

    Example:
        >>> TranslateX()(torch.tensor([[[[1.0, 2.0]]]]), offset=torch.tensor([0.5])).flatten().tolist()
        [0.0, 1.0]
    """

    assumes = "the label does not depend on horizontal position within the learned range"
    offset = Range(0.5, unit="width", signed=True)

    def matrix(self, *, offset: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        return homography(((1, 0, offset), (0, 1, 0), (0, 0, 1)), offset)


class TranslateY(GeometricTransform):
    """Shifts images up and down. Positive offsets, as a fraction of the height, move content down.

    Example:
        >>> TranslateY()(torch.tensor([[[[1.0], [2.0]]]]), offset=torch.tensor([0.5])).flatten().tolist()
        [0.0, 1.0]
    """

    assumes = "the label does not depend on vertical position within the learned range"
    offset = Range(0.5, unit="height", signed=True)

    def matrix(self, *, offset: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        return homography(((1, 0, 0), (0, 1, offset), (0, 0, 1)), offset)


class ShearX(GeometricTransform):
    """Slants vertical lines by an angle: `x + tan(angle) y`. Positive angles move the lower half to the right.

    Example:
        >>> ShearX().matrix(angle=torch.tensor([45.0]))[0, 0].tolist()
        [1.0, 1.0, 0.0]
    """

    assumes = "the label does not depend on the slant of vertical lines within the learned range"
    angle = Range(45.0, unit="deg", signed=True)

    def matrix(self, *, angle: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        return homography(((1, torch.tan(torch.deg2rad(angle)), 0), (0, 1, 0), (0, 0, 1)), angle)


class ShearY(GeometricTransform):
    """Slants horizontal lines by an angle: `y + tan(angle) x`. Positive angles move the right half down.

    Example:
        >>> ShearY().matrix(angle=torch.tensor([45.0]))[0, 1].tolist()
        [1.0, 1.0, 0.0]
    """

    assumes = "the label does not depend on the slant of horizontal lines within the learned range"
    angle = Range(45.0, unit="deg", signed=True)

    def matrix(self, *, angle: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        return homography(((1, 0, 0), (torch.tan(torch.deg2rad(angle)), 1, 0), (0, 0, 1)), angle)


class Scale(GeometricTransform):
    """Enlarges content about the centre by `2 ** factor`. Negative factors shrink it.

    Example:
        >>> Scale().matrix(factor=torch.tensor([1.0]))[0].diagonal().tolist()
        [2.0, 2.0, 1.0]
    """

    assumes = "the label does not depend on size within the learned range"
    factor = Range(1.0, unit="octave", signed=True)

    def matrix(self, *, factor: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        size = torch.exp2(factor)
        return homography(((size, 0, 0), (0, size, 0), (0, 0, 1)), factor)


class ScaleX(GeometricTransform):
    """Widens content about the centre by `2 ** factor`. Negative factors narrow it.

    Example:
        >>> ScaleX().matrix(factor=torch.tensor([1.0]))[0].diagonal().tolist()
        [2.0, 1.0, 1.0]
    """

    assumes = "the label does not depend on width within the learned range"
    factor = Range(1.0, unit="octave", signed=True)

    def matrix(self, *, factor: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        return homography(((torch.exp2(factor), 0, 0), (0, 1, 0), (0, 0, 1)), factor)


class ScaleY(GeometricTransform):
    """Stretches the height of content about the centre by `2 ** factor`. Negative factors flatten it.

    Example:
        >>> ScaleY().matrix(factor=torch.tensor([1.0]))[0].diagonal().tolist()
        [1.0, 2.0, 1.0]
    """

    assumes = "the label does not depend on height within the learned range"
    factor = Range(1.0, unit="octave", signed=True)

    def matrix(self, *, factor: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        return homography(((1, 0, 0), (0, torch.exp2(factor), 0), (0, 0, 1)), factor)


class HorizontalFlip(GeometricTransform):
    """Mirrors images left to right. It has no parameter; only its selection weight is learned.

    Example:
        >>> HorizontalFlip()(torch.tensor([[[[1.0, 2.0]]]])).flatten().tolist()
        [2.0, 1.0]
    """

    assumes = "the label stays the same when left and right are exchanged"

    def forward(self, x: Any) -> Any:  # type: ignore[override]  # it takes no values
        from kornia.geometry.transform import hflip  # 0.7 s: only where a flip stands alone

        return hflip(x)

    def matrix(self) -> Float[Tensor, "1 3 3"]:
        return torch.diag(torch.tensor([-1.0, 1.0, 1.0]))[None]


class VerticalFlip(GeometricTransform):
    """Mirrors images top to bottom. It has no parameter; only its selection weight is learned.

    Example:
        >>> VerticalFlip()(torch.tensor([[[[1.0], [2.0]]]])).flatten().tolist()
        [2.0, 1.0]
    """

    assumes = "the label stays the same when top and bottom are exchanged"

    def forward(self, x: Any) -> Any:  # type: ignore[override]  # it takes no values
        from kornia.geometry.transform import vflip  # as above

        return vflip(x)

    def matrix(self) -> Float[Tensor, "1 3 3"]:
        return torch.diag(torch.tensor([1.0, -1.0, 1.0]))[None]


class Perspective(GeometricTransform):
    r"""Tilts the image plane in space and projects it back, seen from a distance of one image size.

    With `a = tilt_x` and `b = tilt_y`, content at `(x, y)` goes to `(cos(a) x - sin(a) sin(b) y, cos(b) y)`, divided
    by its depth `1 + sin(a) x / width + cos(a) sin(b) y / height`. A positive `tilt_x` moves the right edge away from
    the viewer; a positive `tilt_y` moves the lower edge away.

    Example:
        >>> tilt = torch.tensor([30.0])
        >>> Perspective().matrix(tilt_x=tilt, tilt_y=0 * tilt)[0, 2].tolist()
        [0.5, 0.0, 1.0]
    """

    assumes = "the label does not depend on the angle from which a flat scene is seen, within the learned range"
    tilt_x = Range(45.0, unit="deg", signed=True)
    tilt_y = Range(45.0, unit="deg", signed=True)

    def matrix(self, *, tilt_x: Float[Tensor, " batch"], tilt_y: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        a, b = torch.deg2rad(tilt_x), torch.deg2rad(tilt_y)
        rows: tuple[Row, Row, Row] = (
            (torch.cos(a), -torch.sin(a) * torch.sin(b), 0),
            (0, torch.cos(b), 0),
            (torch.sin(a), torch.cos(a) * torch.sin(b), 1),
        )
        return homography(rows, tilt_x)


class CropResize(GeometricTransform):
    """Crops a window of `kept` times the width and height and enlarges it to the whole frame.

    The position of the window is inner noise, uniform over all positions inside the image.

    Example:
        >>> x, corner = torch.arange(16.0).reshape(1, 1, 4, 4), torch.tensor([[-1.0, -1.0]])
        >>> CropResize()(x, kept=torch.tensor([0.5]), noise=corner)[0, 0, 1, 1].item()
        1.25
    """

    assumes = "the label does not depend on the part that is cropped away, nor on how large the rest appears"
    kept = Range(1.0, low=0.25, unit="fraction", identity=1.0)

    def draw_noise(self, x: Any, generator: Generator | None) -> Float[Tensor, "batch 2"]:
        return 2 * torch.rand(x.shape[0], 2, generator=generator, device=x.device, dtype=working_dtype(x)) - 1

    def matrix(self, *, kept: Float[Tensor, " batch"], noise: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 3 3"]:
        # The centre of the window, in fractions of the size, moves to the centre of the frame.
        shift = -noise.to(kept.dtype) * ((1 - kept) / (2 * kept))[:, None]
        return homography(((1 / kept, 0, shift[:, 0]), (0, 1 / kept, shift[:, 1]), (0, 0, 1)), kept)
