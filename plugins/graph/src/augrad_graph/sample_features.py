"""What is read off graphs to audit a model: features that they are compared by, and side effects of a transform.

Uses displacements.py; used by graphs.py.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import batch
from augrad.precision import full_precision
from augrad_graph.backend import Data
from augrad_graph.batching import float_dtype, with_edge_weight
from augrad_graph.displacements import graph_means, node_descriptors, position_moments

DEGREE = 4.0
"""Weights are divided by it, as a degree that is usual: in most graphs no step of message passing outweighs the others.
The batch's own degree, as displacements take it, would make a graph's features depend on the other graphs."""


def graph_features(x: Data) -> Float[Tensor, "graphs features"]:
    """What nodes and edges are, how many nodes there are, and where they are.

    Means over the nodes of what message passing brings them in no, one and two steps; the logarithm of the number of
    nodes; and where there are positions, their centroid, radius, second and third moments, and the features weighted by
    them. A graph that is moved, turned or mirrored has other features; one whose nodes are in another order has not.

    Args:
        x: a batch, or one graph.

    Returns:
        One row per graph, in float32 (float64 stays), without gradient. Columns have units of their own.

    Example:
        >>> path = Data(pos=torch.tensor([[0.0, 0.0], [1.0, 0.0]]), edge_index=torch.tensor([[0, 1], [1, 0]]))
        >>> graph_features(path).shape
        torch.Size([1, 12])
    """
    x = with_edge_weight(x)
    dtype = torch.promote_types(float_dtype(x), torch.float32)
    with torch.no_grad(), full_precision(batch.device(x)):
        degree = torch.tensor(DEGREE, dtype=dtype, device=batch.device(x))
        parts = [graph_means(x, part) for part in node_descriptors(x, degree)]
        parts.append(x.ptr.diff().to(dtype).log1p()[:, None])
        if "pos" in x:
            parts += position_moments(x, dtype, sizes=False)
        return torch.cat([part.flatten(1) for part in parts], dim=1)


def graph_side_effects(x: Data) -> Float[Tensor, "graphs 6"]:
    """What a transform may leave on a graph that is not its content.

    Number of nodes; number of edges, those of weight 0 not counted; share of nodes without such an edge to another
    node; share of nodes whose features are all 0; mean and standard deviation of `edge_weight`, which is 1 where there
    is none.

    Args:
        x: a batch, or one graph.

    Example:
        >>> path = Data(x=torch.tensor([[1.0], [2.0], [0.0]]), edge_index=torch.tensor([[0, 1], [1, 0]]))
        >>> graph_side_effects(path).round(decimals=2).tolist()
        [[3.0, 2.0, 0.33..., 0.33..., 1.0, 0.0]]
    """
    x = with_edge_weight(x)
    dtype = torch.promote_types(float_dtype(x), torch.float32)
    with torch.no_grad():
        (source, target), weight = x.edge_index, torch.nan_to_num(x.edge_weight.to(dtype))
        owner = x.batch[source]

        def per_graph(rows: Tensor) -> Tensor:
            return rows.new_zeros(batch.count(x), dtype=dtype).index_add(0, owner, rows.to(dtype))

        counts = per_graph(torch.ones_like(weight)).clamp_min(1)
        mean = per_graph(weight) / counts
        spread = (per_graph((weight - mean[owner]).square()) / counts).sqrt()
        there = weight != 0
        ends = (there & (source != target)).to(dtype)
        touched = ends.new_zeros(len(x.batch)).index_add(0, source, ends).index_add(0, target, ends)
        features = x.get("x")
        blank = (
            (features.flatten(1) == 0).all(dim=1) if isinstance(features, Tensor) else touched.new_zeros(len(touched))
        )
        shares = graph_means(x, torch.stack([touched == 0, blank], dim=1).to(dtype))
        return torch.column_stack([x.ptr.diff().to(dtype), per_graph(there), shares, mean, spread])
