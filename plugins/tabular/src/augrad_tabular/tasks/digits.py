"""Benchmark tasks: written digits as rows of 64 readings, in any light; and their ink. Declared by plugin.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from augrad import keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_tabular.drawing import draw_columns
from augrad_tabular.tasks.nuisances import continuous, scaled, split_rows
from augrad_tabular.tasks.sources import read_sklearn
from augrad_tabular.tasks.trunks import perceptron

DOUBLINGS = 2.0
N_TRAIN = 100
N_TRAIN_INK = 200
N_AMOUNTS = 3
COLUMNS = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))


def load_light(seed: int) -> DemoData:
    """Loads 100 digits for training and 1,697 for testing, 64 readings of ink each, each row under its own light.

    Source: `sklearn.datasets.load_digits`, the test part of the UCI set "Optical recognition of handwritten digits"
    (Alpaydin, Kaynak; CC BY 4.0). Ink is counted from 0 to 16 in 8 x 8 fields, here as a table without neighbourhood. A
    light multiplies all readings of a row by a factor between 1/4 and 4. The split and the light of test rows are the
    same for every seed.

    Args:
        seed: seed of the light on the training rows.
    """
    source = read_sklearn("digits")
    train, test = split_rows("digits", len(source.x), N_TRAIN)
    powers = (1.0,) * len(COLUMNS)
    return DemoData(
        train_x=scaled(source.x[train], powers, DOUBLINGS, keyed_generator("digits", "train", seed)),
        train_y=source.y[train],
        test_x=scaled(source.x[test], powers, DOUBLINGS, keyed_generator("digits", "test")),
        test_y=source.y[test],
    )


def load_ink(seed: int) -> DemoData:
    """Loads 200 digits for training and 1,597 for testing, 64 readings each; the class is the amount of ink.

    Source: as for `load_light`, unchanged. Ink is the sum of a row's readings. The classes are the third of all digits
    with least ink, the middle third and the last third.

    Args:
        seed: has no effect.
    """
    source = read_sklearn("digits")
    ink = source.x.sum(dim=1)
    amounts = torch.bucketize(ink, ink.quantile(torch.arange(1, N_AMOUNTS) / N_AMOUNTS))
    train, test = split_rows("ink", len(source.x), N_TRAIN_INK)
    return DemoData(source.x[train], amounts[train], source.x[test], amounts[test])


def arguments(train_x: Tensor) -> Mapping[str, Any]:
    """Returns the candidates' arguments; the factor may go farther than the truth.

    The default of quantile noise, half of the data up or down in rank, would be harmless here: there are many readings
    and each says little.
    """
    own = {"tabular.common_scale": {"log2_factor": 1.5 * DOUBLINGS}, "tabular.quantile_noise": {"ranks": 1.0}}
    return continuous(train_x, COLUMNS, **own)


LIGHT = Task(
    name="tabular-digits-light",
    title="Learning that readings may share a factor",
    description=(
        "Written digits as rows of 64 readings of a sensor, each row under a light of its own, up to four times "
        "brighter or darker. A 3 in dim light is a 3: all readings share the factor. Noise, and values of other rows, "
        "make another digit of it."
    ),
    load=load_light,
    trunk=partial(perceptron, len(COLUMNS), 10),
    transforms=(
        "tabular.common_scale",
        "tabular.correlated_noise",
        "tabular.swap_noise",
        "tabular.quantile_noise",
        "tabular.neighbour_interpolation",
    ),
    oracle={"tabular.common_scale": {"log2_factor": DOUBLINGS}},
    arguments=arguments,
    draw=draw_columns,
    epochs=200,
    batch_size=50,
    lr=5e-3,
)
"""The task is to find a factor on all columns."""

INK = Task(
    name="tabular-digits-ink",
    title="Nothing to learn: readings tell the ink",
    description=(
        "Written digits as rows of 64 readings; was little, medium or much ink used? It is the sum of the readings. "
        "Any factor, any noise that readings share, and any value that is lost or taken from another row changes the "
        "amount. There is nothing to be invariant to."
    ),
    kind="nothing",
    load=load_ink,
    trunk=partial(perceptron, len(COLUMNS), N_AMOUNTS),
    transforms=(
        "tabular.common_scale",
        "tabular.correlated_noise",
        "tabular.swap_noise",
        "tabular.feature_dropout",
        "tabular.quantile_noise",
    ),
    oracle={},
    arguments=arguments,
    draw=draw_columns,
    epochs=200,
    batch_size=100,
    lr=5e-3,
)
"""There is no oracle. The factor that is harmless in `LIGHT` tells the classes apart here."""
