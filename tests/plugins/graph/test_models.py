"""The whole way: models that answer for graphs and for nodes, on batches and on a single graph, trained by `fit`."""

from __future__ import annotations

import pytest
import torch
from tests.plugins.graph.graph_cases import PATHS, path, rich
from torch import nn
from torch.utils.data import DataLoader

import augrad
from augrad import AugmentationLayer, AugmentationModule, DisplacementPenalty, InvariantModel, JointLoss
from augrad.errors import AggregationError, EvidenceWarning, InputError
from augrad_graph.backend import Batch
from augrad_graph.graphs import per_node
from augrad_graph.loading import with_targets

NAMES = ["graph.feature_mask", "graph.edge_drop", "graph.node_drop", "graph.edge_add", "graph.feature_noise"]


class Trunk(nn.Module):
    """Two steps of message passing; one row per graph, or per node."""

    def __init__(self, by_node=False):
        super().__init__()
        torch.manual_seed(0)
        self.by_node = by_node
        self.first, self.second = nn.Linear(3, 8), nn.Linear(8, 2)
        self.seen = None

    def forward(self, x):
        self.seen = x
        nodes = self.second(self.step(x, torch.relu(self.first(self.step(x, x.x)))))
        return nodes if self.by_node else nodes.new_zeros(x.num_graphs, 2).index_add(0, x.batch, nodes)

    def step(self, x, nodes):
        return nodes.index_add(0, x.edge_index[1], nodes[x.edge_index[0]] * x.edge_weight[:, None])


def model(by_node=False, magnitude=0.3, **options):
    return InvariantModel(Trunk(by_node), AugmentationLayer(NAMES, magnitude=magnitude), **options)


SINGLE_AND_BATCH = pytest.mark.parametrize("x", [PATHS[2], Batch.from_data_list(PATHS)], ids=["single", "batch"])


@SINGLE_AND_BATCH
@pytest.mark.parametrize("by_node", [False, True])
def test_one_answer_per_graph_or_per_node(x, by_node):
    built = model(by_node, copies=3, train_copies=2)
    rows = x.num_nodes if by_node else augrad.batch.count(x)
    assert built.train()(x).shape == (rows, 2)
    assert built.trunk.seen.num_graphs == 2 * augrad.batch.count(x)
    assert built.eval()(x).shape == (rows, 2)
    assert built.trunk.seen.num_graphs == 3 * augrad.batch.count(x)


@SINGLE_AND_BATCH
def test_copies_of_a_node_are_averaged_with_each_other(x):
    layer = AugmentationLayer(["graph.feature_noise"], magnitude=0.5)
    built = InvariantModel(Trunk(True), layer, copies=3, aggregation="mean").eval()
    averaged = built(x)
    copies = built.trunk(built.trunk.seen).reshape(3, x.num_nodes, 2)
    torch.testing.assert_close(averaged, copies.mean(0))
    assert not torch.allclose(copies[0], copies[1])


@SINGLE_AND_BATCH
@pytest.mark.parametrize("by_node", [False, True])
def test_without_magnitude_it_is_the_trunk(x, by_node):
    names = ["graph.feature_mask", "graph.edge_drop", "graph.edge_add"]
    built = InvariantModel(Trunk(by_node), AugmentationLayer(names, magnitude=0.0), copies=3, aggregation="mean")
    expected = built.trunk(augrad.batch.repeat(x, 1))
    for mode in (True, False):
        torch.testing.assert_close(built.train(mode)(x), expected)


@pytest.mark.parametrize("mode", [True, False])
def test_a_trunk_always_finds_edge_weights(mode):
    built = InvariantModel(Trunk(), AugmentationLayer(["graph.feature_noise", "graph.feature_mask"]), copies=1).train(
        mode
    )
    built(PATHS[0])
    assert built.trunk.seen.edge_weight.tolist() == [1.0] * 6


def test_rows_for_neither_graphs_nor_nodes_are_named():
    class Edges(Trunk):
        def forward(self, x):
            return super().forward(x)[:-1]

    built = InvariantModel(Edges(True), AugmentationLayer(NAMES), copies=2).eval()
    message = r"6 \(2 copies x 3 samples\), or 24 \(2 copies x 12 rows\) along the first axis.*shape \(23, 2\)"
    with pytest.raises(AggregationError, match=message):
        built(Batch.from_data_list(PATHS))


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
@pytest.mark.parametrize("by_node", [False, True])
def test_the_gradient_reaches_weights_magnitudes_and_trunk(selection, by_node):
    layers = [AugmentationLayer(NAMES, magnitude=0.3, selection=selection) for _ in range(2)]
    built = InvariantModel(Trunk(by_node), AugmentationModule(layers), train_copies=4).train()
    x = Batch.from_data_list([path(5, seed=seed) for seed in range(6)])
    target = torch.zeros(x.num_nodes if by_node else 6, dtype=torch.long)
    objective = JointLoss(nn.functional.cross_entropy, DisplacementPenalty())
    objective(built(x), target, built).backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_penalty_moves_a_single_graph():
    built = InvariantModel(Trunk(True), AugmentationLayer(["graph.edge_drop"]), train_copies=2).train()
    built(path(8))
    DisplacementPenalty()(built.augmentation.state()).backward()
    (magnitude,) = next(iter(built.augmentation)).strength.parameters()
    assert (magnitude.grad < 0).all()


