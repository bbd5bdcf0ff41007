"""The table of layers in the docs is what probing every layer gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch_geometric.nn as pyg
from tests.plugins.graph.layers import BUILD, Layer, sorted_layers, table, zero_is_no_edge
from torch_geometric.nn.models.basic_gnn import BasicGNN

from augrad import keyed_generator
from augrad_graph.kit import example_graphs

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "augment-graphs.md"


def test_the_page_shows_what_probes_find():
    assert table() in PAGE.read_text(), f"docs/howto/augment-graphs.md must hold this table:\n{table()}"


def test_weight_zero_is_no_edge_for_layers_that_honour_weights():
    x = example_graphs(3, keyed_generator("layers"))
    honouring, ignoring = sorted_layers()
    assert [name for name in honouring if not zero_is_no_edge(Layer(name), x)] == []
    assert not any(zero_is_no_edge(Layer(name), x) for name in ignoring)


def test_a_mean_over_neighbours_counts_edges_of_weight_zero(monkeypatch):
    monkeypatch.setitem(BUILD, "GraphConv", lambda: pyg.GraphConv(3, 4, aggr="mean"))
    assert not zero_is_no_edge(Layer("GraphConv"), example_graphs(3, keyed_generator("layers")))


@pytest.mark.parametrize(
    ("kind", "honours"), [(pyg.GCN, True), (pyg.GraphSAGE, False), (pyg.GIN, False), (pyg.GAT, False)]
)
def test_torch_geometrics_models_say_the_same(kind, honours):
    assert issubclass(kind, BasicGNN)
    assert kind(3, 4, num_layers=2).supports_edge_weight is honours
