"""Numbers that audits read off graphs: features to compare them by, and side effects. Used by graphs.py.

Uses displacements.py.
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
"""A usual degree, which divides edge weights: in most graphs, no step of message passing then outweighs the others.
Displacements use the batch's own degree; here it would make a graph's features depend on the other graphs."""


def graph_features(x: Data) -> Float[Tensor, "graphs features"]:
    """Describes the content of nodes and edges, the number of nodes, and their positions.

    The features are: means over the nodes of the results of message passing after no, one and two steps; the logarithm
    of the number of nodes; and, if there are positions, their centroid, radius, second and third moments, and the
    node features weighted by them. Moving, rotating or mirroring a graph changes its features; reordering its nodes
    does not.

    Args:
        x: a batch or a single graph.

    Returns:
        A row per graph, in float32 (float64 stays), without gradient. Columns have different units.

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
    """Measures traces that a transform may leave on a graph besides its content.

    The columns are: number of nodes; number of edges, without edges of weight 0; fraction of nodes without such an edge
    to another node; fraction of nodes whose features are all 0; mean and standard deviation of `edge_weight` (1 if the
    graph has none).

    Args:
        x: a batch or a single graph.

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
