"""Benchmark task: wines measured by instruments, most of them out of order. Declared by plugin.py."""

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
from augrad_tabular.tasks.nuisances import continuous, noisy, split_rows
from augrad_tabular.tasks.sources import read_sklearn
from augrad_tabular.tasks.trunks import perceptron

NOISE = 3.0
"""Standard deviation of the noise, in units of the wines' standard deviation."""

N_TRAIN = 40
N_TIMES = 4

COLUMNS = (
    "alcohol",
    "malic_acid",
    "ash",
    "alcalinity_of_ash",
    "magnesium",
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "color_intensity",
    "hue",
    "od280/od315_of_diluted_wines",
    "proline",
)
RELIABLE = ("malic_acid", "magnesium", "hue", "proline")
"""Columns without noise, drawn by lot."""

WORN = tuple(0.0 if name in RELIABLE else 1.0 for name in COLUMNS)
"""1 for columns with noise. The oracle gets these values too, because noise makes nearly all of the fitted spread."""


def load(seed: int) -> DemoData:
    """Loads 40 wines for training and 138 for testing: 13 columns, 9 of them noisy, and 3 classes.

    Source: `sklearn.datasets.load_wine`, the UCI set "Wine" (Aeberhard, Forina; CC BY 4.0): wines of three cultivars of
    one region of Italy. Each test row occurs four times, each time with new noise. The split and the noise of test rows
    are the same for every seed.

    Args:
        seed: seed of the noise on the training rows.
    """
    source = read_sklearn("wine")
    train, test = split_rows("wine", len(source.x), N_TRAIN, times=N_TIMES)
    stds = NOISE * torch.tensor(WORN) * source.x.std(dim=0)
    return DemoData(
        train_x=noisy(source.x[train], stds, keyed_generator("wine", "train", seed)),
        train_y=source.y[train],
        test_x=noisy(source.x[test], stds, keyed_generator("wine", "test")),
        test_y=source.y[test],
    )


def arguments(train_x: Tensor) -> Mapping[str, Any]:
    """Returns the candidates' arguments; the noise may go farther than the truth."""
    return continuous(train_x, COLUMNS, **{"tabular.feature_noise": {"std": 2.0}})


INSTRUMENTS = Task(
    name="tabular-wine-instruments",
    title="Learning which columns say nothing",
    description=(
        "Wines of three cultivars, each measured by 13 instruments, 9 of them out of order: they show noise that is "
        "three times as large as wines differ. More noise there changes nothing; in the other four it changes a lot."
    ),
    load=load,
    trunk=partial(perceptron, len(COLUMNS), 3),
    transforms=(
        "tabular.feature_noise",
        "tabular.common_scale",
        "tabular.correlated_noise",
        "tabular.swap_noise",
        "tabular.quantile_noise",
    ),
    oracle={"tabular.feature_noise": {"std": WORN}},
    arguments=arguments,
    draw=draw_columns,
    epochs=300,
    batch_size=40,
    lr=5e-3,
)
"""A magnitude is learned per column: large for nine columns, none for four."""
