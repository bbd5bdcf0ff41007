"""Transforms of graphs that break one promise each, and one that breaks none."""

from __future__ import annotations

from typing import Any

import torch

from augrad import Range, batch
from augrad_graph.backend import Batch
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.graphs import GraphTransform, edge_weights, per_edge, per_node
from augrad_graph.layout import as_batch
from augrad_graph.topology import with_edges


class Lighter(GraphTransform):
    """Takes a `share` of features and edge weights away."""

    assumes = "the size of features and weights carries no information about the target"
    needs = ("x",)
    share = Range(0.5)

    def forward(self, x, *, share):
        x = with_edge_weight(x)
        return self.taken(x, 1 - per_node(share.to(x.x), x), 1 - per_edge(share.to(x.x), x))

    def taken(self, x, node, edge):
        return with_values(x, x=x.x * node[:, None], edge_weight=x.edge_weight * edge)


class FailsWhenEmpty(Lighter):
    def forward(self, x, *, share):
        return with_values(super().forward(x, share=share), pos=x.pos + 0 * x.x.amax())


class LooksAtOthers(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node, edge * x.edge_weight.mean())


class NumbersEdgesOverTheBatch(Lighter):
    def taken(self, x, node, edge):
        wave = torch.cos(torch.arange(len(edge), device=edge.device).to(edge))
        return super().taken(x, node, 1 - (1 - edge) * wave)


class DrawsPerNode(Lighter):
    def draw_noise(self, x, generator):
        return torch.rand(len(as_batch(x).batch), generator=generator, dtype=torch.float64)

    def forward(self, x, *, share, noise):
        return super().forward(x, share=share)


class Waits(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node, edge) if edge.sum().item() > -1 else x


class Loops(Lighter):
    def forward(self, x, *, share):
        parts = [with_values(one, x=one.x * (1 - s)) for one, s in zip(as_batch(x).to_data_list(), share, strict=True)]
        return as_batch(Batch.from_data_list(parts)) if parts else x


class CutsTheGradient(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node.detach(), edge.detach())


class DoublesTheGradient(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node, 2 * edge - edge.detach())


class CutsTheGradientOfWeights(Lighter):
    def taken(self, x, node, edge):
        return with_values(super().taken(x, node, edge), edge_weight=x.edge_weight.detach() * edge)


class DiesAtTheEnd(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node.clamp(0.6, 1.0), edge.clamp(0.6, 1.0))


class TurnsTheGradient(Lighter):
    gradient = "straight-through"

    def taken(self, x, node, edge):
        return super().taken(x, 2 * node.detach() - node, 2 * edge.detach() - edge)


class AddsAnEdgeAtZero(Lighter):
    def taken(self, x, node, edge):
        n_graphs = batch.count(x)
        index = torch.stack([x.ptr[:-1], x.ptr[:-1] + 2])
        return with_edges(super().taken(x, node, edge), index, x.edge_weight.new_ones(n_graphs), (1,) * n_graphs)


class WritesFeatures(Lighter):
    def taken(self, x, node, edge):
        x.x.mul_(node[:, None])
        return with_values(x, edge_weight=x.edge_weight * edge)


class WritesEdges(Lighter):
    def taken(self, x, node, edge):
        x.edge_index[:] = x.edge_index.flip(0)
        return super().taken(x, node, edge)


class WritesTargets(Lighter):
    def taken(self, x, node, edge):
        x.y.zero_()
        return super().taken(x, node, edge)


class LosesNodes(Lighter):
    def taken(self, x, node, edge):
        y = super().taken(x, node, edge)
        y.x = y.x[:0]
        y.pos = y.pos[:0]
        y.edge_index, y.edge_weight = y.edge_index[:, :0], y.edge_weight[:0]
        y.batch, y.ptr = y.batch[:0], torch.zeros_like(y.ptr)
        record = y._store.__dict__
        sizes = {"n_nodes": (0,) * batch.count(x), "n_edges": (0,) * batch.count(x)}
        record["_augrad_layout"] = type(record["_augrad_layout"])(**sizes, levels=record["_augrad_layout"].levels)
        return y


class ReturnsOneGraph(Lighter):
    def taken(self, x, node, edge):
        y = super().taken(x, node, edge)
        return type(x).__bases__[-1](x=y.x, pos=y.pos, edge_index=y.edge_index, edge_weight=y.edge_weight)


class Narrows(Lighter):
    def taken(self, x, node, edge):
        y = super().taken(x, node, edge)
        return with_values(y, edge_weight=y.edge_weight.float())


class StaysOnTheHost(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node, edge + torch.zeros(len(edge)).to(edge.dtype))


class DividesByZero(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node, edge * x.edge_weight / x.edge_weight)


class Draws(Lighter):
    def taken(self, x, node, edge):
        return super().taken(x, node, 1 - (1 - edge) * torch.rand(len(edge), device=edge.device).to(edge))


class Remembers(Lighter):
    def forward(self, x, *, share):
        if not hasattr(self, "kept") or len(self.kept) != len(share):
            self.kept = share.detach() + 0 * share
        return super().forward(x, share=self.kept.to(share) + 0 * share)


class AcceptsAnything(Lighter):
    def validate(self, x: Any) -> None:
        pass


class UndoesByHalf(Lighter):
    def invert(self, y, *, share):
        return with_values(y, x=y.x, edge_weight=edge_weights(y))
