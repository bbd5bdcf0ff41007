"""What graph transforms accept, what they refuse and how, and how values get to nodes and edges."""

from __future__ import annotations

import pytest
import torch
from tests.plugins.graph.graph_cases import ODD_ONES, PATHS, path

from augrad import AugmentationLayer, batch, get_transform
from augrad.errors import InputError, InputTypeError
from augrad_graph.backend import Batch, Data, HeteroData
from augrad_graph.graphs import (
    GraphTransform,
    edge_graphs,
    edge_weights,
    node_rows,
    per_edge,
    per_node,
    working_dtype,
)
from augrad_graph.layout import as_batch
from augrad_graph.plugin import augrad_transforms


class Still(GraphTransform):
    """Changes nothing, but wants features."""

    needs = ("x",)

    def forward(self, x):
        return x


def _edges(*pairs):
    return torch.tensor(pairs).T


def test_graphs_and_batches_of_them_are_accepted():
    for x in (PATHS[0], Batch.from_data_list(PATHS), as_batch(PATHS[0])):
        Still().validate(x)


@pytest.mark.parametrize("name", ODD_ONES)
def test_odd_graphs_are_accepted(name):
    Still().validate(ODD_ONES[name])
    Still().validate(Batch.from_data_list([ODD_ONES[name], PATHS[0], ODD_ONES[name]]))


def test_an_empty_batch_is_accepted():
    Still().validate(batch.select(Batch.from_data_list(PATHS), torch.zeros(0).long()))


@pytest.mark.parametrize("x", [HeteroData(), Batch.from_data_list([HeteroData(user={"x": torch.ones(2, 1)})])])
def test_heterogeneous_graphs_are_refused(x):
    message = r"graph\.still: heterogeneous graphs are not supported.*data\.to_homogeneous\(\)"
    with pytest.raises(InputTypeError, match=message):
        Still().validate(x)
    with pytest.raises(InputTypeError, match=r"to_homogeneous\(\)"):
        AugmentationLayer([Still()])(x)


def test_what_is_no_graph_is_refused_with_the_way_out():
    with pytest.raises(InputTypeError, match=r"graph\.still expects a torch_geometric Batch or Data, but got Tensor"):
        Still().validate(torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": None}, r"graph\.still needs x as a tensor \(nodes, features\), but got NoneType"),
        ({"x": torch.ones(4)}, r"needs x as a tensor.*got shape \(4,\)\. Add the missing axis with x\[:, None\]"),
        ({"edge_weight": torch.ones(5)}, r"edge_weight must hold one number per edge, shape \(6,\), but got \(5,\)"),
        ({"edge_weight": torch.ones(6, 1)}, r"edge_weight must hold one number per edge.*got \(6, 1\)"),
        ({"edge_weight": [1.0] * 6}, "edge_weight must hold one number per edge.*got list"),
        ({"edge_weight": torch.ones(6).long()}, r"edge_weight must be floating-point, but is torch.int64.*float\(\)"),
        ({"edge_attr": torch.ones(5, 2)}, r"edge_attr must have one row per edge \(6\), but has shape \(5, 2\)"),
        ({"edge_index": _edges((0, 1), (1, 4))}, r"edge_index \[1, 4\] of graph 0 leads out of it: it has 4 nodes"),
        ({"edge_index": _edges((0, 1), (-1, 2))}, r"edge_index \[-1, 2\] of graph 0 leads out of it"),
        ({"edge_index": torch.zeros(2, 3)}, "edge_index must be an int64 tensor"),
    ],
)
def test_unsound_graphs_are_refused_by_name(change, message):
    x = path(4)
    for key, value in change.items():
        x[key] = value
    with pytest.raises(InputError, match=message):
        Still().validate(x)
    with pytest.raises(InputError, match=r"graph\.still"):
        AugmentationLayer([Still()])(x)


def test_integer_features_are_refused_with_the_way_out():
    with pytest.raises(InputTypeError, match=r"graph\.still expects floating-point x.*x\.float\(\).*one_hot"):
        Still().validate(Data(x=torch.ones(2, 1).long(), edge_index=_edges((0, 1))))


def test_edges_between_graphs_of_a_batch_are_refused():
    x = Batch.from_data_list(PATHS)
    x.edge_index = x.edge_index.clone()
    x.edge_index[1, 7] = 0
    with pytest.raises(InputError, match=r"edge_index \[1, -4\] of graph 1 leads out of it: it has 3 nodes"):
        Still().validate(x)


def test_values_are_not_looked_at_where_that_would_wait_for_a_device():
    Still().validate(Data(x=torch.ones(2, 1, device="meta"), edge_index=torch.zeros(2, 3, device="meta").long()))


@pytest.mark.parametrize("name", ["graph.feature_noise", "graph.feature_mask"])
def test_transforms_of_features_need_features(name):
    with pytest.raises(InputError, match=rf"{name} needs x"):
        get_transform(name)().validate(Data(pos=torch.ones(2, 2), edge_index=_edges((0, 1))))


@pytest.mark.parametrize("name", ["graph.edge_drop", "graph.edge_weight_noise", "graph.edge_add", "graph.node_drop"])
def test_transforms_of_the_topology_need_none(name):
    x = Data(num_nodes=3, edge_index=_edges((0, 1), (1, 0), (1, 2), (2, 1)))
    layer = AugmentationLayer([name], magnitude=0.5)
    assert layer(x).edge_weight.isfinite().all()


@pytest.mark.parametrize("odd", ODD_ONES)
@pytest.mark.parametrize("name", sorted(augrad_transforms()))
def test_odd_graphs_stay_finite_with_finite_gradients(name, odd):
    kind = get_transform(name)
    transform = kind(**kind.example_arguments())
    one = ODD_ONES[odd].clone()
    one.pos = torch.zeros(one.num_nodes, 2)
    alone = Batch.from_data_list([one, one])
    for x in (alone, Batch.from_data_list([one, path(4, pos=torch.rand(4, 2))])):
        layer = AugmentationLayer([transform], magnitude=0.5)
        y = layer(x)
        assert y.num_nodes == x.num_nodes
        assert len(y.to_data_list()) == 2
        total = sum(part.sum() for part in (y.x, y.pos, edge_weights(y)))
        assert total.isfinite()
        gradients = (
            torch.autograd.grad(total, list(layer.parameters()), allow_unused=True) if total.requires_grad else []
        )
        assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)


def test_values_are_spread_to_nodes_and_edges():
    x = Batch.from_data_list(PATHS)
    values = torch.tensor([1.0, 2.0, 3.0])
    assert per_node(values, x).tolist() == [1.0] * 4 + [2.0] * 3 + [3.0] * 5
    assert per_edge(values, x).tolist() == [1.0] * 6 + [2.0] * 4 + [3.0] * 8
    assert edge_graphs(x).tolist() == [0] * 6 + [1] * 4 + [2] * 8
    assert per_node(values[:1], PATHS[0]).tolist() == [1.0] * 4


def test_noise_by_graph_is_read_by_node():
    noise = torch.arange(15.0).reshape(3, 5)
    assert node_rows(Batch.from_data_list(PATHS), noise).tolist() == [0, 1, 2, 3, 5, 6, 7, 10, 11, 12, 13, 14]


def test_half_precision_is_computed_in_single():
    half = PATHS[0].clone()
    half.x = half.x.bfloat16()
    assert working_dtype(half) == torch.float32
    half.x = half.x.double()
    assert working_dtype(half) == torch.float64
