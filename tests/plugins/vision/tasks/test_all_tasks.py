"""What holds for each benchmark task of vision: its data, its split, its nuisance, and that its parts fit."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
import torch

from augrad import AugmentationLayer
from augrad.bench.task import Task
from augrad.demo.rules import build_transforms, build_trunk, fitted_arguments
from augrad.errors import MissingDependencyError
from augrad.plugins.registry import get_task
from augrad_vision.plugin import augrad_tasks
from augrad_vision.tasks import sources

# Name of the task: kind, training images, test images, channels, side, classes, and what draws its nuisance.
FACTS = {
    "vision-shifted-digits": ("invariance", 400, 1000, 1, 16, 10, "shifted"),
    "vision-turned-textures": ("invariance", 200, 1000, 1, 16, 3, "turned"),
    "vision-lit-photographs": ("invariance", 100, 1000, 3, 8, 5, "lit"),
    "vision-pointing-digits": ("nothing", 300, 600, 1, 12, 8, "pointing"),
    "vision-six-or-nine": ("limit", 100, 1000, 1, 16, 4, "turned"),
}
# Those of the group "mnist", whose own facts test_mnist.py checks.
MNIST = {f"vision-mnist-{each}" for each in ("turned", "any-angle", "upright", "shifted", "scaled")}


def _module(name: str) -> ModuleType:
    return importlib.import_module(augrad_tasks()[name].partition(":")[0])


def _undisturbed(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Training and test images as they are before the nuisance."""
    module, task = _module(name), get_task(name)
    with monkeypatch.context() as patched:
        labels = name == "vision-pointing-digits"
        untouched = (lambda x, g: (x, torch.zeros(len(x), dtype=torch.long))) if labels else (lambda x, g: x)
        patched.setattr(module, FACTS[name][-1], untouched)
        data = task.load(0)
    return data.train_x, data.test_x


def test_the_plugin_declares_these() -> None:
    assert set(augrad_tasks()) == {*FACTS, *MNIST}


def test_the_standard_group_is_that_of_published_tables() -> None:
    groups = {name: get_task(name).group for name in augrad_tasks()}
    assert groups == {**dict.fromkeys(FACTS, "standard"), **dict.fromkeys(MNIST, "mnist")}


@pytest.mark.parametrize("name", FACTS)
def test_facts(name: str) -> None:
    kind, n_train, n_test, n_channels, size, n_classes, _ = FACTS[name]
    task = get_task(name)
    data = task.load(0)
    assert (type(task), task.name, task.kind) == (Task, name, kind)
    assert data.train_x.shape == (n_train, n_channels, size, size)
    assert data.test_x.shape == (n_test, n_channels, size, size)
    assert data.train_x.dtype == data.test_x.dtype == torch.float32
    assert data.train_y.unique().tolist() == data.test_y.unique().tolist() == list(range(n_classes))
    assert data.train_y.bincount().min() >= n_train / n_classes / 2
    assert data.val_x is None


@pytest.mark.parametrize("name", FACTS)
def test_the_seed_is_of_the_training_images(name: str) -> None:
    task = get_task(name)
    first, again, other = task.load(0), task.load(0), task.load(1)
    assert torch.equal(first.train_x, again.train_x)
    assert torch.equal(first.train_y, again.train_y)
    assert torch.equal(first.test_x, other.test_x)
    assert torch.equal(first.test_y, other.test_y)
    assert not torch.equal(first.train_x, other.train_x)


@pytest.mark.parametrize("name", FACTS)
def test_no_image_is_in_both_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = _undisturbed(name, monkeypatch)
    both = torch.cat([train, test]).flatten(1)
    assert len(both.unique(dim=0)) == len(both)


@pytest.mark.parametrize("name", FACTS)
def test_the_nuisance_is_on_both_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = get_task(name).load(0)
    for before, after in zip(_undisturbed(name, monkeypatch), (data.train_x, data.test_x), strict=True):
        edge = (before.shape[-1] - after.shape[-1]) // 2
        inner = before[..., edge : before.shape[-1] - edge, edge : before.shape[-1] - edge]
        moved = (inner - after).abs().flatten(1).amax(dim=1) > 0.01
        assert moved.float().mean() > 0.95


@pytest.mark.parametrize("name", FACTS)
def test_the_parts_fit(name: str) -> None:
    task = get_task(name)
    data = task.load(0)
    transforms = build_transforms(task, fitted_arguments(task, data.train_x))
    assert list(transforms) == list(task.transforms)
    samples = data.train_x[:4]
    changed = AugmentationLayer(list(transforms.values()), magnitude=0.5)(samples)
    assert changed.shape == samples.shape
    assert build_trunk(task, 0)(changed).shape == (4, FACTS[name][5])


@pytest.mark.parametrize("name", [name for name, facts in FACTS.items() if facts[0] != "nothing"])
def test_the_candidates_go_beyond_the_truth(name: str) -> None:
    task = get_task(name)
    transforms = build_transforms(task, fitted_arguments(task, None))
    for true, parameters in task.oracle.items():
        for parameter, value in parameters.items():
            assert transforms[true].ranges[parameter].high >= 1.5 * value


@pytest.mark.parametrize("name", FACTS)
def test_a_missing_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The photographs' and textures' files are read once in a process.
    for reader in ("_squares", "_pieces"):
        cached = getattr(_module(name), reader, None)
        if cached is not None:
            monkeypatch.setattr(_module(name), reader, cached.__wrapped__)
    monkeypatch.setattr(sources, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"not installed: pip install 'augrad-vision\[demo\]'"):
        get_task(name).load(0)
