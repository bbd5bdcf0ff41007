"""A document as a module: exact where it was written by augrad, forgiving where by hand, and precise about mistakes."""

from __future__ import annotations

import copy
import functools
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy_cases import ByLevel, Level, LowPass, Negate, Tilt, example_module

from augrad import AugmentationLayer, AugmentationModule, keyed_generator
from augrad.errors import PolicyError
from augrad.layers.strength import STRENGTHS, GlobalStrength
from augrad.policies.document import to_document
from augrad.policies.document_reader import from_document


def by_hand(**layer):
    transforms = [
        {
            "name": "case.level",
            "weight": 3,
            "parameters": {"level": {"low": -0.5, "high": 0.5}, "slope": {"low": 0, "high": 0}},
        },
        {"name": "case.low_pass", "weight": 1, "parameters": {"cutoff_hz": {"low": 100, "high": 4000, "unit": "Hz"}}},
    ]
    return {"schema": 1, "layers": [{"transforms": transforms, **layer}]}


def changed(document, place, value):
    """A copy with one entry replaced, or removed if `value` is `...`."""
    document = copy.deepcopy(document)
    at = document
    for key in place[:-1]:
        at = at[key]
    if value is ...:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return document


def same(one, other):
    states = one.state_dict(), other.state_dict()
    assert list(states[0]) == list(states[1])
    return all(
        a.dtype == b.dtype and torch.equal(a.nan_to_num(7.7), b.nan_to_num(7.7))
        for a, b in zip(*map(dict.values, states), strict=True)
    )


@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
@pytest.mark.parametrize("distribution", ["uniform", "ends"])
def test_the_round_trip_is_exact(fitted, selection, distribution):
    module = example_module(fitted=fitted, selection=selection, distribution=distribution)
    again = from_document(json.loads(json.dumps(to_document(module))))
    assert same(module, again)
    assert not again.training
    for before, after in zip(module, again, strict=True):
        assert torch.equal(before.weights, after.weights)
        assert torch.equal(before.magnitudes, after.magnitudes)
        assert (before.temperature, before.selection.name) == (after.temperature, after.selection.name)
        assert before.distribution == after.distribution
        assert [t.ranges for t in before] == [t.ranges for t in after]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_round_trip_is_exact_in_any_precision(dtype):
    module = example_module().to(dtype)
    assert same(module, from_document(json.loads(json.dumps(to_document(module)))))


floats = st.floats(width=32, min_value=-80, max_value=80) | st.sampled_from([float("inf"), float("-inf")])


@given(
    st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3),
    st.lists(floats, min_size=3, max_size=3),
    st.floats(0.01, 10),
)
def test_the_round_trip_is_exact_for_any_numbers(weights, magnitudes, temperature):
    module = AugmentationModule([AugmentationLayer([Level, LowPass, Negate], temperature=temperature)])
    with torch.no_grad():
        module.layers[0].raw_weights.copy_(torch.tensor(weights))
        module.layers[0].strength.raw_magnitudes.copy_(torch.tensor(magnitudes))
    assert same(module, from_document(json.loads(json.dumps(to_document(module)))))


def test_a_document_by_hand():
    layer = from_document(by_hand()).layers[0]
    assert torch.allclose(layer.weights, torch.tensor([0.75, 0.25]))
    assert torch.allclose(layer.magnitudes, torch.tensor([0.25, 0.0, 1.0]))
    assert layer.magnitudes[1:].tolist() == [0.0, 1.0]


