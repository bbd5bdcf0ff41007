"""Motions of node positions that are matrices, so that they fuse: rotation, scale, shear. Uses positions.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Generator
from torch.nn.functional import normalize

from augrad import MatrixTransform, Range, batch
from augrad.errors import InputError
from augrad.options import one_of
from augrad_graph.graphs import working_dtype
from augrad_graph.positions import PositionAction, PositionTransform

AXES = ("random", "x", "y", "z")
"""Axis of rotation of 3-D points."""

PLANES = ("random", "xy", "xz", "yx", "yz", "zx", "zy")
"""Plane of a shear: the axis along which points move, then the axis whose coordinate determines how far."""


def _require_third_axis(transform: PositionTransform, x: Any, argument: str, given: str) -> None:
    if x.pos.shape[1] == 2:
        raise InputError(
            f"{transform.name}: {argument}={given!r} needs 3-D positions, but pos has shape {tuple(x.pos.shape)}. "
            f"Leave {argument} out, or give positions a third coordinate.",
            transform=transform.name,
            argument=argument,
            shape=tuple(x.pos.shape),
        )


class PositionRotate(PositionTransform, MatrixTransform):
    """Rotates each graph about its centroid by `angle`. Positive angles turn counter-clockwise.

    2-D positions rotate in their plane, from x towards y. 3-D positions rotate about `axis`, counter-clockwise as seen
    from its tip. A random axis is inner noise, uniform over all directions.

    Args:
        axis: `"random"`, `"x"`, `"y"` or `"z"`; 2-D positions always rotate about z.
        **ranges: a different `Range` or limit for `angle`, in degrees.

    Raises:
        ArgumentError: `axis` is unknown.

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(pos=torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), edge_index=torch.tensor([[0], [1]]))
        >>> rotate = PositionRotate()
        >>> rotate(x, angle=torch.tensor([90.0]), noise=rotate.draw_noise(x, None)).pos.round().abs().tolist()
        [[0.0, 1.0], [0.0, 1.0]]
    """

    assumes = "the label does not depend on orientation within the learned range"
    action = PositionAction()
    angle = Range(180.0, unit="deg", signed=True)

    def __init__(self, *, axis: str = "random", **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.axis = one_of("axis", axis, AXES, owner=self.name)

    def validate(self, x: Any) -> None:
        super().validate(x)
        if self.axis in ("x", "y"):
            _require_third_axis(self, x, "axis", self.axis)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws the axis of each graph, a unit vector."""
        shape, dtype = (batch.count(x), 3), working_dtype(x)
        if self.axis == "random" and x.pos.shape[1] == 3:
            return normalize(torch.randn(shape, generator=generator, device=x.pos.device, dtype=dtype), dim=1)
        axis = torch.zeros(shape, device=x.pos.device, dtype=dtype)
        axis[:, "xyz".index(self.axis if self.axis != "random" else "z")] = 1
        return axis

    def matrix(self, *, angle: Float[Tensor, " batch"], noise: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 3 3"]:
        return rotation(angle, noise.to(angle.dtype))


def rotation(angle: Float[Tensor, " batch"], axis: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 3 3"]:
    """Computes rotations by angles in degrees about unit axes, counter-clockwise as seen from their tips (Rodrigues).

    Example:
        >>> quarter = rotation(torch.tensor([90.0]), torch.tensor([[0.0, 0.0, 1.0]]))
        >>> (quarter @ torch.tensor([1.0, 0.0, 0.0])).round().tolist()
        [[-0.0, 1.0, 0.0]]
    """
    cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
    x, y, z = axis.unbind(1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, -z, y, z, none, -x, -y, x, none], dim=1).reshape(-1, 3, 3)
    eye = torch.eye(3, device=angle.device, dtype=angle.dtype)
    # The outer product is exact; the square of the cross product is this projection only up to rounding.
    plane = axis[:, :, None] * axis[:, None]
    return cosine[:, None, None] * eye + sine[:, None, None] * cross + (1 - cosine)[:, None, None] * plane


class PositionScale(PositionTransform, MatrixTransform):
    """Enlarges each graph about its centroid by `2 ** factor`. Negative factors shrink it.

    Example:
        >>> PositionScale().matrix(factor=torch.tensor([1.0]))[0].diagonal().tolist()
        [2.0, 2.0, 2.0]
    """

    assumes = "the label does not depend on size within the learned range"
    action = PositionAction()
    factor = Range(1.0, unit="octave", signed=True)

    def matrix(self, *, factor: Float[Tensor, " batch"]) -> Float[Tensor, "batch 3 3"]:
        eye = torch.eye(3, device=factor.device, dtype=factor.dtype)
        return torch.exp2(factor)[:, None, None] * eye


class PositionShear(PositionTransform, MatrixTransform):
    """Slants each graph: points move along an axis by `tan(angle)` times their offset from the centroid along another.

    Args:
        plane: `"xy"` moves points along x in proportion to their y, and so on for every pair of axes. `"random"` draws
            two directions at right angles, as inner noise.
        **ranges: a different `Range` or limit for `angle`, in degrees.

    Raises:
        ArgumentError: `plane` is unknown.

    Example:
        >>> shear = PositionShear(plane="xy")
        >>> noise = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
        >>> shear.matrix(angle=torch.tensor([45.0]), noise=noise)[0, 0].tolist()
        [1.0, 1.0, 0.0]
    """

    assumes = "the label does not depend on slant within the learned range"
    action = PositionAction()
    angle = Range(45.0, unit="deg", signed=True)

    def __init__(self, *, plane: str = "random", **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.plane = one_of("plane", plane, PLANES, owner=self.name)

    def validate(self, x: Any) -> None:
        super().validate(x)
        if "z" in self.plane:
            _require_third_axis(self, x, "plane", self.plane)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws for each graph the direction of motion and the direction whose coordinate determines how far."""
        n_graphs, device, dtype = batch.count(x), x.pos.device, working_dtype(x)
        if self.plane != "random":
            axes = torch.zeros(n_graphs, 2, 3, device=device, dtype=dtype)
            for row, letter in enumerate(self.plane):
                axes[:, row, "xyz".index(letter)] = 1
            return axes
        drawn = torch.randn(n_graphs, 2, 3, generator=generator, device=device, dtype=dtype)
        if x.pos.shape[1] == 2:
            drawn = drawn * (torch.arange(3, device=device) < 2)
        along = normalize(drawn[:, 0], dim=1)
        across = drawn[:, 1] - (drawn[:, 1] * along).sum(1, keepdim=True) * along
        return torch.stack([along, normalize(across, dim=1)], dim=1)

    def matrix(
        self, *, angle: Float[Tensor, " batch"], noise: Float[Tensor, "batch 2 3"]
    ) -> Float[Tensor, "batch 3 3"]:
        along, across = noise.to(angle.dtype).unbind(1)
        eye = torch.eye(3, device=angle.device, dtype=angle.dtype)
        return eye + torch.tan(torch.deg2rad(angle))[:, None, None] * along[:, :, None] * across[:, None]
