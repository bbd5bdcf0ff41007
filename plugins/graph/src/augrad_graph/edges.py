"""Dropped edges, and changed edge weights. Uses gates.py."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range, batch
from augrad_graph.arguments import check_probability, check_temperature
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.gates import TEMPERATURE, edge_chances, toss
from augrad_graph.graphs import GraphTransform, per_edge, working_dtype
from augrad_graph.walks import draw_seeds


class EdgeDrop(GraphTransform):
    """Drops each edge with a learned `probability` by setting its weight to 0. Both directions of a pair drop together.

    Train / eval: in train mode the drop is relaxed (`gates.toss`), and an edge keeps between none and all of its
    weight. In eval mode an edge is either dropped or kept.

    Args:
        temperature: temperature of the relaxation, in (0, 1].
        **ranges: a different `Range` or limit for `probability`, within [0, 1].

    Raises:
        ArgumentError: an argument is not accepted.

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
        >>> EdgeDrop().eval()(x, probability=torch.tensor([0.5]), noise=torch.tensor([5])).edge_weight.tolist()
        [1.0, 1.0, 0.0, 0.0]

    References:
        Rong, Huang, Xu, Huang: DropEdge, ICLR 2020.
    """

    assumes = "the label stays the same when any part of the edges, up to the learned fraction, is missing"
    gradient = "relaxed"
    probability = Range(0.9)

    def __init__(self, *, temperature: float = TEMPERATURE, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.temperature = check_temperature(self.name, temperature)
        check_probability(self.name, "probability", self.ranges["probability"])

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = with_edge_weight(x)
        chance = edge_chances(x, noise)
        gone = toss(per_edge(probability, x), chance, temperature=self.temperature, hard=not self.training)
        return with_values(x, edge_weight=x.edge_weight * (1 - gone).to(x.edge_weight.dtype))


class EdgeWeightNoise(GraphTransform):
    """Multiplies each edge weight by `exp(std * z)` with a normal `z`: independent noise in the log of the weight.

    Both directions of a pair of nodes get the same factor. A graph without weights gets weights of 1 first.

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0, 1], [1, 0]]))
        >>> noisy = EdgeWeightNoise()(x, std=torch.tensor([0.5]), noise=torch.tensor([2])).edge_weight
        >>> bool(noisy[0] == noisy[1]), bool(noisy[0] != 1)
        (True, True)
    """

    assumes = "the label does not depend on the weight of an edge within the learned ratio"
    std = Range(1.0, unit="log ratio")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, std: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = with_edge_weight(x)
        dtype = working_dtype(x)
        ratio = per_edge(std.to(dtype), x) * torch.special.ndtri(edge_chances(x, noise)).to(dtype)
        return with_values(x, edge_weight=x.edge_weight * ratio.exp().to(x.edge_weight.dtype))
