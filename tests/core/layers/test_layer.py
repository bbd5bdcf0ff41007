"""A layer: what it draws, how it learns, what it is set to, and how it refuses what makes no layer."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.signal_transforms import ColumnNoise, Flip, Gain, Noise, Shift, Stretch, Swap, Turn

from augrad import AugmentationLayer, Range, Transform, keyed_generator
from augrad.errors import (
    ArgumentError,
    ArgumentTypeError,
    InputError,
    LayerError,
    MagnitudeError,
    UnknownTransformError,
)
from augrad.layers.construction import resolve_transforms

SIGNALS = [Gain, Shift, Noise, Flip, Turn, Stretch, Swap]
X = torch.randn(6, 3, 15, generator=keyed_generator("x"))


class Lowpass(Gain):
    """Neutral at its upper end; unsigned."""

    gain_db = Range(400.0, low=100.0, unit="dB", identity=400.0)


def one_hot(layer, name):
    layer.set_weights({name: 1.0})
    return layer


@given(raw=st.lists(st.floats(-20, 20), min_size=4, max_size=4), temperature=st.floats(0.05, 5))
def test_weights_are_probabilities(raw, temperature):
    layer = AugmentationLayer([Gain, Shift, Noise, Flip], temperature=temperature)
    with torch.no_grad():
        layer.raw_weights.copy_(torch.tensor(raw))
    assert layer.weights.min() >= 0
    assert layer.weights.sum().item() == pytest.approx(1, abs=1e-5)


@given(weights=st.lists(st.floats(0.01, 10), min_size=3, max_size=3), temperature=st.floats(0.1, 3))
def test_starting_weights_are_normalised(weights, temperature):
    layer = AugmentationLayer([Gain, Shift, Noise], weights=weights, temperature=temperature)
    torch.testing.assert_close(layer.weights, torch.tensor(weights) / sum(weights))


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", SIGNALS)
def test_a_one_hot_weight_equals_that_transform(kind, selection, training):
    layer = one_hot(AugmentationLayer(SIGNALS, magnitude=0.5, selection=selection), kind.name).train(training)
    alone = layer.transforms[layer.names.index(kind.name)]
    draw = layer.draw(X, keyed_generator(0))
    index = layer.names.index(kind.name)
    noise = {} if draw.noise[index] is None else {"noise": draw.noise[index]}
    expected = alone(X, **draw.values[index], **noise)
    if not alone.ranges:
        expected = torch.where(draw.applied[index][:, None, None], expected, X)
    torch.testing.assert_close(layer(X, generator=keyed_generator(0)), expected)


@given(magnitude=st.floats(0.05, 1.0))
def test_values_fill_the_range_learned(magnitude):
    layer = AugmentationLayer([Turn, Noise, Lowpass], magnitude=magnitude)
    values = layer.draw(torch.zeros(2000, 2, 1), keyed_generator(1)).values
    for drawn, (low, high) in (
        (values[0]["angle"], (-180 * magnitude, 180 * magnitude)),
        (values[1]["std"], (0, magnitude)),
        (values[2]["gain_db"], (400 - 300 * magnitude, 400)),
    ):
        width = high - low
        assert low - 1e-3 * abs(low) <= drawn.min() < low + 0.02 * width
        assert high - 0.02 * width < drawn.max() <= high + 1e-4 * abs(high)
        assert drawn.mean().item() == pytest.approx((low + high) / 2, abs=0.04 * width)
        assert drawn.std().item() == pytest.approx(width / 12**0.5, rel=0.05)


def test_a_parameter_learned_per_column_draws_each_with_its_own_magnitude():
    layer = AugmentationLayer([ColumnNoise(3)], magnitude=0.5)
    layer.strength.set(torch.tensor([0.0, 0.5, 1.0]))
    std = layer.draw(torch.zeros(1000, 3), keyed_generator(0)).values[0]["std"]
    assert std.shape == (1000, 3)
    assert std.amax(0).tolist() == pytest.approx([0.0, 0.5, 1.0], abs=0.01)
    assert torch.corrcoef(std[:, 1:].T)[0, 1].abs() < 0.1
    layer(torch.zeros(8, 3), generator=keyed_generator(0)).square().sum().backward()
    assert (layer.strength.raw_magnitudes.grad[1:-1] != 0).all()


def test_train_and_eval_draw_from_the_same_distribution():
    x = torch.ones(6000, 2, 1)
    layer = AugmentationLayer([Turn, Gain, Noise, Swap], magnitude=0.7, weights=[4.0, 3.0, 2.0, 1.0])
    with torch.no_grad():
        train = layer.train()(x, generator=keyed_generator("train")).flatten(1)
        evaluated = layer.eval()(x, generator=keyed_generator("eval")).flatten(1)
    torch.testing.assert_close(train.mean(0), evaluated.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(train.T.cov(), evaluated.T.cov(), atol=0.08, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_the_same_generator_state_gives_the_same_output(training):
    layer = AugmentationLayer(SIGNALS, magnitude=0.5).train(training)
    before = torch.get_rng_state()
    first, again, other = (layer(X, generator=keyed_generator(key)) for key in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())
    layer(X)
    assert not torch.equal(before, torch.get_rng_state()), "without a generator torch's own is drawn from"


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
def test_exact_ends_are_frozen(selection):
    layer = AugmentationLayer([Gain, Turn], magnitude={"signal.gain": 0.0, "signal.turn": 1.0}, selection=selection)
    assert layer.magnitudes.tolist() == [0.0, 1.0]
    layer(X, generator=keyed_generator(0)).square().sum().backward()
    assert layer.strength.raw_magnitudes.grad.tolist() == [0.0, 0.0]
    torch.testing.assert_close(one_hot(layer, "signal.gain")(X), X)


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
def test_transforms_without_parameters_learn_their_weight(selection):
    # The loss likes reversed time: the weight of Flip must rise, with either rule.
    x = torch.linspace(0, 1, 15).expand(32, 1, 15)
    layer = AugmentationLayer([Flip, Gain], selection=selection, magnitude=0.01)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for step in range(45):
        optimizer.zero_grad()
        (layer(x, generator=keyed_generator(step)) - x.flip(-1)).square().mean().backward()
        optimizer.step()
    assert layer.weights[0] > 0.8


def test_a_layer_of_flips_alone_has_no_magnitudes():
    layer = AugmentationLayer([Flip])
    assert layer.magnitudes.shape == (0,)
    y = layer(X, generator=keyed_generator(0))
    assert torch.equal(y, torch.where(layer.draw(X, keyed_generator(0)).applied[0][:, None, None], X.flip(-1), X))
    assert len(layer) == 1


@pytest.mark.parametrize("way", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_made_after_a_pass_draw_the_same(way):
    layer = AugmentationLayer(SIGNALS, magnitude=0.5)
    layer(X).sum().backward()
    twin = way(layer)
    assert torch.equal(twin(X, generator=keyed_generator(0)), layer(X, generator=keyed_generator(0)))
    with torch.no_grad():
        twin.raw_weights.add_(torch.arange(7.0))
    assert not torch.equal(twin.weights, layer.weights)


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
@pytest.mark.parametrize("training", [True, False])
def test_only_draws_one_transform_and_shares_nothing(selection, training):
    layer = AugmentationLayer(SIGNALS, magnitude=0.5, selection=selection).train(training)
    layer(X).sum().backward()
    before = copy.deepcopy(layer.state_dict())
    alone = layer.only("signal.gain")
    assert alone.weights.tolist() == [1.0] + [0.0] * 6
    assert torch.equal(alone.magnitudes, layer.magnitudes)
    assert alone.training is training
    draw = alone.draw(X, keyed_generator(0))
    expected = Gain()(X, **draw.values[0])
    torch.testing.assert_close(alone(X, generator=keyed_generator(0)), expected)
    assert not {id(each) for each in layer.modules()} & {id(each) for each in alone.modules()}
    with torch.no_grad():
        for parameter in alone.parameters():
            parameter.zero_()
    for key, value in layer.state_dict().items():
        assert torch.equal(value, before[key])


def test_only_knows_the_layers_transforms():
    with pytest.raises(LayerError, match=r"no transform 'signal\.gian' .*Did you mean 'signal\.gain'\?"):
        AugmentationLayer(SIGNALS).only("signal.gian")


def test_state_dict_holds_what_was_learned_and_nothing_else():
    layer = AugmentationLayer(SIGNALS, magnitude=0.3)
    assert set(layer.state_dict()) == {"raw_weights", "strength.raw_magnitudes"}
    other = AugmentationLayer(SIGNALS, magnitude=0.9, weights=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(X, generator=keyed_generator(0)), layer(X, generator=keyed_generator(0)))


def test_values_follow_the_dtype_of_the_layer():
    layer = AugmentationLayer(SIGNALS).double()
    assert layer(X.double()).dtype == torch.float64
    assert layer.draw(X.double()).values[0]["gain_db"].dtype == torch.float64


@pytest.mark.parametrize("n_samples", [0, 1, 3])
@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
def test_batches_of_any_size_pass(n_samples, selection):
    layer = AugmentationLayer(SIGNALS, selection=selection)
    assert layer(X[:n_samples]).shape == (n_samples, 3, 15)
    assert layer.eval()(X[:n_samples]).shape == (n_samples, 3, 15)


def test_what_is_set_in_physical_units_is_what_is_drawn():
    layer = AugmentationLayer([Turn, ColumnNoise(2), Lowpass])
    layer.set_value("signal.turn", "angle", 45.0)
    layer.set_value("table.column_noise", "std", 0.25)
    layer.set_value("signal.lowpass", "gain_db", 250.0)
    torch.testing.assert_close(layer.magnitudes, torch.tensor([0.25, 0.25, 0.25, 0.5]))
    layer.set_weights({"signal.turn": 3.0, "signal.lowpass": 1.0})
    torch.testing.assert_close(layer.weights, torch.tensor([0.75, 0.0, 0.25]))


def test_values_of_axis_entries_can_differ():
    layer = AugmentationLayer([ColumnNoise(3)])
    layer.set_value("table.column_noise", "std", [0.0, 0.25, 1.0])
    torch.testing.assert_close(layer.magnitudes, torch.tensor([0.0, 0.25, 1.0]))
    with pytest.raises(ArgumentError, match="std has 3 entries, but got 2 values"):
        layer.set_value("table.column_noise", "std", [0.5, 0.5])
    with pytest.raises(MagnitudeError, match=r"std must lie in \[0, 1\], but got 2"):
        layer.set_value("table.column_noise", "std", [0.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda y: y.set_value("signal.trun", "angle", 1.0), LayerError, r"'signal\.trun' .* mean 'signal\.turn'"),
        (lambda y: y.set_value("signal.turn", "angel", 1.0), LayerError, "no parameter 'angel'; it has: angle"),
        (lambda y: y.set_value("signal.swap", "angle", 1.0), LayerError, "it has: none"),
        (lambda y: y.set_value("signal.turn", "angle", 181.0), MagnitudeError, r"angle must lie in \[0, 180\] deg"),
        (lambda y: y.set_value("signal.turn", "angle", float("nan")), MagnitudeError, "but got nan"),
        (lambda y: y.set_weights({"signal.trun": 1.0}), LayerError, r"Did you mean 'signal\.turn'\?"),
        (lambda y: y.set_weights({"signal.turn": -1.0}), ArgumentError, "finite, at least 0 and not all 0"),
        (lambda y: y.set_weights({"signal.turn": 0.0}), ArgumentError, "not all 0"),
    ],
)
def test_setters_refuse_what_makes_no_sense_and_change_nothing(call, kind, message):
    layer = AugmentationLayer([Turn, Swap])
    before = copy.deepcopy(layer.state_dict())
    with pytest.raises(kind, match=message):
        call(layer)
    for key, value in layer.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"transforms": []}, LayerError, "at least one transform, but got an empty list"),
        ({"transforms": "signal.turn"}, ArgumentTypeError, r"Write \['signal\.turn'\]"),
        ({"transforms": [Turn, Turn()]}, LayerError, r"holds 'signal\.turn' twice: one layer learns one weight"),
        ({"transforms": ["signal.trun"]}, UnknownTransformError, r"no transform named 'signal\.trun'"),
        ({"temperature": 0.0}, ArgumentError, r"temperature must be a finite number above 0, but got 0\.0"),
        ({"temperature": float("inf")}, ArgumentError, "temperature must be a finite number"),
        ({"magnitude": 1.5}, MagnitudeError, r"magnitude must lie in \[0, 1\].*but got 1\.5"),
        ({"magnitude": float("nan")}, MagnitudeError, "but got nan"),
        ({"magnitude": {"signal.trun": 0.5}}, LayerError, r"Did you mean 'signal\.turn'\?"),
        ({"magnitude": {"signal.swap": 0.5}}, LayerError, r"'signal\.turn' is missing"),
        ({"weights": [1.0]}, ArgumentError, r"one number per transform \(2\), but got shape \(1,\)"),
        ({"weights": [1.0, -1.0]}, ArgumentError, "at least 0 and not all 0, but got"),
        ({"weights": [0.0, 0.0]}, ArgumentError, "not all 0"),
        ({"weights": [1.0, float("nan")]}, ArgumentError, "must be finite"),
        ({"selection": "random"}, ArgumentError, "selection must be one of"),
    ],
)
def test_what_makes_no_layer_is_refused_by_name(given, kind, message):
    with pytest.raises(kind, match=message):
        AugmentationLayer(**{"transforms": [Turn, Swap], **given})


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"transforms": 3}, ArgumentTypeError, "transforms must be a list of names or transforms, but got 3"),
        ({"transforms": [3]}, ArgumentTypeError, "names, Transform classes or instances, but got 3"),
        ({"transforms": [Range]}, ArgumentTypeError, "names, Transform classes or instances, but got <class"),
        ({"temperature": True}, ArgumentError, "temperature must be a finite number above 0, but got True"),
        ({"temperature": "warm"}, ArgumentError, "temperature .* but got 'warm'"),
        ({"magnitude": "much"}, ArgumentTypeError, "magnitude must be a number .* but got str"),
        ({"magnitude": True}, ArgumentTypeError, "magnitude must be a number .* but got bool"),
    ],
)
def test_arguments_of_another_type_are_named(given, kind, message, unchecked):
    with pytest.raises(kind, match=message):
        AugmentationLayer(**{"transforms": [Turn, Swap], **given})


def test_a_batch_that_a_transform_refuses_draws_nothing():
    layer, generator = AugmentationLayer([Turn]), keyed_generator(0)
    before = generator.get_state()
    with pytest.raises(InputError, match=r"signal\.turn expects a batch"):
        layer(torch.zeros(3), generator=generator)
    assert torch.equal(before, generator.get_state())


def test_names_classes_and_instances_make_transforms():
    mine = Turn(angle=90.0)
    built = resolve_transforms([Gain, mine])
    assert [type(transform) for transform in built] == [Gain, Turn]
    assert built[1] is mine
    assert AugmentationLayer([Gain, mine]).names == ("signal.gain", "signal.turn")


def test_its_repr_tells_temperature_and_selection():
    layer = AugmentationLayer([Turn], temperature=0.5, selection="mixture")
    assert "temperature=0.5, selection='mixture'" in repr(layer)


def test_a_magnitude_per_transform_starts_there():
    layer = AugmentationLayer([Turn, Swap, Stretch], magnitude={"signal.turn": 0.25, "signal.stretch": 0.5})
    torch.testing.assert_close(layer.magnitudes, torch.tensor([0.25, 0.5, 0.5]))
    assert [(each.parameter, each.start, each.stop) for each in layer.columns] == [
        ("angle", 0, 1), ("first", 1, 2), ("second", 2, 3),
    ]  # fmt: skip


def test_a_transform_is_a_base_class_without_forward_of_its_own():
    with pytest.raises(TypeError, match="abstract"):
        type("Nothing", (Transform,), {"modality": "signal"})()
