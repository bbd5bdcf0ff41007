"""Saved models: the same predictions after loading, and an untouched trunk when something does not fit."""

from __future__ import annotations

import copy
import errno
import functools
import json
import os

import pytest
import torch
from safetensors import safe_open
from tests.core.files.test_manifest import edited
from tests.core.policy_cases import ByLevel, Level, Negate, example_module
from torch import Tensor, nn

from augrad import AugmentationLayer, InvariantModel, Policy, Transform
from augrad.errors import AggregationError, ArgumentTypeError, CheckpointError, PolicyError, StorageError
from augrad.files import storage
from augrad.files.manifest import read_checkpoint, write_checkpoint
from augrad.files.storage import write_pointer
from augrad.layers.selection import StraightThrough
from augrad.layers.strength import STRENGTHS
from augrad.plugins.registry import catalogue, register
from augrad.saving import load, model_config, save


def trunk(n_hidden=4, seed=None):
    """A trunk with parameters, tied ones, and buffers."""
    if seed is not None:
        torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(3, n_hidden), nn.BatchNorm1d(n_hidden), nn.Linear(n_hidden, n_hidden), nn.Linear(n_hidden, 2)
    )
    net.append(nn.Identity())
    net[4].tied = net[3].weight
    return net


@pytest.fixture
def model():
    model = InvariantModel(trunk(), example_module(fitted=False), copies=3, train_copies=2, aggregation="prob", seed=5)
    model(torch.rand(8, 3))
    return model.eval()


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, other):
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


