"""Displacement of graphs: how far augmentation moved a batch, as a message-passing network would see it.

Registers `augrad.displacement.displacement` for torch_geometric's batches. Uses batching.py; sample_features.py uses
the descriptors.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import batch
from augrad.displacement import displacement
from augrad.precision import full_precision
from augrad_graph.backend import Data
from augrad_graph.batching import float_dtype, with_edge_weight
from augrad_graph.layout import layout_of

_SAME = 1e-4
# Spread of the graphs, as a fraction of their size, below which they count as copies of the same graph.


@displacement.register(Data)
def _(before: Data, after: Data) -> Tensor:
    r"""Computes how far each graph moved, from its descriptors before and after.

    Two groups of descriptors describe a graph:

    - Content: sums over its nodes of their features; of the features and a 1 for each neighbour, summed over the
      weighted edges, once and twice; and of the weighted features of their edges.
    - Positions: the mean, second and third moments of the node positions, and the features weighted by the positions.

    A trunk of message passing and pooling sees these, at first order, and little else. Each descriptor is scaled to
    variance 1 over the batch, whatever its unit. The displacement of tensors is computed for each group separately,
    because features and positions have no common scale. The result is the root of the sum of both squares.

    If all graphs of the batch are the same graph (node-level tasks on a single graph), the nodes are the samples: the
    same descriptors are compared node by node and averaged.
    """
    before, after = with_edge_weight(before), with_edge_weight(after)
    with full_precision(batch.device(before)):
        dtype = torch.promote_types(float_dtype(before), torch.float32)
        degree = (before.edge_weight.detach().to(dtype).sum() / max(before.num_nodes, 1)).clamp_min(1e-6)
        nodes = [node_descriptors(x, degree) for x in (before, after)]
        graphs = [[graph_sums(x, part) for part in parts] for x, parts in zip((before, after), nodes, strict=True)]
        moved = displacement(*_scaled(*graphs))
        if "pos" in before:
            places = [position_moments(x, dtype) for x in (before, after)]
            moved = _joint(moved, displacement(*_scaled(*places)))
            graphs[0] += places[0]
        layout = layout_of(before)
        if len(set(zip(layout.n_nodes, layout.n_edges, strict=True))) > 1:
            return moved
        if "pos" in before:
            nodes = [[*parts, x.pos.to(dtype)] for x, parts in zip((before, after), nodes, strict=True)]
        by_node = graph_means(before, displacement(*_scaled(*nodes)))
        return torch.where(_all_same(graphs[0]), by_node, moved)


def node_descriptors(x: Data, degree: Float[Tensor, ""]) -> list[Float[Tensor, "nodes entries"]]:
    """Computes node descriptors: a node's features, and the results of message passing after one and two steps.

    Args:
        x: a batch with `edge_weight`.
        degree: divides the weights, so that no step outweighs the others; usually the batch's mean weight per node.
    """
    dtype = degree.dtype
    source, target = x.edge_index
    weight = x.edge_weight.to(dtype) / degree
    ones = weight.new_ones(x.num_nodes, 1)
    features = x.get("x")
    own = isinstance(features, Tensor) and features.is_floating_point()
    signal = torch.cat([ones, features.to(dtype)], dim=1) if own else ones

    def step(arriving: Tensor) -> Tensor:
        arrived: Tensor = arriving.new_zeros(len(ones), arriving.shape[1]).index_add(
            0, target, arriving * weight[:, None]
        )
        return arrived

    once = step(signal[source])
    twice = step(once[source])
    # Counts of neighbours are separate from features, because they have a different unit.
    parts = [once[:, :1], twice[:, :1]]
    parts += [signal[:, 1:], once[:, 1:], twice[:, 1:]] if own else []
    edges = x.get("edge_attr")
    if isinstance(edges, Tensor) and edges.is_floating_point():
        parts.append(step(edges.to(dtype).flatten(1) if edges.ndim > 1 else edges.to(dtype)[:, None]))
    return parts


def graph_sums(x: Data, rows: Float[Tensor, "nodes *entry"]) -> Float[Tensor, "graphs *entry"]:
    """Computes sums over the nodes of each graph, divided by the mean number of nodes."""
    n_graphs = batch.count(x)
    sums: Tensor = rows.new_zeros(n_graphs, *rows.shape[1:]).index_add(0, x.batch, rows)
    return sums * (n_graphs / max(len(rows), 1))


def graph_means(x: Data, rows: Float[Tensor, "nodes *entry"]) -> Float[Tensor, "graphs *entry"]:
    """Computes means over the nodes of each graph; 0 for a graph without nodes."""
    sums = rows.new_zeros(batch.count(x), *rows.shape[1:]).index_add(0, x.batch, rows)
    counts = x.ptr.diff().clamp_min(1).to(rows.dtype)
    means: Tensor = sums / counts.reshape(-1, *[1] * (rows.ndim - 1))
    return means


def position_moments(x: Data, dtype: torch.dtype, *, sizes: bool = True) -> list[Float[Tensor, "graphs entries"]]:
    """Computes moments of the positions of each graph.

    They are: the centroid and radius, the second moments about the centroid, the third moment that changes sign when
    the points are mirrored through it, and the mean of each feature times the offset from the centroid.

    The radius of gyration is stored with the centroid to give it a scale: graphs that were all moved to the origin have
    centroids that differ by rounding only. Each moment that may vanish is stored with a size for the same reason.

    Args:
        x: a batch with `pos`.
        dtype: dtype of the moments.
        sizes: whether to include these sizes. They depend on the whole batch; without them, the moments of a graph do
            not depend on the other graphs.
    """
    place = x.pos.to(dtype)
    centre = graph_means(x, place)
    offset = place - centre[x.batch]
    radius = graph_means(x, offset.square().sum(dim=1, keepdim=True)).clamp_min(torch.finfo(dtype).tiny).sqrt()
    size = radius[x.batch]
    second = (offset[:, :, None] * offset[:, None, :]).flatten(1)
    third = offset * offset.square().sum(dim=1, keepdim=True) / size.square()
    moments = [graph_means(x, second / size), _beside(graph_means(x, third), radius.mean(), sizes)]
    features = x.get("x")
    if isinstance(features, Tensor) and features.is_floating_point():
        rows = features.to(dtype).flatten(1)
        weighted = graph_means(x, (rows[:, :, None] * offset[:, None, :]).flatten(1))
        moments.append(_beside(weighted, radius.mean() * rows.square().mean().sqrt(), sizes))
    return [torch.cat([centre, radius], dim=1), *moments]


def _beside(
    moments: Float[Tensor, "graphs entries"], size: Float[Tensor, ""], wanted: bool
) -> Float[Tensor, "graphs more"]:
    """Appends to moments that may vanish in every graph the size they could have, to tell rounding from spread."""
    if not wanted:
        return moments
    return torch.cat([moments, size.detach().expand(len(moments), 1)], dim=1)


def _joint(first: Tensor, second: Tensor) -> Tensor:
    # A plain norm of two would have the gradient 0 / 0 where neither moved.
    joint: Tensor = torch.linalg.vector_norm(torch.stack([first, second]), dim=0)
    return joint


def _deviation(part: Tensor) -> Tensor:
    return (part - part.mean(dim=0) if len(part) > 1 else part).square().sum(dim=1).mean().sqrt()


def _scaled(before: list[Tensor], after: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Flattens both lists of descriptors to a row per sample, each divided by its spread before; 0 without spread."""
    factors = []
    for part in before:
        spread, size = _deviation(part.detach()), part.detach().square().sum(dim=1).mean().sqrt()
        factors.append(torch.where(spread > _SAME * size, 1 / spread, torch.zeros_like(spread)))
    # The additional axis keeps the displacement of tensors from scaling each entry again.
    first, second = (
        torch.cat([part.flatten(1) * factor for part, factor in zip(parts, factors, strict=True)], dim=1)[:, None]
        for parts in (before, after)
    )
    return first, second


def _all_same(parts: list[Tensor]) -> Tensor:
    """Tells whether all samples have the same descriptors, up to rounding."""
    apart = [(part - part[:1]).abs().amax() <= _SAME * part.abs().amax() for part in parts if part.numel()]
    return torch.stack(apart).all() if apart else torch.tensor(data=True)
