"""Nuisances: each graph is changed once by a transform, at a value drawn within the truth. Used by all tasks here."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Generator, Tensor

from augrad import Transform, batch, keyed_generator
from augrad.demo import DemoData
from augrad_graph.backend import Batch


def disturbed(graphs: Batch, transform: Transform, generator: Generator, **reach: float) -> Batch:
    """Changes each graph once, with values drawn uniformly between the identity and `reach`; to both sides if signed.

    Gates are hard: a node or edge that a nuisance drops is gone.

    Args:
        graphs: the graphs, which are not modified.
        transform: the nuisance.
        generator: source of the values and of the transform's own noise.
        **reach: largest value of each parameter of the transform, in its unit.

    Example:
        >>> from augrad_graph.backend import Data
        >>> from augrad_graph.motions import PositionScale
        >>> segment = Data(pos=torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), edge_index=torch.tensor([[0], [1]]))
        >>> graphs = Batch.from_data_list([segment] * 100)
        >>> sizes = disturbed(graphs, PositionScale(), keyed_generator(0), factor=1.0).pos[1::2, 0]
        >>> bool(0.5 <= sizes.min() < 0.6), bool(1.8 < sizes.max() <= 2.0)
        (True, True)
    """
    transform.eval()
    n_graphs = batch.count(graphs)
    values = {name: _drawn(transform, name, high, n_graphs, generator) for name, high in reach.items()}
    noise = transform.draw_noise(graphs, generator)
    changed: Batch = transform(graphs, **values, **({} if noise is None else {"noise": noise}))
    return changed


def _drawn(transform: Transform, name: str, high: float, n_graphs: int, generator: Generator) -> Tensor:
    declared = transform.ranges[name]
    draw = torch.rand(n_graphs, generator=generator)
    return declared.identity + (2 * draw - 1 if declared.signed else draw) * (high - declared.identity)


def disturbed_data(name: str, seed: int, data: DemoData, transform: Transform, **reach: float) -> DemoData:
    """Changes training, validation and test graphs once; only the training draws depend on the seed.

    Args:
        name: name of the task, which keys the draws.
        seed: seed of the training draws.
        data: the task's data without the nuisance.
        transform: the nuisance.
        **reach: as for `disturbed`.
    """
    keys = {"train_x": (name, "train", seed), "test_x": (name, "test"), "val_x": (name, "val")}
    return replace(
        data,
        **{
            part: disturbed(getattr(data, part), transform, keyed_generator(*key), **reach)
            for part, key in keys.items()
            if getattr(data, part) is not None
        },
    )
