"""Diffusion: against dense personalised PageRank, at the identity, and on graphs that have nowhere to walk to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.plugins.graph.dense import WEIGHTS, graph_of, mean_adjacency
from torch_geometric.nn import GCNConv

from augrad import batch, keyed_generator
from augrad.errors import ArgumentError
from augrad.testing import floats
from augrad_graph.backend import Batch, Data
from augrad_graph.diffusion import Diffusion
from augrad_graph.kit import example_graphs


def diffused(adjacency, teleport, n_copies=4000, **options):
    x = batch.repeat(graph_of(adjacency), n_copies)
    transform = Diffusion(**options)
    noise = transform.draw_noise(x, keyed_generator("diffusion"))
    return transform(x, teleport=torch.full((n_copies,), teleport, dtype=torch.float64), noise=noise)


def off_diagonal(matrix):
    return matrix[~np.eye(len(matrix), dtype=bool)]


@pytest.mark.parametrize("teleport", [0.4, 0.8])
def test_mean_weights_are_dense_personalised_pagerank(teleport):
    degree = WEIGHTS.sum(1)
    walk = WEIGHTS / degree[:, None]
    pagerank = teleport * np.linalg.inv(np.eye(5) - (1 - teleport) * walk)
    expected = degree[:, None] * (walk @ pagerank)
    found = mean_adjacency(diffused(WEIGHTS, teleport, n_steps=10)).numpy()
    np.testing.assert_allclose(off_diagonal(found), off_diagonal(expected), atol=0.05)


def test_walks_are_cut_after_n_steps():
    degree = WEIGHTS.sum(1)
    walk = WEIGHTS / degree[:, None]
    expected = degree[:, None] * (0.3 * walk + 0.3 * 0.7 * walk @ walk + 0.7**2 * walk @ walk @ walk)
    found = mean_adjacency(diffused(WEIGHTS, 0.3, n_steps=2)).numpy()
    np.testing.assert_allclose(off_diagonal(found), off_diagonal(expected), atol=0.05)


def test_each_draw_is_symmetric_as_the_graph_was():
    x = diffused(WEIGHTS, 0.5, n_copies=1)
    adjacency = mean_adjacency(x)
    torch.testing.assert_close(adjacency, adjacency.T)
    assert not torch.allclose(adjacency, torch.tensor(WEIGHTS))


def test_directed_edges_lead_on_from_their_targets():
    circle = np.roll(np.eye(4), 1, axis=1)
    found = mean_adjacency(diffused(circle, 0.5, n_copies=3, n_steps=2, undirected=False)).numpy()
    expected = 0.5 * circle + 0.25 * circle @ circle + 0.25 * circle @ circle @ circle
    np.testing.assert_allclose(found, expected)


def test_the_gradient_is_exact():
    x = batch.repeat(graph_of(WEIGHTS), 2)
    transform = Diffusion()
    noise = transform.draw_noise(x, keyed_generator("gradient"))
    weights = torch.rand(10, 10, generator=keyed_generator("weights"), dtype=torch.float64)

    def total(teleport):
        y = transform(x, teleport=teleport, noise=noise)
        return (y.edge_weight * weights[y.edge_index[0], y.edge_index[1]]).sum()

    assert torch.autograd.gradcheck(total, torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True))


@pytest.mark.parametrize("with_loops", [False, True])
def test_at_teleport_one_layers_see_the_graph_as_it_was(with_loops):
    adjacency = WEIGHTS + (np.diag([0.0, 2.0, 0.0, 0.0, 1.0]) if with_loops else 0)
    x = diffused(adjacency, 1.0, n_copies=1)
    layer = GCNConv(1, 2).double()
    before = graph_of(adjacency)
    assert x.edge_index.shape[1] > before.edge_index.shape[1]
    torch.testing.assert_close(
        layer(x.x, x.edge_index, x.edge_weight), layer(before.x, before.edge_index, before.edge_weight)
    )


def test_new_edges_have_no_attributes_and_belong_to_their_graph():
    x = example_graphs(3, keyed_generator("graphs"))
    y = Diffusion()(x, teleport=torch.full((3,), 0.5), noise=torch.tensor([1, 2, 3]))
    for before, after in zip(x.to_data_list(), y.to_data_list(), strict=True):
        n_edges = before.num_edges
        assert after.num_edges == 3 * n_edges
        torch.testing.assert_close(after.edge_attr[:n_edges], before.edge_attr)
        assert not after.edge_attr[n_edges:].any()
        assert after.edge_index.max() < after.num_nodes


@pytest.mark.parametrize(
    "edge_index",
    [torch.zeros(2, 0, dtype=torch.long), torch.tensor([[0], [0]]), torch.tensor([[0], [1]])],
    ids=["no edges", "a self-loop", "a dead end"],
)
def test_graphs_with_nowhere_to_go_stay_finite(edge_index):
    one = Data(x=torch.ones(2, 1), edge_index=edge_index)
    x = Batch.from_data_list([one, Data(x=torch.ones(1, 1), edge_index=torch.zeros(2, 0, dtype=torch.long))])
    teleport = torch.tensor([0.5, 0.5], requires_grad=True)
    y = Diffusion()(x, teleport=teleport, noise=torch.tensor([1, 2]))
    assert all(part.isfinite().all() for part in floats(y))
    (y.edge_weight.sum() + 0 * teleport.sum()).backward()
    assert teleport.grad.isfinite().all()


def test_bad_arguments_are_named():
    with pytest.raises(ArgumentError, match=r"graph.diffusion: n_steps must be an int of at least 1, but got 0"):
        Diffusion(n_steps=0)
    with pytest.raises(ArgumentError, match=r"teleport is a probability above 0 .* its range is 0 to 1"):
        Diffusion(teleport=0.0)
