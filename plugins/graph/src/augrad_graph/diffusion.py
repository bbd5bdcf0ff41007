"""Diffusion: edges continue along random walks, with weights of personalised PageRank. Uses walks.py, topology.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range, batch
from augrad.errors import ArgumentError
from augrad.options import count
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.graphs import GraphTransform, per_edge, working_dtype
from augrad_graph.layout import layout_of
from augrad_graph.topology import with_edges
from augrad_graph.walks import Pairs, draw_seeds, links, pairs_of, step


class Diffusion(GraphTransform):
    """Spreads edges along random walks: personalised PageRank that stops at each step with probability `teleport`.

    At `teleport` 1 the graph does not change. Below 1, an edge keeps the fraction `teleport` of its weight and passes
    the rest on to new edges. They lead further, along a random walk from an end of the edge (`diffuse` has the
    formula), and have `edge_attr` 0. A batch gets `n_steps` times as many new edges as it has edges, whatever the size
    of its graphs. Averaged over walks, the weights are those of dense personalised PageRank, cut after `n_steps`.

    The gradient of `teleport` is exact for each draw of the walk, so its mean is exact too. The gradient of the input's
    weights treats the walk as given: it ignores that other weights would make other walks likely.

    Args:
        n_steps: number of steps that walks go beyond the edge, at least 1.
        undirected: whether every edge is stored in both directions, as in most data sets of torch_geometric. The result
            is then symmetric too.
        **ranges: a different `Range` or limit for `teleport`, within (0, 1].

    Raises:
        ArgumentError: `n_steps` is less than 1, or the range of `teleport` leaves (0, 1].

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0, 1], [1, 0]]))
        >>> y = Diffusion(n_steps=1)(x, teleport=torch.tensor([0.5]), noise=torch.tensor([7]))
        >>> y.edge_index.shape, y.edge_weight.tolist()
        (torch.Size([2, 4]), [0.5, 0.5, 0.0, 0.0])

    References:
        Gasteiger, Weissenberger, Guennemann: Diffusion improves graph learning, NeurIPS 2019.
    """

    assumes = "the label does not depend on whether two nodes are joined by an edge or by a short path"
    teleport = Range(1.0, low=0.2, unit="probability", identity=1.0)

    def __init__(self, *, n_steps: int = 2, undirected: bool = True, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        count("n_steps", n_steps, owner=self.name)
        low, high = self.ranges["teleport"].bounds
        if low <= 0 or high > 1:
            raise ArgumentError(
                f"{self.name}: teleport is a probability above 0 and at most 1, but its range is {low:g} to {high:g}.",
                argument="teleport",
                value=(low, high),
            )
        self.n_steps, self.undirected = n_steps, undirected

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, teleport: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = with_edge_weight(x)
        dtype = working_dtype(x)
        kept, index, added = diffuse(
            x.edge_index,
            x.edge_weight.to(dtype),
            per_edge(teleport.to(dtype), x),
            pairs_of(x, noise),
            n_nodes=len(x.batch),
            n_steps=self.n_steps,
            undirected=self.undirected,
        )
        n_added = tuple(self.n_steps * n for n in layout_of(x).n_edges)
        return with_edges(with_values(x, edge_weight=kept.to(x.edge_weight.dtype)), index, added, n_added)


def diffuse(
    edge_index: Int[Tensor, "2 edges"],
    weight: Float[Tensor, " edges"],
    teleport: Float[Tensor, " edges"],
    pairs: Pairs,
    *,
    n_nodes: int,
    n_steps: int,
    undirected: bool = True,
) -> tuple[Float[Tensor, " edges"], Int[Tensor, "2 added"], Float[Tensor, " added"]]:
    r"""Continues every edge along a random walk that stops after each step with probability `teleport`.

    An edge becomes `n_steps + 1` edges. With `t` for `teleport`, the edge itself keeps the fraction `t` of its weight.
    For each further step `k` of a random walk, an edge to the place reached by the walk gets the fraction
    `t (1 - t)^k`; the last of them gets the whole rest. For infinite `n_steps`, the mean adjacency over walks, off the
    diagonal, is that of personalised PageRank: `D P t (I - (1 - t) P)^-1` with `P = D^-1 A`. The fractions are not
    drawn, so the gradient of `teleport` is exact.

    A walk that returns to the other end of its edge would make a self-loop. Its fraction is left out, because layers
    that add self-loops would reuse a self-loop of weight 0.

    Args:
        edge_index: the edges; both directions for an undirected graph.
        weight: weights of the edges, not negative.
        teleport: for each edge, in (0, 1]; at 1 nothing changes.
        pairs: from `pairs_of`; supplies random numbers and places for edges without weight.
        n_nodes: number of nodes of the whole batch.
        n_steps: number of steps that walks go beyond the edge, at least 1.
        undirected: if True, both directions of an edge continue from the same end, drawn at random, so a symmetric
            graph stays symmetric. If False, each edge continues from its target.

    Returns:
        The remaining weights of the edges, the new edges (of the first step, of the second, ...) and their weights.
        What is left of the weights, the new edges (those of the first step, of the second, ...) and their weights.

    Example:
        >>> from augrad_graph.backend import Data
        >>> path = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
        >>> pairs, teleport = pairs_of(path, torch.tensor([7])), torch.full((4,), 0.75)
        >>> kept, index, added = diffuse(path.edge_index, torch.ones(4), teleport, pairs, n_nodes=3, n_steps=1)
        >>> kept.tolist(), index.shape
        ([0.75, 0.75, 0.75, 0.75], torch.Size([2, 4]))
    """
    graph = links(edge_index, weight, n_nodes)
    source, target = edge_index.unbind(0)
    onwards = torch.ones_like(source, dtype=torch.bool)
    if undirected:
        # Both directions share a coin; because they are reversed, "the upper end moves" compares differently for them.
        onwards = (pairs.uniform() < 0.5) == (target > source)
    place, other = torch.where(onwards, target, source), torch.where(onwards, source, target)
    ends, weights = [], []
    for hop in range(1, n_steps + 1):
        place, _, _ = step(graph, place, pairs.uniform(torch.full_like(place, hop)))
        returned = place == other
        led = torch.where(onwards, torch.stack([other, place]), torch.stack([place, other]))
        share = (1 - teleport) ** hop * (teleport if hop < n_steps else 1)
        ends.append(torch.where(returned, pairs.aside, led))
        weights.append(torch.where(returned, 0, share * weight))
    return teleport * weight, torch.cat(ends, dim=1), torch.cat(weights)
