"""Tables of the tasks, read from installed packages. Used by the tasks in this folder."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.errors import MissingDependencyError


class Source(NamedTuple):
    """A table: names of its columns, the values in their own units, and a target per row."""

    columns: tuple[str, ...]
    x: Float[Tensor, "rows features"]
    y: Tensor


def read_sklearn(name: str) -> Source:
    """Reads a classification table from scikit-learn: `"digits"`, `"breast_cancer"` or `"wine"`.

    Args:
        name: the table of `sklearn.datasets.load_<name>`.
    """
    import sklearn.datasets

    found = getattr(sklearn.datasets, f"load_{name}")()
    x = torch.tensor(found.data, dtype=torch.float32)
    return Source(tuple(map(str, found.feature_names)), x, torch.tensor(found.target, dtype=torch.int64))


PENGUIN_COLUMNS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
"""The measurements, as the data set names them."""

SPECIES = ("Adelie", "Chinstrap", "Gentoo")
"""Species; the target is the position in this tuple."""


def read_penguins() -> Source:
    """Reads the 342 penguins that were measured from the package palmerpenguins, without importing it.

    Raises:
        MissingDependencyError: palmerpenguins is not installed.
    """
    found = find_spec("palmerpenguins")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError(
            "the tasks with penguins read their table from the package palmerpenguins, which is not installed: "
            "pip install 'augrad-tabular[demo]'",
            dependency="palmerpenguins",
        )
    path = Path(found.submodule_search_locations[0]) / "data" / "penguins.csv"
    with path.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row[PENGUIN_COLUMNS[0]] != "NA"]
    x = torch.tensor([[float(row[column]) for column in PENGUIN_COLUMNS] for row in rows])
    return Source(PENGUIN_COLUMNS, x, torch.tensor([SPECIES.index(row["species"]) for row in rows]))
