"""Benchmark task: penguins and their models, whose size may change up to a limit. Declared by plugin.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_tabular.drawing import draw_columns
from augrad_tabular.tasks.nuisances import continuous, scaled, split_rows
from augrad_tabular.tasks.sources import PENGUIN_COLUMNS, SPECIES, read_penguins
from augrad_tabular.tasks.trunks import perceptron

POWERS = (1.0, 1.0, 1.0, 3.0)
"""Exponent of the size in each column: 1 for lengths, 3 for the mass."""

DOUBLINGS = 1.0
APART = 4.0 * DOUBLINGS
"""Number of doublings by which models are smaller than birds."""

N_TRAIN = 60
N_TIMES = 2


def load(seed: int) -> DemoData:
    """Loads 60 penguins for training and 282 for testing: 4 columns and 6 classes, three species as bird or model.

    Source: the package palmerpenguins (Horst, Hill, Gorman; CC0), all birds that were measured. Half of the rows,
    drawn at random, become the model of a bird: 16 times smaller and 4,096 times lighter. Birds and models come in
    sizes between half and twice the usual. Each test row occurs twice, with new draws. Everything except the sizes of
    training rows is the same for every seed.

    Args:
        seed: seed of the sizes of the training rows.

    Raises:
        MissingDependencyError: palmerpenguins is not installed.
    """
    source = read_penguins()
    train, test = split_rows("penguins", len(source.x), N_TRAIN, times=N_TIMES)
    train_x, train_y = with_models(source.x[train], source.y[train], keyed_generator("penguins", "models", "train"))
    test_x, test_y = with_models(source.x[test], source.y[test], keyed_generator("penguins", "models", "test"))
    return DemoData(
        train_x=scaled(train_x, POWERS, DOUBLINGS, keyed_generator("penguins", "train", seed)),
        train_y=train_y,
        test_x=scaled(test_x, POWERS, DOUBLINGS, keyed_generator("penguins", "test")),
        test_y=test_y,
    )


def with_models(
    birds: Float[Tensor, "rows features"], species: Int[Tensor, " rows"], generator: torch.Generator
) -> tuple[Float[Tensor, "rows features"], Int[Tensor, " rows"]]:
    """Replaces half of the birds, drawn at random, by models; the class of a model is its species plus 3."""
    model = torch.rand(len(birds), generator=generator) < 0.5
    smaller = birds * torch.exp2(-APART * torch.tensor(POWERS))
    return torch.where(model[:, None], smaller, birds), species + len(SPECIES) * model


def arguments(train_x: Tensor) -> Mapping[str, Any]:
    """Returns the candidates' arguments; the size may go farther than the truth, beyond where classes meet."""
    return continuous(
        train_x, PENGUIN_COLUMNS, exponents=POWERS, **{"tabular.power_scale": {"log2_factor": 3.0 * DOUBLINGS}}
    )


SIZES = Task(
    name="tabular-penguins-sizes",
    title="Learning how much the size may change",
    description=(
        "Penguins and small models of penguins: which species is it, and is it a bird or a model? Each comes in its "
        "own size, up to twice or half the usual, which says nothing about the species. But a bird a sixteenth as "
        "large is a model: sizes may only be changed up to half-way."
    ),
    kind="limit",
    load=load,
    trunk=partial(perceptron, len(PENGUIN_COLUMNS), 2 * len(SPECIES)),
    transforms=(
        "tabular.power_scale",
        "tabular.feature_scale",
        "tabular.feature_noise",
        "tabular.correlated_noise",
        "tabular.swap_noise",
    ),
    oracle={"tabular.power_scale": {"log2_factor": DOUBLINGS}},
    arguments=arguments,
    draw=draw_columns,
    epochs=500,
    batch_size=60,
    lr=5e-3,
)
"""At the oracle's limit, the sizes of birds and models meet but do not overlap."""
