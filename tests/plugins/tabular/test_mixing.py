"""Values from other rows: how many are swapped, and which rows are near."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_tabular import Schema
from augrad_tabular.mixing import NeighbourInterpolation, SwapNoise, nearest_rows

N = 2000
X = torch.arange(2 * N, dtype=torch.float64).reshape(N, 2)
SCHEMA = Schema.from_data(X)


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_the_share_of_swapped_values_is_the_probability(probability):
    swap = SwapNoise(schema=SCHEMA).eval()
    y = swap(X, probability=torch.full((N,), probability), noise=swap.draw_noise(X, keyed_generator(0)))
    assert (y != X).double().mean(0).tolist() == pytest.approx([probability] * 2, abs=0.03)
    # Values stay in their column: even numbers in the first, odd ones in the second.
    assert (y % 2 == torch.tensor([0.0, 1.0])).all()
    assert set(y.flatten().tolist()) <= set(X.flatten().tolist())


@given(st.integers(2, 6), st.integers(0, 50))
def test_a_partner_is_another_row(n_samples, seed):
    _, partners = SwapNoise(schema=SCHEMA).draw_noise(X[:n_samples], keyed_generator(seed))
    assert (partners != torch.arange(n_samples)[:, None]).all()
    assert 0 <= partners.min() <= partners.max() < n_samples


def test_columns_get_partners_of_their_own():
    _, partners = SwapNoise(schema=SCHEMA).draw_noise(X, keyed_generator(0))
    assert (partners[:, 0] != partners[:, 1]).double().mean() > 0.9


@pytest.mark.parametrize("kind", [SwapNoise, NeighbourInterpolation])
def test_a_row_that_is_alone_is_left_as_it_is(kind):
    transform = kind(schema=SCHEMA)
    (name,) = transform.ranges
    x = X[:1]
    noise = transform.draw_noise(x, keyed_generator(0))
    assert torch.equal(transform(x, **{name: torch.ones(1)}, noise=noise), x)


def test_values_that_the_partner_misses_are_kept():
    schema = Schema.from_dict({**SCHEMA.to_dict(), "allow_missing": True})
    x = torch.tensor([[1.0, float("nan")], [3.0, 4.0]])
    noise = (torch.full((2, 2), 0.9), torch.tensor([[1, 1], [0, 0]]))
    y = SwapNoise(schema=schema).eval()(x, probability=torch.ones(2), noise=noise)
    assert y[:, 0].tolist() == [3.0, 1.0]
    assert y[0, 1].isnan()
    assert y[1, 1] == 4.0


@given(st.integers(2, 9), st.integers(1, 5), st.integers(0, 100))
def test_nearest_rows_are_those_of_numpy(n_samples, k, seed):
    z = np.random.default_rng(seed).normal(size=(n_samples, 3))
    apart = np.linalg.norm(z[:, None] - z[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    expected = apart.argsort(axis=1)[:, : min(k, n_samples - 1)]
    assert nearest_rows(torch.from_numpy(z), k).tolist() == expected.tolist()


def test_copies_of_a_row_are_no_neighbours():
    z = torch.tensor([[0.1, 0.2], [3.0, 3.0], [0.1, 0.2]])
    assert nearest_rows(z, 1).flatten().tolist() == [1, 0, 1] or nearest_rows(z, 1).flatten().tolist() == [1, 2, 1]
    assert nearest_rows(torch.ones(3, 2), 2).tolist() == [[0, 0], [1, 1], [2, 2]]


def test_nearness_counts_in_units_of_the_spread():
    data = np.array([[0.0, 0.0], [1000.0, 0.1], [100.0, 1.0], [800.0, 0.9]])
    near = NeighbourInterpolation(schema=Schema.from_data(data), k=1)
    y = near(torch.from_numpy(data), fraction=torch.ones(4), noise=torch.zeros(4))
    z = data / data.std(0)
    apart = np.linalg.norm(z[:, None] - z[None], axis=2) + np.diag([np.inf] * 4)
    np.testing.assert_allclose(y.numpy(), data[apart.argmin(1)])


def test_any_of_the_k_nearest_may_be_drawn():
    x = torch.tensor([[0.0], [1.0], [2.5], [9.0]]).double()
    near = NeighbourInterpolation(schema=Schema.from_data(x), k=2)
    found = [near(x, fraction=torch.ones(4), noise=torch.full((4,), u))[0].item() for u in (0.0, 0.49, 0.51, 0.99)]
    assert found == [1.0, 1.0, 2.5, 2.5]


@pytest.mark.parametrize("k", [0, True])
def test_k_must_count_rows(k):
    with pytest.raises(ArgumentError, match="neighbour_interpolation: k must be an int of at least 1, but got"):
        NeighbourInterpolation(schema=SCHEMA, k=k)
