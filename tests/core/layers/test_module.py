"""Stacked layers as one module: its state for penalties, what it keeps of a pass, and what makes no module."""

from __future__ import annotations

import copy
import dataclasses
import io
import pickle

import pytest
import torch
from tests.core.signal_transforms import ColumnNoise, Flip, Gain, Noise, Shift, Stretch, Swap, Turn

from augrad import AugmentationLayer, AugmentationModule, keyed_generator
from augrad.errors import ArgumentTypeError, InputError, InputTypeError, LayerError, PenaltyError

X = torch.randn(6, 3, 15, generator=keyed_generator("x"))


def module(magnitude=0.5, **options):
    return AugmentationModule(
        [AugmentationLayer(kinds, magnitude=magnitude, **options) for kinds in ([Turn, Gain, Flip], [Stretch, Noise])]
    )


def test_state_tells_weights_magnitudes_and_whose_they_are():
    first, second = module().state().layers
    assert first.names == ("signal.turn", "signal.gain", "signal.flip")
    torch.testing.assert_close(first.weights, torch.ones(3) / 3)
    torch.testing.assert_close(second.magnitudes, torch.full((3,), 0.5))
    assert first.owners.tolist() == [0, 1]
    assert second.owners.tolist() == [0, 0, 1]
    columns = AugmentationModule([AugmentationLayer([Flip, ColumnNoise(3)])]).state().layers[0]
    assert columns.owners.tolist() == [1, 1, 1]


def test_state_is_frozen_and_differentiable():
    augmentation = module()
    state = augmentation.state()
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.before = X
    sum(layer.weights[0] + layer.magnitudes.sum() for layer in state.layers).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in augmentation.parameters())


def test_displacement_needs_a_training_pass():
    augmentation = module()
    with pytest.raises(PenaltyError, match="measured on a training pass, and there was none"):
        _ = augmentation.state().displacement
    augmentation.eval()(X)
    with pytest.raises(PenaltyError, match="there was none"):
        _ = augmentation.state().displacement
    augmentation.train()(X)
    assert augmentation.state().displacement > 0
    augmentation.forget()
    with pytest.raises(PenaltyError, match="there was none"):
        _ = augmentation.state().displacement


def test_a_pass_without_gradients_keeps_nothing():
    augmentation = module()
    with torch.no_grad():
        augmentation(X)
    assert augmentation.state().before is None


def test_displacement_is_zero_at_strength_zero_and_differentiable_elsewhere():
    still = AugmentationModule([AugmentationLayer([Gain, Noise], magnitude=0.0)])
    still(X)
    assert still.state().displacement.item() == 0
    augmentation = module()
    augmentation(X, generator=keyed_generator(0))
    state = augmentation.state()
    assert state.displacements.shape == (6,)
    torch.testing.assert_close(state.displacement, state.displacements.mean())
    state.displacement.backward()
    assert all(parameter.grad.isfinite().all() for parameter in augmentation.parameters())
    assert all(layer.strength.raw_magnitudes.grad.abs().sum() > 0 for layer in augmentation)


def test_state_knows_how_likely_the_draws_were():
    augmentation = module()
    augmentation.layers[0].set_weights({"signal.turn": 1.0})
    augmentation.layers[1].set_weights({"signal.stretch": 3.0, "signal.noise": 1.0})
    draws = augmentation.augment(X, generator=keyed_generator(0))[1]
    expected = torch.tensor([0.75, 0.25])[draws[1].choice].log()
    torch.testing.assert_close(augmentation.state().log_probs, expected)


def test_a_mixture_has_no_draw_to_be_likely():
    augmentation = module(selection="mixture")
    augmentation(X)
    assert augmentation.state().log_probs is None


def test_state_tells_the_draws_of_the_last_training_pass():
    augmentation = module()
    assert augmentation.state().draws == ()
    _, draws = augmentation.augment(X, generator=keyed_generator(0))
    state = augmentation.state()
    assert all(found is drawn for found, drawn in zip(state.draws, draws, strict=True))
    for draw, layer in zip(state.draws, augmentation, strict=True):
        assert torch.equal(draw.magnitudes, layer.magnitudes.expand(6, -1))
    augmentation.forget()
    assert augmentation.state().draws == ()


