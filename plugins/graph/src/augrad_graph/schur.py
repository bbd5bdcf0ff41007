"""Randomised Schur complements: nodes are eliminated and replaced by random edges. Uses walks.py, topology.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from augrad import Range, batch
from augrad.errors import ArgumentError
from augrad.options import count
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.graphs import GraphTransform, per_node, working_dtype
from augrad_graph.layout import layout_of
from augrad_graph.topology import with_edges
from augrad_graph.walks import Links, Pairs, draw_seeds, links, pairs_of, step, uniform


class SchurView(GraphTransform):
    r"""Eliminates each node with probability `share` and joins its neighbours so that electrical currents are kept.

    Each view is random. The mean Laplacian of the views with the same eliminated nodes is the Schur complement on the
    kept nodes; see `eliminate` for the method and its accuracy. Eliminated nodes keep their row: their features are 0
    and their edges have weight 0. Each edge at an eliminated node is replaced by a new edge with `edge_attr` 0. A batch
    gets as many new edges as it has edges, most of them with weight 0.

    Train / eval: both modes are the same. The eliminated nodes are a hard draw. For edges, the gradient of `share` is a
    score function with the unchanged graph as baseline: the change made by a view is multiplied by the slope of its
    log-probability. Each edge uses only the probability of the draws that decided about it. The gradient is therefore
    `<dL/dy, y - x> dlog p`, the score function to first order in the loss. For features, the slope of their mean is
    known and is used. The mean gradient is exact for a loss that is linear in edge weights and features
    (tests/plugins/graph/test_schur.py). If nothing was eliminated, as near `share` 0, only features have a gradient.

    Graphs must be undirected, with each edge stored in both directions.

    Args:
        n_steps: longest path over eliminated nodes, at least 1; edges that would need a longer path are lost.
        **ranges: a different `Range` or limit for `share`, within [0, 1).

    Raises:
        ArgumentError: `n_steps` is less than 1, or the range of `share` leaves [0, 1).

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
        >>> y = SchurView()(x, share=torch.tensor([0.5]), noise=torch.tensor([12]))
        >>> y.x.flatten().tolist(), y.edge_weight.sum().item()
        ([1.0, 0.0, 1.0], 1.0)

    References:
        Kothapalli: Randomized Schur complement views for graph contrastive learning, ICML 2023; and see `eliminate`.
    """

    gradient = "straight-through"
    assumes = "the label stays the same when nodes are left out and their neighbours are joined in their place"
    share = Range(0.5, unit="share of nodes")

    def __init__(self, *, n_steps: int = 16, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        count("n_steps", n_steps, owner=self.name)
        low, high = self.ranges["share"].bounds
        if low < 0 or high >= 1:
            raise ArgumentError(
                f"{self.name}: share is a probability of at least 0 and below 1, but its range is {low:g} to {high:g}.",
                argument="share",
                value=(low, high),
            )
        self.n_steps = n_steps

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, share: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = with_edge_weight(x)
        dtype = working_dtype(x)
        chance = per_node(share.to(dtype), x)
        node = torch.arange(len(x.batch), device=x.batch.device) - x.ptr[x.batch]
        eliminated = uniform(noise[x.batch], node) < chance
        log_chance = torch.where(eliminated, chance, 1 - chance).log()
        changes = {"edge_weight": x.edge_weight}
        kept, index, added = eliminate(
            x.edge_index, x.edge_weight.to(dtype), eliminated, log_chance, pairs_of(x, noise), n_steps=self.n_steps
        )
        changes["edge_weight"] = kept.to(x.edge_weight.dtype)
        if isinstance(x.get("x"), Tensor) and x.x.is_floating_point():
            # The slope of the mean is known for every node, eliminated or not, so no score function is needed.
            gone = eliminated + (chance - chance.detach())
            changes["x"] = x.x * (1 - gone).to(x.x.dtype)[:, None]
        return with_edges(with_values(x, **changes), index, added, layout_of(x).n_edges)


def eliminate(
    edge_index: Int[Tensor, "2 edges"],
    weight: Float[Tensor, " edges"],
    eliminated: Bool[Tensor, " nodes"],
    log_chance: Float[Tensor, " nodes"],
    pairs: Pairs,
    *,
    n_steps: int,
) -> tuple[Float[Tensor, " edges"], Int[Tensor, "2 edges"], Float[Tensor, " edges"]]:
    r"""Eliminates nodes from undirected graphs and puts as many random edges in their place as there were edges.

    From both ends of each edge, a random walk continues until it meets a kept node. The edge then connects the two
    nodes that were met, with the conductance of the whole path: `1 / sum 1 / w` over its edges. The mean Laplacian over
    walks is the Schur complement `L_KK - L_KR L_RR^-1 L_RK` of the eliminated nodes `R`. This is exact except for walks
    that have met no kept node after `n_steps`; their edges are lost. An edge between kept nodes does not change.

    **Gradient.** The path of an edge is a draw, so its effect carries a score function: the factor
    `p / stop_gradient(p)`, whose value is 1. `p` is the probability of everything that decided about this edge: the
    elimination of every node on its path, and every step. Nodes that the edge has not met add nothing to its variance,
    nor do edges that stayed. For a function that is linear in the weights, the mean gradient is exact, in `log_chance`
    and in `weight`.

    Args:
        edge_index: the edges, in both directions.
        weight: weights of the edges, not negative.
        eliminated: True for eliminated nodes.
        log_chance: log-probability of each node's entry in `eliminated`; differentiable.
        pairs: from `pairs_of`; supplies random numbers and places for edges without weight.
        n_steps: largest number of steps of a walk.

    Returns:
        The remaining weights (all or nothing), a new edge for each edge, and the weights of the new edges. A new edge
        that is not needed, is lost, or would be a self-loop has weight 0 and lies in the place that `pairs` gives.

    Example:
        >>> from augrad_graph.backend import Data
        >>> path = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
        >>> middle, weight = torch.tensor([False, True, False]), torch.tensor([1.0, 1.0, 3.0, 3.0])
        >>> pairs = pairs_of(path, torch.tensor([7]))
        >>> kept, index, added = eliminate(path.edge_index, weight, middle, torch.zeros(3), pairs, n_steps=8)
        >>> kept.tolist(), sorted(set(added.tolist()))
        ([0.0, 0.0, 0.0, 0.0], [0.0, 0.75])

    References:
        Durfee, Peebles, Peng, Rao: Determinant-preserving sparsification of SDDM matrices, FOCS 2017 (the walks);
        Williams: Simple statistical gradient-following algorithms, 1992 (the score function).
    """
    loop = edge_index[0] == edge_index[1]
    graph = links(edge_index, torch.where(loop, 0, weight), eliminated.numel())
    trail, resistance, log_way = _walk(graph, edge_index, eliminated, pairs, n_steps)
    factor, met = scored(log_way + _once(log_chance, trail)), trail[-2:]
    stays = ~eliminated[edge_index].any(0)
    lost = stays | eliminated[met].any(0) | (met[0] == met[1])
    conductance = factor * weight / (1 + weight * resistance)
    # An edge that was removed has its weight minus the mean by chance: value 0, with the gradient of the baseline.
    return (
        torch.where(stays, weight, (1 - factor) * weight.detach()),
        torch.where(lost, pairs.aside, met),
        torch.where(lost, 0, conductance),
    )


def scored(log_p: Float[Tensor, " draws"]) -> Float[Tensor, " draws"]:
    """Returns 1 with the gradient of log-probabilities: a factor that gives a draw's outcome a score function."""
    return torch.exp(log_p - log_p.detach())


