"""Series of the UCR archive in the package sktime, found and read without importing it. Used by demo.py and tasks."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad.errors import MissingDependencyError


def archive_directory(name: str) -> Path:
    """Returns the folder in which sktime keeps the data set `name`, such as `"OSULeaf"`, without importing sktime.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    found = find_spec("sktime")
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError(
            f"the data set {name} is read from the package sktime, which is not installed: "
            "pip install 'augrad-audio[demo]'",
            dependency="sktime",
        )
    return Path(found.submodule_search_locations[0]) / "datasets" / "data" / name


def read_ts(path: Path) -> tuple[Float[Tensor, "series channels time"], Int[Tensor, " series"]]:
    """Reads series and classes from a `.ts` file in which all series have the same length; see `read_series`."""
    series, classes = read_series(path)
    return torch.stack(series), classes


def read_series(path: Path) -> tuple[list[Float[Tensor, "channels _"]], Int[Tensor, " series"]]:
    """Reads series and classes from a `.ts` file: after `@data`, lines `v1,...:label`, or `v1,...:w1,...:label`.

    Colons separate the channels and the label. Labels are whole numbers; the smallest label of the file is class 0.
    """
    body = path.read_text(encoding="utf-8").partition("@data")[2]
    rows = [line.split(":") for line in body.split("\n") if ":" in line]
    series = [torch.tensor([[float(value) for value in channel.split(",")] for channel in row[:-1]]) for row in rows]
    labels = torch.tensor([int(row[-1]) for row in rows])
    return series, labels - labels.min()
