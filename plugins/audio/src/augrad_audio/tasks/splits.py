"""Splits data into training and test parts and disturbs both. Used by every task of this folder."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import Transform, keyed_generator
from augrad.demo import DemoData

Signals = Float[Tensor, "batch channels time"]
"""A batch of signals."""


def split(name: str, x: Signals, y: Int[Tensor, " batch"], n_train: int) -> DemoData:
    """Splits data at random into `n_train` training samples and test samples; a name always gives the same split.

    Every class has the same number of training samples, up to a difference of 1.

    Example:
        >>> data = split("example", torch.zeros(10, 1, 4), torch.arange(10) // 5, 4)
        >>> len(data.test_x), sorted(data.train_y.tolist())
        (6, [0, 0, 1, 1])
    """
    order = torch.randperm(len(x), generator=keyed_generator(name, "split"))
    same = y[order, None] == torch.arange(int(y.max()) + 1)
    # Each sample's rank within its class: the first samples of all classes come first, then the second ones.
    order = order[(same.cumsum(dim=0) * same).sum(dim=1).argsort(stable=True)]
    train, test = order[:n_train], order[n_train:]
    return DemoData(x[train], y[train], x[test], y[test])


def disturbed(name: str, seed: int, data: DemoData, transform: Transform, **limits: float) -> DemoData:
    """Applies a transform once to each sample of both parts, with its own draw.

    Args:
        name: name of the task.
        seed: seed of the draws on training samples; the draws on test samples are the same for every seed.
        data: training and test signals.
        transform: the transform; its parameters are signed.
        **limits: for each parameter the largest distance of a draw from 0, in the parameter's unit.
    """
    return DemoData(
        train_x=_drawn(data.train_x, transform, limits, keyed_generator(name, "train", seed)),
        train_y=data.train_y,
        test_x=_drawn(data.test_x, transform, limits, keyed_generator(name, "test")),
        test_y=data.test_y,
    )


def uniform(n: int, limit: float, generator: torch.Generator) -> Float[Tensor, " n"]:
    """Draws values uniformly between `-limit` and `limit`."""
    return limit * (2 * torch.rand(n, generator=generator) - 1)


def _drawn(x: Signals, transform: Transform, limits: dict[str, float], generator: torch.Generator) -> Signals:
    changed: Tensor = transform(x, **{key: uniform(len(x), limit, generator) for key, limit in limits.items()})
    return changed
