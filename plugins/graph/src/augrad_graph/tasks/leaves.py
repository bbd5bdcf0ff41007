"""Leaves as closed polygons, rotated by any angle. Uses sources.py, nuisances.py, network.py; declared by plugin.py."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from augrad import batch, keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_graph.backend import Batch, Data
from augrad_graph.drawing import draw_graph
from augrad_graph.motions import PositionRotate
from augrad_graph.tasks.network import PlaceNetwork
from augrad_graph.tasks.nuisances import disturbed_data
from augrad_graph.tasks.sources import read_series, require

TRUE_ANGLE_DEG = 180.0
N_CORNERS = 24
N_TRAIN = 150
SPECIES = 6
DEPTH = 0.25
"""Change of radius per standard deviation of a profile; the deepest notches come to a third of the mean radius."""


def load_leaves(seed: int) -> DemoData:
    """Loads 442 leaves of 6 species as polygons of 24 corners: 150 for training, 292 for testing.

    A corner's distance from the centre is the mean of the leaf's outline over a stretch of it. A corner is joined to
    the two corners before it and the two behind it; its only feature is 1. Each leaf is rotated by its own angle. The
    data are OSULeaf of the UCR archive (distance profiles of outlines, scaled to mean 0 and standard deviation 1), as
    the package sktime (BSD-3-Clause) ships it. Training and test outlines of the archive are joined and split anew. The
    split and the angles of test leaves are the same for every seed; the angles of the training leaves differ.

    Args:
        seed: seed of the training angles.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    directory = require("sktime", "sktime") / "datasets" / "data" / "OSULeaf"
    parts = [read_series(directory / f"OSULeaf_{part}.ts") for part in ("TRAIN", "TEST")]
    profiles = torch.stack([series for found, _ in parts for series in found])
    species = torch.tensor([int(label) - 1 for _, labels in parts for label in labels])
    leaves = Batch.from_data_list([polygon(profile) for profile in profiles.squeeze(1)])
    order = torch.randperm(len(species), generator=keyed_generator("leaves", "split"))
    train, test = order[:N_TRAIN], order[N_TRAIN:]
    data = DemoData(batch.select(leaves, train), species[train], batch.select(leaves, test), species[test])
    return disturbed_data("leaves", seed, data, PositionRotate(), angle=TRUE_ANGLE_DEG)


def polygon(profile: Float[Tensor, " points"]) -> Data:
    """Makes a closed polygon from a distance profile: corners at equal angles round the centre, mean radius about 1."""
    radius = 1 + DEPTH * adaptive_avg_pool1d(profile[None, None], N_CORNERS)[0, 0]
    angle = 2 * torch.pi * torch.arange(N_CORNERS) / N_CORNERS
    corner = torch.arange(N_CORNERS)
    ends = [torch.stack([corner, (corner + step) % N_CORNERS]) for step in (-2, -1, 1, 2)]
    return Data(
        x=torch.ones(N_CORNERS, 1),
        pos=radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1),
        edge_index=torch.cat(ends, dim=1),
        edge_weight=torch.full((4 * N_CORNERS,), 0.25),
    )


ROTATION = Task(
    name="graph-leaves-rotation",
    title="Learning that a leaf may lie in any direction",
    description=(
        "150 leaves to learn from, as polygons of 24 corners. Of which of six species of maple and oak is a leaf? Each "
        "lies in its own direction, which says nothing about that. Moving its corners about, and leaving out corners, "
        "edges or all but a part hide its shape."
    ),
    load=load_leaves,
    trunk=partial(PlaceNetwork, 1, SPECIES),
    transforms=(
        "graph.position_rotate",
        "graph.position_jitter",
        "graph.node_drop",
        "graph.edge_drop",
        "graph.subgraph",
    ),
    oracle={"graph.position_rotate": {"angle": TRUE_ANGLE_DEG}},
    draw=draw_graph,
    epochs=100,
    batch_size=32,
    lr=5e-3,
    kind="invariance",
)
"""The task is to find rotation by any angle among candidates that deform the leaf."""
