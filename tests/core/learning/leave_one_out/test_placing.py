"""Transforms of a policy find layers of their own in a model's augmentation, and all other layers rest."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.core.learning.leave_one_out.toys import WIDTH, Both, FlipBack, FlipFront, Level, Noise, Slope, signals
from torch import nn

from augrad import AugmentationLayer, AugmentationModule
from augrad.learning.leave_one_out.placing import Places, place, placed_policy
from augrad.transform.unchanged import Unchanged

LEVEL, NOISE, SLOPE, FLIP = "toy.level", "toy.noise", "toy.slope", "toy.flip_front"


def module(*layers: list[Any], **options: Any) -> AugmentationModule:
    return AugmentationModule([AugmentationLayer(transforms, **options) for transforms in layers])


class TestPlaces:
    def test_candidates_stand_once(self):
        places = Places(module([Level, Unchanged, Noise], [Noise, Level, FlipFront]))
        assert [each.name for each in places.candidates] == [LEVEL, NOISE, FLIP]
        assert places.reason is None

    def test_each_gets_a_layer_of_its_own(self):
        places = Places(module([Level, Noise], [Level]))
        assert places.assigned([LEVEL]) == {0: LEVEL}
        assert places.assigned([LEVEL, NOISE]) == {0: NOISE, 1: LEVEL}  # the first makes room
        assert places.assigned([NOISE, LEVEL]) == {0: NOISE, 1: LEVEL}
        assert places.assigned([]) == {}

    def test_room_is_made_along_a_chain(self):
        places = Places(module([Level, Slope], [Slope, Noise], [Noise, FlipFront]))
        assert places.assigned([SLOPE, NOISE, LEVEL]) == {0: LEVEL, 1: SLOPE, 2: NOISE}
        assert not places.fit([SLOPE, NOISE, LEVEL, FLIP])

    def test_two_do_not_fit_into_one_layer(self):
        places = Places(module([Level, Noise]))
        assert places.fit([LEVEL])
        assert places.fit([NOISE])
        assert not places.fit([LEVEL, NOISE])
        assert places.assigned([LEVEL, NOISE]) is None

    def test_what_is_unknown_has_no_place(self):
        assert not Places(module([Level])).fit([NOISE])

    def test_a_transform_of_another_range_is_another_transform(self):
        places = Places(module([Level, Noise], [Level(level=1.0), Noise()]))
        assert places.fit([LEVEL])
        assert places.assigned([LEVEL, NOISE]) == {0: LEVEL, 1: NOISE}
        assert places.assigned([NOISE, LEVEL]) == {0: LEVEL, 1: NOISE}


class TestReason:
    def test_there_is_nothing_to_examine(self):
        assert Places(module([Unchanged])).reason == "there is no transform to examine"

    def test_a_layer_does_not_learn(self):
        given = module([Level], [Noise])
        given.layers[1].requires_grad_(False)
        assert Places(given).reason == "layer 1 of the augmentation does not learn"

    def test_a_layer_draws_otherwise(self):
        assert Places(module([Level], distribution="ends")).reason == (
            "layer 0 draws from the distribution 'ends', not 'uniform'"
        )

    def test_a_layer_differs_between_samples(self):
        layer = AugmentationLayer([Level, Noise], preference=nn.Linear(WIDTH, 2))
        assert Places(AugmentationModule([layer])).reason == (
            "layer 0 has weights or magnitudes that differ between samples"
        )

    def test_a_layer_cannot_be_switched_off(self):
        assert Places(module([Level], [FlipFront, FlipBack])).reason == (
            "layer 1 holds only transforms without parameters, so it cannot be switched off; add augrad.Unchanged to it"
        )
        assert Places(module([Level], [FlipFront, Unchanged])).reason is None


class TestPlace:
    def test_weights_and_magnitudes_are_set_and_others_rest(self):
        given = module([Noise, Level], [Level, FlipBack], [FlipFront])
        places = Places(given)
        place(given, places, {FLIP: [], LEVEL: [0.25]})
        first, second, third = given.layers
        torch.testing.assert_close(first.weights, torch.tensor([0.0, 1.0]))
        assert first.magnitudes.tolist() == pytest.approx([0.0, 0.25])
        torch.testing.assert_close(third.weights, torch.tensor([1.0]))
        x, _ = signals(200)
        torch.testing.assert_close(AugmentationModule([second])(x), x, rtol=0, atol=0)
        moved = (AugmentationModule([first])(x) - x).detach()
        torch.testing.assert_close(moved, moved[:, :1].expand(-1, WIDTH), rtol=0, atol=1e-5)
        assert 1.2 < float(moved.abs().max()) <= 0.25 * 6 + 1e-5
        flipped = (AugmentationModule([third])(x) != x).any(dim=1)
        assert 0.3 < float(flipped.float().mean()) < 0.7

    def test_an_empty_policy_leaves_samples_as_they_are(self):
        given = module([Noise, Level], [FlipFront, Unchanged])
        place(given, Places(given), {})
        x, _ = signals(50)
        torch.testing.assert_close(given(x), x, rtol=0, atol=0)

    def test_several_magnitudes_of_one_transform(self):
        given = module([Noise, Both])
        place(given, Places(given), {"toy.both": [0.5, 0.125]})
        (layer,) = given.layers
        torch.testing.assert_close(layer.magnitudes[1:], torch.tensor([0.5, 0.125]))

    @pytest.mark.parametrize("order", [[LEVEL, FLIP], [FLIP, LEVEL]])
    def test_the_policy_stands_in_the_order_in_which_it_was_found(self, order: list[str]):
        given = module([Level, FlipFront], [Level])
        places = Places(given)
        entries: dict[str, list[float]] = {name: [0.5] if name == LEVEL else [] for name in order}
        place(given, places, entries)
        policy = placed_policy(given, places, entries)
        assert [layer.names[int(layer.weights.argmax())] for layer in policy.as_module()] == order
        assert [layer.weights.max() for layer in policy.as_module()] == [1.0, 1.0]
        assert policy.as_module().layers[order.index(LEVEL)].magnitudes.tolist() == pytest.approx([0.5])

    def test_an_empty_policy(self):
        given = module([Level])
        (layer,) = placed_policy(given, Places(given), {}).as_module()
        assert layer.names == ("any.unchanged",)
