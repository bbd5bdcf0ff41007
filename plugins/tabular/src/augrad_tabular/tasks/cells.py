"""Benchmark task: how symmetric cell nuclei are, at any magnification. Declared by plugin.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from augrad import keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_tabular.drawing import draw_columns
from augrad_tabular.tasks.nuisances import continuous, scaled, split_rows
from augrad_tabular.tasks.sources import read_sklearn
from augrad_tabular.tasks.trunks import perceptron

DOUBLINGS = 2.0
N_TRAIN = 60
TARGET = "mean symmetry"

_MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
_NAMES = (
    *(f"mean {name}" for name in _MEASURES),
    *(f"{name} error" for name in _MEASURES),
    *(f"worst {name}" for name in _MEASURES),
)
COLUMNS = tuple(name for name in _NAMES if name != TARGET)
"""Columns from which the target is predicted, as scikit-learn names them."""

POWERS = tuple(2.0 if "area" in name else 1.0 if "radius" in name or "perimeter" in name else 0.0 for name in COLUMNS)
"""Exponent of the magnification in each column: 1 for lengths, 2 for areas, 0 for shapes."""


def load(seed: int) -> DemoData:
    """Loads 60 samples of breast tissue for training and 509 for testing, with 29 columns, each magnified differently.

    Source: `sklearn.datasets.load_breast_cancer`, the UCI set "Breast cancer Wisconsin (diagnostic)" (Wolberg,
    Mangasarian, Street, Street; CC BY 4.0). It has ten measures of the nuclei of a sample, each as mean, standard error
    and mean of the three largest. The target is the mean symmetry, in standard deviations from its mean: how much the
    two halves of a nucleus differ, relative to its size. The split and the magnification of test rows are the same for
    every seed.

    Args:
        seed: seed of the magnification of the training rows.
    """
    source = read_sklearn("breast_cancer")
    target = source.x[:, [source.columns.index(TARGET)]]
    y = (target - target.mean()) / target.std()
    x = source.x[:, [source.columns.index(name) for name in COLUMNS]]
    train, test = split_rows("cells", len(x), N_TRAIN)
    return DemoData(
        train_x=scaled(x[train], POWERS, DOUBLINGS, keyed_generator("cells", "train", seed)),
        train_y=y[train],
        test_x=scaled(x[test], POWERS, DOUBLINGS, keyed_generator("cells", "test")),
        test_y=y[test],
    )


def arguments(train_x: Tensor) -> Mapping[str, Any]:
    """Returns the candidates' arguments; the magnification may go farther than the truth."""
    return continuous(train_x, COLUMNS, exponents=POWERS, **{"tabular.power_scale": {"log2_factor": 1.5 * DOUBLINGS}})


MAGNIFICATION = Task(
    name="tabular-cells-magnification",
    title="Learning that the magnification may change",
    description=(
        "Cell nuclei under a microscope, each sample magnified in a way of its own, up to four times more or less; how "
        "symmetric are they? Lengths grow with the magnification, areas with its square, shapes not at all. One "
        "factor on all columns would change the shapes."
    ),
    load=load,
    trunk=partial(perceptron, len(COLUMNS), 1),
    transforms=(
        "tabular.power_scale",
        "tabular.common_scale",
        "tabular.correlated_noise",
        "tabular.swap_noise",
        "tabular.feature_dropout",
    ),
    oracle={"tabular.power_scale": {"log2_factor": DOUBLINGS}},
    arguments=arguments,
    draw=draw_columns,
    epochs=300,
    batch_size=60,
    lr=5e-3,
)
"""A regression on shapes alone."""