def _walk(
    graph: Links, start: Int[Tensor, "2 edges"], eliminated: Bool[Tensor, " nodes"], pairs: Pairs, n_steps: int
) -> tuple[Int[Tensor, "places edges"], Float[Tensor, " edges"], Float[Tensor, " edges"]]:
    """Returns all places on the walks from both ends, the steps' resistance, and the log-probability of the steps."""
    # The end of the pair from which a walk starts, numbered in the same way for both directions.
    end = (start > start.flip(0)).long()
    place, trail = start, [start]
    resistance = torch.zeros_like(graph.weight)
    log_p = torch.zeros_like(graph.weight)
    for hop in range(n_steps):
        reached, weight, log_step = step(graph, place, pairs.uniform(end, torch.full_like(place, hop)))
        walks = eliminated[place]
        went = walks & (weight.detach() > 0)
        resistance = resistance + torch.where(went, 1 / torch.where(went, weight, 1), 0).sum(0)
        log_p = log_p + torch.where(walks, log_step, 0).sum(0)
        place = torch.where(walks, reached, place)
        trail.append(place)
    return torch.cat(trail), resistance, log_p


def _once(log_chance: Float[Tensor, " nodes"], trail: Int[Tensor, "places edges"]) -> Float[Tensor, " edges"]:
    """Sums over the nodes of each path; a node counts once, however often the path visits it."""
    nodes = trail.sort(dim=0).values
    first = torch.ones_like(nodes, dtype=torch.bool)
    first[1:] = nodes[1:] != nodes[:-1]
    return torch.where(first, log_chance[nodes], 0).sum(0)