class TestRoundTrip:
    def test_predicts_the_same(self, model, tmp_path):
        again = load(save(model, tmp_path / "m"), trunk(seed=9))
        x = torch.rand(6, 3)
        assert torch.equal(again(x), model(x))
        assert same(state(again), state(model))
        assert (again.copies, again.train_copies, again.aggregation, again.seed) == (3, 2, "prob", 5)
        assert again.policy == model.policy
        assert not any(module.training for module in again.modules())
        assert all(parameter.requires_grad for parameter in again.parameters())

    def test_a_strength_per_sample_comes_back_with_its_tensors(self, tmp_path, monkeypatch):
        monkeypatch.setitem(STRENGTHS, "by_level", ByLevel)
        layer = AugmentationLayer([Level, Negate], strength=functools.partial(ByLevel, factor=2.0))
        model = InvariantModel(trunk(), layer)
        model(torch.rand(8, 3))
        again = load(save(model.eval(), tmp_path / "m"), trunk(seed=9))
        x = torch.rand(6, 3)
        assert torch.equal(again(x), model(x))
        assert same(state(again), state(model))
        assert again.policy == model.policy
        path = model.policy.to_json(tmp_path / "policy.json")
        assert Policy.from_json(path) == model.policy
        monkeypatch.delitem(STRENGTHS, "by_level")
        with pytest.raises(
            PolicyError, match=r"a strength of its own, ByLevel: .*name in augrad\.layers\.strength\.STRENG"
        ):
            save(model, tmp_path / "again")
        with pytest.raises(
            CheckpointError, match=r"layers\[0\]\.strength: must be one of 'global', but got 'by_level'"
        ):
            load(tmp_path / "m", trunk())

    def test_goes_on_training(self, model, tmp_path):
        again = load(save(model, tmp_path / "m"), trunk()).train()
        again(torch.rand(8, 3), generator=torch.Generator().manual_seed(0)).square().sum().backward()
        assert all(parameter.grad is not None for parameter in again.augmentation.layers[0].parameters())

    def test_fitted_state_of_another_shape_comes_back(self, tmp_path):
        model = InvariantModel(trunk(), example_module(fitted=True))
        again = load(save(model, tmp_path / "m"), trunk())
        assert torch.equal(again.augmentation.layers[0].transforms[3].scale[:1], torch.tensor([1.5275252]))

    def test_of_a_wrapped_model(self, model, tmp_path):
        class Wrapper(nn.Module):
            def __init__(self):
                super().__init__()
                self.module = model

        save(Wrapper(), tmp_path / "m")
        assert same(state(load(tmp_path / "m", trunk())), state(model))

    def test_in_half_precision_and_of_a_lazy_trunk(self, tmp_path):
        model = InvariantModel(nn.Linear(3, 2), AugmentationLayer([Negate])).to(torch.bfloat16)
        again = load(save(model, tmp_path / "m"), nn.LazyLinear(2).to(torch.bfloat16))
        assert same(state(again), state(model))

    def test_of_a_trunk_without_parameters(self, tmp_path):
        model = InvariantModel(nn.Identity(), AugmentationLayer([Level]), aggregation="mean")
        assert same(state(load(save(model, tmp_path / "m"), nn.Identity())), state(model))

    def test_a_later_save_replaces_it(self, model, tmp_path):
        save(model, tmp_path / "m")
        other = InvariantModel(trunk(seed=3), example_module(fitted=False), copies=7)
        save(other, tmp_path / "m")
        assert load(tmp_path / "m", trunk()).copies == 7

    def test_through_a_pointer(self, model, tmp_path):
        save(model, tmp_path / "step-1")
        write_pointer(tmp_path, "best", "step-1")
        assert same(state(load(tmp_path / "best", trunk())), state(model))

    def test_a_checkpoint_of_the_trainer(self, model, tmp_path):
        tensors = {"model": model.state_dict(), "optimizer": {}}
        write_checkpoint(tmp_path / "c", tensors, kind="checkpoint", config={"model": model_config(model), "state": {}})
        assert same(state(load(tmp_path / "c", trunk())), state(model))

    def test_a_callable_aggregation_is_handed_over_again(self, tmp_path):
        def best(outputs: Tensor) -> Tensor:
            return outputs.amax(dim=0)

        model = InvariantModel(trunk(), AugmentationLayer([Negate]), aggregation=best).eval()
        path = save(model, tmp_path / "m")
        given = trunk(seed=1)
        before = state(given)
        with pytest.raises(
            CheckpointError, match=r"saved with an aggregation of your own.*load\(path, trunk, aggregation="
        ):
            load(path, given)
        assert same(state(given), before)
        x = torch.rand(4, 3)
        assert torch.equal(load(path, given, aggregation=best)(x), model(x))

    def test_what_a_learned_aggregation_has_learned_comes_back(self, tmp_path):
        class Weighted(nn.Module):
            def __init__(self):
                super().__init__()
                self.slope = nn.Parameter(torch.ones(2))

            def forward(self, outputs: Tensor) -> Tensor:
                return self.slope * outputs.mean(0)

        model = InvariantModel(trunk(), AugmentationLayer([Negate]), aggregation=Weighted()).eval()
        with torch.no_grad():
            model.aggregation.slope.copy_(torch.tensor([3.0, 0.25]))
        again = load(save(model, tmp_path / "m"), trunk(), aggregation=Weighted())
        assert again.aggregation.slope.tolist() == [3.0, 0.25]
        assert torch.equal(again(torch.ones(4, 3)), model(torch.ones(4, 3)))

    def test_another_aggregation_than_the_saved_one(self, model, tmp_path):
        assert load(save(model, tmp_path / "m"), trunk(), aggregation="logit").aggregation == "logit"

    def test_what_is_written_is_data(self, model, tmp_path):
        """What is loaded is data: the file of tensors is safetensors, the rest JSON."""
        path = save(model, tmp_path / "m")
        assert {file.name for file in path.iterdir()} == {"manifest.json", "model.safetensors"}
        manifest = json.loads((path / "manifest.json").read_text())
        assert manifest["config"]["model"]["augmentation"]["layers"][0]["transforms"][0]["name"] == "case.level"
        with safe_open(path / "model.safetensors", "pt") as tensors:
            assert set(tensors.keys()) == set(model.state_dict())


class TestRefusesToSave:
    def test_what_is_no_model(self, tmp_path):
        with pytest.raises(ArgumentTypeError, match=r"model must be an augrad\.InvariantModel"):
            save(nn.Linear(1, 1), tmp_path / "m")
        assert not any(tmp_path.iterdir())

    def test_a_selection_of_ones_own(self, tmp_path):
        class Own(StraightThrough):
            pass

        model = InvariantModel(trunk(), AugmentationLayer([Negate], selection=Own()))
        with pytest.raises(PolicyError, match=r"has a selection of its own, .*Own"):
            save(model, tmp_path / "m")
        assert not any(tmp_path.iterdir())

    def test_a_trunk_with_state_that_is_no_tensor(self, tmp_path):
        class Extra(nn.Linear):
            def get_extra_state(self):
                return {"calls": 3}

            def set_extra_state(self, state):
                pass

        with pytest.raises(StorageError, match=r"cannot store 'trunk\._extra_state': only dense tensors"):
            save(InvariantModel(Extra(3, 2), AugmentationLayer([Negate])), tmp_path / "m")
        assert not any(tmp_path.iterdir())

    def test_on_a_full_disk_the_old_model_stands(self, model, tmp_path, monkeypatch):
        path = save(model, tmp_path / "m")

        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(storage.os, "fsync", full)
        with pytest.raises(StorageError, match="No space left on device"):
            save(InvariantModel(trunk(), AugmentationLayer([Negate])), path)
        assert same(state(load(path, trunk())), state(model))
        assert os.listdir(tmp_path) == ["m"]


