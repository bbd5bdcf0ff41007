"""Subgraphs: the nodes that random walks from a random node visit most are kept. Uses graphs.py, walks.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range, batch
from augrad.errors import ArgumentError
from augrad.options import count
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.graphs import GraphTransform, per_node, working_dtype
from augrad_graph.walks import draw_seeds, uniform

RESTART = 0.5
"""Probability of returning to the start at each step; so high that the start is always visited most."""


class Subgraph(GraphTransform):
    """Keeps the part of each graph around a random node and drops the fraction `share` of the other nodes.

    Nodes are ranked by how often a random walk visits them that starts at the random node and often returns to it. The
    least visited nodes are dropped: their features and the weights of their edges become 0; their rows stay. The node
    on the border is dropped in part, so that the dropped nodes add up to exactly `share` times the number of nodes
    except the first. The gradient comes from this node and is exact.

    Args:
        n_steps: length of the walk, at least 1; nodes farther away are dropped first, in random order.
        **ranges: a different `Range` or limit for `share`, within [0, 1].

    Raises:
        ArgumentError: `n_steps` is less than 1, or the range of `share` leaves [0, 1].

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.ones(4, 1), edge_index=torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]]))
        >>> Subgraph()(x, share=torch.tensor([0.5]), noise=torch.tensor([1])).x.sum().item()
        2.5

    References:
        You, Chen, Sui, Chen, Wang, Shen: Graph contrastive learning with augmentations, NeurIPS 2020 (subgraph).
    """

    assumes = "the label stays the same when the nodes far from a random node, up to the learned fraction, are missing"
    share = Range(0.8, unit="share of nodes")

    def __init__(self, *, n_steps: int = 8, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        count("n_steps", n_steps, owner=self.name)
        low, high = self.ranges["share"].bounds
        if low < 0 or high > 1:
            raise ArgumentError(
                f"{self.name}: share lies in [0, 1], but its range is {low:g} to {high:g}.",
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
        n_nodes = x.ptr.diff()
        first = (uniform(noise) * n_nodes).long()
        place = torch.arange(len(x.batch), device=x.batch.device) - x.ptr[x.batch]
        start = (place == first[x.batch]).to(dtype)
        visits = visited(x.edge_index, x.edge_weight.detach().to(dtype), start, self.n_steps)
        rank = ranks(visits, uniform(noise[x.batch], place), x.batch) - x.ptr[x.batch]
        left_out = per_node(share.to(dtype) * (n_nodes - 1), x) - rank
        keep = 1 - left_out.clamp(0, 1)
        ends = keep[x.edge_index]
        changes = {"edge_weight": x.edge_weight * (ends[0] * ends[1]).to(x.edge_weight.dtype)}
        if isinstance(x.get("x"), Tensor) and x.x.is_floating_point():
            changes["x"] = x.x * keep.to(x.x.dtype)[:, None]
        return with_values(x, **changes)


def visited(
    edge_index: Int[Tensor, "2 edges"], weight: Float[Tensor, " edges"], start: Float[Tensor, " nodes"], n_steps: int
) -> Float[Tensor, " nodes"]:
    """Computes the probability of each node after a random walk with restarts of `n_steps`, for all graphs at once.

    Example:
        >>> path, start = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), torch.tensor([1.0, 0.0, 0.0])
        >>> visited(path, torch.ones(4), start, 2).tolist()
        [0.625, 0.25, 0.125]
    """
    source, target = edge_index.unbind(0)
    total = torch.zeros_like(start).index_add(0, source, weight)
    share = weight / torch.where(total > 0, total, 1)[source]
    here = start
    for _ in range(n_steps):
        here = RESTART * start + (1 - RESTART) * torch.zeros_like(here).index_add(0, target, share * here[source])
    return here


def ranks(
    values: Float[Tensor, " nodes"], ties: Float[Tensor, " nodes"], graph: Int[Tensor, " nodes"]
) -> Int[Tensor, " nodes"]:
    """Ranks nodes: their places when each graph's nodes are sorted by value, and equal values by `ties`.

    Example:
        >>> ranks(torch.tensor([3.0, 1.0, 1.0, 2.0]), torch.tensor([0.0, 0.5, 0.1, 0.0]), torch.tensor([0, 0, 0, 1]))
        tensor([2, 1, 0, 3])
    """
    order = torch.argsort(ties)
    for keys in (values, graph):
        order = order[torch.argsort(keys[order], stable=True)]
    return torch.argsort(order)
