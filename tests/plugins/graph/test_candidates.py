"""Edges that are added: where they may lie, how many there are, what they weigh, and what shapes depend on."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.graph.graph_cases import EDGELESS, LOOP, SINGLE, graph, path, rich

from augrad import batch
from augrad.randomness import keyed_generator
from augrad.testing import floats
from augrad_graph.backend import Batch, Data
from augrad_graph.candidates import EdgeAdd
from augrad_graph.layout import as_batch


def added(x, probability=1.0, seed=0, training=False, **options):
    """The batch after edges were added, in eval mode unless told otherwise."""
    x = as_batch(x)
    transform = EdgeAdd(**options).train(training)
    noise = transform.draw_noise(x, keyed_generator(seed))
    return transform(x, probability=torch.full((batch.count(x),), probability), noise=noise)


def changed_pairs(x, y):
    """Pairs of nodes whose weight rose, and by how much, for one graph."""
    before, after = (floats(each)[-1][0] for each in (x, y))
    source, target = ((after - before) > 0).nonzero().T
    return source, target, (after - before)[source, target]


def hops(x):
    """Distances between the nodes of one graph."""
    adjacency = (floats(x)[-1][0] > 0).double()
    reach, distances = torch.eye(len(adjacency)).double(), torch.full(adjacency.shape, math.inf)
    for hop in range(len(adjacency)):
        distances = torch.where((reach > 0) & (distances > hop), float(hop), distances)
        reach = reach @ adjacency
    return distances


@given(n_nodes=st.integers(3, 9), seed=st.integers(0, 50), data=st.data())
def test_new_edges_join_nodes_at_distance_two(n_nodes, seed, data):
    pairs = st.tuples(st.integers(0, n_nodes - 1), st.integers(0, n_nodes - 1)).filter(lambda pair: pair[0] < pair[1])
    x = graph(n_nodes, data.draw(st.lists(pairs, min_size=1, max_size=12, unique=True)))
    source, target, weight = changed_pairs(x, added(x, seed=seed))
    assert (hops(x)[source, target] == 2).all()
    assert (weight == 1).all()
    assert {(u, v) for u, v in zip(source.tolist(), target.tolist(), strict=True)} == {
        (v, u) for u, v in zip(source.tolist(), target.tolist(), strict=True)
    }


def test_new_edges_may_join_any_two_nodes():
    x = path(12)
    found = set()
    for seed in range(40):
        source, target, weight = changed_pairs(x, added(x, seed=seed, between="random"))
        assert (hops(x)[source, target] > 1).all()
        assert (weight == 1).all()
        found |= set(hops(x)[source, target].tolist())
    assert found >= {2.0, 5.0, 9.0}


def test_directed_edges_are_added_one_way():
    x = Data(x=torch.ones(6, 1), edge_index=torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 5]]))
    for seed in range(5):
        source, target, _ = changed_pairs(x, added(x, seed=seed, directed=True, candidates=1.0))
        assert (target - source == 2).all()
    assert added(x, directed=True, candidates=1.0).num_edges == 10


@pytest.mark.parametrize(("candidates", "more"), [(0.25, 2 * (2 + 2)), (1.0, 2 * (8 + 6))])
def test_shapes_depend_on_shapes_only(candidates, more):
    x = Batch.from_data_list([path(5), path(4)])
    for seed in range(3):
        for probability in (0.0, 0.5, 1.0):
            y = added(x, probability, seed, candidates=candidates)
            assert y.num_edges == x.num_edges + more
            assert [one.num_nodes for one in y.to_data_list()] == [5, 4]


def test_candidates_come_as_often_as_asked_for():
    x = path(2000)
    whole, part = (changed_pairs(x, added(x, p, candidates=1.0))[0] for p in (1.0, 0.3))
    assert len(part) / len(whole) == pytest.approx(0.3, abs=0.05)


def test_new_edges_are_soft_in_training():
    x = path(200)
    soft, hard = (added(x, 0.5, training=mode).edge_weight for mode in (True, False))
    assert torch.equal(soft.round(), hard)
    assert len(soft.unique()) > 20


def test_new_edges_weigh_as_much_as_the_others():
    x = rich(9)
    y = added(x, candidates=1.0)
    _, _, weight = changed_pairs(x, y)
    torch.testing.assert_close(weight, x.edge_weight.mean().expand_as(weight))
    assert (y.edge_attr[x.num_edges :] == 0).all()
    assert torch.equal(y.edge_attr[: x.num_edges], x.edge_attr)


@pytest.mark.parametrize("between", ["distance_two", "random"])
@pytest.mark.parametrize("x", [EDGELESS, SINGLE, LOOP, path(2)], ids=["edgeless", "single", "loop", "pair"])
def test_where_nothing_can_be_added_nothing_is(x, between):
    y = added(x, between=between)
    assert torch.equal(floats(y)[-1], floats(x)[-1])


@pytest.mark.parametrize("between", ["distance_two", "random"])
def test_no_self_loop_is_added_not_even_of_weight_zero(between):
    for seed in range(20):
        source, target = added(path(3), seed=seed, between=between, candidates=1.0).edge_index
        assert (source != target).all()


def test_a_complete_graph_gets_none():
    x = graph(4, [(i, j) for i in range(4) for j in range(i)])
    assert not len(changed_pairs(x, added(x, candidates=1.0))[0])
