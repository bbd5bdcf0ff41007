"""Distribution: uniform between identity and magnitude, or exactly at it; and the coin of transforms without one."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tests.core.signal_transforms import Flip, Gain, Noise, RingShift, Swap, Turn

from augrad import AugmentationLayer, AugmentationModule, Range, Transform, keyed_generator
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.layers.distribution import DISTRIBUTIONS, positions, resolve_distribution

X = torch.randn(2000, 3, 15, generator=keyed_generator("x"))


class LowPass(Transform):
    """Declares a cutoff whose identity is at the top of its range; changes nothing."""

    modality = "signal"
    cutoff_hz = Range(4000.0, low=100.0, unit="Hz", identity=4000.0)

    def forward(self, x, *, cutoff_hz):
        return x


def drawn(distribution, transforms=(Turn, Noise, LowPass)):
    layer = AugmentationLayer(list(transforms), magnitude=0.5, distribution=distribution)
    return layer, layer.draw(X, keyed_generator(0))


def test_uniform_fills_the_range_on_both_sides_or_one():
    turn, noise, low_pass = drawn("uniform")[1].values
    for values, low, high in (
        (turn["angle"], -90, 90),
        (noise["std"], 0, 0.5),
        (low_pass["cutoff_hz"], 2050, 4000),
    ):
        counts = torch.histc(values, bins=4, min=low, max=high)
        assert counts.sum() == len(X), "none lies outside"
        assert 400 < counts.min() <= counts.max() < 600


def test_ends_are_exactly_at_the_magnitude_with_a_random_sign():
    turn, noise, low_pass = drawn("ends")[1].values
    torch.testing.assert_close(turn["angle"].abs(), torch.full((2000,), 90.0))
    assert 900 < (turn["angle"] > 0).sum() < 1100
    torch.testing.assert_close(noise["std"], torch.full((2000,), 0.5))
    torch.testing.assert_close(low_pass["cutoff_hz"], torch.full((2000,), 2050.0))


def test_ends_are_differentiable_in_the_magnitude():
    layer, draw = drawn("ends", [Turn])
    angle = draw.values[0]["angle"]
    (found,) = torch.autograd.grad((angle * angle.sign()).mean(), layer.strength.raw_magnitudes)
    assert found.item() == pytest.approx(180 * 0.5 * 0.5), "the range times the slope of the sigmoid"


def test_the_distribution_changes_neither_choice_nor_noise():
    one, other = (drawn(distribution, [Turn, Gain, Noise])[1] for distribution in DISTRIBUTIONS)
    assert torch.equal(one.choice, other.choice)
    assert torch.equal(one.noise[2], other.noise[2])


def test_positions_need_no_samples():
    assert positions("ends", torch.zeros(0, 2), torch.tensor([True, False])).shape == (0, 2)


def test_known_names_are_passed_through():
    assert [resolve_distribution(name) for name in DISTRIBUTIONS] == ["uniform", "ends"]


def test_an_unknown_name_is_named():
    with pytest.raises(ArgumentError, match=r"one of 'uniform', 'ends', but got 'uniforn'\. Did you mean 'uniform'"):
        AugmentationLayer([Turn], distribution="uniforn")


def test_another_type_is_named(unchecked):
    with pytest.raises(ArgumentTypeError, match=r"distribution must be one of 'uniform', 'ends', but got "):
        AugmentationLayer([Turn], distribution=1)


def moved(x, y):
    return (y - x).flatten(1).abs().sum(1) > 0


@pytest.mark.parametrize("kind", [Flip, Swap])
@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
@pytest.mark.parametrize("training", [True, False])
def test_without_parameters_half_of_the_samples_that_draw_it_get_it(kind, selection, training):
    layer = AugmentationLayer([kind], selection=selection).train(training)
    y = layer(X, generator=keyed_generator(0))
    at = moved(X, y)
    assert 900 < at.sum() < 1100
    assert torch.equal(y[at], kind()(X[at]))


@pytest.mark.parametrize("kind", [Flip, Swap])
def test_the_weight_is_the_probability_of_being_drawn(kind):
    layer = AugmentationLayer([kind, Gain], weights=[0.6, 0.4], magnitude=0.0)
    y = layer(X, generator=keyed_generator(0))
    assert moved(X, y).double().mean().item() == pytest.approx(0.3, abs=0.03)


def test_a_certain_flip_moves_the_batch_half_as_far():
    module = AugmentationModule([AugmentationLayer([Flip])])
    module(X, generator=keyed_generator(0))
    always = AugmentationModule([AugmentationLayer([Flip], distribution="ends")])
    always(X, generator=keyed_generator(0))
    assert module.state().displacement.item() == pytest.approx(always.state().displacement.item() / 2, rel=0.1)


def test_at_the_ends_it_is_always_applied():
    layer = AugmentationLayer([Flip, Swap], distribution="ends")
    assert layer.draw(X, keyed_generator(0)).applied is None
    assert moved(X, layer(X)).all()


def test_each_transform_has_a_coin_of_its_own():
    draw = AugmentationLayer([Flip, Turn, Swap]).draw(X, keyed_generator(0))
    flip, turn, swap = draw.applied
    assert turn is None
    assert (flip.dtype, flip.shape) == (torch.bool, (2000,))
    assert 900 < (flip == swap).sum() < 1100


def test_layers_with_parameters_only_draw_what_they_always_drew():
    layer = AugmentationLayer([Turn, Noise, Gain], magnitude=0.5)
    draw = layer.draw(X, keyed_generator(0))
    generator = keyed_generator(0)
    uniform = torch.rand(2000, 3, generator=generator)
    choice = torch.multinomial(layer.weights.detach(), 2000, replacement=True, generator=generator)
    noise = torch.randn((int((choice == 1).sum()), 3, 15), generator=generator)
    assert draw.applied is None
    torch.testing.assert_close(draw.values[2]["gain_db"], 3 * (2 * uniform[:, 2] - 1))
    assert torch.equal(draw.choice, choice)
    assert torch.equal(draw.noise[1], noise)


@pytest.mark.parametrize("transforms", [[Flip, RingShift], [Flip], [RingShift, Flip, Gain]])
def test_what_is_not_applied_is_not_undone(transforms):
    module = AugmentationModule([AugmentationLayer(transforms, magnitude=0.5) for _ in range(2)]).double()
    x = X[:64].double()
    y, draws = module.augment(x, generator=keyed_generator(0))
    if Gain not in transforms:
        torch.testing.assert_close(module.undo(y, draws), x)
    again, _ = module.augment(x, draws=draws)
    assert torch.equal(y, again)


@pytest.mark.parametrize("kinds", [[Flip, Turn], [Swap, Gain], [Flip, Swap, Turn]])
def test_a_draw_without_groups_is_replayed_alike(kinds):
    """Who repeats a draw for other samples leaves the groups to be found again."""
    module = AugmentationModule([AugmentationLayer(kinds, magnitude=0.0)])
    y, (draw,) = module.augment(X, generator=keyed_generator(0))
    again, _ = module.augment(X, draws=[dataclasses.replace(draw, groups=None)])
    assert torch.equal(y, again)


def test_a_flip_drawn_in_several_layers_changes_half_of_the_samples_that_draw_it_at_all():
    layers = [AugmentationLayer([Flip, Gain], weights=[weight, 1 - weight], magnitude=0.0) for weight in (0.6, 0.7)]
    y = AugmentationModule(layers)(X, generator=keyed_generator(0))
    assert moved(X, y).double().mean().item() == pytest.approx((1 - 0.4 * 0.3) / 2, abs=0.03)


def test_weights_stay_in_the_graph_when_nothing_is_applied():
    for key in range(8):
        layer = AugmentationLayer([Flip, Noise], weights=[0.999, 0.001])
        y = layer(X[:1], generator=keyed_generator(key))
        y.sum().backward()
        assert layer.raw_weights.grad is not None
    assert layer(X[:0]).shape == (0, 3, 15)
