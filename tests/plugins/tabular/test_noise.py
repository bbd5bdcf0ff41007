"""Noise: its size in units of each column's spread, and its direction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import keyed_generator
from augrad_tabular import Schema
from augrad_tabular.noise import CorrelatedNoise, FeatureNoise, covariance_root

N = 4000
DATA = np.random.default_rng(0).normal(size=(500, 3)) @ [[1.0, 20.0, 0.0], [0.0, 15.0, 0.0], [0.0, 0.0, 0.1]]
SCHEMA = Schema.from_data(DATA)


def noise_of(transform, std):
    x = torch.zeros(N, 3, dtype=torch.float64)
    return transform(x, std=std, noise=transform.draw_noise(x, keyed_generator(0))).numpy()


def test_a_columns_spread_after_noise_is_that_of_independent_variables():
    x = torch.from_numpy(np.resize(DATA, (N, 3)))
    transform = FeatureNoise(schema=SCHEMA)
    std = torch.tensor([0.5, 1.0, 2.0]).double().expand(N, -1)
    y = transform(x, std=std, noise=transform.draw_noise(x, keyed_generator(0)))
    expected = np.sqrt(1 + np.array([0.5, 1.0, 2.0]) ** 2) * DATA.std(0)
    np.testing.assert_allclose(y.numpy().std(0), expected, rtol=0.04)


def test_each_row_and_column_has_a_size_of_its_own():
    std = torch.zeros(N, 3).double()
    std[:, 1] = torch.linspace(0, 1, N)
    found = noise_of(FeatureNoise(schema=SCHEMA), std)
    assert (found[:, [0, 2]] == 0).all()
    assert found[: N // 2, 1].std() < 0.5 * found[N // 2 :, 1].std()


def test_independent_noise_is_not_correlated():
    found = np.corrcoef(noise_of(FeatureNoise(schema=SCHEMA), torch.ones(N, 3)).T)
    np.testing.assert_allclose(found, np.eye(3), atol=0.06)


def test_correlated_noise_has_the_covariance_of_the_data():
    found = noise_of(CorrelatedNoise(schema=SCHEMA), torch.full((N,), 0.5))
    expected = 0.25 * np.cov(DATA.T, ddof=0)
    spread = DATA.std(0)
    np.testing.assert_allclose(
        np.cov(found.T) / np.outer(spread, spread), expected / np.outer(spread, spread), atol=0.03
    )
    main, true = (np.linalg.eigh(matrix)[1][:, -1] for matrix in (np.cov(found.T), expected))
    assert abs(main @ true) == pytest.approx(1.0, abs=1e-3)


@given(st.integers(0, 1000), st.integers(1, 4))
def test_the_root_times_itself_is_the_covariance(seed, rank):
    factor = np.random.default_rng(seed).normal(size=(4, rank))
    covariance = torch.from_numpy(factor @ factor.T)
    root = covariance_root(covariance)
    torch.testing.assert_close(root @ root.T, covariance, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(root, root.T)
