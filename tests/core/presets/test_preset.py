"""`Preset`: the model it builds, the arguments of fit it names, and how it is found by name."""

from __future__ import annotations

import pytest
import torch
from tests.core.signal_transforms import Flip, Turn
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad import AugmentationLayer, AugmentationModule, JointLoss, MagnitudePenalty, keyed_generator
from augrad.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from augrad.presets import Preset, augnet, get, randaugment

X = torch.randn(32, 3, 15, generator=keyed_generator("x"))


def whole(**fields) -> Preset:
    """A preset in which every field is set."""
    given = {
        "copies": 4,
        "augmentation_lr_factor": 2.0,
        "objective": "joint",
        "wrap": lambda trunk: nn.Sequential(nn.Flatten(), trunk),
        "train_copies": 3,
        "aggregation": "prob",
        "fit_options": {"penalty_schedule": "decay"},
    }
    module = AugmentationModule([AugmentationLayer([Turn, Flip])])
    return Preset("whole", module, MagnitudePenalty(0.1), "me", **{**given, **fields})


def test_its_model_has_wrapper_copies_and_aggregation():
    preset, trunk = whole(), nn.Linear(45, 2)
    model = preset.model(trunk)
    assert (model.copies, model.train_copies, model.aggregation) == (4, 3, "prob")
    assert model.augmentation is preset.module
    assert model.trunk[1] is trunk
    assert model(X).shape == (32, 2)
    assert whole().model(trunk, copies=1, aggregation="mean").aggregation == "mean"


def test_what_a_preset_leaves_open_is_the_default_of_the_model():
    trunk = nn.Linear(15, 2)
    model, plain = randaugment([Turn]).model(trunk), augrad.InvariantModel(trunk, AugmentationLayer([Turn]))
    assert model.trunk is trunk
    assert (model.copies, model.train_copies, model.aggregation) == (
        *(plain.copies, plain.train_copies),
        plain.aggregation,
    )


def test_its_options_are_arguments_of_fit():
    preset = whole()
    assert preset.options(lr=0.01) == {
        "lr": 0.01,
        "penalty": preset.penalty,
        "objective": "joint",
        "augmentation_lr": 0.02,
        "penalty_schedule": "decay",
    }
    assert augnet([Turn]).options()["augmentation_lr"] == augrad.presets.preset.LR
    assert randaugment([Turn]).options() == {"lr": augrad.presets.preset.LR, "penalty": None}


def test_an_objective_may_be_a_callable():
    assert whole(objective=JointLoss).options()["objective"] is JointLoss


def test_it_trains_with_two_lines():
    torch.manual_seed(0)
    preset = whole()
    model = preset.model(nn.Linear(45, 2))
    before = preset.module.layers[0].raw_weights.clone()
    loader = DataLoader(TensorDataset(X, (X[:, 0, 0] > 0).long()), batch_size=16)
    result = augrad.fit(model, loader, max_epochs=1, **preset.options(lr=0.01))
    assert not torch.equal(before, preset.module.layers[0].raw_weights)
    assert result.search == []


def test_a_wrapper_must_return_a_network():
    with pytest.raises(ArgumentTypeError, match=r"wrap must return the torch.nn.Module to train, but returned int"):
        whole(wrap=lambda trunk: 3).model(nn.Linear(45, 2))
    with pytest.raises(ArgumentError, match="train_copies must be an int of at least 1"):
        whole(train_copies=0).model(nn.Linear(45, 2))


def test_presets_are_found_by_name():
    assert get("augnet") is augnet
    with pytest.raises(
        UnknownNameError, match=r"no preset named 'augnte'; presets: augnet, augerino.* Did you mean 'augnet'\?"
    ):
        get("augnte")
