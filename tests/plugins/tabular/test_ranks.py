"""Ranks and warps: the fitted quantiles there and back, how far ranks move, and that the order is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import percentileofscore
from torch.autograd import gradcheck

from augrad import keyed_generator
from augrad_tabular import Schema
from augrad_tabular.ranks import MonotoneWarp, QuantileNoise, folded, rank, value_at, warped

DATA = np.random.default_rng(0).lognormal(size=(2000, 2)) * [1, 100]
SCHEMA = Schema.from_data(DATA)
X = torch.from_numpy(DATA)
Q = torch.tensor(SCHEMA.quantiles, dtype=torch.float64)
finite = st.floats(-100, 100)


def test_ranks_are_those_of_scipy():
    expected = [percentileofscore(DATA[:, 0], value, kind="mean") / 100 for value in DATA[:50, 0]]
    np.testing.assert_allclose(rank(X[:50], Q)[:, 0].numpy(), expected, atol=0.02)


def test_values_at_levels_are_the_quantiles_of_numpy():
    levels = np.linspace(0, 1, 33)
    found = value_at(torch.from_numpy(levels)[:, None].expand(-1, 2), Q)
    np.testing.assert_allclose(found.numpy(), np.quantile(DATA, levels, axis=0))


def test_there_and_back():
    torch.testing.assert_close(value_at(rank(X, Q), Q), X)


@given(st.lists(finite, min_size=3, max_size=3), st.lists(finite, min_size=2, max_size=9))
def test_ranks_do_not_decrease_and_stay_in_0_to_1(values, data):
    quantiles = torch.tensor(np.quantile(data, np.linspace(0, 1, 9)))[None]
    found = rank(torch.tensor(sorted(values)).double()[:, None], quantiles).flatten()
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found.diff() >= 0).all()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_ranks_move_by_at_most_what_was_asked(share):
    transform = QuantileNoise(schema=SCHEMA)
    y = transform(X, ranks=torch.full((2000,), share), noise=transform.draw_noise(X, keyed_generator(0)))
    moved = (rank(y, Q) - rank(X, Q)).abs()
    assert moved.max() <= share + 1e-6
    assert moved.max() > 0.9 * share
    assert (y.amin(0) >= X.amin(0)).all()
    assert (y.amax(0) <= X.amax(0)).all()


@given(st.floats(0, 1), st.floats(-1, 1))
def test_folding_moves_no_further_and_stays_inside(start, move):
    found = folded(torch.tensor(start + move, dtype=torch.float64)).item()
    assert -1e-12 <= found <= 1 + 1e-12
    assert abs(found - start) <= abs(move) + 1e-12


def test_values_outside_of_the_fitted_range_move_as_the_ends_do():
    transform = QuantileNoise(schema=SCHEMA)
    ends, outside = X.amax(0)[None], X.amax(0)[None] + 1000
    ranks, noise = torch.tensor([0.3]), torch.ones(1, 2)
    moves = [transform(x, ranks=ranks, noise=noise) - x for x in (ends, outside)]
    torch.testing.assert_close(moves[0], moves[1])
    assert (moves[0] < 0).all()


def test_a_value_that_repeats_moves_only_beyond_its_share():
    schema = Schema.from_data([[0.0]] * 6 + [[1.0], [2.0], [3.0], [4.0]])
    transform, x = QuantileNoise(schema=schema), torch.zeros(1, 1)
    near, far = (transform(x, ranks=torch.tensor([share]), noise=torch.ones(1, 1)).item() for share in (0.2, 0.5))
    assert near == 0.0
    assert far > 1.0


def test_the_gradient_of_ranks_is_that_of_differences():
    x = X[:5].clone().requires_grad_()
    assert gradcheck(lambda x: rank(x, Q), (x,))
    assert gradcheck(lambda x: value_at(x, Q), (rank(X[:5], Q).requires_grad_(),))


@given(st.floats(0, 0.9), st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_warps_keep_the_order_and_the_ends_within_their_slope(slope, waves):
    share = torch.linspace(0, 1, 200, dtype=torch.float64)[:, None]
    noise = torch.tensor(waves).double().expand(200, 1, 3)
    moved = (share + warped(share, torch.full((200,), slope).double(), noise)).flatten()
    slopes = moved.diff() * 199
    assert 1 - slope - 1e-9 <= slopes.min()
    assert slopes.max() <= 1 + slope + 1e-9
    assert moved[0] == 0.0
    assert moved[-1].item() == pytest.approx(1.0)


def test_a_warp_stays_within_the_range_of_its_column_and_leaves_what_lies_outside():
    transform = MonotoneWarp(schema=SCHEMA)
    noise = transform.draw_noise(X, keyed_generator(0))
    y = transform(X, slope=torch.full((2000,), 0.9), noise=noise)
    assert ((y - X).abs().amax(0) > 0.1 * torch.from_numpy(DATA.std(0))).all()
    assert (y.amin(0) >= X.amin(0) - 1e-6).all()
    assert (y.amax(0) <= X.amax(0) + 1e-4).all()
    outside = X[:3] + 1e6
    torch.testing.assert_close(transform(outside, slope=torch.full((3,), 0.9), noise=noise[:3]), outside)
