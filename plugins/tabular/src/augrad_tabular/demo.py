"""The tabular demo: real image segments under changing light. Uses scale.py and schema.py; declared by plugin.py."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augrad import keyed_generator
from augrad.demo import Demo, DemoData
from augrad.errors import MissingDependencyError
from augrad_tabular.drawing import draw_columns
from augrad_tabular.schema import Schema

TRUE_DOUBLINGS = 2.0
N_TRAIN, N_VAL = 100, 300

COLUMNS = (
    "region-centroid-col",
    "region-centroid-row",
    "short-line-density-5",
    "short-line-density-2",
    "vedge-mean",
    "vegde-sd",
    "hedge-mean",
    "hedge-sd",
    "intensity-mean",
    "rawred-mean",
    "rawblue-mean",
    "rawgreen-mean",
    "exred-mean",
    "exblue-mean",
    "exgreen-mean",
    "value-mean",
    "saturation-mean",
    "hue-mean",
)
"""Columns, as the data set names them (a name is misspelt there)."""

CLASSES = ("brickface", "cement", "foliage", "grass", "path", "sky", "window")

LIGHT = {
    **dict.fromkeys(("vedge-mean", "hedge-mean", "intensity-mean", "value-mean"), 1.0),
    **dict.fromkeys(("rawred-mean", "rawblue-mean", "rawgreen-mean"), 1.0),
    **dict.fromkeys(("exred-mean", "exblue-mean", "exgreen-mean"), 1.0),
    **dict.fromkeys(("vegde-sd", "hedge-sd"), 2.0),
}
"""Exponent of the light in each column. Brightness and contrast are proportional to the light, variances of contrast
grow with its square. Places, line densities, hue and saturation do not depend on it."""


def load_segments(seed: int) -> DemoData:
    """Loads 2,086 regions of outdoor photographs with 18 measurements and 7 classes, each under its own light.

    The data are the image segmentation set of the UCI repository, as the package river ships it. The split and the
    light of validation and test rows are the same for every seed; the light of the 100 training rows differs.

    Args:
        seed: seed of the light on the training rows.

    Raises:
        MissingDependencyError: river or pandas is not installed.
    """
    table, labels = read_segments()
    order = torch.randperm(len(table), generator=keyed_generator("segments", "split"))
    train, val, test = order[:N_TRAIN], order[N_TRAIN : N_TRAIN + N_VAL], order[N_TRAIN + N_VAL :]
    return DemoData(
        train_x=lit(table[train], keyed_generator("segments", "train", seed)),
        train_y=labels[train],
        test_x=lit(table[test], keyed_generator("segments", "test")),
        test_y=labels[test],
        val_x=lit(table[val], keyed_generator("segments", "val")),
        val_y=labels[val],
    )


def read_segments() -> tuple[Float[Tensor, "rows features"], Tensor]:
    """Reads the table and its classes from the package river, without importing river."""
    river = find_spec("river")
    try:
        import pandas as pd
    except ImportError:
        river = None
    if river is None or not river.submodule_search_locations:
        raise MissingDependencyError(
            "the tabular demo reads its table from the package river with pandas, and at least one of the two is not "
            "installed: pip install 'augrad-tabular[demo]'",
            dependency="river",
        )
    frame = pd.read_csv(Path(river.submodule_search_locations[0]) / "datasets" / "segment.csv.zip")
    # Some regions were measured twice; a test row must not also be a training row.
    frame = frame.drop_duplicates(list(COLUMNS))
    table = torch.tensor(frame[list(COLUMNS)].to_numpy(), dtype=torch.float32)
    return table, torch.tensor([CLASSES.index(label) for label in frame["category"]])


def lit(table: Float[Tensor, "rows features"], generator: torch.Generator) -> Float[Tensor, "rows features"]:
    """Changes the light of each row once, drawn uniformly in doublings within `TRUE_DOUBLINGS` to either side."""
    doublings = (2 * torch.rand(len(table), generator=generator) - 1) * TRUE_DOUBLINGS
    powers = torch.tensor([LIGHT.get(name, 0.0) for name in COLUMNS])
    lit_table: Tensor = table * torch.exp2(doublings[:, None] * powers)
    return lit_table


def arguments(train_x: Tensor) -> Mapping[str, Any]:
    """Returns the candidates' arguments: a schema fitted to the training rows, and the effect of light on columns.

    The factor may go farther than the truth, so that the end of the range does not give the truth away.
    """
    return {
        "schema": Schema.from_data(train_x, continuous=list(COLUMNS), names=list(COLUMNS)),
        "exponents": LIGHT,
        "tabular.power_scale": {"log2_factor": 3.0},
    }


class Squash(nn.Module):
    """Computes `sign(x) log(1 + |x|)`, which shortens heavy tails and keeps signs."""

    def forward(self, x: Tensor) -> Tensor:
        squashed: Tensor = x.sign() * x.abs().log1p()
        return squashed


def small_mlp() -> nn.Module:
    """Builds a perceptron with three hidden layers of 256 on standardised columns, for `(batch, 18)` and 7 classes."""
    return nn.Sequential(
        Squash(), nn.BatchNorm1d(len(COLUMNS)), *block(len(COLUMNS)), *block(256), *block(256), nn.Linear(256, 7)
    )


def block(n_in: int) -> list[nn.Module]:
    """Builds a linear layer to 256 features with batch normalisation and ReLU."""
    return [nn.Linear(n_in, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU()]


DEMO = Demo(
    name="tabular",
    title="Learning that the light may change",
    description=(
        "100 regions of outdoor photographs to learn from, as rows of 18 measurements, each taken under a light of its "
        "own, up to four times brighter or darker; 1,686 more to be tested on. Brightness and contrast grow with the "
        "light, their variances with its square, place and hue not at all; grass stays grass. Noise, lost and swapped "
        "values are offered too."
    ),
    load=load_segments,
    trunk=small_mlp,
    transforms=(
        "tabular.power_scale",
        "tabular.feature_scale",
        "tabular.feature_noise",
        "tabular.feature_dropout",
        "tabular.swap_noise",
        "tabular.correlated_noise",
    ),
    oracle={"tabular.power_scale": {"log2_factor": TRUE_DOUBLINGS}},
    arguments=arguments,
    draw=draw_columns,
    epochs=300,
    batch_size=50,
    lr=5e-3,
    n_layers=2,
    copies=10,
    seconds=12.0,
)
"""The task is to find a factor on twelve columns among six candidates."""
