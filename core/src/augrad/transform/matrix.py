"""Transforms that are matrices, and the actions of matrices on batches.

Uses transform.py; layer.py multiplies the matrices, module.py applies the product once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import batch
from augrad.errors import InversionError
from augrad.transform.transform import Transform


class Action(ABC):
    """How a small matrix acts on a batch: on its coordinates, colours, time or channels.

    Transforms with equal actions share a single application: the module multiplies their matrices and acts once. Make
    an action a frozen dataclass of its options (such as the padding mode), so that equal options compare equal.

    Attributes:
        size: matrices are `(batch, size, size)`.
        moves_coordinates: whether the action moves contents to another place.
    """

    size: ClassVar[int]
    moves_coordinates: ClassVar[bool] = False

    @abstractmethod
    def act(self, x: Any, matrix: Float[Tensor, "batch size size"]) -> Any:
        """Applies a matrix to each sample, in the working units of `units`. The identity matrix returns `x`."""

    def units(self, x: Any) -> Float[Tensor, "size size"] | None:
        """Returns the factor for each matrix entry from declared units to working units; None if they are equal.

        For example, shifts are declared as fractions of the image size, but matrices are multiplied in pixels.
        """
        return None


class MatrixTransform(Transform):
    """A transform that is a matrix. It declares `action` and `matrix`, and gets `forward` and `invert` from them.

    Any number of stacked matrix transforms with equal actions costs a single application of the action.

    Attributes:
        action: the action of the matrix; a class attribute, or set for each instance.

    Example:
        >>> import torch
        >>> from dataclasses import dataclass
        >>> from augrad import Action, MatrixTransform, Range
        >>> @dataclass(frozen=True)
        ... class Channels(Action):
        ...     size = 2
        ...     def act(self, x, matrix):
        ...         return torch.einsum("nij,njt->nit", matrix, x)
        >>> class Mix(MatrixTransform):
        ...     \"\"\"Rotates two channels into each other.\"\"\"
        ...     modality = "signal"
        ...     action = Channels()
        ...     angle = Range(180.0, unit="deg", signed=True)
        ...     def matrix(self, *, angle):
        ...         c, s = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        ...         return torch.stack([c, -s, s, c], dim=-1).reshape(-1, 2, 2)
        >>> x = torch.tensor([[[1.0], [0.0]]])
        >>> Mix()(x, angle=torch.tensor([90.0])).round().abs().flatten().tolist()
        [0.0, 1.0]
    """

    action: Action
    invertible = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        action = getattr(cls, "action", None)
        if isinstance(action, Action) and "moves_coordinates" not in vars(cls):
            cls.moves_coordinates = action.moves_coordinates

    @abstractmethod
    def matrix(self, *args: Any, **values: Any) -> Float[Tensor, "batch size size"]:
        """Returns a matrix for each sample.

        It maps the place of content to its new place, in the action's declared units.

        Args:
            **values: as for `forward`; includes `noise=` if `draw_noise` returns noise.

        Returns:
            A matrix for each sample. A transform without parameters and noise returns a single matrix for all samples,
            `(1, size, size)`.
        """

    def forward(self, x: Any, **values: Any) -> Any:
        return self.action.act(x, in_working_units(self.action, self.matrices(x, **values), x))

    def invert(self, y: Any, **values: Any) -> Any:
        if not self.invertible:
            raise InversionError(f"{self.name} cannot be undone: its matrix is singular.", transform=self.name)
        return self.action.act(y, inverse(in_working_units(self.action, self.matrices(y, **values), y)))

    def matrices(self, x: Any, **values: Any) -> Float[Tensor, "batch size size"]:
        """Returns `matrix(**values)` on the device of `x`, expanded to a matrix for each sample."""
        return self.matrix(**values).to(batch.device(x)).expand(batch.count(x), -1, -1)


def in_working_units(
    action: Action, matrix: Float[Tensor, "*batch size size"], x: Any
) -> Float[Tensor, "*batch size size"]:
    """Returns `matrix` in the units in which `action` multiplies and acts on `x`."""
    units = action.units(x)
    return matrix if units is None else matrix * units.to(matrix)


def inverse(matrix: Float[Tensor, "*batch size size"]) -> Float[Tensor, "*batch size size"]:
    """Returns the inverse of each matrix.

    Unlike `torch.linalg.inv`, it does not wait for the device to report singular ones.
    """
    inverted: Tensor = torch.linalg.inv_ex(matrix).inverse
    return inverted
