"""Relaxed coin tosses for drops, masks and additions. Used by features.py, nodes.py, edges.py, candidates.py.

Every coin comes from its graph's seed and its subject (a node, a pair of nodes or an entry). It does not depend on the
rest of the batch.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad_graph.backend import Data
from augrad_graph.graphs import edge_graphs
from augrad_graph.layout import as_batch
from augrad_graph.walks import uniform

TEMPERATURE = 0.5
"""Default temperature: 9 of 10 gates are within 0.1 of 0 or 1, and the gradient is finite at both ends."""


def toss(
    probability: Float[Tensor, "*coins"], chance: Float[Tensor, "*coins"], *, temperature: float, hard: bool
) -> Float[Tensor, "*coins"]:
    r"""Tosses coins that show 1 with a probability, differentiable in it: relaxed, or hard 0 and 1.

    The distribution is the binary concrete distribution `sigmoid((logit p + logit u) / temperature)`. It is written
    without logarithms, so that it is exactly 0 at `p = 0` and exactly 1 at `p = 1`, with a finite slope. A relaxed coin
    is above 1/2 exactly where the hard coin is 1.

    Args:
        probability: probability of 1, in [0, 1].
        chance: uniform numbers in (0, 1), in double precision.
        temperature: in (0, 1]. Towards 0 the coins become hard, and their gradient becomes large and rare.
        hard: whether to return 0 and 1, without a gradient.

    Example:
        >>> p, u = torch.tensor([0.0, 0.3, 0.3, 1.0]), torch.tensor([0.9, 0.9, 0.5, 0.1]).double()
        >>> [round(coin, 2) for coin in toss(p, u, temperature=0.5, hard=False).tolist()]
        [0.0, 0.94, 0.16, 1.0]
        >>> toss(p, u, temperature=0.5, hard=True).tolist()
        [0.0, 1.0, 0.0, 1.0]

    References:
        Maddison, Mnih, Teh: The concrete distribution, ICLR 2017.
    """
    p = probability.to(chance.dtype)
    if hard:
        return (p.detach() > 1 - chance).to(chance.dtype)
    heads, tails = (p * chance) ** (1 / temperature), ((1 - p) * (1 - chance)) ** (1 / temperature)
    return heads / (heads + tails)


def edge_chances(x: Data, seeds: Int[Tensor, " graphs"], *, stream: int = 0) -> Float[Tensor, " edges"]:
    """Draws a number in (0, 1) for each edge; equal for both directions of a pair and for all edges between two nodes.

    Args:
        x: the batch.
        seeds: from `draw_seeds`.
        stream: numbers of different streams are independent.
    """
    x = as_batch(x)
    graph = edge_graphs(x)
    place = x.edge_index - x.ptr[graph]
    low, high = torch.minimum(place[0], place[1]), torch.maximum(place[0], place[1])
    return uniform(seeds[graph], low, high, torch.full_like(low, stream))


def node_chances(x: Data, seeds: Int[Tensor, " graphs"]) -> Float[Tensor, " nodes"]:
    """Draws a number in (0, 1) for each node."""
    return uniform(seeds[as_batch(x).batch], node_places(x))


def entry_chances(x: Data, seeds: Int[Tensor, " graphs"], n_entries: int) -> Float[Tensor, "nodes entries"]:
    """Draws numbers in (0, 1) for each node and each of several entries."""
    entries = torch.arange(n_entries, device=seeds.device)
    return uniform(seeds[as_batch(x).batch][:, None], node_places(x)[:, None], entries)


def node_places(x: Data) -> Int[Tensor, " nodes"]:
    """Returns the position of each node in its graph, from 0."""
    x = as_batch(x)
    places: Tensor = torch.arange(len(x.batch), device=x.batch.device) - x.ptr[x.batch]
    return places
