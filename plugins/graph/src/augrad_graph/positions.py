"""Node positions: the action of position matrices, and jitter. Uses graphs.py; base of motions.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Action, Range, batch
from augrad.errors import InputError
from augrad_graph.backend import Data
from augrad_graph.batching import with_values
from augrad_graph.graphs import GraphTransform, node_rows, per_node, working_dtype
from augrad_graph.layout import as_batch, layout_of


@dataclass(frozen=True)
class PositionAction(Action):
    """Applies a position matrix to coordinates relative to the centroid of each graph, in 2-D or 3-D.

    A matrix says where points go: a point at offset `p` from the centroid moves to offset `matrix @ p`. Matrices are
    3x3; 2-D positions use the upper left 2x2 block. The centroid does not move.

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(pos=torch.tensor([[0.0, 0.0], [2.0, 0.0]]), edge_index=torch.tensor([[0], [1]]))
        >>> PositionAction().act(x, 2 * torch.eye(3)[None]).pos.tolist()
        [[-1.0, 0.0], [3.0, 0.0]]
    """

    size: ClassVar[int] = 3
    moves_coordinates: ClassVar[bool] = True

    def act(self, x: Any, matrix: Float[Tensor, "batch 3 3"]) -> Any:
        x = as_batch(x)
        dtype, n_axes = working_dtype(x), x.pos.shape[1]
        pos = x.pos.to(dtype)
        centre = per_node(centroids(pos, x.batch, batch.count(x)), x)
        block = per_node(matrix[:, :n_axes, :n_axes].to(dtype), x)
        # The difference is added, so that the identity keeps positions to the last bit.
        away = pos - centre
        moved = pos + ((block * away[:, None]).sum(2) - away)
        return with_values(x, pos=moved.to(x.pos.dtype))


def centroids(
    pos: Float[Tensor, "nodes axes"], graph: Int[Tensor, " nodes"], n_graphs: int
) -> Float[Tensor, "graphs axes"]:
    """Computes the mean position of each graph's nodes; 0 for a graph without nodes.

    Example:
        >>> centroids(torch.tensor([[0.0], [2.0], [5.0]]), torch.tensor([0, 0, 1]), 2).tolist()
        [[1.0], [5.0]]
    """
    n_nodes = pos.new_zeros(n_graphs).index_add(0, graph, torch.ones_like(pos[:, 0]))
    sums = pos.new_zeros(n_graphs, pos.shape[1]).index_add(0, graph, pos)
    return sums / n_nodes.clamp_min(1)[:, None]


def radius_of_gyration(
    pos: Float[Tensor, "nodes axes"], graph: Int[Tensor, " nodes"], n_graphs: int
) -> Float[Tensor, " graphs"]:
    """Computes the root mean square distance of nodes from their graph's centroid; 0, with gradient 0, for one node.

    Example:
        >>> radius_of_gyration(torch.tensor([[0.0, 0.0], [0.0, 6.0]]), torch.tensor([0, 0]), 1).tolist()
        [3.0]
    """
    away = pos - centroids(pos, graph, n_graphs).index_select(0, graph)
    square = centroids(away.square().sum(1, keepdim=True), graph, n_graphs)[:, 0]
    apart = square > 0
    return torch.where(apart, torch.where(apart, square, 1).sqrt(), 0)


class PositionTransform(GraphTransform):
    """Base class of the transforms of node positions `pos`, `(nodes, 2)` or `(nodes, 3)`. Edges do not change."""

    needs = ("pos",)

    def validate(self, x: Any) -> None:
        """Raises, besides the checks of all graphs, `InputError` unless the batch has positions in 2-D or 3-D."""
        if _lacks_positions(x):
            raise InputError(
                f"{self.name} needs node positions, but the batch has no pos. Set data.pos, a tensor (nodes, 2) or "
                "(nodes, 3), on each graph, or leave the transform out.",
                transform=self.name,
            )
        super().validate(x)
        if x.pos.shape[1] not in (2, 3):
            raise InputError(
                f"{self.name} expects pos of shape (nodes, 2) or (nodes, 3), but got {tuple(x.pos.shape)}.",
                transform=self.name,
                shape=tuple(x.pos.shape),
            )


def _lacks_positions(x: Any) -> bool:
    return isinstance(x, Data) and x.get("pos") is None


class PositionJitter(PositionTransform):
    """Moves every node by independent normal noise with standard deviation `std` in radii of gyration.

    The radius of gyration of a graph is the root mean square distance of its nodes from the centroid. The noise is
    therefore as large for a molecule in nanometres as for a molecule in angstroms. A graph of one node has radius 0 and
    does not move.

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(pos=torch.tensor([[0.0, 0.0], [0.0, 6.0]]), edge_index=torch.tensor([[0], [1]]))
        >>> PositionJitter()(x, std=torch.tensor([0.5]), noise=torch.ones(1, 2, 2)).pos.tolist()
        [[1.5, 1.5], [1.5, 7.5]]
    """

    assumes = "the label does not depend on noise of the learned size in each position"
    std = Range(0.5, unit="radii of gyration")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        x = as_batch(x)
        shape = (batch.count(x), layout_of(x).max_nodes, x.pos.shape[1])
        return torch.randn(shape, generator=generator, device=x.pos.device, dtype=working_dtype(x))

    def forward(self, x: Any, *, std: Float[Tensor, " batch"], noise: Float[Tensor, "batch nodes axes"]) -> Any:
        x = as_batch(x)
        pos = x.pos.to(working_dtype(x))
        size = std.to(pos.dtype) * radius_of_gyration(pos, x.batch, batch.count(x))
        moved = pos + per_node(size, x)[:, None] * node_rows(x, noise).to(pos.dtype)
        return with_values(x, pos=moved.to(x.pos.dtype))
