"""Walks: numbers that look random and belong to a graph, and steps in proportion to weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from augrad import batch, keyed_generator
from augrad_graph.backend import Batch, Data
from augrad_graph.kit import example_graphs
from augrad_graph.walks import draw_seeds, links, pairs_of, step, uniform


def test_numbers_are_uniform_and_unrelated():
    seeds = draw_seeds(2000, torch.device("cpu"), keyed_generator("seeds"))
    numbers = uniform(seeds[:, None], torch.arange(20)).numpy()
    assert kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    correlation = np.corrcoef(numbers.T) - np.eye(20)
    assert np.abs(correlation).max() < 0.1
    assert 0 < numbers.min() < numbers.max() < 1


def test_counters_in_another_order_give_other_numbers():
    assert uniform(torch.tensor(1), torch.tensor(2)) != uniform(torch.tensor(2), torch.tensor(1))


def test_steps_follow_weights():
    edge_index = torch.tensor([[0, 0, 0, 1, 2], [1, 2, 3, 0, 0]])
    graph = links(edge_index, torch.tensor([1.0, 3.0, 0.0, 2.0, 2.0]), 5)
    chance = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    reached, weight, log_p = step(graph, torch.zeros(4000, dtype=torch.long), chance)
    assert torch.bincount(reached, minlength=5).tolist() == [0, 1000, 3000, 0, 0]
    assert weight[reached == 2].unique().tolist() == [3.0]
    torch.testing.assert_close(log_p[reached == 1].exp(), torch.full((1000,), 0.25))


def test_a_node_without_a_way_out_is_not_left():
    graph = links(torch.tensor([[0, 1], [1, 0]]), torch.tensor([0.0, 1.0]), 3)
    reached, weight, log_p = step(graph, torch.tensor([0, 2]), torch.tensor([0.5, 0.5]).double())
    assert (reached.tolist(), weight.tolist(), log_p.tolist()) == ([0, 2], [0.0, 0.0], [0.0, 0.0])


def test_pairs_do_not_depend_on_direction_or_company():
    x = example_graphs(3, keyed_generator("pairs"))
    seeds = torch.tensor([5, 6, 7])
    together = pairs_of(x, seeds).uniform()
    alone = pairs_of(batch.select(x, torch.tensor([1])), seeds[1:2]).uniform()
    own = x.batch[x.edge_index[0]] == 1
    assert torch.equal(together[own], alone)
    turned = x.clone()
    turned.edge_index = x.edge_index.flip(0)
    assert torch.equal(pairs_of(turned, seeds).uniform(), together)
    assert len(set(together.tolist())) == len(together) // 2


def test_edges_without_weight_lie_beside_self_loops():
    loops = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0, 1, 0], [0, 1, 1]]))
    both = Batch.from_data_list([loops, Data(x=torch.ones(1, 1), edge_index=torch.tensor([[0], [0]]))])
    aside = pairs_of(both, torch.tensor([1, 2])).aside
    assert aside.tolist() == [[0, 1, 0, 2], [1, 0, 1, 2]]


@pytest.mark.parametrize("n_graphs", [0, 3])
def test_one_seed_per_graph(n_graphs):
    assert draw_seeds(n_graphs, torch.device("cpu"), None).shape == (n_graphs,)
