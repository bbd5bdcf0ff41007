"""Edges that are added, batches that are mixed, and the distance between them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.graph.graph_cases import EMPTY, PATHS, path, rich, same

from augrad import AugmentationLayer, AugmentationModule, batch, keyed_generator
from augrad.testing import floats
from augrad_graph.backend import Batch
from augrad_graph.batching import same_edges, with_edge_weight, with_values
from augrad_graph.kit import example_graphs
from augrad_graph.layout import as_batch
from augrad_graph.topology import edge_changes, first_of_equals, grown_of, with_edges

X = as_batch(Batch.from_data_list(PATHS))
WEIGHTS = torch.tensor([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])


def adjacency(x):
    return floats(x)[-1]


def grown(x, weight=1.0):
    """With one more edge in the first and in the third graph."""
    return with_edges(x, torch.tensor([[0, 7], [2, 11]]), torch.full((2,), weight), (1, 0, 1))


def test_edges_are_added_to_their_graphs():
    x = as_batch(Batch.from_data_list([rich(4, seed=1), rich(3, seed=2), rich(5, seed=3)]))
    y = grown(x, 0.5)
    for index, (before, after) in enumerate(zip(x.to_data_list(), y.to_data_list(), strict=True)):
        n_edges, more = before.num_edges, (1, 0, 1)[index]
        assert after.num_edges == n_edges + more
        for key in ("edge_weight", "edge_attr", "kind"):
            assert torch.equal(after[key][:n_edges], before[key])
        assert torch.equal(after.edge_index[:, :n_edges], before.edge_index)
        assert after.edge_weight[n_edges:].tolist() == [0.5] * more
        assert after.edge_attr[n_edges:].tolist() == [[0.0, 0.0]] * more
        same(before.subgraph(torch.arange(2)), after.subgraph(torch.arange(2)))
    assert [one.edge_index[:, -1].tolist() for one in y.to_data_list()][::2] == [[0, 2], [0, 4]]


def test_no_edges_can_be_added():
    y = with_edges(X, torch.zeros(2, 0).long(), torch.zeros(0), (0, 0, 0))
    assert torch.equal(y.edge_index, X.edge_index)


def test_mixed_batches_are_weighted_sums_per_graph():
    other = with_values(X, x=X.x + 1, edge_weight=torch.zeros(X.num_edges))
    mixed = batch.mix(X, other, weights=WEIGHTS)
    part = WEIGHTS[:, 1][X.batch]
    torch.testing.assert_close(mixed.x, X.x + part[:, None])
    torch.testing.assert_close(mixed.edge_weight, 1 - part[X.edge_index[0]])


def test_positions_are_mixed_and_targets_are_not():
    x = as_batch(Batch.from_data_list([rich(4), rich(3), rich(5)]))
    mixed = batch.mix(x, with_values(x, pos=x.pos + 1), weights=torch.full((3, 2), 0.5))
    torch.testing.assert_close(mixed.pos, x.pos + 0.5)
    assert mixed.globals is x.globals
    assert mixed.y is x.y
    assert mixed.edge_attr is x.edge_attr
    changed = batch.mix(x, with_values(x, globals=x.globals + 1), weights=torch.full((3, 2), 0.5))
    torch.testing.assert_close(changed.globals, x.globals + 0.5)
    edges = batch.mix(x, with_values(x, edge_attr=x.edge_attr + 1), weights=torch.full((3, 2), 0.5))
    torch.testing.assert_close(edges.edge_attr, x.edge_attr + 0.5)


def test_the_gradient_reaches_the_weights_of_a_mixture():
    weights = WEIGHTS.clone().requires_grad_()
    mixed = batch.mix(X, grown(X, 0.5), weights=weights)
    mixed.edge_weight.sum().backward()
    assert weights.grad.tolist() == [[6.0, 6.5], [4.0, 4.0], [8.0, 8.5]]


def test_edges_that_parts_share_appear_once():
    mixed = batch.mix(X, grown(X), weights=WEIGHTS)
    assert mixed.num_edges == X.num_edges + 2
    twice = batch.mix(X, grown(X), grown(X, 2.0), weights=torch.full((3, 3), 1 / 3))
    assert twice.num_edges == X.num_edges + 4
    assert batch.mix(grown(X), X, weights=WEIGHTS).num_edges == X.num_edges + 2


@given(seed=st.integers(0, 100))
def test_the_adjacency_of_a_mixture_is_the_mixture_of_adjacencies(seed):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(3, 4, generator=generator)
    stranger = batch.select(X, torch.arange(3))
    parts = [grown(X, 0.5), X, with_values(X, edge_weight=torch.rand(X.num_edges, generator=generator)), stranger]
    order = torch.randperm(4, generator=generator).tolist()
    parts = [parts[index] for index in order]
    mixed = batch.mix(*parts, weights=weights)
    expected = sum(adjacency(part) * weights[:, index, None, None] for index, part in enumerate(parts))
    torch.testing.assert_close(adjacency(mixed), expected)
    for one, other in zip(mixed.to_data_list(), X.to_data_list(), strict=True):
        assert one.num_nodes == other.num_nodes


def test_a_mixture_can_be_mixed_again():
    once = batch.mix(X, grown(X), weights=WEIGHTS)
    again = batch.mix(X, once, weights=WEIGHTS)
    assert again.num_edges == X.num_edges + 2
    torch.testing.assert_close(
        adjacency(again), sum(adjacency(part) * WEIGHTS[:, index, None, None] for index, part in enumerate((X, once)))
    )


def test_what_is_known_of_added_edges_is_forgotten_when_they_change():
    y = grown(X)
    assert grown_of(y) is not None
    assert grown_of(with_values(y, x=y.x + 1)) is not None
    assert grown_of(with_values(y, edge_index=y.edge_index.clone())) is None
    assert grown_of(X) is None
    assert grown_of(batch.select(y, torch.arange(3))) is None


def test_distance_is_euclidean_over_features_positions_and_edges():
    x = as_batch(Batch.from_data_list([path(3, pos=torch.zeros(3, 2)), path(2, pos=torch.zeros(2, 2))]))
    pos = x.pos.clone()
    pos[0, 0] = 3.0
    y = with_values(x, pos=pos, edge_weight=torch.tensor([5.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    assert batch.distance(x, y).tolist() == [5.0, 0.0]
    assert batch.distance(y, x).tolist() == [5.0, 0.0]


def test_distance_sees_new_edges_and_not_their_order():
    shuffled = X.to_data_list()
    for one in shuffled:
        one.edge_index = one.edge_index.flip(1)
    assert batch.distance(X, Batch.from_data_list(shuffled)).tolist() == [0.0, 0.0, 0.0]
    assert batch.distance(X, grown(X, 0.5)).tolist() == [0.5, 0.0, 0.5]
    assert batch.distance(grown(X, 0.0), X).tolist() == [0.0, 0.0, 0.0]


def test_the_slope_of_distance_at_zero_is_zero():
    features = X.x.clone().requires_grad_()
    batch.distance(X, with_values(X, x=features)).sum().backward()
    assert features.grad.abs().sum() == 0


def test_distance_of_graphs_without_anything_is_zero():
    x = Batch.from_data_list([EMPTY, EMPTY])
    assert batch.distance(x, x).tolist() == [0.0, 0.0]


def test_changes_of_weight_belong_to_pairs_of_nodes():
    owner, change = edge_changes(with_edge_weight(X), grown(X, 0.5))
    assert sorted(change.tolist()) == [0.0] * (len(change) - 2) + [0.5, 0.5]
    assert owner[change > 0].tolist() == [0, 2]


@given(entries=st.lists(st.integers(0, 5), max_size=12))
def test_the_first_of_equals(entries):
    keys = torch.tensor(entries, dtype=torch.long)
    assert first_of_equals(keys).tolist() == [entries.index(entry) for entry in entries]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_mixtures_keep_the_dtype(dtype):
    x = with_values(X, x=X.x.to(dtype))
    assert batch.mix(x, x, weights=WEIGHTS).x.dtype == dtype
    assert with_edge_weight(x).edge_weight.dtype == dtype


def test_a_training_pass_adds_no_edges_where_no_transform_does():
    names = ["graph.feature_noise", "graph.position_rotate", "graph.edge_drop"]
    module = AugmentationModule([AugmentationLayer(names), AugmentationLayer(names)]).train()
    x = example_graphs(6, keyed_generator("edges"))
    y = module(x, generator=keyed_generator(0))
    assert torch.equal(y.edge_index, x.edge_index)
    y.x.sum().backward()
    assert module.layers[0].raw_weights.grad.isfinite().all()


def test_edges_that_were_replaced_since_are_not_taken_for_the_same():
    x = example_graphs(2, keyed_generator("edges"))
    one, two = (batch.concatenate(*(batch.select(x, torch.tensor([i])) for i in (0, 1))) for _ in range(2))
    assert not same_edges(one, two)
    parts = [batch.select(x, torch.tensor([i])) for i in (0, 1)]
    one, two = batch.concatenate(*parts), batch.concatenate(*parts)
    assert same_edges(one, two)
    two.edge_index = two.edge_index.flip(0)
    assert not same_edges(one, two)
