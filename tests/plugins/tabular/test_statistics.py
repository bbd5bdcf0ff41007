"""Statistics of columns against numpy; constant, missing and single values."""

from __future__ import annotations

import numpy as np
import pytest

from augrad_tabular.statistics import N_QUANTILES, fit_statistics

VALUES = np.random.default_rng(0).normal(size=(50, 3)) * [1, 10, 0.1] + [0, 5, -3]


def test_they_are_those_of_numpy():
    found = fit_statistics(VALUES)
    levels = np.linspace(0, 1, N_QUANTILES)
    np.testing.assert_allclose(found["mean"], VALUES.mean(0))
    np.testing.assert_allclose(found["spread"], VALUES.std(0))
    np.testing.assert_allclose(found["median"], np.median(VALUES, 0))
    np.testing.assert_allclose(found["covariance"], np.cov(VALUES.T, ddof=0), atol=1e-12)
    np.testing.assert_allclose(found["quantiles"], np.quantile(VALUES, levels, axis=0).T)


def test_missing_values_do_not_count():
    values = VALUES.copy()
    values[::3, 1] = np.nan
    found, rest = fit_statistics(values), VALUES[[i for i in range(50) if i % 3], 1]
    assert found["mean"][1] == pytest.approx(rest.mean())
    assert found["spread"][1] == pytest.approx(rest.std())
    assert found["median"][1] == pytest.approx(np.median(rest))
    assert np.isfinite(found["covariance"]).all()
    assert np.linalg.eigvalsh(found["covariance"]).min() > 0


@pytest.mark.parametrize("value", [0.1, 1e9 + 0.1, -7.0])
def test_the_spread_of_a_constant_column_is_exactly_0(value):
    found = fit_statistics(np.full((7, 1), value))
    assert (found["spread"], found["covariance"], found["mean"]) == ((0.0,), ((0.0,),), (value,))


def test_one_row_and_an_empty_column_have_statistics():
    assert fit_statistics(np.array([[2.0]]))["spread"] == (0.0,)
    found = fit_statistics(np.array([[np.nan, 1.0], [np.nan, 3.0]]))
    assert (found["mean"], found["spread"], found["quantiles"][0]) == ((0.0, 2.0), (0.0, 1.0), (0.0,) * N_QUANTILES)
