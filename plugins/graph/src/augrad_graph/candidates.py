"""Added edges, from a fixed number of candidates. Uses gates.py, topology.py."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from augrad import Range, batch
from augrad.options import number, one_of
from augrad_graph.arguments import check_probability, check_temperature
from augrad_graph.backend import Data
from augrad_graph.batching import with_edge_weight
from augrad_graph.gates import TEMPERATURE, toss
from augrad_graph.graphs import GraphTransform, edge_graphs, working_dtype
from augrad_graph.layout import layout_of
from augrad_graph.topology import first_of_equals, with_edges
from augrad_graph.walks import draw_seeds, uniform

BETWEEN = ("distance_two", "random")
"""Pairs of nodes that may be joined: neighbours of a common neighbour, or any two nodes of a graph."""

_SMALLEST = {"distance_two": 3, "random": 2}
# Smallest number of nodes in a graph that has such a pair.


class EdgeAdd(GraphTransform):
    """Adds edges: joins each candidate pair of nodes with a learned `probability`.

    A new edge has the graph's mean weight and `edge_attr` 0. A graph gets `candidates` times as many candidate pairs as
    it has edges, so tensor shapes depend only on the shapes of the batch, not on draws. Pairs are drawn at random for
    each sample. A pair that is already joined, or was drawn twice, adds nothing. A pair that is not joined is kept as
    an edge of weight 0.

    Train / eval: in train mode the weights of new edges are relaxed (`gates.toss`), between 0 and the full weight. In
    eval mode an edge is either added in full or not at all.

    Args:
        between: `"distance_two"` (neighbours of a common neighbour, along directed edges) or `"random"` (any two nodes
            of a graph).
        candidates: number of candidate pairs per edge entry, above 0 and at most 1. An undirected edge has two entries,
            before and after: with 0.25 and probability 1, a graph gets at most half as many additional edges.
        directed: whether a new edge leads in a single direction.
        temperature: temperature of the relaxation, in (0, 1].
        **ranges: a different `Range` or limit for `probability`, within [0, 1].

    Raises:
        ArgumentError: an argument is not accepted.

    Example:
        >>> x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
        >>> y = EdgeAdd().eval()(x, probability=torch.tensor([1.0]), noise=torch.tensor([2]))
        >>> y.edge_index.tolist(), y.edge_weight.tolist()
        ([[0, 1, 1, 2, 0, 2], [1, 0, 2, 1, 2, 0]], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0])

    References:
        You, Chen, Sui, Chen, Wang, Shen: Graph contrastive learning with augmentations, NeurIPS 2020 (edge
        perturbation).
    """

    assumes = "the label does not depend on a few more edges, up to the learned fraction"
    gradient = "relaxed"
    probability = Range(0.9)

    def __init__(
        self,
        *,
        between: str = "distance_two",
        candidates: float = 0.25,
        directed: bool = False,
        temperature: float = TEMPERATURE,
        **ranges: float | Range,
    ) -> None:
        super().__init__(**ranges)
        self.between = one_of("between", between, BETWEEN, owner=self.name)
        self.candidates = number("candidates", candidates, above=0, most=1, owner=self.name)
        self.directed = directed
        self.temperature = check_temperature(self.name, temperature)
        check_probability(self.name, "probability", self.ranges["probability"])

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = with_edge_weight(x)
        sizes = self._n_candidates(x)
        if not sum(sizes):
            return x
        owner, place = _places(sizes, x.edge_index.device)
        counters = (noise[owner], place)
        pick = _two_steps if self.between == "distance_two" else _any_two
        source, target = pick(x, owner, counters)
        fresh = (source != target) & ~_joined(x, source, target, ordered=self.directed)
        gate = toss(
            probability[owner],
            uniform(*counters, torch.full_like(place, 2)),
            temperature=self.temperature,
            hard=not self.training,
        )
        weight = torch.where(fresh, gate.to(working_dtype(x)) * _mean_weights(x)[owner], 0)
        # Layers that add self-loops would reuse a self-loop of weight 0, so such an edge leads to a neighbouring node.
        beside = torch.where(source + 1 < x.ptr[owner + 1], source + 1, x.ptr[owner])
        pair = torch.stack([source, torch.where(source == target, beside, target)])
        if self.directed:
            return with_edges(x, pair, weight, sizes)
        both = torch.cat([pair, pair.flip(0)], dim=1)
        return with_edges(x, both, torch.cat([weight, weight]), tuple(2 * size for size in sizes))

    def _n_candidates(self, x: Data) -> tuple[int, ...]:
        layout = layout_of(x)
        return tuple(
            math.ceil(self.candidates * n_edges) if n_nodes >= _SMALLEST[self.between] else 0
            for n_nodes, n_edges in zip(layout.n_nodes, layout.n_edges, strict=True)
        )


def _places(sizes: tuple[int, ...], device: torch.device) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Returns for each candidate its graph and its place among the candidates of that graph."""
    lengths = torch.tensor(sizes)
    owner = torch.arange(len(sizes)).repeat_interleave(lengths, output_size=sum(sizes))
    place = torch.arange(sum(sizes)) - (lengths.cumsum(0) - lengths)[owner]
    return owner.to(device), place.to(device)


