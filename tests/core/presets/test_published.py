"""Presets: the published configurations, from names, classes and instances; fixed ones train the trunk alone."""

from __future__ import annotations

import pytest
import torch
from tests.core.policy_cases import Level, Negate
from tests.core.signal_transforms import Flip, Gain, Noise, Turn
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad import AugerinoPenalty, InvariantModel, MagnitudePenalty, Policy, Unchanged, keyed_generator
from augrad.errors import ArgumentError, LayerError, MagnitudeError
from augrad.presets import Preset, augerino, augnet, randaugment, trivialaugment

PRESETS = [augnet, augerino, randaugment, trivialaugment]
LEARNED, FIXED = PRESETS[:2], PRESETS[2:]
X = torch.randn(400, 3, 15, generator=keyed_generator("x"))


@pytest.mark.parametrize("preset", PRESETS)
def test_unpacks_as_module_and_penalty_and_cites(preset):
    made = preset([Turn, Flip])
    module, penalty = made
    assert (module, penalty) == (made.module, made.penalty)
    assert made.name == preset.__name__
    assert "20" in made.citation
    assert (penalty is None) == (made.augmentation_lr_factor is None) == (preset in FIXED)
    with pytest.raises(AttributeError):
        made.penalty = None


def test_augnet_is_the_papers():
    module, penalty = augnet([Turn, Flip, Gain])
    assert isinstance(penalty, MagnitudePenalty)
    assert penalty.strength == 0.5
    assert [(layer.temperature, layer.selection.name, layer.names) for layer in module] == [
        (0.01, "mixture", ("signal.turn", "signal.flip", "signal.gain"))
    ] * 3
    torch.testing.assert_close(module.layers[2].magnitudes, torch.tensor([0.5, 0.5]))
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_augnet_takes_its_options():
    options = {"n_layers": 1, "strength": 2.0, "selection": "straight_through", "temperature": 1.0, "magnitude": 0.2}
    module, penalty = augnet([Turn], **options)
    (layer,) = module
    assert (penalty.strength, layer.selection.name, layer.temperature) == (2.0, "straight_through", 1.0)
    assert layer.magnitudes.item() == pytest.approx(0.2)


def test_augerino_applies_each_in_a_layer_of_its_own():
    module, penalty = augerino([Turn, Noise, Flip], strength=0.1, magnitude={"signal.turn": 0.2, "signal.noise": 0.4})
    assert isinstance(penalty, AugerinoPenalty)
    assert penalty.strength == 0.1
    assert [layer.names for layer in module] == [
        ("signal.turn",),
        ("signal.noise",),
        ("signal.flip", "any.unchanged"),
    ]
    assert [round(magnitude, 6) for layer in module for magnitude in layer.magnitudes.tolist()] == [0.2, 0.4]
    assert [layer.raw_weights.requires_grad for layer in module] == [False, False, True]
    assert all(layer.strength.raw_magnitudes.requires_grad for layer in module)
    assert {layer.distribution for layer in module} == {"uniform"}


def test_randaugment_draws_uniformly_at_the_ends_with_the_identity():
    module, _ = randaugment([Turn, Gain, Noise], n_layers=3, magnitude=0.5)
    assert len(module) == 3
    for layer in module:
        assert layer.names == ("any.unchanged", "signal.turn", "signal.gain", "signal.noise")
        torch.testing.assert_close(layer.weights, torch.full((4,), 0.25))
        angles = layer.draw(X, keyed_generator(0)).values[1]["angle"]
        torch.testing.assert_close(angles.abs(), torch.full((400,), 90.0))
        assert 150 < (angles > 0).sum() < 250


def test_trivialaugment_is_one_layer_over_the_whole_ranges():
    ((layer,), _) = trivialaugment([Turn, Noise])
    assert layer.names == ("any.unchanged", "signal.turn", "signal.noise")
    assert layer.magnitudes.tolist() == [1.0, 1.0]
    values = layer.draw(X, keyed_generator(0)).values
    assert -180 <= values[1]["angle"].min() < -170 < 170 < values[1]["angle"].max() <= 180
    assert 0 <= values[2]["std"].min() < 0.05
    assert 0.95 < values[2]["std"].max() <= 1