class TestRefusesToLoad:
    @pytest.fixture
    def path(self, model, tmp_path):
        return save(model, tmp_path / "m")

    def refused(self, path, message, given=None, **options):
        given = trunk(seed=2) if given is None else given
        before, mode = state(given), given.training
        with pytest.raises(CheckpointError, match=message) as caught:
            load(path, given, **options)
        assert same(state(given), before)
        assert given.training is mode
        return caught.value

    def test_what_is_not_there(self, tmp_path):
        self.refused(tmp_path / "none", "it does not exist")

    def test_a_file_that_is_no_pointer(self, tmp_path):
        (tmp_path / "file").write_text("nothing")
        self.refused(tmp_path / "file", "the pointer .*file names 'nothing'")

    def test_another_trunk(self, path):
        given = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2), nn.Linear(2, 2, bias=False))
        error = self.refused(path, r"m does not fit the trunk: .*Build the trunk as it was", given)
        assert "missing in the file: trunk.1.bias" not in error.message
        assert "missing in the trunk: trunk.1.num_batches_tracked, trunk.1.running_mean" in error.message
        assert "trunk.0.weight is (4, 3) in the file and (5, 3) in the trunk" in error.message
        assert "trunk.2.bias" in error.unexpected
        assert error.missing == []

    def test_a_larger_trunk(self, path):
        given = nn.Sequential(*trunk(), *(nn.Linear(2, 2) for _ in range(4)))
        error = self.refused(path, r"missing in the file: trunk\.5\.bias, .* and 3 more", given)
        assert len(error.missing) == 8

    @pytest.mark.parametrize("name", ["manifest.json", "model.safetensors"])
    def test_a_missing_file(self, path, name):
        (path / name).unlink()
        self.refused(path, name.replace(".", r"\."))

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
    def test_truncated_or_changed_tensors(self, path, share):
        file = path / "model.safetensors"
        whole = file.read_bytes()
        at = int(len(whole) * share)
        file.write_bytes(whole[:at])
        self.refused(path, "truncated")
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        self.refused(path, r"model\.safetensors was changed since it was written")

    def test_an_edited_manifest(self, path):
        file = path / "manifest.json"
        file.write_text(file.read_text().replace('"copies": 3', '"copies": 4'))
        self.refused(path, r"manifest\.json is damaged or was edited")

    def test_what_holds_no_model(self, tmp_path):
        path = write_checkpoint(tmp_path / "c", {"model": {}}, kind="statistics", config={})
        self.refused(path, r"holds no model \(it is of kind 'statistics'\)")

    @pytest.mark.parametrize(
        "change", [{"copies": 0}, {"train_copies": -1}, {"aggregation": "median"}, {"augmentation": None}]
    )
    def test_a_config_that_makes_no_model(self, path, change):
        config = read_checkpoint(path).config
        edited(path, config={"model": {**config["model"], **change}})
        self.refused(path, "cannot build the model of .*: ")

    def test_an_aggregation_that_does_not_go_with_the_transforms(self, path):
        with pytest.raises(AggregationError, match="aggregation must be one of"):
            load(path, trunk(), aggregation="median")

    def test_a_transform_that_is_not_registered(self, tmp_path, monkeypatch):
        @register
        class Passing(Transform):
            modality = "case"

            def forward(self, x: Tensor) -> Tensor:
                return x

        path = save(InvariantModel(trunk(), AugmentationLayer([Passing])), tmp_path / "m")
        monkeypatch.delitem(catalogue._registered, "case.passing")
        self.refused(path, r"layers\[0\]\.transforms\[0\]\.name: no transform named 'case\.passing'.*augrad\.register")
        edited(path, transforms={"case.passing": "augrad-case 1.0"})
        self.refused(path, r"It was written with: augrad-case 1\.0\.")

    def test_a_module_that_is_no_trunk(self, path, model):
        other = copy.deepcopy(model)
        error = self.refused(path, "does not fit the trunk", other)
        assert any(name.startswith("trunk.trunk.") for name in error.missing)
