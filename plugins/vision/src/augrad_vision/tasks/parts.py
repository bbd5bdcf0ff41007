"""Shared parts of the vision tasks: a fixed split, a change drawn once per image, a small network. Uses ../demo.py."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from augrad import keyed_generator
from augrad.demo import DemoData
from augrad_vision.demo import convolution

Images = Float[Tensor, "samples channels height width"]
"""Images, all of the same size."""

Nuisance = Callable[[Images, Generator], Images]
"""Changes each image once, with draws from a generator."""


def split_data(
    images: Images,
    labels: Int[Tensor, " samples"],
    *,
    task: str,
    seed: int,
    n_train: int,
    n_test: int,
    nuisance: Nuisance,
) -> DemoData:
    """Splits images into training and test images and changes each of them once.

    The split and the draws on test images are the same for every seed; the draws on training images differ.

    Args:
        images: all images; no image may occur twice.
        labels: their labels.
        task: name of the task, which determines the split and the draws.
        seed: seed of the draws on training images.
        n_train: number of training images.
        n_test: largest number of test images.
        nuisance: changes each image.
    """
    train, test = split(len(images), task, n_train, n_test)
    return DemoData(
        train_x=nuisance(images[train], keyed_generator(task, "train", seed)),
        train_y=labels[train],
        test_x=nuisance(images[test], keyed_generator(task, "test")),
        test_y=labels[test],
    )


def split(n_samples: int, task: str, n_train: int, n_test: int) -> tuple[Int[Tensor, " train"], Int[Tensor, " test"]]:
    """Returns the indices of training and test samples, the same at each call.

    Example:
        >>> train, test = split(10, "example", 4, 5)
        >>> len(train), len(test), len({*train.tolist(), *test.tolist()})
        (4, 5, 9)
    """
    order = torch.randperm(n_samples, generator=keyed_generator(task, "split"))
    return order[:n_train], order[n_train : n_train + n_test]


def draw_within(high: float, n_samples: int, generator: Generator) -> Float[Tensor, " samples"]:
    """Draws a value per sample, uniformly between `-high` and `high`.

    Example:
        >>> values = draw_within(60.0, 100, torch.Generator().manual_seed(0))
        >>> bool((values.abs() <= 60).all()), bool(values.min() < -50), bool(values.max() > 50)
        (True, True, True)
    """
    return (2 * torch.rand(n_samples, generator=generator) - 1) * high


def small_cnn(n_channels: int, size: int, n_classes: int) -> nn.Module:
    """Builds three convolutions and a linear layer, for images `(batch, n_channels, size, size)`.

    Args:
        n_channels: number of channels of the images.
        size: side of the images in pixels, a multiple of 4.
        n_classes: number of classes.
    """
    return nn.Sequential(
        *convolution(n_channels, 16),
        nn.MaxPool2d(2),
        *convolution(16, 32),
        nn.MaxPool2d(2),
        *convolution(32, 32),
        nn.Flatten(),
        nn.Linear(32 * (size // 4) ** 2, n_classes),
    )
