"""What all transforms of clouds share: modality, check of a batch, what matrices act on. Used by transforms.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from augrad import Action, Transform
from augrad.errors import InputError
from jaxtyping import Float
from torch import Generator, Tensor


class CloudTransform(Transform):
    """Base of the transforms of clouds `(batch, points, 3)`: x, y and z (up), about the origin, of radius about 1."""

    modality = "pointcloud"

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a batch of clouds of at least one point."""
        super().validate(x)
        shape = tuple(x.shape)
        if x.ndim != 3 or shape[2] != 3:
            hint = " Coordinates that come first are moved by x.transpose(1, 2)." if x.ndim == 3 == shape[1] else ""
            raise InputError(
                f"{self.name} expects point clouds (batch, points, 3), but got shape {shape}.{hint}",
                transform=self.name,
                shape=shape,
            )
        if shape[1] == 0:
            raise InputError(
                f"{self.name} expects clouds of at least one point, but got shape {shape}.",
                transform=self.name,
                shape=shape,
            )

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Clouds of 32 random points, for the conformance kit."""
        return 0.5 * torch.randn(n_samples, 32, 3, generator=generator, dtype=torch.float64)


@dataclass(frozen=True)
class Coordinates(Action):
    """What the matrices act on: the coordinates of points. A matrix moves the point at `p` to `matrix @ p`.

    Example:
        >>> double = 2 * torch.eye(3)[None]
        >>> Coordinates().act(torch.tensor([[[1.0, 2.0, 3.0]]]), double).tolist()
        [[[2.0, 4.0, 6.0]]]
    """

    size: ClassVar[int] = 3
    moves_coordinates: ClassVar[bool] = True

    def act(self, x: Any, matrix: Float[Tensor, "batch 3 3"]) -> Any:
        # Sums of products, not a matrix product, which autocast would turn into half precision. And computed in at
        # least single precision: an angle in bfloat16 is wrong by half a degree.
        points = x.to(torch.promote_types(x.dtype, torch.float32))
        return (matrix.to(points.dtype)[:, None] * points[:, :, None, :]).sum(dim=-1).to(x.dtype)