PLACE = ("layers", 0, "transforms")
HAND_ERRORS = [
    (("schema",), 2, r"^schema: this augrad reads up to 1, but got 2: .* pip install --upgrade augrad"),
    (("schema",), "1", r"^schema: must be 1, but got '1'\. Is this a policy of augrad\?"),
    (("schema",), True, r"^schema: input should be a valid integer"),
    (("schema",), ..., r"^schema: must be 1, but got None"),
    (("layers",), [], r"^layers: list should have at least 1 item"),
    (("layers",), ..., r"^layers: field required"),
    (("extra",), 1, r"^extra: extra inputs are not permitted"),
    (("layers", 0, "temperature"), 0.0, r"^layers\[0\]\.temperature: input should be greater than 0"),
    (("layers", 0, "temperature"), "warm", r"^layers\[0\]\.temperature: input should be a valid number"),
    (
        ("layers", 0, "selection"),
        "os.system",
        r"^layers\[0\]\.selection: must be one of 'straight_through', 'mixture', but got 'os",
    ),
    (
        ("layers", 0, "distribution"),
        "normal",
        r"^layers\[0\]\.distribution: must be one of 'uniform', 'ends', but got 'normal'",
    ),
    (
        ("layers", 0, "strength"),
        "Mine",
        r"^layers\[0\]\.strength: must be one of 'global', but got 'Mine'\. Code is never",
    ),
    (("layers", 0, "dtype"), "int64", r"^layers\[0\]\.dtype: must be one of 'float16'"),
    (PLACE, [], r"^layers\[0\]\.transforms: list should have at least 1 item"),
    (
        (*PLACE, 1, "name"),
        "case.levle",
        r"^layers\[0\]\.transforms\[1\]\.name: no transform named 'case\.levle'.*'case\.level'",
    ),
    (
        (*PLACE, 1, "name"),
        "graph.drop_edge",
        r"^layers\[0\]\.transforms\[1\]\.name: no transform named 'graph\.drop_edge'",
    ),
    (
        (*PLACE, 1, "name"),
        "case.level",
        r"^layers\[0\]\.transforms\[1\]\.parameters: case\.level has the parameters level, slope, but got cutoff_hz",
    ),
    ((*PLACE, 1, "name"), 7, r"^layers\[0\]\.transforms\[1\]\.name: input should be a valid string"),
    (
        (*PLACE, 1),
        {"name": "case.negate", "weight": 1, "parameters": {"x": {"low": 0, "high": 1}}},
        r"has the parameters none, but got x",
    ),
    ((*PLACE, 1), {"name": "case.low_pass", "weight": 1}, r"has the parameters cutoff_hz, but got none"),
    ((*PLACE, 0, "weight"), -1, r"^layers\[0\]\.transforms: weights must be finite, at least 0 and not all 0"),
    ((*PLACE, 0, "weight"), "inf", r"^layers\[0\]\.transforms: weights must be finite"),
    ((*PLACE, 0, "weight"), "much", r"^layers\[0\]\.transforms\[0\]\.weight: must be a number, but is 'much'"),
    ((*PLACE, 0, "weight"), True, r"^layers\[0\]\.transforms\[0\]\.weight: must be a number, but is True"),
    (
        (*PLACE, 0, "raw_weight"),
        1.0,
        r"^layers\[0\]\.transforms\[0\]\.raw_weight: the raw weights do not fit .*remove every raw_weight",
    ),
    (
        (*PLACE, 0, "config"),
        {"levle": 3.0},
        r"^layers\[0\]\.transforms\[0\]\.config: case\.level cannot be built from .*'levle'",
    ),
    ((*PLACE, 0, "config"), {"level": -3.0}, r"^layers\[0\]\.transforms\[0\]\.config: case\.level cannot be built"),
    (
        (*PLACE, 0, "parameters", "level", "high"),
        3.0,
        r"\[0\]\.parameters\.level\.high: must lie in \[-2, 2\] V, but got 3\. Set a wider range",
    ),
    ((*PLACE, 0, "parameters", "level", "low"), "nan", r"parameters\.level\.low: must lie in \[-2, 2\] V, but got nan"),
    (
        (*PLACE, 0, "parameters", "level", "low"),
        0.0,
        r"parameters\.level: low and high must be symmetric about the identity, 0, but got \[0\.0\]",
    ),
    ((*PLACE, 1, "parameters", "cutoff_hz", "high"), 3000.0, r"low and high must begin at the identity, 4000, but got"),
    (
        (*PLACE, 1, "parameters", "cutoff_hz", "low"),
        50.0,
        r"cutoff_hz\.low: must lie in \[100, 4000\] Hz, but got 50\.",
    ),
    ((*PLACE, 1, "parameters", "cutoff_hz", "unit"), "kHz", r"cutoff_hz\.unit: must be 'Hz', but got 'kHz'"),
    (
        (*PLACE, 1, "parameters", "cutoff_hz", "high"),
        [4000.0],
        r"cutoff_hz\.high: must be a number, but got \[4000\.0\]",
    ),
    ((*PLACE, 1, "parameters", "cutoff_hz", "high"), ["x"], r"cutoff_hz\.high: must be a number, but is 'x'"),
    (
        (*PLACE, 1, "parameters", "cutoff_hz", "high"),
        ...,
        r"^layers\[0\]\.transforms\[1\]\.parameters\.cutoff_hz\.high: field required",
    ),
    (
        (*PLACE, 1, "parameters", "cutoff_hz", "magnitude"),
        0.5,
        r"cutoff_hz\.magnitude: does not fit low and high\. To edit them by hand, remove",
    ),
    (
        (*PLACE, 1, "parameters", "cutoff_hz", "raw_magnitude"),
        0.5,
        r"cutoff_hz\.raw_magnitude: does not fit low and high",
    ),
]


@pytest.mark.parametrize(("place", "value", "message"), HAND_ERRORS, ids=range(len(HAND_ERRORS)))
def test_mistakes_by_hand_are_named_by_place(place, value, message):
    with pytest.raises(PolicyError, match=message):
        from_document(changed(by_hand(), place, value))


@pytest.fixture
def by_level(monkeypatch):
    monkeypatch.setitem(STRENGTHS, "by_level", ByLevel)


