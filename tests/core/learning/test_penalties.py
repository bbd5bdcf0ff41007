"""Penalties: their values, their sign, and that more augmentation never costs more."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.signal_transforms import Flip, Gain, Noise, Stretch, Turn

from augrad import (
    AugerinoPenalty,
    AugmentationLayer,
    AugmentationModule,
    DisplacementPenalty,
    MagnitudePenalty,
    keyed_generator,
)
from augrad.errors import ArgumentError, PenaltyError
from augrad.learning.penalties import Penalty, entropy, expectation

X = torch.randn(8, 3, 15, generator=keyed_generator("x"))
inside = st.floats(0.01, 0.99)


def module(magnitude=0.5, kinds=((Turn, Gain), (Stretch, Flip))):
    return AugmentationModule([AugmentationLayer(list(layer), magnitude=magnitude) for layer in kinds])


def after_a_pass(augmentation, key=0):
    augmentation(X, generator=keyed_generator(key))
    return augmentation.state()


@given(low=inside, high=inside, strength=st.floats(0, 5))
def test_a_larger_magnitude_never_costs_more(low, high, strength):
    low, high = sorted((low, high))
    assert MagnitudePenalty(strength)(module(high).state()) <= MagnitudePenalty(strength)(module(low).state()) + 1e-6


@given(strength=st.floats(0, 5))
def test_the_magnitude_penalty_is_minus_the_norm_per_layer(strength):
    augmentation = AugmentationModule(
        [AugmentationLayer([Turn, Flip], magnitude=0.8), AugmentationLayer([Stretch], magnitude=0.1)]
    )
    augmentation.layers[0].set_weights({"signal.turn": 1.0, "signal.flip": 3.0})
    expected = -strength * (0.25 * 0.8 + (2 * 0.1**2) ** 0.5)
    assert MagnitudePenalty(strength)(augmentation.state()).item() == pytest.approx(expected, abs=1e-5)


@given(first=inside, second=inside, strength=st.floats(0, 5))
def test_augerinos_penalty_is_minus_the_norm_of_all_magnitudes(first, second, strength):
    augmentation = AugmentationModule(
        [AugmentationLayer([Turn, Flip], magnitude=first), AugmentationLayer([Stretch], magnitude=second)]
    )
    expected = -strength * (first**2 + 2 * second**2) ** 0.5
    assert AugerinoPenalty(strength)(augmentation.state()).item() == pytest.approx(expected, abs=1e-4)


def test_augerinos_penalty_widens_every_range_and_does_not_see_weights():
    augmentation = module(0.2)
    AugerinoPenalty()(augmentation.state()).backward()
    for layer in augmentation:
        assert (layer.strength.raw_magnitudes.grad < 0).all()
        assert layer.raw_weights.grad is None


def test_augerinos_penalty_of_nothing_is_nothing():
    assert AugerinoPenalty()(module(kinds=((Flip,),)).state()) == 0


def test_the_magnitude_penalty_pulls_weights_and_magnitudes_up():
    augmentation = module(0.2)
    MagnitudePenalty()(augmentation.state()).backward()
    for layer in augmentation:
        assert (layer.strength.raw_magnitudes.grad < 0).all()
    assert augmentation.layers[1].raw_weights.grad[1] > 0, "a flip has no magnitude, so its weight earns nothing"


@pytest.mark.parametrize("low", [0.01, 0.2])
def test_a_larger_displacement_costs_less(low):
    weak, strong = (DisplacementPenalty()(after_a_pass(module(magnitude))) for magnitude in (low, 0.9))
    assert strong < weak <= 0


def test_the_displacement_penalty_saturates():
    kinds = ((Noise,),)
    values = [DisplacementPenalty()(after_a_pass(module(m, kinds))).item() for m in (0.0, 1.0)]
    assert values[0] == 0
    assert -1 <= values[1] < 0


def test_the_displacement_penalty_reaches_weights_and_magnitudes():
    augmentation = module(0.5, ((Turn, Gain, Noise),))
    augmentation(X.repeat(8, 1, 1), generator=keyed_generator(0))
    DisplacementPenalty()(augmentation.state()).backward()
    (layer,) = augmentation
    assert (layer.strength.raw_magnitudes.grad < 0).all()
    assert layer.raw_weights.grad.abs().sum() > 0


def test_displacement_is_needed_before_it_is_penalised():
    with pytest.raises(PenaltyError, match=r"call model\.train\(\) and model\(x\) before the penalty"):
        DisplacementPenalty()(module().state())


def test_strength_zero_switches_off():
    state = after_a_pass(module())
    assert MagnitudePenalty(0.0)(state) == 0
    assert AugerinoPenalty(0.0)(state) == 0
    assert DisplacementPenalty(0.0)(state) == 0


@pytest.mark.parametrize("bad", [-0.5, float("nan"), float("inf")])
@pytest.mark.parametrize("penalty", [MagnitudePenalty, AugerinoPenalty, DisplacementPenalty])
def test_a_strength_that_makes_no_sense_is_refused(penalty, bad):
    with pytest.raises(ArgumentError, match=r"strength must be a finite number of at least 0, but got .* favours more"):
        penalty(bad)


@pytest.mark.parametrize("bad", [True, "strong", None])
def test_a_strength_of_another_type_is_refused(bad, unchecked):
    with pytest.raises(ArgumentError, match="strength must be a finite number"):
        MagnitudePenalty(bad)


def test_a_penalty_of_ones_own_needs_only_a_reward():
    class Entropy(Penalty):
        """Rewards undecided weights."""

        def reward(self, state):
            return sum(-(layer.weights * layer.weights.log()).sum() for layer in state.layers)

    assert Entropy(2.0)(module().state()).item() == pytest.approx(-4 * torch.tensor(2.0).log().item())
    assert repr(Entropy(2.0)) == "Entropy(strength=2)"


@given(values=st.lists(st.floats(-3, 3), min_size=2, max_size=2), raw=st.floats(-2, 2))
def test_the_score_function_is_unbiased(values, raw):
    """Over all draws of two samples from two choices, its mean is the exact gradient of the expected value."""
    logits = torch.tensor([raw, 0.0], dtype=torch.float64, requires_grad=True)
    values = torch.tensor(values, dtype=torch.float64)
    estimate = torch.zeros(2, dtype=torch.float64)
    for first in range(2):
        for second in range(2):
            draws = torch.tensor([first, second])
            logs = torch.log_softmax(logits, 0)[draws]
            (gradient,) = torch.autograd.grad(expectation(values[draws], logs), logits)
            estimate += logs.detach().sum().exp() * gradient
    (exact,) = torch.autograd.grad((torch.softmax(logits, 0) * values).sum(), logits)
    torch.testing.assert_close(estimate, exact)


def test_without_draws_the_expectation_is_the_mean():
    assert expectation(torch.tensor([1.0, 3.0]), None).item() == 2
    assert expectation(torch.tensor([3.0]), torch.tensor([0.0], requires_grad=True)).grad_fn is None


def test_variety_rewards_draws_that_vary_and_counts_each_layer():
    uneven = module()
    uneven.layers[0].set_weights({"signal.turn": 0.9, "signal.gain": 0.1})
    even = after_a_pass(module())
    plain, varied = (DisplacementPenalty(2.0, variety=variety) for variety in (0.0, 0.1))
    entropies = 2 * math.log(2)
    assert (varied(even) - plain(even)).item() == pytest.approx(-2.0 * 0.1 * entropies)
    state = after_a_pass(uneven)
    entropies = math.log(2) - 0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    difference = varied(state) - plain(state)
    assert difference.item() == pytest.approx(-2.0 * 0.1 * entropies)
    difference.backward()
    assert uneven.layers[0].raw_weights.grad[0] > 0 > uneven.layers[0].raw_weights.grad[1]


def test_a_certain_draw_has_no_entropy():
    weights = torch.tensor([1.0, 0.0], requires_grad=True)
    assert entropy(weights).item() == 0
    entropy(weights).backward()
    assert torch.isfinite(weights.grad).all()


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf"), True, "much", None])
def test_a_variety_that_makes_no_sense_is_refused(bad, unchecked):
    with pytest.raises(ArgumentError, match="variety must be a finite number of at least 0, but got"):
        DisplacementPenalty(variety=bad)


def test_a_penalty_says_what_objective_it_is_made_for_and_what_it_is():
    assert DisplacementPenalty.objective == "cross_fitted"
    assert MagnitudePenalty.objective == AugerinoPenalty.objective == Penalty.objective == "joint"
    assert repr(DisplacementPenalty(2.0, variety=0.1)) == "DisplacementPenalty(strength=2, variety=0.1)"
