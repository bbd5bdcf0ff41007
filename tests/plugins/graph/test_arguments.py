"""Constructor arguments that are not accepted are named, with what is."""

from __future__ import annotations

import pytest

from augrad.errors import ArgumentError
from augrad_graph.candidates import EdgeAdd
from augrad_graph.edges import EdgeDrop
from augrad_graph.features import FeatureMask
from augrad_graph.nodes import NodeDrop

RELAXED = [FeatureMask, NodeDrop, EdgeDrop, EdgeAdd]


@pytest.mark.parametrize("kind", RELAXED)
@pytest.mark.parametrize("temperature", [0.0, -1.0, 1.5, float("nan"), True])
def test_temperatures_lie_between_zero_and_one(kind, temperature, unchecked):
    message = (
        rf"{kind.name}: temperature must be a finite number above 0 and at most 1, but got {temperature!r}\. A lower"
    )
    with pytest.raises(ArgumentError, match=message):
        kind(temperature=temperature)


@pytest.mark.parametrize("kind", RELAXED)
def test_probabilities_lie_between_zero_and_one(kind):
    with pytest.raises(ArgumentError, match=rf"{kind.name}: probability lies in \[0, 1\], but its range is 0 to 1.5"):
        kind(probability=1.5)
    assert kind(probability=1.0).ranges["probability"].high == 1.0


def test_options_are_named_with_the_nearest():
    message = "feature_mask: of must be one of 'node', 'feature', 'entry', but got 'nodes'.*'node'"
    with pytest.raises(ArgumentError, match=message):
        FeatureMask(of="nodes")
    with pytest.raises(ArgumentError, match="edge_add: between must be one of 'distance_two', 'random'"):
        EdgeAdd(between="anywhere")


@pytest.mark.parametrize("candidates", [0.0, -0.5, 1.5, float("inf"), True])
def test_candidates_are_a_positive_share(candidates, unchecked):
    with pytest.raises(ArgumentError, match="edge_add: candidates must be a finite number above 0 and at most 1"):
        EdgeAdd(candidates=candidates)
