"""The bijections: there and back, exact at the ends, alive everywhere between."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError, MagnitudeError
from augrad.layers.constraints import from_unit, from_weights, to_unit, to_weights

units = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6)
positive = st.lists(st.floats(0, 100, width=32), min_size=1, max_size=6).filter(lambda w: sum(w) > 1e-3)
temperatures = st.floats(0.05, 20)


@given(units)
def test_magnitudes_there_and_back(values):
    value = torch.tensor(values)
    assert torch.allclose(to_unit(from_unit(value)), value, atol=1e-6)


def test_the_ends_are_exact():
    ends = torch.tensor([0.0, 1.0])
    assert from_unit(ends).tolist() == [float("-inf"), float("inf")]
    assert torch.equal(to_unit(from_unit(ends)), ends)


@given(st.floats(-80, 80, width=32))
def test_the_gradient_is_never_nan_and_alive_where_it_matters(value):
    raw = torch.tensor(value, requires_grad=True)
    to_unit(raw).backward()
    assert torch.isfinite(raw.grad)
    assert raw.grad > 0 or abs(value) > 15  # there the sigmoid has saturated to the last bit


def test_the_gradient_at_an_end_is_zero_not_nan():
    raw = torch.tensor([float("-inf"), float("inf")], requires_grad=True)
    to_unit(raw).sum().backward()
    assert raw.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_magnitudes_outside_are_refused(value):
    with pytest.raises(
        MagnitudeError, match=r"strength must lie in \[0, 1\] \(the fraction of its range .* but got "
    ) as caught:
        from_unit(torch.tensor([0.5, value]), "strength")
    assert caught.value.argument == "strength"
    assert caught.value.value == pytest.approx(value, nan_ok=True)


@given(positive, temperatures)
def test_weights_there_and_back(values, temperature):
    weights = torch.tensor(values, dtype=torch.float64)
    again = to_weights(from_weights(weights, temperature), temperature)
    assert torch.allclose(again, weights / weights.sum(), atol=1e-9)
    assert again.sum().item() == pytest.approx(1)
    assert torch.equal(again == 0, weights == 0)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), temperatures)
def test_weights_are_a_softmax_and_cooler_is_more_decided(raw, temperature):
    raw = torch.tensor(raw, dtype=torch.float64)
    weights = to_weights(raw, temperature)
    assert torch.allclose(weights, torch.softmax(raw / temperature, 0))
    assert to_weights(raw, temperature / 2).max() >= weights.max() - 1e-12


@pytest.mark.parametrize("weights", [[-1.0, 2.0], [float("nan"), 1.0], [float("inf"), 1.0], [0.0, 0.0], []])
def test_weights_that_make_no_distribution_are_refused(weights):
    with pytest.raises(
        ArgumentError, match="starting weights must be finite, at least 0 and not all 0, but got"
    ) as caught:
        from_weights(torch.tensor(weights), 1.0, "starting weights")
    assert caught.value.argument == "starting weights"
