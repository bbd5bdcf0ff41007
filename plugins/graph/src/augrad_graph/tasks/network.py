"""The trunk of the benchmark tasks: message passing to which a dropped node is invisible. Used by all tasks."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from augrad import batch
from augrad_graph.backend import Data


class PlaceNetwork(nn.Module):
    """Runs rounds of message passing over features and positions, then mean and maximum over nodes.

    The input of a node is its features, and its features times each coordinate of its position, if it has a position.
    No constant is added before the pooling, so a node without features and edges adds nothing.

    Args:
        n_features: number of features of a node.
        n_outputs: number of classes, or 1 for a number.
        n_axes: number of coordinates of a position; 0 for graphs without positions.
        n_hidden: number of features of a node between rounds.
        n_rounds: number of rounds of message passing.
    """

    def __init__(
        self, n_features: int, n_outputs: int, *, n_axes: int = 2, n_hidden: int = 32, n_rounds: int = 3
    ) -> None:
        super().__init__()
        sizes = [n_features * (1 + n_axes), *[n_hidden] * n_rounds]
        self.n_axes = n_axes
        rounds = [nn.Linear(2 * n_in, n_out, bias=False) for n_in, n_out in pairwise(sizes)]
        for linear in rounds:
            # With torch's default, signals fade from round to round, because nothing normalises them.
            nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
        self.rounds = nn.ModuleList(rounds)
        self.head = nn.Linear(2 * n_hidden, n_outputs)

    def forward(self, graphs: Data) -> Tensor:
        """Computes the outputs, `(graphs, n_outputs)`."""
        z = graphs.x
        if self.n_axes:
            placed = graphs.x[:, :, None] * graphs.pos[:, None, :]
            z = torch.cat([z, placed.flatten(1)], dim=1)
        source, target = graphs.edge_index
        weight = graphs.edge_weight[:, None]
        for linear in self.rounds:
            arrived = torch.zeros_like(z).index_add(0, target, z.index_select(0, source) * weight)
            z = linear(torch.cat([z, arrived], dim=1)).relu()
        outputs: Tensor = self.head(pooled(z, graphs.batch, batch.count(graphs)))
        return outputs


def pooled(
    z: Float[Tensor, "nodes hidden"], graph: Int[Tensor, " nodes"], n_graphs: int
) -> Float[Tensor, "graphs twice_hidden"]:
    """Computes the mean and maximum over the nodes of each graph, for values of at least 0.

    Example:
        >>> pooled(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1]), 2).tolist()
        [[2.0, 3.0], [5.0, 5.0]]
    """
    empty = z.new_zeros(n_graphs, z.shape[1])
    count = z.new_zeros(n_graphs).index_add(0, graph, torch.ones_like(z[:, 0])).clamp_min(1)
    mean = empty.index_add(0, graph, z) / count[:, None]
    most = empty.scatter_reduce(0, graph[:, None].expand_as(z), z, "amax")
    return torch.cat([mean, most], dim=1)
