"""Strength: magnitudes behind a bijection, frozen at their exact ends, set through its inverse."""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.signal_transforms import Flip, Gain, Noise, Turn
from torch import nn

from augrad import AugmentationLayer, AugmentationModule, MagnitudePenalty, Policy, keyed_generator
from augrad.errors import ArgumentError, ArgumentTypeError, LayerError, MagnitudeError
from augrad.layers.draw import MOMENTUM
from augrad.layers.strength import STRENGTHS, GlobalStrength, Strength, resolve_strength
from augrad.learning.cross_fitted.proposals import proposals

inside = st.floats(0.001, 0.999)


@given(magnitudes=st.lists(inside, min_size=1, max_size=5), raised=inside)
def test_what_is_set_is_what_is_drawn_with(magnitudes, raised):
    strength = GlobalStrength(torch.tensor(magnitudes))
    torch.testing.assert_close(strength.magnitudes, torch.tensor(magnitudes))
    assert torch.equal(strength(torch.zeros(3, 1)), strength.magnitudes.expand(3, -1))
    strength.set(torch.full((len(magnitudes),), raised))
    torch.testing.assert_close(strength.magnitudes, torch.full((len(magnitudes),), raised))


@given(raw=st.floats(-30, 30))
def test_a_magnitude_is_within_its_bounds_and_its_gradient_is_alive(raw):
    strength = GlobalStrength(torch.tensor([0.5]))
    with torch.no_grad():
        strength.raw_magnitudes.fill_(raw)
    strength.magnitudes.sum().backward()
    assert 0 <= strength.magnitudes.item() <= 1
    # In single precision the upper end rounds to 1 beyond 17: still no trap, since the optimizer moves the raw number.
    assert strength.raw_magnitudes.grad.item() > 0 or raw > 16


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_the_exact_ends_stay_where_they_are(optimizer):
    strength = GlobalStrength(torch.tensor([0.0, 1.0, 0.5]))
    steps = optimizer(strength.parameters(), lr=0.1, weight_decay=0.0)
    for _ in range(3):
        steps.zero_grad()
        (strength(torch.zeros(2, 1)) * torch.tensor([-1.0, 1.0, 1.0])).sum().backward()
        steps.step()
    assert strength.magnitudes[:2].tolist() == [0.0, 1.0]
    assert strength.magnitudes[2] < 0.5


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_magnitude_outside_its_bounds_is_refused_and_nothing_changes(bad):
    with pytest.raises(MagnitudeError, match=r"magnitude must lie in \[0, 1\] \(the fraction .*\), but got"):
        GlobalStrength(torch.tensor([0.5, bad]))
    strength = GlobalStrength(torch.tensor([0.5, 0.25]))
    with pytest.raises(MagnitudeError, match="but got"):
        strength.set(torch.tensor([0.1, bad]))
    assert strength.magnitudes.tolist() == [0.5, 0.25]


def test_it_works_without_any_parameter():
    strength = GlobalStrength(torch.zeros(0))
    assert strength(torch.zeros(3, 1)).shape == (3, 0)
    assert repr(strength) == "GlobalStrength(n_parameters=0)"


class Loud(Strength):
    """Loud samples are transformed strongly: it has neither `set` nor magnitudes for all samples."""

    def __init__(self, magnitudes, scale=1.0):
        super().__init__()
        self.scale = scale
        self.slope = nn.Parameter(torch.ones_like(magnitudes))

    def forward(self, x):
        return torch.tanh(self.scale * self.slope * x.flatten(1).abs().mean(1, keepdim=True))


QUIET_AND_LOUD = torch.cat([torch.full((8, 2, 15), 0.1), torch.full((8, 2, 15), 1.0)])


def loud_layer(**options):
    return AugmentationLayer([Turn, Noise, Flip], strength=Loud, magnitude=0.25, **options)


def test_a_strength_per_sample_decides_the_values_of_each_sample():
    layer = loud_layer(distribution="ends")
    draw = layer.draw(QUIET_AND_LOUD, keyed_generator(0))
    expected = torch.tanh(QUIET_AND_LOUD.flatten(1).mean(1))
    torch.testing.assert_close(draw.magnitudes, expected[:, None].expand(-1, 2))
    torch.testing.assert_close(draw.values[0]["angle"].abs(), 180 * expected)
    torch.testing.assert_close(draw.values[1]["std"], expected)


