"""The shape of a document: what is accepted by hand, and that every mistake is named by its place."""

from __future__ import annotations

import pytest
from tests.core.policy_cases import example_module

from augrad.errors import PolicyError
from augrad.policies.document import to_document
from augrad.policies.document_schema import document_error, parse

SHORTEST = {"schema": 1, "layers": [{"transforms": [{"name": "case.negate", "weight": 1}]}]}


def test_the_shortest_document_has_defaults():
    layer = parse(SHORTEST).layers[0]
    assert (layer.temperature, layer.selection, layer.distribution, layer.strength, layer.dtype) == (
        1.0,
        "straight_through",
        "uniform",
        "global",
        "float32",
    )
    entry = layer.transforms[0]
    assert (entry.weight, entry.raw_weight, entry.config, entry.parameters, entry.state) == (1.0, None, {}, {}, {})


def test_what_augrad_writes_is_accepted():
    jitter = parse(to_document(example_module())).layers[0].transforms[3]
    assert jitter.parameters["std"].raw_magnitude[1:] == [float("inf"), float("-inf")]
    assert jitter.state["seen"].values == 3


@pytest.mark.parametrize("document", [None, [], "policy", 3, {}])
def test_what_is_no_document_at_all(document):
    with pytest.raises(PolicyError, match=r"^schema: must be 1, but got None\. Is this a policy of augrad\?"):
        parse(document)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "a", "weight": None}, r"^layers\[0\]\.transforms\[0\]\.weight: must be a number, but is None"),
        ({"name": "a", "weight": "Inf"}, r"weight: must be a number, but is 'Inf'"),
        ({"name": "a", "weight": [1]}, r"weight: must be a number, but is \[1\]"),
        ({"name": "a"}, r"^layers\[0\]\.transforms\[0\]\.weight: field required"),
        ({"name": "a", "weight": 1, "wieght": 1}, r"\.wieght: extra inputs are not permitted"),
        ({"name": "a", "weight": 1, "raw_weight": None}, r"raw_weight: must be a number, but is None"),
        (
            {"name": "a", "weight": 1, "parameters": {"x": {"low": [1, [2]], "high": 1}}},
            r"parameters\.x\.low: must be a n",
        ),
        ({"name": "a", "weight": 1, "parameters": {"x": 3}}, r"parameters\.x: input should be a valid dictionary"),
        (
            {"name": "a", "weight": 1, "state": {"b": {"dtype": "bool", "shape": ["1"], "values": 1}}},
            r"b\.shape\[0\]: ",
        ),
        ("a", r"^layers\[0\]\.transforms\[0\]: input should be a valid dictionary"),
    ],
)
def test_mistakes_are_named_by_place(entry, message):
    with pytest.raises(PolicyError, match=message):
        parse({"schema": 1, "layers": [{"transforms": [entry]}]})


def test_the_place_is_kept_as_a_fact():
    assert document_error("layers[1].dtype", "no.").place == "layers[1].dtype"
