"""Aggregation: one convention for one copy as for many, copies commute, and outputs that do not fit are named."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.aggregation import AGGREGATIONS, log_prob, mean, prob, resolve_aggregation, split_copies
from augrad.errors import AggregationError, ArgumentTypeError

names = st.sampled_from(sorted(AGGREGATIONS))
seeds = st.integers(0, 1000)


def outputs(seed, n_copies=4, rest=()):
    return torch.randn(n_copies, 3, 5, *rest, generator=torch.Generator().manual_seed(seed))


@given(name=names, seed=seeds)
def test_copies_commute(name, seed):
    aggregate, given = AGGREGATIONS[name], outputs(seed)
    torch.testing.assert_close(aggregate(given), aggregate(given.flip(0)))


@given(name=names, seed=seeds)
def test_equal_copies_count_as_one(name, seed):
    aggregate, one = AGGREGATIONS[name], outputs(seed, 1)
    torch.testing.assert_close(aggregate(one.repeat(3, 1, 1)), aggregate(one))


@given(seed=seeds, rest=st.sampled_from([(), (2,), (2, 3)]))
def test_one_copy_gives_log_probabilities_of_it(seed, rest):
    one = outputs(seed, 1, rest)
    for aggregate in (log_prob, prob):
        torch.testing.assert_close(aggregate(one), torch.log_softmax(one[0], dim=1))
    assert torch.equal(mean(one), one[0])


@given(seed=seeds)
def test_prob_is_the_logarithm_of_the_mean_probability(seed):
    given = outputs(seed)
    torch.testing.assert_close(prob(given).exp(), given.softmax(2).mean(0))
    torch.testing.assert_close(prob(given).exp().sum(1), torch.ones(3))


@given(seed=seeds)
def test_log_prob_ranks_as_the_geometric_mean(seed):
    given = outputs(seed)
    expected = given.softmax(2).prod(0)
    assert torch.equal(log_prob(given).argmax(1), expected.argmax(1))


def test_prob_is_exact_for_extreme_outputs():
    given = torch.tensor([[[1000.0, 0.0]], [[0.0, 1000.0]]])
    torch.testing.assert_close(prob(given).exp(), torch.tensor([[0.5, 0.5]]))
    assert prob(given).isfinite().all()


def test_aggregations_are_found_by_name_or_passed_through():
    assert resolve_aggregation("log_prob") is log_prob
    assert resolve_aggregation(torch.amax) is torch.amax


def test_an_unknown_aggregation_is_named():
    with pytest.raises(AggregationError, match=r"aggregation must be one of 'log_prob'.*Did you mean 'log_prob'\?"):
        resolve_aggregation("logprob")


def test_an_aggregation_of_another_type_is_named(unchecked):
    with pytest.raises(ArgumentTypeError, match=r"aggregation must be one of .* or a callable, but got 3"):
        resolve_aggregation(3)


def test_outputs_are_split_copy_major():
    given = torch.arange(12.0).reshape(6, 2)
    split = split_copies(given, 2, 3, "mean")
    assert split.shape == (2, 3, 2)
    assert split[1, 0].tolist() == [6.0, 7.0]


@pytest.mark.parametrize("n_rows", [3, 7])
def test_a_batch_may_have_outputs_of_several_kinds(n_rows):
    given = torch.arange(4.0 * n_rows).reshape(2 * n_rows, 2)
    split = split_copies(given, 2, (3, 7), "mean")
    assert split.shape == (2, n_rows, 2)
    assert split[1, 0].tolist() == [2.0 * n_rows, 2.0 * n_rows + 1]


def test_an_output_of_none_of_the_kinds_is_named():
    message = r"6 \(2 copies x 3 samples\), or 14 \(2 copies x 7 rows\) along the first axis.*shape \(8, 2\)"
    with pytest.raises(AggregationError, match=message):
        split_copies(torch.zeros(8, 2), 2, (3, 7), "mean")


@pytest.mark.parametrize(
    ("output", "aggregation", "message"),
    [
        (torch.zeros(5, 2), "mean", r"one output per augmented sample: 6 \(2 copies x 3 samples\).*has shape \(5, 2\)"),
        (torch.zeros(()), "mean", r"has shape \(\)"),
        (torch.zeros(6), "log_prob", r"needs an output \(batch, classes, \.\.\.\).*shape \(6,\)\. For regression use"),
        (torch.zeros(6, 1), "prob", r"at least 2 classes, but the trunk returned shape \(6, 1\)"),
        (torch.zeros(6, 4), "equivariant", r"dense output such as .*shape \(6, 4\)\. For one label per sample"),
    ],
)
def test_an_output_that_does_not_fit_is_named(output, aggregation, message):
    with pytest.raises(AggregationError, match=message):
        split_copies(output, 2, 3, aggregation)


def test_an_output_that_is_no_tensor_is_named(unchecked):
    with pytest.raises(AggregationError, match="the trunk must return a tensor, but returned tuple; wrap it"):
        split_copies((torch.zeros(6, 2),), 2, 3, "mean")