def test_the_same_batch_gives_the_same_prediction():
    built = model(copies=2).eval()
    x = Batch.from_data_list(PATHS)
    assert torch.equal(built(x), built(x))


def test_targets_and_other_attributes_reach_the_trunk_in_every_copy():
    built = InvariantModel(Trunk(), AugmentationLayer(["graph.edge_add", "graph.node_drop"]), train_copies=2).train()
    graphs = [rich(4), rich(3)]
    built(Batch.from_data_list(graphs))
    for one, other in zip(built.trunk.seen.to_data_list(), graphs * 2, strict=True):
        assert one.y.item() == other.y.item()
        assert torch.equal(one.train_mask, other.train_mask)
        assert one.edge_attr.shape[0] == one.edge_index.shape[1]


def test_graphs_learn_from_a_loader_of_pairs():
    graphs = [path(3 + seed % 3, seed=seed, y=torch.tensor([seed % 2])) for seed in range(8)]
    loader = DataLoader(graphs, batch_size=4, shuffle=True, collate_fn=with_targets)
    built = model()
    before = [parameter.detach().clone() for parameter in built.augmentation.parameters()]
    result = augrad.fit(built, loader, loader, max_epochs=1, penalty=DisplacementPenalty(), progress=False)
    assert {"train_loss", "val_accuracy"} <= set(result.history[-1])
    after = list(built.augmentation.parameters())
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_nodes_learn_from_a_loader_of_pairs():
    graphs = [path(4, seed=seed, y=torch.tensor([0, 1, 0, -100])) for seed in range(6)]
    loader = DataLoader(graphs, batch_size=3, collate_fn=with_targets)
    with pytest.warns(EvidenceWarning, match=r"targets have the shape \(12,\) for 3 samples"):
        result = augrad.fit(model(True), loader, max_epochs=1, progress=False)
    assert result.history[-1]["train_accuracy"] >= 0
    assert [stage.label for stage in result.stages] == ["training"]


def test_the_nodes_of_one_graph_learn_without_a_loader():
    x = path(6)
    target = torch.tensor([0, 1, -100, -100, 0, 1])
    built = model(True, train_copies=2)
    augrad.fit(built, [(x, target)], max_epochs=1, penalty=DisplacementPenalty(), progress=False)
    assert built.eval()(x).shape == (6, 2)


def test_numbers_are_predicted_for_graphs():
    graphs = [path(3, seed=seed, y=torch.rand(1, 2)) for seed in range(24)]
    loader = DataLoader(graphs, batch_size=12, collate_fn=with_targets)
    with pytest.warns(EvidenceWarning, match="Trunk has no linear or convolutional layer with a row for each sample"):
        result = augrad.fit(model(aggregation="mean"), loader, max_epochs=1, progress=False)
    assert "train_r2" in result.history[-1]


def test_evidence_is_had_from_features_of_whole_graphs():
    graphs = [path(3, seed=seed, y=torch.rand(1, 2)) for seed in range(24)]
    loader = DataLoader(graphs, batch_size=12, collate_fn=with_targets)
    rule = augrad.LeaveOneOut(features=lambda trunk, x: trunk(x))
    result = augrad.fit(model(aggregation="mean"), loader, max_epochs=1, objective=rule, progress=False)
    assert (result.evidence.facts.n_samples, result.evidence.facts.targets) == (24, "2 numbers")


def test_targets_that_are_missing_are_named():
    with pytest.raises(InputError, match="graph 1 has no target y"):
        with_targets([path(2, y=torch.tensor([0])), path(3)])
    with pytest.raises(InputError, match="there are no graphs to batch"):
        with_targets([])


def test_collated_batches_are_sound():
    x, y = with_targets([rich(4), rich(2)])
    assert y.tolist() == [4, 2]
    assert per_node(y.float(), x).tolist() == [4.0] * 4 + [2.0] * 2
    assert all("y" not in one for one in x.to_data_list())


def test_a_policy_of_graphs_is_read_back(tmp_path):
    built = model()
    built.policy.to_json(tmp_path / "policy.json")
    again = augrad.Policy.from_json(tmp_path / "policy.json").as_module().eval()
    y = again(Batch.from_data_list(PATHS), generator=augrad.keyed_generator(0))
    expected = built.augmentation.eval()(Batch.from_data_list(PATHS), generator=augrad.keyed_generator(0))
    torch.testing.assert_close(y.x, expected.x)
    torch.testing.assert_close(y.edge_weight, expected.edge_weight)


def test_invariance_of_graphs_is_measured():
    x = Batch.from_data_list([path(5, seed=seed) for seed in range(4)])
    found = augrad.invariance(model(copies=2), x, "graph.edge_drop", [0.0, 0.5])
    assert found.trunk.shape == (2, 4)
    torch.testing.assert_close(found.trunk[0], torch.ones(4, dtype=found.trunk.dtype))
    assert (found.trunk[1] < 1).any()