def test_a_penalty_on_values_drawn_per_sample_reaches_the_magnitudes():
    """Both ways of writing it, values and magnitudes, say the same of a uniform draw in the mean."""
    augmentation = AugmentationModule([AugmentationLayer([Gain], magnitude=0.5)])
    augmentation(X[:1].expand(20_000, -1, -1)[..., :1], generator=keyed_generator(0))
    (draw,) = augmentation.state().draws
    raw = augmentation.layers[0].strength.raw_magnitudes
    (by_value,) = torch.autograd.grad(draw.values[0]["gain_db"].abs().mean(), raw, retain_graph=True)
    (by_magnitude,) = torch.autograd.grad(draw.magnitudes.mean(), raw)
    torch.testing.assert_close(by_value, by_magnitude * 6.0 / 2, rtol=0.02, atol=0)


def test_displacement_grows_with_the_magnitude():
    found = []
    for magnitude in (0.1, 0.3, 0.9):
        augmentation = module(magnitude)
        augmentation(X, generator=keyed_generator(0))
        found.append(augmentation.state().displacement.item())
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_a_batch_of_one_has_a_finite_displacement():
    augmentation = module()
    for x in (X[:1], X[:1].repeat(2, 1, 1), torch.zeros(3, 3, 15)):
        augmentation(x, generator=keyed_generator(0))
        displacement = augmentation.state().displacement
        displacement.backward()
        assert displacement.isfinite()
        assert all(parameter.grad.isfinite().all() for parameter in augmentation.parameters())


@pytest.mark.parametrize("way", [copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))])
def test_copies_after_a_training_pass_draw_the_same_and_keep_no_pass(way):
    augmentation = module()
    augmentation(X).sum().backward()
    twin = way(augmentation)
    assert twin.state().before is None
    assert augmentation.state().before is X
    assert torch.equal(twin(X, generator=keyed_generator(0)), augmentation(X, generator=keyed_generator(0)))


def test_state_dict_travels_through_a_file():
    augmentation = module(0.3)
    augmentation(X).sum().backward()
    file = io.BytesIO()
    torch.save(augmentation.state_dict(), file)
    file.seek(0)
    other = module(0.9)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(X, generator=keyed_generator(0)), augmentation(X, generator=keyed_generator(0)))


def test_a_list_of_transforms_is_short_for_a_layer():
    augmentation = AugmentationModule([[Turn, Gain], AugmentationLayer([Swap])])
    assert len(augmentation) == 2
    assert [layer.names for layer in augmentation] == [("signal.turn", "signal.gain"), ("signal.swap",)]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "layers must hold at least one AugmentationLayer, but got an empty list"),
        ([AugmentationLayer([Turn])] * 2, "the same AugmentationLayer twice; build one for each"),
        ([[]], "at least one transform"),
    ],
)
def test_what_makes_no_module_is_refused(layers, message):
    with pytest.raises(LayerError, match=message):
        AugmentationModule(layers)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (AugmentationLayer([Turn]), r"a list of AugmentationLayer, but got AugmentationLayer\. Write \[layer\]"),
        ("signal.turn", "layers must be a list of AugmentationLayer, but got str"),
        (3, "but got int"),
        ([Turn()], "layers must hold AugmentationLayer, but got Turn"),
    ],
)
def test_layers_of_another_type_are_named(layers, message, unchecked):
    with pytest.raises(ArgumentTypeError, match=message):
        AugmentationModule(layers)


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        ({"image": 1}, InputTypeError, "type dict cannot be counted"),
        (torch.zeros(3), InputError, r"signal\.turn expects a batch"),
        (torch.zeros(2, 3, 4, dtype=torch.long), InputTypeError, r"floating-point values, but got torch\.int64"),
    ],
)
def test_a_batch_that_does_not_fit_draws_nothing_and_keeps_the_last_pass(x, kind, message):
    augmentation, generator = module(), keyed_generator(0)
    augmentation(X)
    before = generator.get_state()
    with pytest.raises(kind, match=message):
        augmentation(x, generator=generator)
    assert torch.equal(before, generator.get_state())
    assert augmentation.state().before is X


def test_layers_are_applied_in_order():
    augmentation = AugmentationModule([[Shift], [Gain]])
    augmentation.layers[0].strength.set(torch.tensor([0.0]))
    augmentation.layers[1].strength.set(torch.tensor([1.0]))
    y, draws = augmentation.augment(X)
    torch.testing.assert_close(y, Gain()(X, **draws[1].values[0]))
