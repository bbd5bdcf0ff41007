"""Random walks on batched graphs, and random numbers that belong to nodes. Used by diffusion.py, schur.py, gates.py.

Shapes are static: walks take a fixed number of steps on any graph, and nothing waits for the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad_graph.backend import Data
from augrad_graph.layout import as_batch

_MULTIPLIERS = (-4658895280553007687, -7723592293110705685)
_SHIFTS = (30, 27)
_GOLDEN = -7046029254386353131
# Constants of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014), as signed numbers.


def draw_seeds(n_graphs: int, device: torch.device, generator: Generator | None) -> Int[Tensor, " graphs"]:
    """Draws a seed per graph. It supplies all noise that a graph needs, however large the graph is (see `uniform`)."""
    return torch.randint(2**62, (n_graphs,), generator=generator, device=device)


def uniform(*counters: Int[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
    """Computes pseudo-random numbers in (0, 1), in double precision; equal counters give equal numbers.

    This is a counter-based generator. The first counter is a graph's seed and the second a node's place in its graph.
    A node's number then does not depend on the rest of the batch, and no shape depends on the largest graph.

    Example:
        >>> seed, node = torch.tensor(7), torch.arange(3)
        >>> bool((uniform(seed, node) == uniform(seed, node)).all()), len(set(uniform(seed, node).tolist()))
        (True, 3)
    """
    bits = torch.zeros_like(counters[0])
    for counter in counters:
        bits = (bits ^ counter) + _GOLDEN
        for shift, multiplier in zip(_SHIFTS, _MULTIPLIERS, strict=True):
            bits = (bits ^ _shifted(bits, shift)) * multiplier
        bits = bits ^ _shifted(bits, 31)
    # With 52 bits and a half, neither 0 nor 1 is reached.
    return (_shifted(bits, 12).double() + 0.5) * 2.0**-52


def _shifted(bits: Tensor, by: int) -> Tensor:
    return (bits >> by) & ((1 << (64 - by)) - 1)


@dataclass(frozen=True)
class Links:
    """Edges of a batch in the order of their sources, ready for walks.

    Attributes:
        target: target of each edge, in this order.
        weight: weight of each edge, differentiable.
        total: total weight of the edges that leave each node, differentiable.
        first: first edge of each node in this order.
        n_edges: number of edges that leave each node.
        reach: running sum of the weights, from 0, with an entry more than there are edges.
    """

    target: Int[Tensor, " edges"]
    weight: Float[Tensor, " edges"]
    total: Float[Tensor, " nodes"]
    first: Int[Tensor, " nodes"]
    n_edges: Int[Tensor, " nodes"]
    reach: Float[Tensor, " bounds"]


def links(edge_index: Int[Tensor, "2 edges"], weight: Float[Tensor, " edges"], n_nodes: int) -> Links:
    """Sorts edges by source; weights must not be negative."""
    source = edge_index[0]
    order = torch.argsort(source, stable=True)
    ordered = weight[order]
    n_edges = torch.zeros(n_nodes, dtype=torch.long, device=source.device).index_add(0, source, torch.ones_like(source))
    reach = torch.nn.functional.pad(ordered.detach().double().cumsum(0), (1, 0))
    return Links(
        target=edge_index[1][order],
        weight=ordered,
        total=weight.new_zeros(n_nodes).index_add(0, source, weight),
        first=n_edges.cumsum(0) - n_edges,
        n_edges=n_edges,
        reach=reach,
    )


def step(
    graph: Links, place: Int[Tensor, "*walks"], chance: Float[Tensor, "*walks"]
) -> tuple[Int[Tensor, "*walks"], Float[Tensor, "*walks"], Float[Tensor, "*walks"]]:
    """Takes a step of many walks: an edge is taken with a probability proportional to its weight.

    Args:
        graph: the edges, at least one.
        place: current node of each walk.
        chance: a number in (0, 1) per walk.

    Returns:
        The new node of each walk (the old node, if no edge of positive weight leaves it), the weight of the edge taken
        (0 if none) and the log-probability of taking it (0 if none). The last two are differentiable in the weights.
    """
    first, n_edges = graph.first[place], graph.n_edges[place]
    start, end = graph.reach[first], graph.reach[first + n_edges]
    found = torch.searchsorted(graph.reach[1:].contiguous(), start + chance * (end - start), right=True)
    edge = torch.minimum(found, first + n_edges - 1).clamp(0, graph.target.numel() - 1)
    weight = torch.where(end > start, graph.weight[edge], 0)
    moved = weight.detach() > 0
    probability = torch.where(moved, weight / torch.where(moved, graph.total[place], 1), 1)
    return torch.where(moved, graph.target[edge], place), weight, probability.log()


@dataclass(frozen=True)
class Pairs:
    """Data of the pair of nodes that an edge joins, in either direction.

    Attributes:
        counters: the seed of the pair's graph, and the places of its nodes in the graph, the lower first.
        aside: a place for an edge of weight 0: the edge's own place, or beside it if the edge is a self-loop, because
            layers that add self-loops would reuse a self-loop of weight 0.
    """

    counters: tuple[Int[Tensor, " edges"], ...]
    aside: Int[Tensor, "2 edges"]

    def uniform(self, *more: Int[Tensor, "*shape"]) -> Float[Tensor, "..."]:
        """Computes a number in (0, 1) for each pair and the counters given; equal for both directions of an edge."""
        return uniform(*self.counters, *more)


def pairs_of(x: Data, seeds: Int[Tensor, " graphs"]) -> Pairs:
    """Returns the pairs of nodes that the edges of a batch join; `seeds` come from `draw_seeds`."""
    x = as_batch(x)
    source, target = x.edge_index.unbind(0)
    graph = x.batch.index_select(0, source)
    first, last = x.ptr[graph], x.ptr[graph + 1] - 1
    low, high = torch.minimum(source, target), torch.maximum(source, target)
    beside = torch.where(target > first, target - 1, torch.minimum(target + 1, last))
    aside = torch.stack([source, torch.where(source == target, beside, target)])
    return Pairs((seeds[graph], low - first, high - first), aside)
