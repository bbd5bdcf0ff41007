"""Benchmark task: find the direction a digit points to. Uses sources.py and parts.py; declared by ../plugin.py."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from augrad import keyed_generator
from augrad.bench.task import Task
from augrad.demo import DemoData
from augrad_vision.geometric import Rotate
from augrad_vision.tasks.parts import Images, small_cnn, split
from augrad_vision.tasks.sources import small_digits

NAME = "vision-pointing-digits"
SHOWN = (2, 3, 4, 5, 7)
"""Digits whose top differs from their bottom. The digits 0, 1 and 8 look alike upside down; a 6 becomes a 9."""

N_DIRECTIONS = 8
SIZE = 12
N_TRAIN, N_TEST = 300, 600


def load(seed: int) -> DemoData:
    """Loads digits 2, 3, 4, 5 and 7, each turned by any angle. The class is the direction of the top, of eight.

    The digits come with scikit-learn (UCI, CC BY 4.0): 902 images of 8x8 pixels, with two empty pixels added on each
    side. 300 are for training and 600 for testing. The class is the sector of 45 degrees that the angle is in,
    counter-clockwise from upright. The split and the angles of test images are the same for every seed; the angles of
    training images, and so their classes, differ.

    Every candidate is harmful here. A rotation, however small, moves some images into the next sector, and a mirror
    image points the other way. Noise and blur hide the digit. (Shears are not among the candidates because their lean
    cancels out on average: within 65 degrees they cost an accuracy of 0.7 about 0.01.)

    Args:
        seed: seed of the angles of training images.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    images, digits = small_digits()
    upright = nn.functional.pad(images[torch.isin(digits, torch.tensor(SHOWN))], (2, 2, 2, 2))
    train, test = split(len(upright), NAME, N_TRAIN, N_TEST)
    train_x, train_y = pointing(upright[train], keyed_generator(NAME, "train", seed))
    test_x, test_y = pointing(upright[test], keyed_generator(NAME, "test"))
    return DemoData(train_x=train_x, train_y=train_y, test_x=test_x, test_y=test_y)


def pointing(images: Images, generator: torch.Generator) -> tuple[Images, Int[Tensor, " samples"]]:
    """Turns each image once by any angle and returns it with the direction it then points to."""
    angles = 360 * torch.rand(len(images), generator=generator)
    return Rotate()(images, angle=angles), direction(angles)


def direction(angle_deg: Float[Tensor, " samples"]) -> Int[Tensor, " samples"]:
    """Returns the nearest of the eight directions, counted counter-clockwise from upright.

    Example:
        >>> direction(torch.tensor([0.0, 22.0, 23.0, 90.0, 338.0])).tolist()
        [0, 0, 1, 2, 0]
    """
    return (angle_deg / (360 / N_DIRECTIONS)).round().long() % N_DIRECTIONS


TASK = Task(
    name=NAME,
    kind="nothing",
    title="Which way a digit points",
    description=(
        "300 handwritten digits to learn from, each turned by any angle, and 600 more to be tested on: to which of "
        "eight directions does the top of a digit point? None of the candidates may be learned. A turned or mirrored "
        "digit points elsewhere; noise and blur at full strength hide the direction."
    ),
    load=load,
    trunk=partial(small_cnn, n_channels=1, size=SIZE, n_classes=N_DIRECTIONS),
    transforms=(
        "vision.rotate",
        "vision.horizontal_flip",
        "vision.vertical_flip",
        "vision.gaussian_noise",
        "vision.gaussian_blur",
    ),
    oracle={},
    arguments={"vision.gaussian_noise": {"std": 1.0}},
    epochs=70,
    batch_size=64,
    lr=2e-3,
)
"""Five candidates: three change the direction and two hide it."""