@pytest.mark.parametrize("preset", FIXED)
def test_the_identity_is_there_once(preset):
    assert preset([Turn, Unchanged]).module.layers[0].names == ("signal.turn", "any.unchanged")


@pytest.mark.parametrize("preset", PRESETS)
def test_names_classes_and_instances_are_accepted_and_instances_copied(preset):
    mine = Gain(gain_db=3.0)
    module = preset(["case.level", Turn, mine]).module
    found = [transform for layer in module for transform in layer]
    assert {"case.level", "signal.turn", "signal.gain"} <= {transform.name for transform in found}
    assert all(each.ranges["gain_db"].high == 3.0 for each in found if isinstance(each, Gain))
    assert len({id(transform) for transform in found}) == len(found)
    assert not any(transform is mine for transform in found)


@pytest.mark.parametrize("preset", PRESETS)
def test_arguments_reach_the_constructors(preset):
    module = preset([Turn], arguments={"signal.turn": {"angle": 30.0}}).module
    turn = next(transform for transform in module.layers[0] if isinstance(transform, Turn))
    assert turn.ranges["angle"].high == 30.0


def model_of(preset: Preset) -> InvariantModel:
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(45, 2))
    return InvariantModel(trunk, preset.module, copies=preset.copies or 1)


@pytest.mark.parametrize("preset", PRESETS)
def test_trains_through_fit(preset):
    torch.manual_seed(0)
    made = preset([Turn, Gain, Flip])
    model = model_of(made)
    before = [parameter.clone() for parameter in made.module.parameters()]
    weight = model.trunk[1].weight.clone()
    loader = DataLoader(TensorDataset(X[:64], (X[:64, 0, 0] > 0).long()), batch_size=32)
    factor = made.augmentation_lr_factor
    rate = None if factor is None else factor * 0.01
    augrad.fit(model, loader, max_epochs=2, lr=0.01, augmentation_lr=rate, penalty=made.penalty)
    assert not torch.equal(weight, model.trunk[1].weight)
    moved = [not torch.equal(a, b) for a, b in zip(before, made.module.parameters(), strict=True)]
    assert any(moved) == (preset in LEARNED)
    assert moved == [parameter.requires_grad and parameter.numel() > 0 for parameter in made.module.parameters()]


@pytest.mark.parametrize("preset", [augnet, randaugment])
@pytest.mark.parametrize("bad", [0, 1.5, True, "two"])
def test_a_number_of_layers_that_makes_no_sense_is_refused(preset, bad, unchecked):
    with pytest.raises(ArgumentError, match="n_layers must be an int of at least 1, but got"):
        preset([Turn], n_layers=bad)


@pytest.mark.parametrize("preset", PRESETS)
def test_mistakes_are_named(preset):
    with pytest.raises(LayerError, match="transforms must name at least one transform"):
        preset([])
    with pytest.raises(LayerError, match=r"transforms holds 'signal\.turn' twice"):
        preset([Turn, Turn()])
    with pytest.raises(ArgumentError, match="arguments holds 'angel'"):
        preset([Turn], arguments={"angel": 3.0})


@pytest.mark.parametrize("preset", [augnet, augerino, randaugment])
def test_a_magnitude_outside_the_range_is_refused(preset):
    with pytest.raises(MagnitudeError, match=r"must lie in \[0, 1\]"):
        preset([Turn], magnitude=1.5)


@pytest.mark.parametrize("preset", LEARNED)
def test_a_mapping_of_magnitudes_must_fit(preset):
    with pytest.raises(LayerError, match=r"no transform 'signal\.trn' in this layer.* Did you mean 'signal\.turn'"):
        preset([Turn, Gain], magnitude={"signal.trn": 0.5})
    with pytest.raises(LayerError, match=r"magnitude must name every transform .*'signal\.gain' is missing"):
        preset([Turn, Gain], magnitude={"signal.turn": 0.5})


@pytest.mark.parametrize("preset", PRESETS)
def test_its_policy_is_kept_in_a_file(preset, tmp_path):
    policy = Policy.from_module(preset([Level, Negate]).module)
    again = Policy.from_json(policy.to_json(tmp_path / "policy.json"))
    assert again == policy
    assert [layer.distribution for layer in again.as_module()] == [layer.distribution for layer in policy.as_module()]
