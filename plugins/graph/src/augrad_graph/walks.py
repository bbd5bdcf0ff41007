"""Random walks on batched graphs, and random numbers that belong to their nodes. Used by diffusion.py, schur.py.

Shapes are static: walks take a fixed number of steps, whatever the graphs, and nothing waits for the device.
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
    """One seed per graph: all the noise that a graph needs, however many nodes and edges it has (see `uniform`)."""
    return torch.randint(2**62, (n_graphs,), generator=generator, device=device)


def uniform(*counters: Int[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
    """Numbers in (0, 1) that look random, in double precision: equal counters give equal numbers.

    A counter-based generator. With a graph's seed as the first counter and a node's place in its graph as the second,
    a node's number does not depend on what else is in the batch, and no shape depends on the largest graph.

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
    # 52 bits and a half: 1 is never reached, nor is 0.
    return (_shifted(bits, 12).double() + 0.5) * 2.0**-52


def _shifted(bits: Tensor, by: int) -> Tensor:
    return (bits >> by) & ((1 << (64 - by)) - 1)


@dataclass(frozen=True)
class Links:
    """The edges of a batch in the order of their sources, ready for walks.

    Attributes:
        target: where each edge leads, in this order.
        weight: its weight, differentiable.
        total: per node, the weight of all its edges, differentiable.
        first: per node, its first edge in this order.
        n_edges: per node, how many edges leave it.
        reach: running sum of the weights, from 0, one longer than the edges.
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
    """One step of many walks: an edge is taken with a probability proportional to its weight.

    Args:
        graph: the edges, at least one.
        place: the node where each walk is.
        chance: one number in (0, 1) per walk.

    Returns:
        Where each walk gets to (where it was, if no edge of positive weight leaves that node), the weight of the edge
        that it took (0 if none) and the log-probability of having taken it (0 if none); both differentiable in the
        weights.
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
    """What belongs to the pair of nodes that an edge joins, whichever way it leads.

    Attributes:
        counters: the seed of its graph, and the places of its nodes in their graph, the lower first.
        aside: where an edge of weight 0 may lie: where the edge is; beside it, if that is a self-loop, because layers
            that add self-loops take one of weight 0 for theirs.
    """

    counters: tuple[Int[Tensor, " edges"], ...]
    aside: Int[Tensor, "2 edges"]

    def uniform(self, *more: Int[Tensor, "*shape"]) -> Float[Tensor, "..."]:
        """A number in (0, 1) for each pair and the counters given; both directions of an edge get the same."""
        return uniform(*self.counters, *more)


def pairs_of(x: Data, seeds: Int[Tensor, " graphs"]) -> Pairs:
    """The pairs of nodes that the edges of a batch join; `seeds` from `draw_seeds`."""
    x = as_batch(x)
    source, target = x.edge_index.unbind(0)
    graph = x.batch.index_select(0, source)
    first, last = x.ptr[graph], x.ptr[graph + 1] - 1
    low, high = torch.minimum(source, target), torch.maximum(source, target)
    beside = torch.where(target > first, target - 1, torch.minimum(target + 1, last))
    aside = torch.stack([source, torch.where(source == target, beside, target)])
    return Pairs((seeds[graph], low - first, high - first), aside)
