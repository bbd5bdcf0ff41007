"""Intervals hold the truth as often as they say, at the ends too."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import beta, binom

from augrad import keyed_generator
from augrad.auditing.intervals import Bootstrap, _coin_quantile, exact_share, median, net_share, share


@pytest.mark.parametrize(("truth", "n"), [(0.0, 30), (0.02, 50), (0.3, 80), (1.0, 30)])
def test_shares_hold_the_truth(truth, n):
    generator = keyed_generator("shares", str(truth))
    found = [share(torch.rand(n, generator=generator) < truth) for _ in range(300)]
    assert sum(each.low <= truth <= each.high for each in found) >= 276


def test_a_share_is_that_of_the_binomial():
    # Clopper and Pearson's own table: 3 of 20 at 95 %.
    found = exact_share(3, 20)
    assert (found.value, found.low, found.high) == pytest.approx((0.15, 0.0321, 0.3789), abs=1e-4)


@pytest.mark.parametrize("n", [1, 2, 7, 20, 333, 1000])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_the_ends_are_those_of_scipys_distributions_to_the_bit(n, confidence):
    tail = (1 - confidence) / 2
    for hits in {1, n // 3, n // 2, n - 1} - {0, n}:
        found = exact_share(hits, n, confidence)
        low, high = beta.ppf(tail, hits, n - hits + 1), beta.ppf(1 - tail, hits + 1, n - hits)
        assert (found.low, found.high) == (low, high)
    assert _coin_quantile(tail, n) == binom.ppf(tail, n, 0.5)


@pytest.mark.parametrize(("lost", "won"), [(0.0, 0.0), (0.1, 0.1), (0.3, 0.05), (1.0, 0.0)])
def test_net_shares_hold_the_truth(lost, won):
    generator = keyed_generator("net", str(lost), str(won))
    hits = 0
    for _ in range(300):
        drawn = torch.rand(120, generator=generator)
        found = net_share(drawn < lost, drawn >= 1 - won)
        hits += found.low <= lost - won <= found.high
    assert hits >= 279


def test_medians_hold_the_truth_whatever_the_tails():
    generator = keyed_generator("medians")
    hits = 0
    for _ in range(300):
        found = median(torch.randn(60, generator=generator) / torch.randn(60, generator=generator))
        hits += found.low <= 0 <= found.high
    assert hits >= 279


def test_means_hold_the_truth():
    generator = keyed_generator("means")
    hits = 0
    for number in range(200):
        (found,) = Bootstrap(80, number).means([torch.rand(80, generator=generator).square()])
        hits += found.low <= 1 / 3 <= found.high
    assert hits >= 180


def test_means_of_a_constant_are_sure_and_large_ones_exact():
    (found,) = Bootstrap(10).means([torch.full((10,), 1e6)])
    assert (found.value, found.low, found.high) == (1e6, 1e6, 1e6)
    assert Bootstrap(10).means([]) == []


def test_a_higher_confidence_is_wider():
    hits = torch.arange(50) < 10
    won = torch.arange(50) > 45
    for kind in (lambda level: share(hits, level), lambda level: net_share(hits, won, level)):
        narrow, wide = kind(0.9), kind(0.999)
        assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
