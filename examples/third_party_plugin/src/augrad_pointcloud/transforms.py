"""The transforms of point clouds: three matrices that fuse, noise, and dropped points. Uses clouds.py."""

from __future__ import annotations

from typing import Any

import torch
from augrad import MatrixTransform, Range
from augrad.errors import ArgumentError
from jaxtyping import Float
from torch import Generator, Tensor

from augrad_pointcloud.clouds import CloudTransform, Coordinates

AXES = ("x", "y", "z")

Row = tuple[Tensor | int, Tensor | int, Tensor | int]
"""Entries of a matrix: the same for all samples, or one per sample, `(batch,)`."""


class CloudMatrix(CloudTransform, MatrixTransform):
    """Base of the transforms that are matrices on coordinates."""

    action = Coordinates()


def matrices(rows: tuple[Row, Row, Row], like: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
    """One matrix per sample, from entries that are one per sample, or the same for all.

    Example:
        >>> matrices(((1, 0, 0), (0, torch.tensor([5.0]), 0), (0, 0, 1)), torch.zeros(1))[0, 1].tolist()
        [0.0, 5.0, 0.0]
    """
    flat = [entry if isinstance(entry, Tensor) else torch.full_like(like, entry) for row in rows for entry in row]
    return torch.stack(flat, dim=-1).reshape(-1, 3, 3)


class Rotate(CloudMatrix):
    """Turns clouds about an axis by `angle`; positive angles turn counter-clockwise, seen from the axis' positive end.

    Args:
        axis: `"x"`, `"y"` or `"z"`, the vertical one.
        **ranges: another range for `angle`.

    Raises:
        ArgumentError: another axis.

    Example:
        >>> Rotate()(torch.tensor([[[1.0, 0.0, 5.0]]]), angle=torch.tensor([90.0])).round().abs().tolist()
        [[[0.0, 1.0, 5.0]]]
    """

    assumes = "orientation about the axis within the learned range carries no information about the target"
    angle = Range(180.0, unit="deg", signed=True)

    def __init__(self, *, axis: str = "z", **ranges: float | Range) -> None:
        super().__init__(**ranges)
        if axis not in AXES:
            raise ArgumentError(
                f"{self.name}: axis must be 'x', 'y' or 'z', but got {axis!r}.", argument="axis", value=axis
            )
        self.axis = axis

    def matrix(self, *, angle: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        about_x = matrices(((1, 0, 0), (0, cosine, -sine), (0, sine, cosine)), angle)
        # About y and z it is the same matrix, with the axes renamed in a circle.
        turns = AXES.index(self.axis)
        return about_x.roll((turns, turns), dims=(1, 2))


class Scale(CloudMatrix):
    """Enlarges clouds about the origin by `2 ** factor`; negative factors shrink them.

    Example:
        >>> Scale()(torch.ones(1, 1, 3), factor=torch.tensor([-1.0])).tolist()
        [[[0.5, 0.5, 0.5]]]
    """

    assumes = "size within the learned range carries no information about the target"
    factor = Range(1.0, unit="octave", signed=True)

    def matrix(self, *, factor: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        size = torch.exp2(factor)
        return matrices(((size, 0, 0), (0, size, 0), (0, 0, size)), factor)


class Shear(CloudMatrix):
    """Lets clouds lean: what is higher moves towards x by `tan(lean_x)` and towards y by `tan(lean_y)` of its height.

    Example:
        >>> lean = torch.tensor([45.0])
        >>> Shear()(torch.tensor([[[0.0, 0.0, 2.0]]]), lean_x=lean, lean_y=0 * lean).tolist()
        [[[2.0, 0.0, 2.0]]]
    """

    assumes = "how far something leans, within the learned range, carries no information about the target"
    lean_x = Range(45.0, unit="deg", signed=True)
    lean_y = Range(45.0, unit="deg", signed=True)

    def matrix(self, *, lean_x: Float[Tensor, " batch"], lean_y: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        along_x, along_y = torch.tan(torch.deg2rad(lean_x)), torch.tan(torch.deg2rad(lean_y))
        return matrices(((1, 0, along_x), (0, 1, along_y), (0, 0, 1)), lean_x)


class Jitter(CloudTransform):
    """Adds independent normal noise with standard deviation `std` to every coordinate.

    Example:
        >>> Jitter()(torch.zeros(1, 1, 3), std=torch.tensor([0.5]), noise=torch.ones(1, 1, 3)).tolist()
        [[[0.5, 0.5, 0.5]]]
    """

    assumes = "the exact place of each point, within the learned size of noise, carries no information about the target"
    std = Range(0.1, unit="radius")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)

    def forward(self, x: Any, *, std: Float[Tensor, " batch"], noise: Tensor) -> Any:
        return x + std.to(x.dtype)[:, None, None] * noise.to(x.dtype)


class Drop(CloudTransform):
    """Drops a `fraction` of the points: they move onto the cloud's first point, so that the number of points stays.

    A network that takes a maximum over points, or their set, does not see points that lie on another one.

    Each point is kept if its own uniform number `u` is at least the fraction. Train: softly, with weight
    `sigmoid((u - fraction) / softness) / sigmoid(u / softness)`, which is 1 for all where the fraction is 0; a point in
    between lies on the way to the first one, and lets the gradient through. Eval: each point is kept or dropped.

    References:
        Qi, Yi, Su, Guibas: PointNet++, NeurIPS 2017 (random input dropout).

    Example:
        >>> cloud, u = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]), torch.tensor([[0.9, 0.1]])
        >>> Drop().eval()(cloud, fraction=torch.tensor([0.5]), noise=u)[0, 1].tolist()
        [0.0, 0.0, 0.0]
    """

    assumes = "any single point, up to the learned fraction of them, can be missing without changing the target"
    gradient = "relaxed"
    fraction = Range(0.9, unit="of points")
    softness = 0.05

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        dtype = torch.promote_types(x.dtype, torch.float32)
        return torch.rand(x.shape[:2], generator=generator, device=x.device, dtype=dtype)

    def forward(self, x: Any, *, fraction: Float[Tensor, " batch"], noise: Float[Tensor, "batch points"]) -> Any:
        above = noise - fraction.to(noise.dtype)[:, None]
        if self.training:
            kept = torch.sigmoid(above / self.softness) / torch.sigmoid(noise / self.softness)
        else:
            kept = (above >= 0).to(noise.dtype)
        weight = kept.to(x.dtype)[..., None]
        return weight * x + (1 - weight) * x[:, :1]
