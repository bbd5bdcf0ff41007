"""Selection: draws follow the weights, and the gradient of the weights is right where it is promised to be."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.estimators import weight_gradients
from tests.core.signal_transforms import Flip, Gain, Noise, RingShift, Shift, Stretch, Swap, Turn

from augrad import keyed_generator
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.layers.selection import Mixture, StraightThrough, categorical, grouped, resolve_selection
from augrad.testing import smooth

LAYERS = {
    "matrices": [Turn(), Stretch(), Swap()],
    "others": [Gain(), Shift(), Flip(), Noise()],
    "matrices and others": [Turn(), Gain(), Stretch(), Noise()],
}

X = torch.randn(1, 2, 15, dtype=torch.float64, generator=keyed_generator("x"))
SMOOTH = smooth((1, 2, 15), keyed_generator("smooth"))
W = torch.randn(1, 2, 15, dtype=torch.float64, generator=keyed_generator("w"))


def cosine(a, b):
    return torch.cosine_similarity(a, b, dim=0).item()


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("magnitude", [0.1, 0.9])
def test_for_a_linear_loss_the_gradient_of_the_weights_is_exact(kind, magnitude):
    estimate, exact = weight_gradients(LAYERS[kind], lambda y: (y * W).sum(), X, magnitude)
    assert exact.abs().max() > 1e-3
    torch.testing.assert_close(estimate, exact)


def test_two_actions_in_a_layer_keep_the_direction_for_a_linear_loss():
    # Coordinates enter through a curve even if the loss is linear, so this is right to first order only.
    estimate, exact = weight_gradients([Turn(), RingShift(), Gain()], lambda y: (y * W).sum(), SMOOTH, 0.1)
    assert cosine(estimate, exact) > 0.95


@pytest.mark.parametrize("kind", LAYERS)
def test_for_a_curved_loss_the_gradient_of_the_weights_is_right_for_small_moves(kind):
    """Measured: up to a tenth of the ranges curvature costs nothing; at 0.3 the others fall to a cosine of 0.3."""
    small = [transform for transform in LAYERS[kind] if transform.ranges]
    found = {
        magnitude: cosine(*weight_gradients(small, lambda y: (y - W).square().mean(), SMOOTH, magnitude))
        for magnitude in (0.01, 0.1)
    }
    assert found[0.01] > 0.999
    assert found[0.1] > 0.99


@given(raw=st.lists(st.floats(-3, 3), min_size=1, max_size=5), data=st.data())
def test_gates_are_one_hot_in_value_and_all_of_the_weights_in_gradient(raw, data):
    raw = torch.tensor(raw, dtype=torch.float64, requires_grad=True)
    weights = torch.softmax(raw, 0)
    choice = torch.tensor(data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)))
    gates = StraightThrough().gates(weights, choice)
    assert torch.equal(gates, torch.nn.functional.one_hot(choice, len(raw)).double())
    coefficients = torch.arange(1.0, len(raw) + 1, dtype=torch.float64)
    (found,) = torch.autograd.grad((gates @ coefficients).sum(), raw)
    (expected,) = torch.autograd.grad(len(choice) * (torch.softmax(raw, 0) @ coefficients), raw)
    torch.testing.assert_close(found, expected)


def test_the_gate_of_a_drawn_transform_is_1_with_the_relative_gradient():
    weights = torch.tensor([0.25, 0.75], requires_grad=True)
    gate = StraightThrough().drawn_gate(weights, torch.tensor([0, 1, 1]))
    assert gate.tolist() == [1.0, 1.0, 1.0]
    gate.sum().backward()
    torch.testing.assert_close(weights.grad, torch.tensor([4.0, 2 / 0.75]))


def test_draws_follow_the_weights():
    weights = torch.tensor([0.5, 0.3, 0.2, 0.0])
    drawn = Counter(categorical(weights, 20_000, keyed_generator(0)).tolist())
    assert [drawn[index] / 20_000 for index in range(4)] == pytest.approx([0.5, 0.3, 0.2, 0.0], abs=0.015)
    assert drawn[3] == 0


def test_draws_come_from_the_generator_alone():
    weights = torch.ones(5) / 5
    before = torch.get_rng_state()
    first, again, other = (categorical(weights, 50, keyed_generator(key)) for key in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())
    assert categorical(weights, 0, None).shape == (0,)


@given(choice=st.lists(st.integers(0, 3), max_size=12))
def test_groups_hold_each_sample_once_in_order(choice):
    groups = grouped(torch.tensor(choice, dtype=torch.long), 4)
    assert [group.tolist() for group in groups] == [[i for i, k in enumerate(choice) if k == j] for j in range(4)]


def test_mixture_draws_nothing():
    assert Mixture().draw(torch.ones(2) / 2, 3, None) is None
    assert Mixture.mixes
    assert not StraightThrough.mixes


def test_selections_are_found_by_name_or_passed_through():
    mine = Mixture()
    assert resolve_selection(mine) is mine
    assert isinstance(resolve_selection("mixture"), Mixture)
    assert type(resolve_selection("straight_through")) is StraightThrough


def test_an_unknown_selection_is_named():
    message = r"one of 'straight_through', 'mixture' .*'mixtur'\. Did you mean 'mixture'"
    with pytest.raises(ArgumentError, match=message):
        resolve_selection("mixtur")


def test_a_selection_of_another_type_is_named(unchecked):
    with pytest.raises(ArgumentTypeError, match=r"selection must be one of .* or a Selection, but got "):
        resolve_selection(3)
