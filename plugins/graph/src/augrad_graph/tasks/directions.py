"""Digits whose direction and size are the class, so that nothing may be learned. Uses clouds.py, network.py."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_graph.drawing import draw_graph
from augrad_graph.motions import PositionRotate
from augrad_graph.positions import PositionAction
from augrad_graph.tasks.clouds import SPOILING, read_clouds, split
from augrad_graph.tasks.network import PlaceNetwork

POINTING = (3, 4, 7)
"""Digits that look different in each of four directions."""

N_CLASSES = 8
HALF_STEP = 0.5
"""Octaves between the image's size and the small or large size; large is twice small."""

N_TRAIN = 160


def load_directions(seed: int) -> DemoData:
    """Loads 543 handwritten digits 3, 4 and 7, rotated and resized: 160 for training, 383 for testing.

    The class is not the digit but its placement, drawn once for each digit: one of four quarter turns, and small or
    large (twice small). See `clouds.py` for the source and the clouds. The data are the same for every seed.

    Args:
        seed: unused; the order of batches and the initial weights differ by seed.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    clouds, digit = read_clouds(POINTING)
    label = torch.randint(N_CLASSES, digit.shape, generator=keyed_generator("directions", "label"))
    return split(PositionAction().act(clouds, placement(label)), label, N_TRAIN, "directions")


def placement(label: Int[Tensor, " clouds"]) -> Float[Tensor, "clouds 3 3"]:
    """Computes the matrix that places a cloud: `label % 4` quarter turns; small for classes below 4, else large.

    Example:
        >>> placement(torch.tensor([1]))[0, :2, :2].square().round(decimals=2).tolist()
        [[0.0, 0.5], [0.5, 0.0]]
    """
    axis = torch.tensor([0.0, 0.0, 1.0]).expand(len(label), 3)
    size = torch.where(label < N_CLASSES // 2, 2.0**-HALF_STEP, 2.0**HALF_STEP)
    turn: Tensor = PositionRotate().matrix(angle=90.0 * (label % 4), noise=axis)
    return size[:, None, None] * turn


DIRECTION = Task(
    name="graph-digits-direction",
    title="Learning nothing where every change is the target's",
    description=(
        "160 handwritten digits 3, 4 and 7 to learn from, as clouds of 18 bright points, each turned by 0, 90, 180 or "
        "270 degrees and made small or large. Which way does it lie, and how large is it? Turning and resizing change "
        "the answer; slanting and moving points about at full strength hide it."
    ),
    load=load_directions,
    trunk=partial(PlaceNetwork, 1, N_CLASSES, n_hidden=48),
    transforms=(
        "graph.position_rotate",
        "graph.position_scale",
        "graph.position_shear",
        "graph.position_jitter",
    ),
    oracle={},
    arguments={name: SPOILING[name] for name in ("graph.position_shear", "graph.position_jitter")},
    draw=draw_graph,
    epochs=100,
    batch_size=32,
    lr=5e-3,
    kind="nothing",
)
"""Direction and size are the class; every candidate changes or hides it."""
