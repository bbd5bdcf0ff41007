"""Every torch_geometric layer that takes features and edges alone, built and probed: does it honour edge weights?"""

from __future__ import annotations

import inspect

import torch
import torch_geometric.nn as pyg
from torch import nn

from augrad import keyed_generator
from augrad_graph.batching import with_values
from augrad_graph.kit import example_graphs
from augrad_graph.trunks import honours_edge_weight, with_kept_edges

IN, OUT = 3, 4
DENSE = "ClusterGCNConv CGConv EGConv FeaStConv FiLMConv GATConv GATv2Conv GENConv GeneralConv LEConv MFConv"
SIMPLE = "ARMAConv GCNConv GraphConv MixHopConv ResGatedGraphConv SAGEConv SGConv SuperGATConv TAGConv TransformerConv"
BUILD = {
    **{name: (lambda name=name: getattr(pyg, name)(IN, OUT)) for name in f"{DENSE} {SIMPLE}".split()},
    "AGNNConv": pyg.AGNNConv,
    "APPNP": lambda: pyg.APPNP(K=2, alpha=0.1),
    "AntiSymmetricConv": lambda: pyg.AntiSymmetricConv(IN),
    "CGConv": lambda: pyg.CGConv(IN),
    "ChebConv": lambda: pyg.ChebConv(IN, OUT, K=2),
    "DNAConv": lambda: pyg.DNAConv(IN),
    "EGConv": lambda: pyg.EGConv(IN, OUT, num_heads=2),
    "EdgeConv": lambda: pyg.EdgeConv(nn.Linear(2 * IN, OUT)),
    "FAConv": lambda: pyg.FAConv(IN, normalize=False),
    "GCN2Conv": lambda: pyg.GCN2Conv(IN, alpha=0.1),
    "GINConv": lambda: pyg.GINConv(nn.Linear(IN, OUT)),
    "GatedGraphConv": lambda: pyg.GatedGraphConv(OUT, num_layers=2),
    "LGConv": pyg.LGConv,
    "SSGConv": lambda: pyg.SSGConv(IN, OUT, alpha=0.1, K=2),
    "SimpleConv": pyg.SimpleConv,
    "WLConvContinuous": pyg.WLConvContinuous,
}


class Layer(nn.Module):
    """A layer as a trunk with one output per node: it is given `edge_weight` wherever it takes one."""

    def __init__(self, name):
        super().__init__()
        torch.manual_seed(0)
        self.layer = BUILD[name]().double().eval()
        self.takes = inspect.signature(self.layer.forward).parameters

    def forward(self, x):
        given = (x.x,)
        if "x_0" in self.takes or "x0" in self.takes:
            given = (x.x, x.x)
        if type(self.layer).__name__ == "DNAConv":
            given = (torch.stack([x.x, 2 * x.x], dim=1),)
        more = {"edge_weight": x.edge_weight} if "edge_weight" in self.takes else {}
        return self.layer(*given, x.edge_index, **more)


def zero_is_no_edge(trunk, x):
    """Whether edges of weight 0 and edges that are not there give the same output."""
    kept = (x.edge_index.sum(0) % 3) > 0
    weight = 0.5 + 0.5 * torch.rand(len(kept), generator=keyed_generator("zero")).double()
    less = with_kept_edges(x, kept)
    with torch.no_grad():
        zero = trunk(with_values(x, edge_weight=weight * kept))
        gone = trunk(with_values(less, edge_weight=weight[kept]))
    return torch.allclose(zero, gone)


def sorted_layers():
    """The names of layers that honour edge weights, and of those that ignore them, by probes."""
    x = example_graphs(3, keyed_generator("layers"))
    honouring = {name for name in BUILD if honours_edge_weight(Layer(name), x)}
    return [sorted(names, key=str.lower) for names in (honouring, set(BUILD) - honouring)]


def table():
    """The table of layers for the docs, as markdown."""
    listed = [", ".join(f"`{name}`" for name in names) for names in sorted_layers()]
    return "\n".join(
        [
            "| `edge_weight` | layers |",
            "|---|---|",
            f"| is honoured: the gradient reaches it, and weight 0 is the same as no edge | {listed[0]} |",
            f"| is ignored: wrap the trunk | {listed[1]} |",
        ]
    )