def layer_by_level(factor=2.0, selection="straight_through"):
    """One that has seen a batch, so that its running mean and its parameters are odd numbers."""
    layer = AugmentationLayer(
        [Level, Negate], strength=functools.partial(ByLevel, factor=factor), selection=selection, magnitude=0.2
    )
    layer(torch.linspace(0, 1, 12).reshape(4, 3))
    with torch.no_grad():
        layer.strength.slope.add_(torch.tensor([0.1, -0.3]))
    return layer


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
def test_a_strength_per_sample_comes_back_exactly(by_level, selection):
    module = AugmentationModule([layer_by_level(3.0, selection)])
    document = json.loads(json.dumps(to_document(module)))
    again = from_document(document)
    assert same(module, again)
    assert again.layers[0].strength.factor == 3.0
    x = torch.rand(5, 3)
    module.eval()
    assert torch.equal(again(x, generator=keyed_generator(0)), module(x, generator=keyed_generator(0)))
    slim = to_document(module, tensors=False)
    assert "state" not in slim["layers"][0]
    assert from_document(slim, tensors=False).layers[0].strength.factor == 3.0


BY_LEVEL = ("layers", 0)
BY_LEVEL_ERRORS = [
    ((*BY_LEVEL, "strength"), "by_levl", r"^layers\[0\]\.strength: must be one of .*Did you mean 'by_level'\?"),
    ((*BY_LEVEL, "strength_config"), {"fctor": 1}, r"strength_config: by_level cannot be built from .*'fctor'"),
    ((*BY_LEVEL, "state"), {}, r"^layers\[0\]\.state: must hold the tensors of strength 'by_level', .*strength\.slope"),
    ((*BY_LEVEL, "state", "strength.slope", "dtype"), "object", r"state\.strength\.slope\.dtype: must be one of"),
    (
        (*PLACE, 0, "parameters", "level"),
        {"low": -1, "high": 1},
        r"^layers\[0\]\.transforms: low and high do not fit the state .*cannot be edited by hand; use ",
    ),
]


@pytest.mark.parametrize(("place", "value", "message"), BY_LEVEL_ERRORS, ids=range(len(BY_LEVEL_ERRORS)))
def test_mistakes_about_a_strength_are_named_by_place(by_level, place, value, message):
    document = to_document(AugmentationModule([layer_by_level()]))
    with pytest.raises(PolicyError, match=message):
        from_document(changed(document, place, value))


def test_the_class_name_of_older_files_is_understood():
    assert type(from_document(by_hand(strength="GlobalStrength")).layers[0].strength) is GlobalStrength


def test_the_same_transform_twice():
    document = by_hand()
    document["layers"][0]["transforms"][1] = document["layers"][0]["transforms"][0]
    with pytest.raises(PolicyError, match=r"layers\[0\]\.transforms: transforms holds 'case\.level' twice"):
        from_document(document)


JITTER = ("layers", 0, "transforms", 3)
STATE_ERRORS = [
    ((*JITTER, "state", "scale", "dtype"), "object", r"state\.scale\.dtype: must be one of float16"),
    ((*JITTER, "state", "scale", "shape"), [4], r"state\.scale: holds no float32 tensor of shape \[4\]"),
    ((*JITTER, "state", "scale", "values"), ["a", 1, 2], r"state\.scale: holds no float32 tensor"),
    ((*JITTER, "state", "scale", "values"), [[1], [2, 3]], r"state\.scale: holds no float32 tensor"),
    ((*JITTER, "state", "seen"), ..., r"state: case\.jitter keeps 'seen', which is missing"),
    (
        (*JITTER, "state", "other"),
        {"dtype": "bool", "shape": [], "values": True},
        r"state\.other: case\.jitter has no state of this name",
    ),
    (
        (*JITTER, "state", "a.b"),
        {"dtype": "bool", "shape": [], "values": True},
        r"state\.a\.b: case\.jitter has no state of this name",
    ),
    (
        (*JITTER, "parameters", "std", "high"),
        [0.1, 0.7],
        r"std\.high: must be a list of 3 numbers, one per feature, but got \[0\.1, 0\.7\]",
    ),
    ((*JITTER, "parameters", "std", "low"), 0.0, r"std\.low: must be a list of 3 numbers"),
    ((*JITTER, "config", "n_features"), 2, r"std\.low: must be a list of 2 numbers"),
    ((*JITTER, "config", "n_features"), 0, r"must set self\.n_features to a positive int"),
]


@pytest.mark.parametrize(("place", "value", "message"), STATE_ERRORS, ids=range(len(STATE_ERRORS)))
def test_mistakes_in_fitted_state_are_named_by_place(place, value, message):
    with pytest.raises(PolicyError, match=message):
        from_document(changed(to_document(example_module()), place, value))


def test_parameters_of_a_transforms_own_come_back():
    module = AugmentationModule([AugmentationLayer([Tilt])])
    again = from_document(to_document(module))
    assert same(module, again)
    assert isinstance(again.layers[0].transforms[0].inner.weight, torch.nn.Parameter)
