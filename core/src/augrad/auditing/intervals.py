"""Estimates with 95 % intervals: exact for shares, by the bootstrap for means and medians. Used by estimating.py."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augrad.randomness import keyed_generator
from augrad.report.estimate import Estimate

CONFIDENCE = 0.95
N_RESAMPLES = 1000


def share(hits: Bool[Tensor, " samples"], confidence: float = CONFIDENCE) -> Estimate:
    """Returns a share of samples, with the exact interval of Clopper and Pearson.

    Args:
        hits: for each sample, whether it counts.
        confidence: confidence of the interval.

    References:
        Clopper, Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial,
        Biometrika 1934.

    Example:
        >>> str(share(torch.zeros(100, dtype=torch.bool)))
        '0 [0, 0.0362]'
    """
    return exact_share(int(hits.sum()), len(hits), confidence)


def exact_share(n_hits: int, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """Returns the same as `share`, computed from counts."""
    from scipy.special import betaincinv  # 0.2 s: not before it is needed; scipy.stats would take a second

    tail = (1 - confidence) / 2
    low = float(betaincinv(n_hits, n - n_hits + 1, tail)) if n_hits else 0.0
    high = float(betaincinv(n_hits + 1, n - n_hits, 1 - tail)) if n_hits < n else 1.0
    return Estimate(n_hits / n, low, high)


def net_share(
    lost: Bool[Tensor, " samples"], won: Bool[Tensor, " samples"], confidence: float = CONFIDENCE
) -> Estimate:
    """Returns the share of samples with a loss minus the share of samples with a gain (a difference of paired shares).

    The interval is Wald's interval for matched pairs, with half a sample added to each of the four cells. It keeps its
    level even if few or no samples differ.

    References:
        Agresti, Min: Simple improved confidence intervals for comparing matched proportions, Statistics in Medicine
        2005.

    Example:
        >>> none = torch.zeros(100, dtype=torch.bool)
        >>> str(net_share(none, none))
        '0 [-0.0192, 0.0192]'
    """
    n, n_lost, n_won = len(lost), int(lost.sum()), int(won.sum())
    total = n + 2
    up, down = (n_lost + 0.5) / total, (n_won + 0.5) / total
    reach = _quantile(0.5 + confidence / 2) * math.sqrt(max(0.0, up + down - (up - down) ** 2) / total)
    return Estimate((n_lost - n_won) / n, up - down - reach, up - down + reach)


def median(values: Float[Tensor, " samples"], confidence: float = CONFIDENCE) -> Estimate:
    """Returns the median with its bootstrap interval, computed without resampling.

    The bootstrap's median is always one of the values. The binomial distribution says how often each value is the
    median, so the ends of the interval are order statistics.

    References:
        Efron: Bootstrap methods: another look at the jackknife, Annals of Statistics 1979, section 3.

    Example:
        >>> str(median(torch.arange(101.0)))
        '50 [40, 60]'
    """
    ordered, n = values.sort().values, len(values)
    last = _coin_quantile((1 - confidence) / 2, n)  # P(median below the value at `last - 1`) <= tail
    low, high = max(0, last - 1), min(n - 1, n - last)
    return Estimate(float(values.quantile(0.5)), float(ordered[low]), float(ordered[high]))


class Bootstrap:
    """Means of several measures over the same samples, with percentile intervals from the same resamples.

    Args:
        n_samples: number of samples.
        seed: seed of the resampling.
        n_resamples: number of resamples.

    References:
        Efron, Tibshirani: An introduction to the bootstrap, 1993, chapter 13.
    """

    def __init__(self, n_samples: int, seed: int = 0, n_resamples: int = N_RESAMPLES) -> None:
        generator = keyed_generator("bootstrap", seed, n_samples)
        drawn = torch.randint(n_samples, (n_resamples, n_samples), generator=generator)
        counts = torch.zeros(n_resamples, n_samples)
        self._shares = counts.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float32)) / n_samples

    def means(self, columns: Sequence[Float[Tensor, " samples"]], confidence: float = CONFIDENCE) -> list[Estimate]:
        """Returns the mean of each column. A column has a number for each sample."""
        if not columns:
            return []
        values = torch.stack([column.detach().cpu().float() for column in columns], dim=1)
        tail = (1 - confidence) / 2
        # The mean is subtracted first, because a large mean would cost digits.
        centre = values.mean(dim=0)
        ends = torch.quantile(self._shares @ (values - centre), torch.tensor([tail, 1 - tail]), dim=0) + centre
        return [Estimate(*numbers) for numbers in zip(centre.tolist(), *(end.tolist() for end in ends), strict=True)]


def _quantile(probability: float) -> float:
    return float(torch.special.ndtri(torch.tensor(probability, dtype=torch.float64)))


def _coin_quantile(probability: float, n: int) -> int:
    """The least number of heads that `n` coins show with at least a probability, or fewer of them."""
    from scipy.special import bdtr, bdtrik

    near: int = math.ceil(bdtrik(probability, n, 0.5))
    # The inverse is rounded: where it lies just above a whole number, that number is the answer.
    return near - 1 if near and bdtr(near - 1, n, 0.5) >= probability else near
