"""Statistics of the columns of a table, fitted once. Used by schema.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

N_QUANTILES = 65
"""Number of quantiles per column, from the smallest to the largest value in 64 steps of equal probability."""

STATISTICS = ("mean", "spread", "median", "quantiles", "covariance")
"""Names of the fitted statistics."""

Row = tuple[float, ...]


def fit_statistics(values: npt.NDArray[np.float64]) -> dict[str, Row | tuple[Row, ...]]:
    """Computes statistics per column over the values that are not missing; 0 for a column without values.

    Args:
        values: `(samples, features)`, NaN where missing.

    Returns:
        `mean`, `spread` (standard deviation, the sum divided by n) and `median`: a number per column. `quantiles`:
        `N_QUANTILES` numbers per column. `covariance`: a matrix in which a missing value counts as the column's mean.
        The spread of a constant column is exactly 0.

    Example:
        >>> found = fit_statistics(np.array([[0.0, 1.0], [2.0, 1.0]]))
        >>> found["mean"], found["spread"], found["covariance"]
        ((1.0, 1.0), (1.0, 0.0), ((1.0, 0.0), (0.0, 0.0)))
    """
    missing = np.isnan(values)
    empty = missing.all(axis=0)
    values = np.where(empty, 0.0, values)
    constant = np.nanmax(values, axis=0) == np.nanmin(values, axis=0)
    mean = np.where(constant, np.nanmax(values, axis=0), np.nanmean(values, axis=0))
    centred = np.where(np.isnan(values) | constant, 0.0, values - mean)
    n_present = np.where(empty, len(values), len(values) - missing.sum(axis=0))
    quantiles = np.nanquantile(values, np.linspace(0, 1, N_QUANTILES), axis=0).T
    return {
        "mean": _row(mean),
        "spread": _row(np.sqrt((centred**2).sum(axis=0) / n_present)),
        "median": _row(np.nanmedian(values, axis=0)),
        "quantiles": tuple(_row(row) for row in quantiles),
        "covariance": tuple(_row(row) for row in centred.T @ centred / len(values)),
    }


def _row(values: npt.NDArray[np.float64]) -> Row:
    return tuple(values.tolist())
