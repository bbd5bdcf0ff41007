"""What a search plans, drops and proposes, and what is left of a module that keeps a part of it."""

from __future__ import annotations

import pytest
import torch
from tests.core.signal_transforms import Flip, Gain, Noise, Shift

from augrad import AugmentationLayer, AugmentationModule, keyed_generator
from augrad.learning.cross_fitted.proposals import (
    LEAST_SHARE,
    SLIGHT_SHARE,
    drawn,
    proposals,
    prune,
    retain,
    search_epochs,
)

X = torch.randn(64, 2, 8, generator=keyed_generator("search"))


def module(*layers):
    """One layer per list of transforms."""
    return AugmentationModule([AugmentationLayer(list(kinds), magnitude=0.5) for kinds in layers])


@pytest.mark.parametrize(
    ("max_epochs", "n_steps", "epochs"), [(100, 20, 30), (100, 7, 86), (10, 20, 10), (3, 5000, 1), (5, None, 5)]
)
def test_a_search_has_so_many_updates_and_no_more_epochs_than_the_training(max_epochs, n_steps, epochs):
    assert search_epochs(max_epochs, n_steps) == epochs


def test_what_lost_its_share_is_pruned():
    pruned = module([Gain, Noise, Shift])
    (layer,) = pruned
    low = LEAST_SHARE / 3 - 0.01
    layer.set_weights({layer.names[0]: low, layer.names[1]: 0.4, layer.names[2]: 0.6 - low})
    prune(pruned)
    total = 1.0 - low
    assert layer.weights.tolist() == pytest.approx([0.0, 0.4 / total, (0.6 - low) / total])
    kept = layer.weights.tolist()
    prune(pruned, least=0.0)
    assert layer.weights.tolist() == pytest.approx(kept)


def test_all_that_is_drawn_is_proposed_and_each_alone_and_nothing():
    found = module([Gain, Noise], [Gain, Shift])
    found.layers[0].set_weights({"signal.gain": 1.0})
    assert drawn(found) == ("signal.gain", "signal.shift")
    assert proposals(found) == [("signal.gain", "signal.shift"), ("signal.gain",), ("signal.shift",), ()]


def test_of_one_there_is_that_one_or_nothing():
    assert proposals(module([Gain])) == [("signal.gain",), ()]


def test_a_layer_that_cannot_rest_is_left_something():
    assert proposals(module([Flip])) == [("signal.flip",)]
    assert proposals(module([Flip], [Gain])) == [("signal.flip", "signal.gain"), ("signal.flip",)]
    mixed = module([Flip, Gain])
    assert proposals(mixed) == [("signal.flip", "signal.gain"), ("signal.flip",), ("signal.gain",), ()]


def test_what_was_crowded_out_is_proposed_alone():
    found = module([Gain, Noise, Shift])
    (layer,) = found
    even = 1 / 3
    slight, lost = 1.1 * SLIGHT_SHARE * even, 0.9 * SLIGHT_SHARE * even
    layer.set_weights({"signal.gain": 1 - slight - lost, "signal.noise": slight, "signal.shift": lost})
    assert drawn(found) == ("signal.gain",)
    assert proposals(found) == [("signal.gain",), ("signal.noise",), ()]
    retain(found, ["signal.noise"])
    assert layer.weights.tolist() == [0.0, 1.0, 0.0]
    assert layer.magnitudes.tolist() == pytest.approx([0.5] * 3)


def test_what_was_crowded_out_of_one_layer_stays_where_it_was_not():
    found = module([Gain, Noise], [Gain, Noise])
    first, second = found
    first.set_weights({"signal.gain": 0.75, "signal.noise": 0.25})
    second.set_weights({"signal.gain": 0.25, "signal.noise": 0.75})
    retain(found, ["signal.gain"])
    assert first.weights.tolist() == [1.0, 0.0]
    assert second.magnitudes.tolist() == [0.0, 0.0], "it rests, as in the whole policy without noise"


def test_what_stays_keeps_its_range_and_its_share():
    found = module([Gain, Noise, Shift])
    (layer,) = found
    layer.set_weights({"signal.gain": 0.1, "signal.noise": 0.3, "signal.shift": 0.6})
    magnitudes = layer.magnitudes.tolist()
    retain(found, ["signal.noise", "signal.shift"])
    assert layer.weights.tolist() == pytest.approx([0.0, 1 / 3, 2 / 3])
    assert layer.magnitudes.tolist() == magnitudes


@pytest.mark.parametrize("training", [True, False])
def test_a_layer_that_rests_leaves_samples_alone(training):
    found = module([Flip, Gain, Shift], [Gain]).train(training)
    retain(found, ())
    torch.testing.assert_close(found(X, generator=keyed_generator(1)), X)


def test_a_layer_that_rests_spares_what_stays_elsewhere():
    found = module([Gain, Shift], [Gain, Noise])
    first, second = found
    second.set_weights({"signal.noise": 1.0})
    retain(found, ["signal.gain"])
    assert first.weights.tolist() == [1.0, 0.0]
    assert first.magnitudes.tolist() == pytest.approx([0.5] * 2)
    assert second.weights.tolist() == [0.0, 1.0], "no range of ±0 for gain, which would count in a mean"
    assert second.magnitudes.tolist() == [0.0, 0.0]
    alone = module([Gain], [Gain])
    alone.layers[1].set_weights({"signal.gain": 1.0})
    retain(alone, ())
    assert [layer.magnitudes.tolist() for layer in alone] == [[0.0], [0.0]]
