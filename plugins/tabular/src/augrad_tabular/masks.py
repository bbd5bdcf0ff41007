"""Relaxed draws of yes or no, differentiable in their probability. Used by dropout.py, mixing.py and categories.py."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

SHARPNESS = 4
"""Inverse temperature of the relaxation; at 4 the draws' mean is at most 11 % above a small probability."""

_EDGE = 1e-4
# Distance of uniform draws from 0 and 1, where the odds have no finite power.


def relaxed_bernoulli(
    probability: Float[Tensor, "#batch #cells"], uniform: Float[Tensor, "batch cells"], *, hard: bool
) -> Float[Tensor, "batch cells"]:
    r"""Draws values in [0, 1], mostly near 0 or 1, above 1/2 with the given probability; exact at probability 0 and 1.

    The distribution is the binary concrete distribution `sigmoid((logit(p) + logit(u)) / T)` with `T = 1/4`. It is
    written as `p^4 r / (p^4 r + (1 - p)^4)` with `r = (u / (1 - u))^4`, which is finite and has a finite gradient for
    every p in [0, 1].

    Args:
        probability: in [0, 1].
        uniform: draws in [0, 1).
        hard: whether to return 0 or 1 (by the threshold 1/2) instead, without a gradient.

    Example:
        >>> import torch
        >>> p, u = torch.tensor([[0.25]]), torch.tensor([[0.1, 0.74, 0.76, 0.99]])
        >>> relaxed_bernoulli(p, u, hard=True).tolist()
        [[0.0, 0.0, 1.0, 1.0]]

    References:
        Maddison, Mnih, Teh: The concrete distribution, ICLR 2017.
    """
    u = uniform.clamp(_EDGE, 1 - _EDGE)
    yes, no = probability**SHARPNESS * (u / (1 - u)) ** SHARPNESS, (1 - probability) ** SHARPNESS
    if hard:
        return (yes > no).to(yes.dtype)
    soft: Tensor = yes / (yes + no)
    return soft
