"""Digits of any size, or rotated up to a limit, as clouds of points. Uses clouds.py, nuisances.py, network.py."""

from __future__ import annotations

from functools import partial

from augrad.bench import Task
from augrad.demo import DemoData
from augrad_graph.drawing import draw_graph
from augrad_graph.motions import PositionRotate, PositionScale
from augrad_graph.tasks.clouds import SPOILING, read_clouds, split
from augrad_graph.tasks.network import PlaceNetwork
from augrad_graph.tasks.nuisances import disturbed_data

SIZED, TURNED = (0, 1, 3, 7, 8), (2, 4, 5, 6, 9)
"""Digits of each task. Some of the second group become others when rotated far enough: a 6 becomes a 9, and back."""

TRUE_OCTAVES = 2.0
TRUE_ANGLE_DEG = 45.0
"""Small enough that a digit, rotated once and again by the oracle, stays within a quarter turn: a 6 is not yet a 9."""

N_TRAIN = 120


def load_sizes(seed: int) -> DemoData:
    """Loads 896 handwritten digits 0, 1, 3, 7, 8 as clouds of 18 points: 120 for training, 776 for testing.

    Each is drawn at its own size, from a quarter to four times. See `clouds.py` for the source and the clouds. The
    split and the sizes of test digits are the same for every seed; the sizes of the training digits differ.

    Args:
        seed: seed of the training sizes.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    data = split(*read_clouds(SIZED), N_TRAIN, "sizes")
    return disturbed_data("sizes", seed, data, PositionScale(factor=TRUE_OCTAVES), factor=TRUE_OCTAVES)


def load_turned(seed: int) -> DemoData:
    """Loads 901 handwritten digits 2, 4, 5, 6, 9 as clouds of 18 points: 120 for training, 781 for testing.

    Each is rotated by its own angle within 45 degrees. See `clouds.py` for the source and the clouds. The split and the
    angles of test digits are the same for every seed; the angles of the training digits differ.

    Args:
        seed: seed of the training angles.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    data = split(*read_clouds(TURNED), N_TRAIN, "turned")
    return disturbed_data("turned", seed, data, PositionRotate(), angle=TRUE_ANGLE_DEG)


SIZE = Task(
    name="graph-digits-size",
    title="Learning that a digit may be written at any size",
    description=(
        "120 handwritten digits to learn from, as clouds of 18 bright points. Is it a 0, 1, 3, 7 or 8? Each is drawn "
        "at a size of its own, from a quarter to four times, which says nothing about that. Turning it all round, "
        "slanting it, moving points about, leaving them out, and noise on their brightness spoil the digit."
    ),
    load=load_sizes,
    trunk=partial(PlaceNetwork, 1, len(SIZED), n_hidden=48),
    transforms=(
        "graph.position_scale",
        "graph.position_rotate",
        "graph.position_shear",
        "graph.position_jitter",
        "graph.node_drop",
        "graph.feature_noise",
    ),
    oracle={"graph.position_scale": {"factor": TRUE_OCTAVES}},
    arguments={"graph.position_scale": {"factor": {"high": 3.0, "unit": "octave", "signed": True}}, **SPOILING},
    draw=draw_graph,
    epochs=120,
    batch_size=32,
    lr=5e-3,
    kind="invariance",
)
"""The task is to find size, within two octaves either way, among candidates that hide the shape."""

LIMIT = Task(
    name="graph-digits-limit",
    title="Learning how far a digit may be turned",
    description=(
        "120 handwritten digits to learn from, as clouds of 18 bright points. Is it a 2, 4, 5, 6 or 9? Each is turned "
        "by an angle of its own within 45 degrees, which says nothing about that; but a 6 turned by 180 degrees is a "
        "9. Slanting, moving points about and noise on their brightness spoil the digit."
    ),
    load=load_turned,
    trunk=partial(PlaceNetwork, 1, len(TURNED), n_hidden=48),
    transforms=(
        "graph.position_rotate",
        "graph.position_shear",
        "graph.position_jitter",
        "graph.feature_noise",
    ),
    oracle={"graph.position_rotate": {"angle": TRUE_ANGLE_DEG}},
    arguments=SPOILING,
    draw=draw_graph,
    epochs=120,
    batch_size=32,
    lr=5e-3,
    kind="limit",
)
"""The task is to find rotation within 45 degrees; far more is offered, and more turns a class into another."""
