"""The audio demo: real leaf outlines that begin anywhere. Uses archive.py, drawing.py; declared by plugin.py."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augrad import keyed_generator
from augrad.demo import Demo, DemoData
from augrad_audio.archive import archive_directory, read_ts
from augrad_audio.drawing import draw_outline

LENGTH = 427
"""Number of points of an outline, which goes once round the leaf."""

SPECIES = 6
N_VAL = 60


def load_outlines(seed: int) -> DemoData:
    """Loads 442 outlines of leaves of 6 species: 200 for training, 60 for the learning curves, 182 for testing.

    An outline `(1, 427)` is the distance from the leaf's centre along a walk round its edge. The data are OSULeaf of
    the UCR archive, as the package sktime ships it, with the archive's own split of training and test outlines. Each
    outline begins at a random point. The split and the starting points of validation and test outlines are the same
    for every seed; the starting points of training outlines differ.

    Args:
        seed: seed of the starting points of training outlines.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    directory = archive_directory("OSULeaf")
    train_x, train_y = read_ts(directory / "OSULeaf_TRAIN.ts")
    rest_x, rest_y = read_ts(directory / "OSULeaf_TEST.ts")
    order = torch.randperm(len(rest_x), generator=keyed_generator("outlines", "split"))
    val, test = order[:N_VAL], order[N_VAL:]
    return DemoData(
        train_x=begun_anywhere(train_x, keyed_generator("outlines", "train", seed)),
        train_y=train_y,
        test_x=begun_anywhere(rest_x[test], keyed_generator("outlines", "test")),
        test_y=rest_y[test],
        val_x=begun_anywhere(rest_x[val], keyed_generator("outlines", "val")),
        val_y=rest_y[val],
    )


def begun_anywhere(
    outlines: Float[Tensor, "batch channels time"], generator: torch.Generator
) -> Float[Tensor, "batch channels time"]:
    """Shifts each outline cyclically, so that it starts at a point drawn uniformly from all points."""
    n_points = outlines.shape[-1]
    first = torch.randint(n_points, (len(outlines), 1, 1), generator=generator)
    return outlines.gather(2, ((torch.arange(n_points) + first) % n_points).expand_as(outlines))


def position_aware_cnn() -> nn.Module:
    """Builds three strided convolutions and a linear layer on 16 stretches of the outline, about 26,000 weights.

    The network knows the position of each stretch. It is for series `(batch, 1, 427)` of 6 classes.
    """
    return nn.Sequential(
        *convolution(1, 16),
        *convolution(16, 32),
        *convolution(32, 32),
        nn.AdaptiveAvgPool1d(16),
        nn.Flatten(),
        nn.Linear(512, SPECIES),
    )


def convolution(n_in: int, n_out: int) -> list[nn.Module]:
    """Builds a convolution over 7 points that halves the length, with batch normalisation and ReLU."""
    return [nn.Conv1d(n_in, n_out, 7, stride=2, padding=3, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]


DEMO = Demo(
    name="audio",
    title="Learning that an outline begins anywhere",
    description=(
        "200 outlines of leaves of six species to learn from, each a closed line read as a signal: the distance from "
        "the leaf's centre while one walks round it; 182 more to be tested on. Where the walk began was drawn at "
        "random and says nothing about the species, so an outline may be shifted round the circle as far as one likes. "
        "Louder, noisier, masked, offset and smoothed outlines are offered too."
    ),
    load=load_outlines,
    trunk=position_aware_cnn,
    transforms=(
        "audio.time_shift",
        "audio.gain",
        "audio.dc_offset",
        "audio.white_noise",
        "audio.time_mask",
        "audio.low_pass",
    ),
    oracle={"audio.time_shift": {"offset": LENGTH / 2}},
    # The outlines are not sound. One sample per point makes a frequency the number of waves per walk round the leaf.
    arguments={
        "sample_rate": float(LENGTH),
        "audio.time_shift": {"unit": "samples", "padding": "cyclic", "offset": LENGTH / 2},
    },
    draw=draw_outline,
    epochs=75,
    batch_size=16,
    lr=3e-3,
    n_layers=2,
    copies=10,
    seconds=35.0,
)
"""The task is to find a cyclic shift over the whole period among six candidates."""
