"""A policy: rows in physical units, a file that comes back equal, a frozen module that does the same."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import errno
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy_cases import Jitter, Level, LowPass, Negate, example_module
from torch import nn

from augrad import AugmentationLayer, AugmentationModule, InvariantModel, keyed_generator
from augrad.errors import ArgumentTypeError, PolicyError, StorageError
from augrad.files import storage
from augrad.layers.selection import StraightThrough
from augrad.policies.document import to_document
from augrad.policies.document_reader import from_document
from augrad.policies.policy import Policy, PolicyRow


@pytest.fixture
def module():
    return example_module()


@pytest.fixture
def policy(module):
    return Policy.from_module(module)


class TestRows:
    def test_one_per_parameter_and_column_in_order(self, policy):
        assert [(row.layer, row.transform, row.parameter) for row in policy] == [
            (0, "case.level", "level"),
            (0, "case.level", "slope"),
            (0, "case.low_pass", "cutoff_hz"),
            (0, "case.negate", None),
            (0, "case.jitter", "std[0]"),
            (0, "case.jitter", "std[1]"),
            (0, "case.jitter", "std[2]"),
            (1, "case.negate", None),
            (1, "case.level", "level"),
            (1, "case.level", "slope"),
        ]
        assert len(policy) == 10
        assert policy[-1] is list(policy)[9]

    def test_physical_values(self, module, policy):
        row = policy[0]
        magnitude = module.layers[0].magnitudes[0].item()
        assert row.magnitude == magnitude
        assert (row.low, row.high, row.unit) == (-1.5 * magnitude, 1.5 * magnitude, "V")
        assert row.weight == module.layers[0].weights[0].item()
        assert (policy[5].low, policy[5].high) == (0.0, 0.7)
        assert (policy[6].low, policy[6].high, policy[6].magnitude) == (0.0, 0.0, 0.0)
        assert policy[2].high == 4000.0
        assert dataclasses.astuple(policy[7]) == (1, "case.negate", None, 0.0, None, None, None, "")

    def test_are_frozen(self, policy):
        with pytest.raises(dataclasses.FrozenInstanceError):
            policy[0].weight = 1.0

    def test_name_the_entries_of_a_parameter_where_the_transform_knows_names(self):
        jitter = AugmentationLayer(
            [
                Jitter(n_features=2),
            ]
        )
        assert [row.parameter for row in Policy.from_module(jitter)] == ["std[0]", "std[1]"]
        jitter = AugmentationLayer([Jitter(n_features=2, names=["age", "height"])])
        assert [row.parameter for row in Policy.from_module(jitter)] == ["std[age]", "std[height]"]

    def test_as_dictionaries(self, policy):
        assert [PolicyRow(**row) for row in policy.to_rows()] == list(policy)
        assert json.loads(json.dumps(policy.to_rows())) == policy.to_rows()

    @pytest.mark.parametrize(
        ("row", "text"),
        [
            (PolicyRow(0, "a.turn", "angle", 0.625, 0.3, -57.04, 57.04, "deg"), "a.turn angle ±57 deg (weight 0.62)"),
            (PolicyRow(0, "a.blur", "width", 0.5, 0.3, 0.0, 1234.0, ""), "a.blur width 0..1.23e+03 (weight 0.50)"),
            (PolicyRow(0, "a.flip", None, 1.0, None, None, None, ""), "a.flip (weight 1.00)"),
        ],
    )
    def test_as_text(self, row, text):
        assert str(row) == text

    def test_of_a_model_and_of_a_layer(self, module):
        assert InvariantModel(nn.Linear(3, 2), module).policy == Policy.from_module(module)
        layer = module.layers[1]
        assert [row.transform for row in Policy.from_module(layer)] == ["case.negate", "case.level", "case.level"]
        assert module.layers[1] is layer

    def test_of_something_else(self):
        with pytest.raises(
            ArgumentTypeError, match=r"module must be an AugmentationModule .* of a model is model\.policy"
        ):
            Policy.from_module(InvariantModel(nn.Linear(3, 2), example_module()))


class TestSnapshot:
    def test_later_training_does_not_change_it(self, module, policy):
        before = copy.deepcopy(policy.to_rows())
        module.layers[0].set_value("case.level", "level", 1.5)
        with torch.no_grad():
            module.layers[0].transforms[3].scale.zero_()
        assert policy.to_rows() == before
        assert policy != Policy.from_module(module)
        assert policy.as_module().layers[0].transforms[3].scale[0] > 0

    def test_taking_it_leaves_the_module_alone(self, module):
        module.train()
        x = torch.rand(4, 3, requires_grad=True)
        module(x)
        Policy.from_module(module)
        assert module.training
        assert all(parameter.requires_grad for parameter in module.parameters())
        assert module.state().before is x

    def test_its_own_copies_do_not_change_it(self, policy):
        policy.as_module().layers[0].set_value("case.level", "level", 0.0)
        assert policy[0].high > 0.5

    def test_equality_and_hash(self, module, policy):
        twin = Policy.from_module(module)
        assert policy == twin
        assert hash(policy) == hash(twin)
        assert policy != list(policy)
        other = example_module(selection="mixture")
        assert list(Policy.from_module(other)) == list(policy)
        assert Policy.from_module(other) != policy


class TestModule:
    def test_is_frozen_and_exact(self, module, policy):
        frozen = policy.as_module()
        assert not any(parameter.requires_grad for parameter in frozen.parameters())
        assert not frozen.training
        for mine, theirs in zip(module, frozen, strict=True):
            assert torch.equal(mine.weights, theirs.weights)
            assert torch.equal(mine.magnitudes, theirs.magnitudes)
        assert frozen.layers[0].magnitudes[4:].tolist() == [1.0, 0.0]
        assert frozen.layers[1].weights.tolist() == [0.0, 1.0]

    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize("selection", ["straight_through", "mixture"])
    def test_draws_as_the_learned_one(self, training, selection):
        module = example_module(fitted=False, selection=selection).train(training)
        frozen = Policy.from_module(module).as_module().train(training)
        x = torch.rand(50, 3)
        mine, theirs = (each(x, generator=keyed_generator(1)) for each in (module, frozen))
        assert torch.equal(mine, theirs)
        assert not theirs.requires_grad
        assert not torch.equal(theirs, x)

    def test_passes_gradients_to_its_input(self, policy):
        x = torch.rand(5, 3, requires_grad=True)
        policy.as_module().train()(x, generator=keyed_generator(0)).sum().backward()
        assert x.grad is not None

    def test_of_an_unregistered_transform(self):
        class Secret(Negate):
            pass

        module = AugmentationModule([AugmentationLayer([Secret])])
        assert Policy.from_module(module).as_module()(torch.ones(50, 2)).unique().tolist() == [-1.0, 1.0]


class TestSummary:
    def test_leading_is_the_largest_weight_of_any_layer(self, policy):
        assert {(row.layer, row.transform) for row in policy.leading()} == {(0, "case.jitter")}
        alone = Policy.from_module(AugmentationLayer([Negate, LowPass], weights=[3.0, 1.0]))
        assert [row.transform for row in alone.leading()] == ["case.negate"]

    def test_what_rests_does_not_lead(self):
        resting = AugmentationLayer([LowPass], magnitude=0.0)
        policy = Policy.from_module(AugmentationModule([resting, AugmentationLayer([Negate, LowPass])]))
        assert policy[0].rests
        assert not any(row.rests for row in policy if row.layer == 1)
        assert [(row.layer, row.transform) for row in policy.leading()] == [(1, "case.negate")]

    def test_over_layers(self):
        layers = [AugmentationLayer([Level, Negate], weights=weights) for weights in ([1.0, 3.0], [1.0, 1.0])]
        for layer, value in zip(layers, (2.0, 0.5), strict=True):
            layer.set_value("case.level", "level", value)
        level, slope, negate = _by_name(AugmentationModule(layers))
        assert negate.probability == pytest.approx(1 - 0.25 * 0.5)
        assert level.probability == slope.probability == pytest.approx(1 - 0.75 * 0.5)
        assert (level.low, level.high) == pytest.approx((-1.0, 1.0))
        assert (level.lowest, level.highest) == pytest.approx((-2.0, 2.0))
        assert level.reach == "±1 V"
        assert (negate.low, negate.highest, negate.reach) == (None, None, "")

    def test_the_most_probable_comes_first(self, policy):
        probabilities = [each.probability for each in policy.summary()]
        assert probabilities == sorted(probabilities, reverse=True)
        assert len(probabilities) == 7

    def test_of_what_is_never_drawn(self):
        layer = AugmentationLayer([Negate, Level], weights=[1.0, 0.0], magnitude=0.5)
        level = _by_name(AugmentationModule([layer]))[0]
        assert (level.probability, level.high) == (0.0, 1.0)

    @given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=4), st.lists(st.floats(0, 1), min_size=4, max_size=4))
    def test_bounds(self, weights, magnitudes):
        layers = [
            AugmentationLayer([Level, Negate], weights=[w, 1.01 - w], magnitude={"case.level": m})
            for w, m in zip(weights, magnitudes, strict=False)
        ]
        level = _by_name(AugmentationModule(layers))[0]
        assert max(weights) / 1.01 - 1e-6 <= level.probability <= min(sum(weights) / 1.01, 1) + 1e-6
        assert level.lowest - 1e-9 <= level.low <= 0 <= level.high <= level.highest + 1e-9


def _by_name(module):
    found = {(each.transform, each.parameter): each for each in Policy.from_module(module).summary()}
    return [
        found[key] for key in [("case.level", "level"), ("case.level", "slope"), ("case.negate", None)] if key in found
    ]


class TestFile:
    @pytest.mark.parametrize("fitted", [True, False])
    def test_comes_back_equal(self, tmp_path, fitted):
        policy = Policy.from_module(example_module(fitted=fitted))
        path = policy.to_json(tmp_path / "runs" / "policy.json")
        again = Policy.from_json(path)
        assert again == policy
        assert list(again) == list(policy)
        assert again.to_json(tmp_path / "again.json").read_bytes() == path.read_bytes()

    def test_does_the_same(self, tmp_path):
        policy = Policy.from_module(example_module(fitted=False))
        again = Policy.from_json(policy.to_json(tmp_path / "policy.json"))
        x = torch.rand(20, 3)
        outputs = [each.as_module()(x, generator=keyed_generator(3)) for each in (policy, again)]
        assert torch.equal(*outputs)
        assert not any(parameter.requires_grad for parameter in again.as_module().parameters())

    def test_missing(self, tmp_path):
        with pytest.raises(PolicyError, match=r"cannot read the policy .*none\.json: No such file") as caught:
            Policy.from_json(tmp_path / "none.json")
        assert isinstance(caught.value, ValueError)

    @pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
    def test_that_is_not_json(self, tmp_path, text):
        (tmp_path / "p.json").write_bytes(text)
        with pytest.raises(PolicyError, match=r"the policy .*p\.json is not JSON"):
            Policy.from_json(tmp_path / "p.json")

    def test_with_numbers_that_json_lacks(self, tmp_path):
        (tmp_path / "p.json").write_bytes(b'{"schema": 1, "layers": [-Infinity]}')
        with pytest.raises(PolicyError, match='is not JSON: -Infinity is not a JSON number; write "-inf"'):
            Policy.from_json(tmp_path / "p.json")

    def test_with_a_mistake_names_file_and_place(self, tmp_path, policy):
        path = policy.to_json(tmp_path / "p.json")
        path.write_text(path.read_text().replace("case.low_pass", "vision.rotat"))
        with pytest.raises(
            PolicyError, match=r"p\.json: layers\[0\]\.transforms\[1\]\.name: no transform named 'vision"
        ) as caught:
            Policy.from_json(path)
        assert caught.value.place == "layers[0].transforms[1].name"
        assert caught.value.path == path

    @given(st.integers(0, 10**6), st.integers(0, 127))
    def test_any_changed_byte_gives_a_module_or_a_policy_error(self, position, byte):
        text = bytearray(json.dumps(to_document(example_module())).encode())
        text[position % len(text)] = byte
        try:
            document = json.loads(text)
        except ValueError:
            return
        with contextlib.suppress(PolicyError):
            assert len(from_document(document)) == 2

    def test_a_selection_of_ones_own_is_refused_before_writing(self, tmp_path):
        class Own(StraightThrough):
            pass

        policy = Policy.from_module(AugmentationLayer([Negate], selection=Own()))
        with pytest.raises(PolicyError, match="layer 0 has a selection of its own"):
            policy.to_json(tmp_path / "p.json")
        assert not any(tmp_path.iterdir())

    def test_a_full_disk_leaves_the_old_one(self, tmp_path, policy, monkeypatch):
        path = policy.to_json(tmp_path / "p.json")
        before = path.read_bytes()

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(storage.os, "fsync", full)
        with pytest.raises(StorageError, match=r"p\.json: No space left"):
            Policy.from_module(AugmentationLayer([Negate])).to_json(path)
        assert path.read_bytes() == before
