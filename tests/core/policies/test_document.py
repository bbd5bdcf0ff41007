"""A module as a document: JSON-able, finite, and the same whatever the module's precision or device."""

from __future__ import annotations

import functools
import json

import pytest
import torch
from tests.core.policy_cases import ByLevel, Jitter, Level, Negate, example_module
from torch import Tensor, nn

from augrad import AugmentationLayer, AugmentationModule, Range, Transform
from augrad.errors import PolicyError
from augrad.layers.selection import StraightThrough
from augrad.layers.strength import STRENGTHS, GlobalStrength
from augrad.policies.document import check_rebuildable, encoded, to_document


class OwnSelection(StraightThrough):
    pass


class OwnStrength(GlobalStrength):
    pass


def test_is_strict_json_with_physical_values():
    document = to_document(example_module())
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    level, low_pass, negate, jitter = document["layers"][0]["transforms"]
    assert (level["name"], level["config"]) == ("case.level", {"level": 1.5})
    assert level["parameters"]["level"]["unit"] == "V"
    assert level["parameters"]["level"]["high"] == pytest.approx(1.5 / (1 + 2.718281828**-0.7), rel=1e-5)
    assert level["parameters"]["level"]["low"] == -level["parameters"]["level"]["high"]
    assert low_pass["parameters"]["cutoff_hz"]["high"] == 4000.0
    assert 100 < low_pass["parameters"]["cutoff_hz"]["low"] < 400
    assert negate["parameters"] == {}
    assert jitter["config"] == {"n_features": 3, "mode": "robust", "std": 0.7}
    assert jitter["parameters"]["std"]["magnitude"][1:] == [1.0, 0.0]
    assert jitter["parameters"]["std"]["raw_magnitude"][1:] == ["inf", "-inf"]
    assert jitter["state"]["scale"]["values"][1] == "nan"
    assert jitter["state"]["seen"] == {"dtype": "int64", "shape": [], "values": 3}
    assert sum(entry["weight"] for entry in document["layers"][0]["transforms"]) == pytest.approx(1)
    assert document["layers"][1]["transforms"][0]["raw_weight"] == "-inf"


def test_a_range_in_the_config_is_kept():
    layer = AugmentationLayer([Level(level=Range(9.0, unit="V", signed=True))])
    entry = to_document(AugmentationModule([layer]))["layers"][0]["transforms"][0]
    assert entry["config"]["level"]["high"] == 9.0
    assert Level.from_config(entry["config"]).ranges["level"] == Range(9.0, unit="V", signed=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision(dtype):
    module = example_module(fitted=False).to(dtype)
    layer = to_document(module)["layers"][0]
    assert layer["dtype"] == str(dtype).removeprefix("torch.")
    assert layer["transforms"][0]["raw_weight"] == module.layers[0].raw_weights[0].item()
    assert sum(entry["weight"] for entry in layer["transforms"]) == pytest.approx(1, abs=1e-6)


def test_a_config_that_is_no_json_is_refused_by_name():
    layer = AugmentationLayer([Negate, Jitter(3, mode=torch.ones(1))])
    with pytest.raises(
        PolicyError, match=r"case\.jitter was constructed with mode=tensor.*cannot be written as JSON"
    ) as caught:
        to_document(AugmentationModule([layer]))
    assert (caught.value.transform, caught.value.argument) == ("case.jitter", "mode")


@pytest.mark.parametrize(
    ("options", "part", "name"),
    [
        ({"selection": OwnSelection()}, "selection", "OwnSelection"),
        ({"strength": OwnStrength}, "strength", "OwnStrength"),
    ],
)
def test_code_of_the_users_is_there_by_name_and_not_rebuildable(options, part, name):
    module = AugmentationModule([AugmentationLayer([Negate]), AugmentationLayer([Level], **options)])
    assert to_document(module)["layers"][1][part] == name
    with pytest.raises(PolicyError, match=rf"layer 1 has a {part} of its own, {name}: only names are stored") as caught:
        check_rebuildable(module)
    assert (caught.value.layer, caught.value.part) == (1, part)
    check_rebuildable(AugmentationModule([module.layers[0]]))


def test_a_strength_without_raw_magnitudes():
    class Half(GlobalStrength):
        @property
        def magnitudes(self) -> Tensor:
            return super().magnitudes / 2

    module = AugmentationModule([AugmentationLayer([Level], magnitude=0.5, strength=Half)])
    assert to_document(module)["layers"][0]["transforms"][0]["parameters"]["level"]["magnitude"] == pytest.approx(0.25)


def test_a_strength_that_its_config_does_not_bring_back(monkeypatch):
    class Forgetful(ByLevel):
        """Its config has not heard of `size`."""

        def __init__(self, magnitudes, size=1):
            super().__init__(magnitudes)
            self.net = nn.Linear(size, 1)

        @property
        def config(self):
            return {}

    class Lost(ByLevel):
        @property
        def config(self):
            return {"factr": 1.0}

    monkeypatch.setitem(STRENGTHS, "forgetful", Forgetful)
    monkeypatch.setitem(STRENGTHS, "lost", Lost)
    good = AugmentationModule([AugmentationLayer([Level], strength="forgetful")])
    check_rebuildable(good)
    for factory, message in (
        (
            functools.partial(Forgetful, size=2),
            r"Forgetful\(magnitudes, \*\*\{\}\) has other tensors.*Forgetful\.config",
        ),
        (Lost, r"Lost\(magnitudes, .*\) fails \(TypeError: .*'factr'\)\. Return the constructor's other arguments"),
    ):
        module = AugmentationModule([AugmentationLayer([Level], strength=factory)])
        with pytest.raises(PolicyError, match="layer 0 has a strength that its config does not bring back: " + message):
            check_rebuildable(module)


def test_a_config_that_is_no_json_is_refused_at_once(monkeypatch):
    module = AugmentationModule([AugmentationLayer([Level], strength=functools.partial(ByLevel, factor=1j))])
    with pytest.raises(PolicyError, match=r"ByLevel was constructed with factor=1j, which cannot be written as JSON"):
        to_document(module)


def test_encoded_keeps_whole_numbers_and_booleans():
    assert encoded(torch.tensor([True, False])) == [True, False]
    assert encoded(torch.tensor([[2**53 + 1]])) == [[2**53 + 1]]


def test_a_transform_needs_no_registration_to_be_described():
    class Unregistered(Transform):
        modality = "case"

        def forward(self, x: Tensor) -> Tensor:
            return x

    document = to_document(AugmentationModule([AugmentationLayer([Unregistered])]))
    assert document["layers"][0]["transforms"][0]["name"] == "case.unregistered"
