"""Displacement of graphs: how far an augmented batch moved, as a network of message passing would see it.

Registers `augrad.displacement.displacement` for torch_geometric's batches. Uses batching.py.
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
# Spread of the graphs, as a part of their size, below which they count as copies of one.


@displacement.register(Data)
def _(before: Data, after: Data) -> Tensor:
    r"""How far each graph moved, from its descriptors before and after.

    A graph is described by means over its nodes of what reaches them: their features; the features and a 1 for each
    neighbour, summed over the weighted edges, once and twice; the weighted features of their edges; and the mean,
    second and third moments of their positions. A trunk of message passing and pooling sees these, at first order,
    and little else. Each of them is scaled to variance 1 over the batch, whatever its unit; then the displacement of
    tensors is taken.

    Where all graphs of the batch are the same one (node-level tasks on a single graph), the nodes are the samples: the
    same descriptors are compared node by node, and averaged.
    """
    before, after = with_edge_weight(before), with_edge_weight(after)
    with full_precision(batch.device(before)):
        dtype = torch.promote_types(float_dtype(before), torch.float32)
        degree = (before.edge_weight.detach().to(dtype).sum() / max(before.num_nodes, 1)).clamp_min(1e-6)
        nodes = [node_descriptors(x, degree) for x in (before, after)]
        graphs = [
            [graph_means(x, part) for part in parts] + position_moments(x, dtype)
            for x, parts in zip((before, after), nodes, strict=True)
        ]
        moved = displacement(*_scaled(*graphs))
        layout = layout_of(before)
        if len(set(zip(layout.n_nodes, layout.n_edges, strict=True))) > 1:
            return moved
        if "pos" in before:
            nodes = [[*parts, x.pos.to(dtype)] for x, parts in zip((before, after), nodes, strict=True)]
        by_node = graph_means(before, displacement(*_scaled(*nodes)))
        return torch.where(_all_same(graphs[0]), by_node, moved)


def node_descriptors(x: Data, degree: Float[Tensor, ""]) -> list[Float[Tensor, "nodes entries"]]:
    """What reaches each node: its features, and what message passing brings in one step and in two.

    Args:
        x: a batch with `edge_weight`.
        degree: weights are divided by it, so that no step outweighs the other; the batch's mean weight per node.
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
    parts = [signal[:, 1:]] if own else []
    parts += [once, step(once[source])]
    edges = x.get("edge_attr")
    if isinstance(edges, Tensor) and edges.is_floating_point():
        parts.append(step(edges.to(dtype).flatten(1) if edges.ndim > 1 else edges.to(dtype)[:, None]))
    return parts


def graph_means(x: Data, rows: Float[Tensor, "nodes *entry"]) -> Float[Tensor, "graphs *entry"]:
    """Means over the nodes of each graph; 0 for a graph without nodes."""
    sums = rows.new_zeros(batch.count(x), *rows.shape[1:]).index_add(0, x.batch, rows)
    counts = x.ptr.diff().clamp_min(1).to(rows.dtype)
    means: Tensor = sums / counts.reshape(-1, *[1] * (rows.ndim - 1))
    return means


def position_moments(x: Data, dtype: torch.dtype) -> list[Float[Tensor, "graphs entries"]]:
    """Centroid, second moments about it, and the third that turns over with the point set; none without positions."""
    if "pos" not in x:
        return []
    place = x.pos.to(dtype)
    centre = graph_means(x, place)
    offset = place - centre[x.batch]
    second = (offset[:, :, None] * offset[:, None, :]).flatten(1)
    third = offset * offset.square().sum(dim=1, keepdim=True)
    return [centre, graph_means(x, second), graph_means(x, third)]


def _deviation(part: Tensor) -> Tensor:
    return (part - part.mean(dim=0) if len(part) > 1 else part).square().sum(dim=1).mean().sqrt()


def _scaled(before: list[Tensor], after: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Both lists of descriptors as one row per sample, each divided by its spread before; 0 if it has none."""
    factors = []
    for part in before:
        spread, size = _deviation(part.detach()), part.detach().square().sum(dim=1).mean().sqrt()
        factors.append(torch.where(spread > _SAME * size, 1 / spread, torch.zeros_like(spread)))
    first, second = (
        torch.cat([part.flatten(1) * factor for part, factor in zip(parts, factors, strict=True)], dim=1)
        for parts in (before, after)
    )
    return first, second


def _all_same(parts: list[Tensor]) -> Tensor:
    """Whether all samples have the same descriptors, up to rounding."""
    apart = [(part - part[:1]).abs().amax() <= _SAME * part.abs().amax() for part in parts if part.numel()]
    return torch.stack(apart).all() if apart else torch.tensor(data=True)
