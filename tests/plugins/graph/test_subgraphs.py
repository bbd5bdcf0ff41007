"""Subgraphs: what is kept lies around the start, adds up to the share, and stays finite on broken graphs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.graph.dense import WEIGHTS, graph_of

from augrad import batch, keyed_generator
from augrad.errors import ArgumentError
from augrad.testing import floats
from augrad_graph.backend import Batch, Data
from augrad_graph.subgraphs import RESTART, Subgraph, ranks, visited
from augrad_graph.walks import uniform

NO_EDGES = torch.zeros(2, 0, dtype=torch.long)


def path(n_nodes):
    nodes = torch.arange(n_nodes - 1)
    index = torch.cat([torch.stack([nodes, nodes + 1]), torch.stack([nodes + 1, nodes])], dim=1)
    return Data(x=torch.ones(n_nodes, 1), edge_index=index)


def test_visits_are_those_of_dense_matrices():
    x = graph_of(WEIGHTS)
    start = torch.zeros(5, dtype=torch.float64)
    start[1] = 1
    walk = WEIGHTS / WEIGHTS.sum(1, keepdims=True)
    expected = start.numpy()
    for _ in range(6):
        expected = RESTART * start.numpy() + (1 - RESTART) * expected @ walk
    np.testing.assert_allclose(visited(x.edge_index, x.edge_weight, start, 6).numpy(), expected)


@given(share=st.floats(0, 1), n_nodes=st.integers(1, 12), seed=st.integers(0, 50))
def test_what_is_left_out_adds_up_to_the_share_of_all_but_the_start(share, n_nodes, seed):
    x = path(n_nodes)
    y = Subgraph(share=1.0)(x, share=torch.tensor([share]), noise=torch.tensor([seed]))
    assert (x.x - y.x).sum().item() == pytest.approx(share * (n_nodes - 1), abs=1e-5)
    assert y.x.max() == 1


def test_what_is_kept_is_in_one_piece_around_the_start():
    x = batch.repeat(path(11), 200)
    transform = Subgraph()
    y = transform(x, share=torch.full((200,), 0.5), noise=transform.draw_noise(x, keyed_generator("paths")))
    kept = y.x.view(200, 11) > 0
    assert (kept.sum(1) == 6).all()
    assert ((kept[:, 1:] != kept[:, :-1]).sum(1) <= 2).all()
    assert kept.any(0).all()


def test_edges_of_nodes_left_out_have_no_weight():
    x = path(6)
    y = Subgraph()(x, share=torch.tensor([0.6]), noise=torch.tensor([1]))
    ends = y.x[:, 0][y.edge_index]
    torch.testing.assert_close(y.edge_weight, ends[0] * ends[1])
    assert y.edge_weight.min() == 0


def test_nodes_out_of_reach_are_left_out_first():
    x = Data(x=torch.ones(4, 1), edge_index=torch.tensor([[0, 1], [1, 0]]))
    for seed in range(20):
        kept = Subgraph()(x, share=torch.tensor([2 / 3]), noise=torch.tensor([seed])).x[:, 0] > 0.5
        start = int(uniform(torch.tensor([seed])) * 4)
        assert kept.sum() == 2
        assert kept[start]
        assert start > 1 or kept.tolist() == [True, True, False, False]


def test_the_gradient_is_that_of_the_node_on_the_border():
    x = path(7)
    share = torch.tensor([0.4], requires_grad=True)
    y = Subgraph()(x, share=share, noise=torch.tensor([4]))
    (slope,) = torch.autograd.grad(y.x.sum(), share)
    assert slope.item() == pytest.approx(-6)


def test_equal_values_are_ranked_by_ties():
    values, ties = torch.zeros(4), torch.tensor([0.3, 0.1, 0.4, 0.2])
    assert ranks(values, ties, torch.tensor([0, 0, 1, 1])).tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_broken_graphs_stay_finite(share):
    graphs = [Data(x=torch.ones(n, 1), edge_index=NO_EDGES) for n in (1, 3)]
    x = Batch.from_data_list([*graphs, Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]))])
    leaf = torch.full((3,), share, requires_grad=True)
    y = Subgraph(share=1.0)(x, share=leaf, noise=torch.arange(3))
    (y.x.sum() + y.edge_weight.sum()).backward()
    assert all(part.isfinite().all() for part in floats(y))
    assert leaf.grad.isfinite().all()
    assert y.x[0] == 1


def test_a_graph_without_features_loses_edges_only():
    x = Data(pos=torch.rand(4, 2), edge_index=path(4).edge_index)
    y = Subgraph()(x, share=torch.tensor([0.8]), noise=torch.tensor([1]))
    assert torch.equal(y.pos, x.pos)
    assert y.edge_weight.min() == 0


def test_bad_arguments_are_named():
    with pytest.raises(ArgumentError, match=r"graph.subgraph: share lies in \[0, 1\], but its range is 0 to 2"):
        Subgraph(share=2.0)
    with pytest.raises(ArgumentError, match=r"graph.subgraph: n_steps must be an int"):
        Subgraph(n_steps=0)