def _below(n: Int[Tensor, " pairs"], counters: tuple[Int[Tensor, " pairs"], ...], stream: int) -> Int[Tensor, " pairs"]:
    """Draws a whole number below `n` for each pair; 0 where `n` is 0."""
    return (uniform(*counters, torch.full_like(counters[1], stream)) * n).long()


def _two_steps(
    x: Data, owner: Int[Tensor, " pairs"], counters: tuple[Int[Tensor, " pairs"], ...]
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Returns the start of a random edge and the end of a random edge that follows it; the start twice if none does."""
    source, target = x.edge_index
    order = torch.argsort(source, stable=True)
    n_out = torch.zeros_like(x.batch).index_add(0, source, torch.ones_like(source))
    first = n_out.cumsum(0) - n_out
    per_graph = torch.zeros_like(x.ptr[1:]).index_add(0, edge_graphs(x), torch.ones_like(source))
    edge = (per_graph.cumsum(0) - per_graph)[owner] + _below(per_graph[owner], counters, 0)
    start, middle = source[edge], target[edge]
    step, most = _below(n_out[middle], counters, 1), len(source) - 1
    onward = target[order[(first[middle] + step).clamp_max(most)]]
    # If the second edge leads back, the next edge is taken instead, so that few candidates are wasted.
    instead = (step + 1) % n_out[middle].clamp_min(1)
    onward = torch.where(onward == start, target[order[(first[middle] + instead).clamp_max(most)]], onward)
    return start, torch.where(n_out[middle] > 0, onward, start)


def _any_two(
    x: Data, owner: Int[Tensor, " pairs"], counters: tuple[Int[Tensor, " pairs"], ...]
) -> tuple[Int[Tensor, " pairs"], Int[Tensor, " pairs"]]:
    """Draws two different nodes of a graph."""
    first, n_nodes = x.ptr[owner], x.ptr.diff()[owner]
    start = _below(n_nodes, counters, 0)
    end = (start + 1 + _below(n_nodes - 1, counters, 1)) % n_nodes
    return first + start, first + end


def _joined(
    x: Data, source: Int[Tensor, " pairs"], target: Int[Tensor, " pairs"], *, ordered: bool
) -> Bool[Tensor, " pairs"]:
    """Tells whether a pair is already joined or drawn before; in either direction, unless `ordered`."""
    index = torch.cat([x.edge_index, torch.stack([source, target])], dim=1)
    if not ordered:
        index = index.sort(dim=0).values
    leader = first_of_equals(index[0] * len(x.batch) + index[1])
    repeated: Tensor = leader != torch.arange(len(leader), device=leader.device)
    return repeated[x.edge_index.shape[1] :]


def _mean_weights(x: Data) -> Float[Tensor, " graphs"]:
    """Computes the mean weight of each graph's edges; 0 for a graph without edges."""
    dtype = working_dtype(x)
    owner = edge_graphs(x)
    weight = x.edge_weight.to(dtype)
    sums = weight.new_zeros(batch.count(x)).index_add(0, owner, weight)
    counts = weight.new_zeros(batch.count(x)).index_add(0, owner, torch.ones_like(weight))
    means: Tensor = sums / counts.clamp_min(1)
    return means
