"""Distribution: where between its identity and its magnitude a value is drawn. Used by draw.py and layer.py."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augrad.options import by_name

Distribution = Literal["uniform", "ends"]
DISTRIBUTIONS: tuple[Distribution, ...] = get_args(Distribution)


def resolve_distribution(name: str) -> Distribution:
    """The distribution of that name.

    Raises:
        ArgumentError: no distribution has that name.
        ArgumentTypeError: `name` is not a string.
    """
    return by_name("distribution", name, {each: each for each in DISTRIBUTIONS})


def positions(
    distribution: Distribution, uniform: Float[Tensor, "batch parameters"], signed: Bool[Tensor, " parameters"]
) -> Float[Tensor, "batch parameters"]:
    """Positions of values in the used range: 0 is the identity, 1 the far end, and -1 the far end on the other side.

    Args:
        distribution: `"uniform"` for anywhere in the range; `"ends"` for the far end, of either side with equal
            probability if the range has two.
        uniform: draws in [0, 1).
        signed: whether a parameter's range has two sides.

    Example:
        >>> draws, signed = torch.tensor([[0.25, 0.25], [0.75, 0.75]]), torch.tensor([True, False])
        >>> positions("uniform", draws, signed).tolist()
        [[-0.5, 0.25], [0.5, 0.75]]
        >>> positions("ends", draws, signed).tolist()
        [[-1.0, 1.0], [1.0, 1.0]]
    """
    if distribution == "uniform":
        return torch.where(signed, 2 * uniform - 1, uniform)
    ones = torch.ones_like(uniform)
    return torch.where(signed & (uniform < 0.5), -ones, ones)
