"""Trunks: which honour edge weights, which are refused, and what the adapter makes of those that do not."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_geometric.nn import GCNConv, GINConv, GraphConv, global_add_pool

from augrad import AugmentationLayer, AugmentationModule, InvariantModel, batch, keyed_generator
from augrad.errors import AggregationError, ArgumentError, InputError
from augrad_graph.backend import Batch, Data
from augrad_graph.batching import with_values
from augrad_graph.diffusion import Diffusion
from augrad_graph.kit import example_graphs
from augrad_graph.neighbours import LocalAugmentation
from augrad_graph.positions import PositionJitter
from augrad_graph.schur import SchurView
from augrad_graph.subgraphs import Subgraph
from augrad_graph.trunks import (
    HardTopology,
    changes_topology,
    check_trunk,
    edge_pairs,
    honours_edge_weight,
    with_kept_edges,
)

NO_EDGES = torch.zeros(2, 0, dtype=torch.long)


class Trunk(nn.Module):
    """One layer and a sum over nodes."""

    def __init__(self, layer, *, weighted, per_node=False):
        super().__init__()
        self.layer, self.weighted, self.per_node = layer, weighted, per_node
        self.dropout = nn.Dropout()

    def forward(self, x):
        more = (x.edge_weight,) if self.weighted else ()
        nodes = self.layer(x.x, x.edge_index, *more)
        return nodes if self.per_node else global_add_pool(self.dropout(nodes), x.batch)


def gin(**options):
    return Trunk(GINConv(nn.Linear(3, 2)).double(), weighted=False, **options)


def graphs(n_graphs=3):
    return example_graphs(n_graphs, keyed_generator("trunks"))


def test_honouring_is_told_by_the_gradient():
    for layer in (GCNConv(3, 2), GraphConv(3, 2)):
        assert honours_edge_weight(Trunk(layer.double(), weighted=True), graphs())
        assert not honours_edge_weight(Trunk(layer.double(), weighted=False), graphs())
    assert not honours_edge_weight(gin(), graphs())


def test_outputs_may_be_nested_and_constant():
    class Nested(nn.Module):
        def forward(self, x):
            return {"nodes": (x.x.sum(), [x.edge_weight.sum()]), "name": "nested"}

    class Constant(nn.Module):
        def forward(self, x):
            return torch.zeros(3)

    assert honours_edge_weight(Nested(), graphs())
    assert not honours_edge_weight(Constant(), graphs())


def test_probing_leaves_the_trunk_and_the_generator_as_they_were():
    trunk = nn.Sequential(gin(), nn.BatchNorm1d(2).double())
    trunk[1].eval()
    state, random = {k: v.clone() for k, v in trunk.state_dict().items()}, torch.get_rng_state()
    assert not honours_edge_weight(trunk, graphs())
    assert [part.training for part in trunk] == [True, False]
    assert all(torch.equal(value, state[key]) for key, value in trunk.state_dict().items())
    assert all(parameter.grad is None for parameter in trunk.parameters())
    assert torch.equal(random, torch.get_rng_state())


def test_without_edges_nothing_can_be_told():
    with pytest.raises(InputError, match="the example has no edge"):
        honours_edge_weight(gin(), Data(x=torch.ones(2, 3).double(), edge_index=NO_EDGES))


@pytest.mark.parametrize(
    ("transform", "changes"),
    [
        (Subgraph(), True),
        (SchurView(), True),
        (Diffusion(), True),
        (PositionJitter(), False),
        (LocalAugmentation(n_features=3), False),
    ],
    ids=lambda given: getattr(given, "name", None),
)
def test_what_changes_the_topology_is_found_by_trying(transform, changes):
    assert changes_topology(transform, graphs()) is changes


def test_a_trunk_that_ignores_weights_is_refused_with_the_way_out():
    module = AugmentationModule([["graph.position_jitter"], ["graph.subgraph"]])
    with pytest.raises(
        ArgumentError, match=r"graph.subgraph changes .* Trunk ignores it.*HardTopology\(trunk\)"
    ) as caught:
        check_trunk(gin(), module, graphs())
    assert caught.value.argument == "trunk"
    check_trunk(Trunk(GCNConv(3, 2).double(), weighted=True), module, graphs())
    check_trunk(HardTopology(gin()), module, graphs())
    check_trunk(gin(), AugmentationLayer(["graph.position_jitter"]), graphs())


def test_a_model_refuses_it_on_its_first_batch():
    model = InvariantModel(gin(), AugmentationLayer(["graph.subgraph"]))
    with pytest.raises(ArgumentError, match=r"graph.subgraph changes the topology"):
        model(graphs())
    without_edges = Data(x=torch.ones(2, 3).double(), edge_index=NO_EDGES)
    assert InvariantModel(gin(), AugmentationLayer(["graph.subgraph"]))(without_edges).shape == (1, 2)
    wrapped = InvariantModel(HardTopology(gin()), AugmentationLayer(["graph.subgraph"]), aggregation="mean")
    output = wrapped(graphs())
    output.sum().backward()
    assert output.shape == (3, 2)


def test_the_adapter_learns_magnitudes():
    torch.manual_seed(0)
    layer = AugmentationLayer(["graph.subgraph"], magnitude=0.9)
    model = InvariantModel(HardTopology(gin()), layer, aggregation="mean", train_copies=20)
    model(graphs()).sum().backward()
    assert layer.strength.raw_magnitudes.grad.abs().sum() > 0


def test_the_adapter_changes_nothing_where_all_edges_stay():
    x = with_values(graphs(), edge_weight=torch.ones(graphs().num_edges).double())
    trunk = gin().eval()
    torch.testing.assert_close(HardTopology(trunk)(x), trunk(x))


@pytest.mark.parametrize("training", [True, False])
def test_edges_of_weight_zero_always_go_and_heavy_ones_stay(training):
    x = graphs()
    kept = torch.rand(int(edge_pairs(x).max()) + 1, generator=keyed_generator("kept"))[edge_pairs(x)] < 0.5
    trunk = gin(per_node=True)
    expected = trunk(with_kept_edges(x, kept))
    found = HardTopology(trunk).train(training)(with_values(x, edge_weight=kept.double() * 1.5))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("per_node", [False, True])
def test_value_and_gradient_are_right_in_the_mean(per_node):
    n_copies, x = 3000, graphs(2)
    trunk = gin(per_node=per_node).eval()
    weight = x.edge_weight.detach().requires_grad_()
    copies = with_values(batch.repeat(x, n_copies), edge_weight=weight.repeat(n_copies))
    mean = HardTopology(trunk, seed=1)(copies).reshape(n_copies, -1, 2).mean(0)
    # GIN adds neighbours up, so its mean output is that with weights in place of draws.
    rows = torch.arange(len(x.batch)) if per_node else x.batch
    neighbours = (x.x @ trunk.layer.nn.weight.T)[x.edge_index[0]] * weight[:, None]
    exact = trunk(with_kept_edges(x, torch.zeros(len(weight)).bool())).index_add(0, rows[x.edge_index[1]], neighbours)
    torch.testing.assert_close(mean, exact, atol=0.06, rtol=0)
    pairs = edge_pairs(x)
    slopes = [
        torch.zeros(int(pairs.max()) + 1)
        .double()
        .index_add(0, pairs, torch.autograd.grad(y[0, 0] - y[1, 1], weight)[0])
        for y in (mean, exact)
    ]
    torch.testing.assert_close(*slopes, atol=0.2, rtol=0)


def test_eval_is_reproducible_and_train_is_torchs_draw():
    adapter = HardTopology(gin(per_node=True))
    x = with_values(graphs(), edge_weight=torch.full((graphs().num_edges,), 0.5).double())
    adapter.eval()
    assert torch.equal(adapter(x), adapter(x))
    adapter.train()
    assert not torch.equal(adapter(x), adapter(x))
    first, second = (torch.manual_seed(3), adapter(x))[1], (torch.manual_seed(3), adapter(x))[1]
    assert torch.equal(first, second)


def test_both_directions_go_together_and_several_edges_apart():
    x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 0, 1, 2, 2], [1, 0, 1, 0, 2, 1]]))
    pairs = edge_pairs(x).tolist()
    assert pairs[0] == pairs[1]
    assert pairs[2] == pairs[3]
    assert len(set(pairs)) == 4


def test_kept_edges_keep_their_attributes_and_their_graph():
    x = graphs()
    kept = torch.arange(x.num_edges) % 3 > 0
    y = with_kept_edges(x, kept)
    assert torch.equal(y.edge_attr, x.edge_attr[kept])
    own = [kept[x.batch[x.edge_index[0]] == graph].sum().item() for graph in range(3)]
    assert [one.num_edges for one in y.to_data_list()] == own
    assert x.num_edges == len(kept)


def test_graphs_without_edges_pass():
    one = Data(x=torch.ones(1, 3).double(), edge_index=NO_EDGES)
    assert HardTopology(gin())(Batch.from_data_list([one, one])).shape == (2, 2)


def test_an_output_of_other_rows_is_refused():
    class Total(nn.Module):
        def forward(self, x):
            return x.x.sum(0)[:1]

    x = with_values(graphs(), edge_weight=torch.rand(graphs().num_edges).double().requires_grad_())
    with pytest.raises(AggregationError, match=r"one row of output per graph \(3\) or per node \(15\).* \(1,\)"):
        HardTopology(Total())(x)