def test_without_magnitudes_for_all_a_running_mean_stands_in_and_starts_where_the_layer_does():
    layer = loud_layer()
    assert layer.magnitudes.tolist() == [0.25, 0.25]
    assert not layer.magnitudes.requires_grad
    layer.eval()(QUIET_AND_LOUD)
    assert layer.magnitudes.tolist() == [0.25, 0.25], "only training passes count"
    layer.train()(QUIET_AND_LOUD[:0])
    assert layer.magnitudes.tolist() == [0.25, 0.25], "an empty batch has no mean"
    layer(QUIET_AND_LOUD)
    mean = torch.tanh(QUIET_AND_LOUD.flatten(1).mean(1)).mean()
    torch.testing.assert_close(layer.magnitudes, torch.full((2,), 0.25 + MOMENTUM * (mean.item() - 0.25)))
    for _ in range(200):
        layer(QUIET_AND_LOUD)
    torch.testing.assert_close(layer.magnitudes, mean.expand(2))
    assert Policy.from_module(layer)[1].magnitude == pytest.approx(mean.item(), abs=1e-5)
    again = loud_layer()
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.magnitudes, layer.magnitudes)


def test_a_penalty_reads_the_mean_over_the_last_pass_with_its_gradient():
    module = AugmentationModule([loud_layer()])
    assert module.state().layers[0].magnitudes.tolist() == [0.25, 0.25]
    module(QUIET_AND_LOUD)
    mean = torch.tanh(QUIET_AND_LOUD.flatten(1).mean(1)).mean()
    torch.testing.assert_close(module.state().layers[0].magnitudes, mean.expand(2))
    penalty = MagnitudePenalty()(module.state())
    module(QUIET_AND_LOUD)  # writes the running mean; the penalty's graph must not mind
    penalty.backward()
    assert (module.layers[0].strength.slope.grad < 0).all()


def test_a_layer_learns_to_be_strong_for_loud_samples_only():
    """Noise harms quiet samples and is asked for in loud ones."""
    layer = AugmentationLayer([Noise], strength=functools.partial(Loud, scale=0.5))
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for step in range(60):
        optimizer.zero_grad()
        moved = (layer(QUIET_AND_LOUD, generator=keyed_generator(step)) - QUIET_AND_LOUD).square().mean((1, 2))
        (moved[:8].mean() - moved[8:].mean()).backward()
        optimizer.step()
    found = layer.strength(QUIET_AND_LOUD)[:, 0]
    assert found[8:].min() > 2 * found[:8].max()


def test_a_strength_that_cannot_be_set_says_so_and_no_search_brings_it_to_rest():
    layer = loud_layer()
    with pytest.raises(
        LayerError, match=r"Loud cannot be set .* no set\(magnitudes\)\. Pass .*or use strength='global'"
    ):
        layer.set_value("signal.turn", "angle", 45.0)
    assert not layer.can_rest
    assert AugmentationLayer([Turn]).can_rest
    assert not AugmentationLayer([Flip]).can_rest
    assert () not in proposals(AugmentationModule([layer]))
    assert () in proposals(AugmentationModule([AugmentationLayer([Turn])]))


def test_a_strength_of_another_shape_is_named(unchecked):
    class Flat(Loud):
        def forward(self, x):
            return super().forward(x)[:, :1]

    with pytest.raises(
        LayerError, match=r"Flat must return one magnitude per .*\(16, 2\), but returned shape \(16, 1\)"
    ):
        AugmentationLayer([Turn, Noise], strength=Flat)(QUIET_AND_LOUD)


def test_strengths_are_found_by_name_or_built_by_a_factory(monkeypatch):
    start = torch.tensor([0.5])
    assert type(resolve_strength("global", start)) is GlobalStrength
    assert resolve_strength(functools.partial(Loud, scale=2.0), start).scale == 2.0
    monkeypatch.setitem(STRENGTHS, "loud", Loud)
    assert type(AugmentationLayer([Gain], strength="loud").strength) is Loud
    with pytest.raises(ArgumentError, match=r"one of 'global', 'loud' or a factory.*'luod'\. Did you mean 'loud'"):
        AugmentationLayer([Gain], strength="luod")


def test_what_builds_no_strength_is_named(unchecked):
    for bad, message in (
        (3, "strength must be a name or a factory .* but got int"),
        (GlobalStrength(torch.tensor([0.5])), r"but got GlobalStrength\. Pass the class or functools\.partial of it"),
        (lambda start: nn.Identity(), "strength must build a Strength, but <lambda> returned Identity"),
    ):
        with pytest.raises(ArgumentTypeError, match=message):
            AugmentationLayer([Gain], strength=bad)
