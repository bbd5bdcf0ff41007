"""The vision demo: real digits, each rotated within 60 degrees. Uses geometric.py; declared by plugin.py."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augrad import keyed_generator
from augrad.demo import Demo, DemoData
from augrad.errors import MissingDependencyError
from augrad_vision.geometric import Rotate

TRUE_ANGLE_DEG = 60.0
IMAGE_SIZE = 16
N_TRAIN, N_VAL = 400, 200


def load_digits(seed: int) -> DemoData:
    """Loads scikit-learn's 1,797 handwritten digits, upsampled to 16x16, each rotated by an angle within 60 degrees.

    The split and the angles of validation and test images are the same for every seed. Only the angles of the 400
    training images change with the seed.

    Args:
        seed: seed of the training angles.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingDependencyError(
            "the vision demo reads its images from scikit-learn, which is not installed: "
            "pip install 'augrad-vision[demo]'",
            dependency="scikit-learn",
        ) from error
    digits = datasets.load_digits()
    small = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    images = nn.functional.interpolate(small, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear", align_corners=False)
    order = torch.randperm(len(images), generator=keyed_generator("digits", "split"))
    train, val, test = order[:N_TRAIN], order[N_TRAIN : N_TRAIN + N_VAL], order[N_TRAIN + N_VAL :]
    labels = torch.tensor(digits.target)
    return DemoData(
        train_x=turned(images[train], keyed_generator("digits", "train", seed)),
        train_y=labels[train],
        test_x=turned(images[test], keyed_generator("digits", "test")),
        test_y=labels[test],
        val_x=turned(images[val], keyed_generator("digits", "val")),
        val_y=labels[val],
    )


def turned(
    images: Float[Tensor, "batch channels height width"], generator: torch.Generator
) -> Float[Tensor, "batch channels height width"]:
    """Rotates each image once, by an angle drawn uniformly within `TRUE_ANGLE_DEG` to either side."""
    draws = torch.rand(len(images), generator=generator)
    turned_images: Tensor = Rotate()(images, angle=(2 * draws - 1) * TRUE_ANGLE_DEG)
    return turned_images


def small_cnn() -> nn.Module:
    """Builds three convolutions and a linear layer, about 19,000 weights, for `(batch, 1, 16, 16)` and 10 classes."""
    return nn.Sequential(
        *convolution(1, 16),
        nn.MaxPool2d(2),
        *convolution(16, 32),
        nn.MaxPool2d(2),
        *convolution(32, 32),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


def convolution(n_in: int, n_out: int) -> list[nn.Module]:
    """Builds a 3x3 convolution with batch normalisation and ReLU."""
    return [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]


DEMO = Demo(
    name="vision",
    title="Learning that digits may be turned",
    description=(
        "400 handwritten digits to learn from, each turned by an unknown angle of up to 60 degrees to either side, and "
        "1,197 more to be tested on, turned likewise. Turning a digit that far does not change which digit it is; "
        "burying it in noise or wiping out half of it may."
    ),
    load=load_digits,
    trunk=small_cnn,
    transforms=(
        "vision.rotate",
        "vision.translate_x",
        "vision.translate_y",
        "vision.shear_x",
        "vision.shear_y",
        "vision.scale",
        "vision.gaussian_noise",
        "vision.erase",
    ),
    oracle={"vision.rotate": {"angle": TRUE_ANGLE_DEG}},
    epochs=60,
    batch_size=64,
    lr=2e-3,
    n_layers=2,
    copies=10,
    seconds=25.0,
)
"""The task is to find rotation by up to 60 degrees among eight candidates; noise and erasing can destroy the class."""
