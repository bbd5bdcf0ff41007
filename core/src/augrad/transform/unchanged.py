"""`Unchanged`, the identity as a transform: a candidate that changes nothing. Uses transform.py."""

from __future__ import annotations

from typing import Any

from augrad.transform.transform import Transform


class Unchanged(Transform):
    """Leaves its input unchanged, whatever its type.

    RandAugment and TrivialAugment have it among their operations. As a candidate with its own weight, it lets a layer
    leave a share of the samples unchanged.

    Shape:
        Input and output: any batch.

    Example:
        >>> import torch
        >>> from augrad import AugmentationLayer
        >>> x = torch.rand(4, 3)
        >>> bool((AugmentationLayer([Unchanged])(x) == x).all())
        True
    """

    modality = "any"
    assumes = "nothing"

    def forward(self, x: Any) -> Any:
        return x

    def invert(self, y: Any) -> Any:
        return y

    def validate(self, x: Any) -> None:
        """Accepts every batch."""
