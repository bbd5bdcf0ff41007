"""Edges go as often as asked for, in both directions, softly in training; and weights vary by the ratio asked for."""

from __future__ import annotations

import pytest
import torch
from tests.plugins.graph.graph_cases import LOOP, PATHS, path, rich, same

from augrad import AugmentationLayer, batch
from augrad_graph.backend import Batch
from augrad_graph.batching import with_values
from augrad_graph.edges import EdgeDrop, EdgeWeightNoise

LONG = path(3000)
SEED = torch.tensor([3])


def both_ways(x, weight):
    """Weights of the first direction, and of the other, as `graph` lays them out."""
    return weight[: x.num_edges // 2], weight[x.num_edges // 2 :]


def test_edges_are_dropped_as_often_as_asked_for():
    weight = EdgeDrop().eval()(LONG, probability=torch.tensor([0.3]), noise=SEED).edge_weight
    assert set(weight.tolist()) == {0.0, 1.0}
    assert weight.mean().item() == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("training", [True, False])
def test_both_directions_are_dropped_together(training):
    y = EdgeDrop().train(training)(LONG, probability=torch.tensor([0.5]), noise=SEED)
    forth, back = both_ways(LONG, y.edge_weight)
    assert torch.equal(forth, back)
    assert 0 < forth.mean() < 1


def test_edges_are_soft_in_training_and_hard_in_evaluation():
    p = torch.tensor([0.5], requires_grad=True)
    soft, hard = (EdgeDrop().train(mode)(LONG, probability=p, noise=SEED).edge_weight for mode in (True, False))
    assert torch.equal(soft.round(), hard)
    assert len(soft.unique()) > 1000
    assert soft.requires_grad
    assert not hard.requires_grad


def test_a_lower_temperature_is_harder():
    values = {"probability": torch.tensor([0.5]), "noise": SEED}
    soft, hard = (EdgeDrop(temperature=t)(LONG, **values).edge_weight for t in (1.0, 0.1))
    assert (hard - hard.round()).abs().mean() < 0.3 * (soft - soft.round()).abs().mean()


def test_weights_that_are_there_are_scaled():
    x = rich(200)
    kept = EdgeDrop().eval()(x, probability=torch.tensor([0.5]), noise=SEED).edge_weight
    assert torch.equal(kept, torch.where(kept > 0, x.edge_weight, 0))
    assert 0 < (kept > 0).float().mean() < 1


def test_each_graph_loses_edges_of_its_own():
    x = batch.repeat(path(40), 2)
    weight = EdgeDrop().eval()(x, probability=torch.tensor([0.0, 0.9]), noise=torch.tensor([1, 2])).edge_weight
    kept, lost = weight.reshape(2, -1)
    assert kept.tolist() == [1.0] * len(kept)
    assert lost.mean() < 0.4


def test_self_loops_are_edges_too():
    y = EdgeDrop()(LOOP, probability=torch.tensor([0.5]), noise=SEED)
    assert 0 < y.edge_weight.item() < 1


def test_the_log_of_weights_has_the_spread_asked_for():
    y = EdgeWeightNoise()(LONG, std=torch.tensor([0.5]), noise=SEED)
    forth, back = both_ways(LONG, y.edge_weight)
    assert torch.equal(forth, back)
    assert forth.log().std().item() == pytest.approx(0.5, rel=0.05)
    assert forth.log().mean().item() == pytest.approx(0.0, abs=0.03)
    assert (forth > 0).all()


def test_weights_vary_by_a_ratio():
    x = rich(50)
    values = {"std": torch.tensor([0.5]), "noise": SEED}
    ratio = EdgeWeightNoise()(path(50), **values).edge_weight
    torch.testing.assert_close(EdgeWeightNoise()(x, **values).edge_weight, x.edge_weight * ratio)


@pytest.mark.parametrize("transform", [EdgeDrop(), EdgeWeightNoise()])
def test_all_but_the_weights_stays(transform):
    x = batch.repeat(Batch.from_data_list([rich(4), rich(3)]), 1)
    y = AugmentationLayer([transform], magnitude=0.9)(x)
    assert not torch.equal(y.edge_weight, x.edge_weight)
    same(with_values(y, edge_weight=x.edge_weight), x)


def test_graphs_in_a_batch_come_apart_again():
    y = EdgeDrop()(Batch.from_data_list(PATHS), probability=torch.full((3,), 0.5), noise=torch.tensor([1, 2, 3]))
    assert [one.edge_weight.shape[0] for one in y.to_data_list()] == [6, 4, 8]
