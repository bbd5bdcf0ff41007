"""Registration of graphs with the conformance kit, and its example graphs. Used by graphs.py."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from augrad import batch
from augrad.testing import floats, mapped, smooth
from augrad_graph.backend import Batch, Data
from augrad_graph.batching import with_edge_weight
from augrad_graph.layout import as_batch, layout_of

_N_FEATURES, _N_AXES = 3, 2


@floats.register(Data)
def _(x: Data) -> tuple[Tensor, ...]:
    """Returns features, positions and weighted adjacency, padded to a row per graph.

    The adjacency matrix represents the edges, so an edge of weight 0 and the order of edges make no difference.
    """
    x = with_edge_weight(x)
    n_graphs, most = len(layout_of(x).n_nodes), layout_of(x).max_nodes
    row = x.batch * most + torch.arange(len(x.batch), device=x.batch.device) - x.ptr[x.batch]
    parts = []
    for key in ("x", "pos"):
        value = x.get(key)
        if isinstance(value, Tensor) and value.is_floating_point():
            padded = value.new_zeros(n_graphs * most, *value.shape[1:]).index_add(0, row, value)
            parts.append(padded.reshape(n_graphs, most, *value.shape[1:]))
    source, target = x.edge_index
    cell = row[source] * most + row[target] - x.batch[target] * most
    adjacency = x.edge_weight.new_zeros(n_graphs * most * most).index_add(0, cell, x.edge_weight)
    return (*parts, adjacency.reshape(n_graphs, most, most))


@mapped.register(Data)
def _(x: Data, function: Callable[[Tensor], Tensor]) -> Data:
    out = copy.copy(as_batch(x))
    for key in out.keys():  # noqa: SIM118 - no mapping
        if isinstance(out[key], Tensor):
            out[key] = function(out[key])
    return out


def example_graphs(n_samples: int, generator: Generator | None) -> Data:
    """Makes rings of 4 to 7 nodes with chords, each edge in both directions, with all kinds of attributes.

    Example:
        >>> example_graphs(3, None)
        DataBatch(x=[15, 3], edge_index=[2, 36], edge_attr=[36, 2], y=[3], pos=[15, 2], edge_weight=[36], batch=[15],
                  ptr=[4])
    """
    graphs = as_batch(Batch.from_data_list([_ring(4 + index % 4, generator) for index in range(max(n_samples, 1))]))
    return batch.select(graphs, torch.arange(n_samples))


def _ring(n_nodes: int, generator: Generator | None) -> Data:
    nodes = torch.arange(n_nodes)
    chords = torch.arange(n_nodes // 4)
    one_way = torch.stack(
        [torch.cat([nodes, chords]), torch.cat([(nodes + 1) % n_nodes, (chords + n_nodes // 2) % n_nodes])]
    )
    n_pairs = one_way.shape[1]
    weight = 0.4 + 0.6 * torch.rand(n_pairs, generator=generator, dtype=torch.float64)
    attributes = torch.rand(n_pairs, 2, generator=generator, dtype=torch.float64)
    return Data(
        x=smooth((_N_FEATURES, n_nodes), generator).T.contiguous(),
        edge_index=torch.cat([one_way, one_way.flip(0)], dim=1),
        edge_attr=torch.cat([attributes, attributes]),
        y=torch.tensor([n_nodes % 2]),
        pos=torch.rand(n_nodes, _N_AXES, generator=generator, dtype=torch.float64) - 0.5,
        edge_weight=torch.cat([weight, weight]),
    )
