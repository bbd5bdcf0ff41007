"""Nodes that are dropped lose their features and edges, but not their row."""

from __future__ import annotations

import pytest
import torch
from tests.plugins.graph.graph_cases import path, rich, same

from augrad import AugmentationLayer, batch
from augrad.errors import InputTypeError
from augrad_graph.backend import Batch, Data
from augrad_graph.batching import with_values
from augrad_graph.nodes import NodeDrop

LONG = path(3000)
SEED = torch.tensor([3])


def dropped(x, probability=0.5, training=False):
    return NodeDrop().train(training)(x, probability=torch.tensor([probability]), noise=SEED)


def test_nodes_are_dropped_as_often_as_asked_for():
    y = dropped(LONG, 0.3)
    gone = (y.x == 0).all(1)
    assert gone.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(y.x[~gone], LONG.x[~gone])


def test_the_edges_of_a_dropped_node_go_with_it():
    y = dropped(LONG)
    kept = (y.x != 0).any(1)
    source, target = y.edge_index
    assert torch.equal(y.edge_weight == 1, kept[source] & kept[target])
    assert set(y.edge_weight.tolist()) == {0.0, 1.0}


def test_number_and_order_of_nodes_stay():
    x = batch.repeat(Batch.from_data_list([rich(4), rich(3)]), 1)
    y = AugmentationLayer([NodeDrop()], magnitude=0.9)(x)
    assert not torch.equal(y.x, x.x)
    same(with_values(y, x=x.x, edge_weight=x.edge_weight), x)


def test_nodes_are_soft_in_training():
    soft, hard = dropped(LONG, training=True), dropped(LONG)
    share = (soft.x / LONG.x)[:, 0]
    assert torch.equal(share.round(), (hard.x != 0).any(1).float())
    source, target = LONG.edge_index
    torch.testing.assert_close(soft.edge_weight, share[source] * share[target])


def test_graphs_without_features_lose_edges_only():
    y = dropped(Data(num_nodes=50, edge_index=path(50).edge_index))
    assert "x" not in y
    assert 0 < y.edge_weight.mean() < 1


def test_categories_are_refused_with_the_way_out():
    with pytest.raises(InputTypeError, match=r"graph\.node_drop expects floating-point x.*one_hot"):
        NodeDrop().validate(Data(x=torch.ones(2, 1).long(), edge_index=torch.zeros(2, 0).long()))
