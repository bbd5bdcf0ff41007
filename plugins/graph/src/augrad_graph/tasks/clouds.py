"""Handwritten digits as clouds of their bright pixels. Uses sources.py; base of digits.py and directions.py."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import batch, keyed_generator
from augrad.demo import DemoData
from augrad_graph.backend import Batch, Data
from augrad_graph.tasks.sources import require

N_POINTS, N_NEIGHBOURS = 18, 4
PIXELS = 4.0
"""Number of pixels in a unit of positions: half the height of an image."""

SPOILING = {
    "graph.position_shear": {"angle": {"high": 75.0, "unit": "deg", "signed": True}},
    "graph.position_jitter": {"std": {"high": 2.0, "unit": "radii of gyration"}},
    "graph.feature_noise": {"std": {"high": 4.0, "unit": "full brightness"}},
}
"""Ranges at which these transforms hide a digit; within their default ranges, accuracy does not fall."""


def read_clouds(digits: tuple[int, ...]) -> tuple[Batch, Int[Tensor, " clouds"]]:
    """Reads all recorded digits of some classes as clouds, and the class of each cloud.

    The data are scikit-learn's digits (optical recognition of handwritten digits, UCI, CC BY 4.0): 8 x 8 pixels.

    Args:
        digits: the digits, in the order of their class numbers.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    require("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32) / 16
    wanted = [index for index, digit in enumerate(bunch.target) if digit in digits]
    clouds = Batch.from_data_list([cloud(images[index]) for index in wanted])
    return clouds, torch.tensor([digits.index(bunch.target[index]) for index in wanted])


def cloud(image: Float[Tensor, "height width"]) -> Data:
    """Makes a cloud of the 18 brightest pixels about their centroid; each point is joined to its 4 nearest points.

    Two points are joined if either is among the 4 nearest of the other. The feature of a point is its brightness, in
    (0, 1]. Positions are in units of 4 pixels, x to the right and y upwards. Edges have weight 1/4. An image with fewer
    bright pixels has fewer points.
    """
    height, width = image.shape
    brightness, order = image.flatten().sort(descending=True, stable=True)
    chosen = order[:N_POINTS][brightness[:N_POINTS] > 0]
    place = torch.stack([chosen % width, height - 1 - chosen // width], dim=1) / PIXELS
    pos = place - place.mean(dim=0)
    apart = torch.cdist(pos, pos).fill_diagonal_(torch.inf)
    nearest = apart.argsort(dim=1, stable=True)[:, :N_NEIGHBOURS]
    joined = torch.zeros_like(apart, dtype=torch.bool).scatter(1, nearest, value=True)
    ends = (joined | joined.T).nonzero().T.contiguous()
    return Data(
        x=image.flatten()[chosen][:, None],
        pos=pos,
        edge_index=ends,
        edge_weight=torch.full((ends.shape[1],), 1 / N_NEIGHBOURS),
    )


def split(clouds: Batch, label: Int[Tensor, " clouds"], n_train: int, name: str) -> DemoData:
    """Splits clouds into training clouds and test clouds; the split is the same for every seed.

    Args:
        clouds: a batch of any kind of graph.
        label: their classes.
        n_train: number of training clouds; all others are for testing.
        name: name of the task, which keys the split.
    """
    order = torch.randperm(len(label), generator=keyed_generator(name, "split"))
    train, test = order[:n_train], order[n_train:]
    return DemoData(batch.select(clouds, train), label[train], batch.select(clouds, test), label[test])
