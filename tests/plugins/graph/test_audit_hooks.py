"""What an audit asks of graph transforms: features that tell graphs apart, side effects, and a picture."""

from __future__ import annotations

import math

import pytest
import torch
from matplotlib.figure import Figure
from tests.plugins.graph.graph_cases import ODD_ONES, PATHS, path

from augrad import batch
from augrad.errors import InputTypeError
from augrad_graph.backend import Batch, Data, HeteroData
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.graphs import GraphTransform
from augrad_graph.kit import example_graphs
from augrad_graph.nodes import NodeDrop

both = pytest.mark.parametrize("read", [GraphTransform.features, GraphTransform.side_effects], ids=["features", "side"])


@pytest.fixture
def graphs():
    return example_graphs(6, torch.Generator().manual_seed(0))


def effects(x):
    names = ("n_nodes", "n_edges", "isolated", "blank", "mean_weight", "spread_weight")
    return dict(zip(names, GraphTransform.side_effects(x).T, strict=True))


@both
@pytest.mark.parametrize("n_samples", [0, 1, 5])
def test_one_row_of_finite_numbers_per_graph(read, n_samples):
    x = example_graphs(n_samples, None)
    x.x.requires_grad_()
    rows = read(x)
    assert rows.shape == (n_samples, read(example_graphs(1, None)).shape[1])
    assert rows.dtype is torch.float64
    assert rows.isfinite().all()
    assert not rows.requires_grad


@both
def test_a_graph_stands_for_itself(read, graphs):
    rows = read(graphs)
    for at in range(6):
        torch.testing.assert_close(read(batch.select(graphs, torch.tensor([at])))[0], rows[at])


@both
@pytest.mark.parametrize("name", ODD_ONES)
def test_odd_graphs(read, name):
    rows = read(Batch.from_data_list([ODD_ONES[name], PATHS[0]]))
    assert rows.shape[0] == 2
    assert rows.isfinite().all()
    torch.testing.assert_close(read(ODD_ONES[name])[0], rows[0])


@both
def test_a_single_graph_and_one_in_half_precision(read):
    assert read(PATHS[0]).shape[0] == 1
    assert read(path(3)).dtype is read(path(3).apply(lambda value: value.half(), "x")).dtype is torch.float32


@both
def test_the_order_of_nodes_does_not_count(read):
    x = path(4, pos=torch.rand(4, 2))
    order = torch.tensor([2, 0, 3, 1])
    other = Data(x=x.x[order], pos=x.pos[order], edge_index=order.argsort()[x.edge_index])
    torch.testing.assert_close(read(other), read(x))


@pytest.mark.parametrize(
    "matrix",
    [
        [[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]],
        [[-1.0, 0.0], [0.0, -1.0]],
        [[-1.0, 0.0], [0.0, 1.0]],
        [[2.0, 0.0], [0.0, 2.0]],
    ],
    ids=["rotation", "half a turn", "reflection", "scale"],
)
def test_features_see_orientation_and_size(graphs, matrix):
    turned = with_values(graphs, pos=graphs.pos @ torch.tensor(matrix, dtype=torch.float64))
    apart = (GraphTransform.features(turned) - GraphTransform.features(graphs)).norm(dim=1)
    assert apart.min() > 1e-3
    assert torch.equal(GraphTransform.side_effects(turned), GraphTransform.side_effects(graphs))


@pytest.mark.parametrize(
    "change",
    [
        lambda x: with_values(x, x=x.x + 1),
        lambda x: with_values(x, edge_weight=x.edge_weight / 2),
        lambda x: with_values(x, edge_attr=x.edge_attr / 2),
        lambda x: with_values(x, pos=x.pos + 1),
    ],
    ids=["features", "weights", "edge features", "place"],
)
def test_features_see_what_nodes_and_edges_are(graphs, change):
    assert (GraphTransform.features(change(graphs)) - GraphTransform.features(graphs)).norm(dim=1).min() > 0.05


def test_features_see_how_many_nodes_there_are():
    rings = [
        Data(x=torch.ones(n, 1), edge_index=torch.stack([torch.arange(n), torch.arange(1, n + 1) % n])) for n in (4, 8)
    ]
    first, second = GraphTransform.features(Batch.from_data_list(rings))
    assert (first - second).abs().max() > 0.5


def test_counts_and_weights_are_side_effects():
    x = Batch.from_data_list([path(3), path(5)])
    found = effects(x)
    assert found["n_nodes"].tolist() == [3, 5]
    assert found["n_edges"].tolist() == [4, 8]
    assert found["mean_weight"].tolist() == [1, 1]
    assert found["spread_weight"].tolist() == found["isolated"].tolist() == found["blank"].tolist() == [0, 0]
    weighted = with_values(x, edge_weight=torch.tensor([1.0, 0.0, 1.0, 0.0] + [1.0] * 8))
    found = effects(weighted)
    assert found["n_edges"].tolist() == [2, 8]
    assert found["isolated"].tolist() == pytest.approx([1 / 3, 0])
    assert found["mean_weight"].tolist() == [0.5, 1]
    assert found["spread_weight"].tolist() == [0.5, 0]


def test_a_loop_joins_a_node_to_nothing():
    assert effects(Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [0]])))["isolated"].tolist() == [1]


def test_dropped_nodes_are_side_effects(graphs):
    drop = NodeDrop().eval()  # hard
    generator = torch.Generator().manual_seed(0)
    probability = torch.full((6,), 0.5, dtype=torch.float64)
    dropped = effects(drop(graphs, probability=probability, noise=drop.draw_noise(graphs, generator)))
    clean = effects(graphs)
    assert clean["isolated"].max() == clean["blank"].max() == 0
    assert dropped["isolated"].mean() > 0.1
    assert dropped["blank"].mean() > 0.1
    assert (dropped["n_edges"] < clean["n_edges"]).any()
    assert torch.equal(dropped["n_nodes"], clean["n_nodes"])


@pytest.mark.parametrize("x", [torch.zeros(2, 3), HeteroData()])
def test_what_is_no_graph_is_refused(x):
    for ask in (GraphTransform.features, NodeDrop().side_effects, lambda x: NodeDrop.draw(Figure().subplots(), x)):
        with pytest.raises(InputTypeError, match=r"graph\.\w+(: hetero| expects a torch_geometric Batch or Data)"):
            ask(x)


@pytest.mark.parametrize("placed", [True, False])
def test_draw_shows_nodes_and_edges(graphs, placed):
    axes = Figure().subplots()
    one = batch.select(with_edge_weight(graphs), torch.tensor([1]))
    if not placed:
        del one.pos
    NodeDrop.draw(axes, one, original=one, colour="red")
    assert len(axes.collections) == 4
    GraphTransform.draw(Figure().subplots(), one.get_example(0))
