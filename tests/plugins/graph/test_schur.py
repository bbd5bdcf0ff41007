"""Schur views: mean Laplacians and gradients against dense linear algebra, and graphs that cannot be eliminated."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from tests.plugins.graph.dense import WEIGHTS, graph_of, laplacian, mean_adjacency
from torch_geometric.nn import GCNConv

from augrad import batch, keyed_generator
from augrad.errors import ArgumentError
from augrad.testing import floats
from augrad_graph.backend import Batch, Data
from augrad_graph.batching import with_values
from augrad_graph.schur import SchurView, eliminate
from augrad_graph.topology import with_edges
from augrad_graph.walks import draw_seeds, pairs_of

N_NODES = len(WEIGHTS)


def schur_complement(adjacency, eliminated):
    """The dense Schur complement on the kept nodes, in the rows and columns of all."""
    kept = [node for node in range(len(adjacency)) if node not in eliminated]
    full = laplacian(adjacency)
    out = np.zeros_like(full)
    inner = np.linalg.inv(full[np.ix_(eliminated, eliminated)])
    out[np.ix_(kept, kept)] = (
        full[np.ix_(kept, kept)] - full[np.ix_(kept, eliminated)] @ inner @ full[np.ix_(eliminated, kept)]
    )
    return out


def views(eliminated, *, n_copies=5000, n_steps=16, weight=None, adjacency=WEIGHTS):
    x = batch.repeat(graph_of(adjacency), n_copies)
    x = x if weight is None else with_values(x, edge_weight=weight.repeat(n_copies))
    gone = torch.isin(torch.arange(len(adjacency)), torch.tensor(eliminated)).repeat(n_copies)
    pairs = pairs_of(x, draw_seeds(n_copies, torch.device("cpu"), keyed_generator("schur", *eliminated)))
    log_chance = torch.zeros(len(gone), dtype=torch.float64)
    kept, index, added = eliminate(x.edge_index, x.edge_weight, gone, log_chance, pairs, n_steps=n_steps)
    n_edges = (int(np.count_nonzero(adjacency)),) * n_copies
    return with_edges(with_values(x, edge_weight=kept), index, added, n_edges)


@pytest.mark.parametrize("eliminated", [[1], [1, 3], [0, 1], [0, 1, 2]])
def test_the_mean_laplacian_is_the_schur_complement(eliminated):
    found = laplacian(mean_adjacency(views(eliminated)).numpy())
    np.testing.assert_allclose(found, schur_complement(WEIGHTS, eliminated), atol=0.05)


def test_self_loops_do_not_count_for_a_laplacian():
    found = laplacian(mean_adjacency(views([1, 3], adjacency=WEIGHTS + np.diag([1.0, 2.0, 0, 3.0, 0]))).numpy())
    np.testing.assert_allclose(found, schur_complement(WEIGHTS, [1, 3]), atol=0.05)


def test_each_view_is_symmetric_and_eliminated_nodes_have_no_edges():
    adjacency = mean_adjacency(views([1, 3], n_copies=1))
    torch.testing.assert_close(adjacency, adjacency.T)
    assert not adjacency[[1, 3]].any()


def test_a_path_becomes_one_resistance():
    path = np.diag([1.0, 2.0, 4.0], 1) + np.diag([1.0, 2.0, 4.0], -1)
    found = mean_adjacency(views([1, 2], adjacency=path, n_copies=4000, n_steps=40))
    assert found[0, 3].item() == pytest.approx(1 / (1 + 1 / 2 + 1 / 4), rel=0.05)


def test_the_mean_gradient_in_the_weights_is_exact():
    eliminated = [0, 2]
    weight = graph_of(WEIGHTS).edge_weight.requires_grad_()
    mean = mean_adjacency(views(eliminated, weight=weight))
    (found,) = torch.autograd.grad(mean[1, 3] + mean[3, 1], weight)
    index, step = graph_of(WEIGHTS).edge_index.numpy(), 1e-5
    for edge, (source, target) in enumerate(index.T):
        nudged = WEIGHTS.copy()
        nudged[source, target] += step
        nudged[target, source] += step
        change = (schur_complement(nudged, eliminated) - schur_complement(WEIGHTS, eliminated)) / step
        twin = np.flatnonzero((index[0] == target) & (index[1] == source))[0]
        assert (found[edge] + found[twin]).item() == pytest.approx(-2 * change[1, 3], abs=0.1)


def expected_laplacian(share):
    """The mean over all sets of eliminated nodes."""
    total = share**N_NODES * np.zeros_like(WEIGHTS)
    for size in range(N_NODES):
        for eliminated in combinations(range(N_NODES), size):
            view = schur_complement(WEIGHTS, list(eliminated)) if eliminated else laplacian(WEIGHTS)
            total = total + share**size * (1 - share) ** (N_NODES - size) * view
    return total


def test_the_mean_gradient_in_the_share_is_exact():
    share, n_copies = 0.25, 12_000
    x = batch.repeat(graph_of(WEIGHTS), n_copies)
    transform = SchurView(n_steps=16)
    leaf = torch.tensor(share, dtype=torch.float64, requires_grad=True)
    y = transform(x, share=leaf.expand(n_copies), noise=transform.draw_noise(x, keyed_generator("share")))
    mean = mean_adjacency(y)
    np.testing.assert_allclose(laplacian(mean.detach().numpy()), expected_laplacian(share), atol=0.05)
    slope = (expected_laplacian(share + 1e-4) - expected_laplacian(share - 1e-4)) / 2e-4
    for source, target in ((0, 1), (0, 3), (1, 4), (2, 3)):
        (found,) = torch.autograd.grad(mean[source, target], leaf, retain_graph=True)
        assert found.item() == pytest.approx(-slope[source, target], abs=0.2)


def test_features_of_eliminated_nodes_are_zero_and_have_the_slope_of_their_mean():
    x = batch.repeat(graph_of(WEIGHTS), 4000)
    transform = SchurView()
    share = torch.full((4000,), 0.25, dtype=torch.float64, requires_grad=True)
    y = transform(x, share=share, noise=transform.draw_noise(x, keyed_generator("features")))
    gone = y.x[:, 0] == 0
    assert gone.double().mean().item() == pytest.approx(0.25, abs=0.01)
    torch.testing.assert_close(y.x[~gone], x.x[~gone])
    (slope,) = torch.autograd.grad(y.x.sum(), share)
    torch.testing.assert_close(slope, torch.full_like(slope, -15.0))


@pytest.mark.parametrize("loops", [0.0, 2.0])
def test_at_share_zero_layers_see_the_graph_as_it_was(loops):
    before = graph_of(WEIGHTS + np.diag([loops, 0, 0, loops, 0]))
    after = SchurView()(before, share=torch.zeros(1), noise=torch.tensor([3]))
    layer = GCNConv(1, 2).double()
    torch.testing.assert_close(
        layer(after.x, after.edge_index, after.edge_weight), layer(before.x, before.edge_index, before.edge_weight)
    )


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_small_and_broken_graphs_stay_finite(share):
    empty = torch.zeros(2, 0, dtype=torch.long)
    graphs = [
        Data(x=torch.ones(1, 1), edge_index=empty),
        Data(x=torch.ones(3, 1), edge_index=empty),
        Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0, 1, 1], [1, 0, 1]])),
        Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]])),
    ]
    x = Batch.from_data_list([*graphs, *graphs])
    leaf = torch.full((8,), share, requires_grad=True)
    y = SchurView(share=0.99)(x, share=leaf, noise=torch.arange(8))
    assert all(part.isfinite().all() for part in floats(y))
    (y.edge_weight.sum() + y.x.sum()).backward()
    assert leaf.grad.isfinite().all()


def test_weights_of_zero_are_no_way():
    x = with_values(graph_of(WEIGHTS), edge_weight=torch.zeros(np.count_nonzero(WEIGHTS)).double().requires_grad_())
    y = SchurView()(x, share=torch.tensor([0.5]), noise=torch.tensor([5]))
    assert not y.edge_weight.any()
    (slope,) = torch.autograd.grad(y.edge_weight.sum(), x.edge_weight)
    assert slope.isfinite().all()


def test_bad_arguments_are_named():
    with pytest.raises(ArgumentError, match=r"graph.schur_view: n_steps must be an int of at least 1, but got True"):
        SchurView(n_steps=True)
    with pytest.raises(ArgumentError, match=r"share is a probability of at least 0 and below 1.* 0 to 1"):
        SchurView(share=1.0)
