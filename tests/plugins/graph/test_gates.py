"""Relaxed coins: their probability, their ends, their slope, and that each belongs to its node or pair of nodes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.graph.graph_cases import PATHS

from augrad import batch
from augrad_graph.backend import Batch, Data
from augrad_graph.gates import edge_chances, entry_chances, node_chances, node_places, toss

CHANCES = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
temperatures = st.floats(0.05, 1.0)
SEEDS = torch.tensor([5, 6, 7])


@given(probability=st.floats(0.0, 1.0), temperature=temperatures)
def test_a_relaxed_coin_is_above_one_half_where_the_hard_one_is_one(probability, temperature):
    p = torch.full_like(CHANCES, probability)
    soft, hard = (toss(p, CHANCES, temperature=temperature, hard=hard) for hard in (False, True))
    assert ((soft > 0.5) == (hard == 1))[(soft - 0.5).abs() > 1e-9].all()
    assert ((soft >= 0) & (soft <= 1)).all()
    assert hard.mean().item() == pytest.approx(probability, abs=1e-3)


@given(temperature=temperatures)
def test_at_the_ends_it_is_certain_and_its_slope_finite(temperature):
    for end in (0.0, 1.0):
        p = torch.full_like(CHANCES, end).requires_grad_()
        soft = toss(p, CHANCES, temperature=temperature, hard=False)
        assert soft.tolist() == [end] * len(CHANCES)
        soft.sum().backward()
        assert p.grad.isfinite().all()


def test_it_is_the_binary_concrete_distribution():
    p = torch.full_like(CHANCES, 0.3)
    expected = torch.sigmoid((torch.logit(p) + torch.logit(CHANCES)) / 0.5)
    torch.testing.assert_close(toss(p, CHANCES, temperature=0.5, hard=False), expected)


def test_its_slope_is_exact():
    p = torch.tensor([0.1, 0.5, 0.8], dtype=torch.float64, requires_grad=True)
    chance = torch.tensor([0.7, 0.2, 0.4], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: toss(p, chance, temperature=0.5, hard=False), p)


def test_a_hard_coin_has_no_slope():
    p = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    assert not toss(p, torch.tensor([0.7]).double(), temperature=0.5, hard=True).requires_grad


def test_both_directions_of_a_pair_share_a_number_and_pairs_do_not():
    x = Batch.from_data_list(PATHS)
    chances = edge_chances(x, SEEDS)
    n_pairs = x.num_edges // 2
    assert len(set(chances.tolist())) == n_pairs
    for one in range(3):
        own = chances[x.batch[x.edge_index[0]] == one]
        assert torch.equal(own[: len(own) // 2], own[len(own) // 2 :])
    assert not set(chances.tolist()) & set(edge_chances(x, SEEDS, stream=1).tolist())


def test_numbers_belong_to_the_graph_and_not_to_the_batch():
    x = Batch.from_data_list(PATHS)
    alone = batch.select(x, torch.tensor([1]))
    assert torch.equal(edge_chances(x, SEEDS)[6:10], edge_chances(alone, SEEDS[1:2]))
    assert torch.equal(node_chances(x, SEEDS)[4:7], node_chances(alone, SEEDS[1:2]))
    assert torch.equal(entry_chances(x, SEEDS, 3)[4:7], entry_chances(alone, SEEDS[1:2], 3))


def test_numbers_are_uniform_and_different_for_each_node_and_entry():
    x = Data(x=torch.ones(4000, 1), edge_index=torch.zeros(2, 0).long())
    for chances in (node_chances(x, SEEDS[:1]), entry_chances(x, SEEDS[:1], 2).flatten()):
        assert len(set(chances.tolist())) == len(chances)
        assert chances.mean().item() == pytest.approx(0.5, abs=0.02)
        assert chances.var().item() == pytest.approx(1 / 12, abs=0.005)


def test_places_count_from_the_first_node_of_each_graph():
    assert node_places(Batch.from_data_list(PATHS)).tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3, 4]
