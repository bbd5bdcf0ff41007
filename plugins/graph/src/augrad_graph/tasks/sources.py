"""Sources of the tasks' data: files of packages, read without importing them. Used by all tasks here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augrad.errors import MissingDependencyError


def require(module: str, package: str) -> Path:
    """Returns the folder of an installed package, without importing it.

    Args:
        module: name in an import statement.
        package: name for pip.

    Raises:
        MissingDependencyError: the package is not installed.

    Example:
        >>> require("torch", "torch").name
        'torch'
    """
    found = find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise MissingDependencyError(
            f"this task reads its data with the package {package}, which is not installed: "
            "pip install 'augrad-graph[demo]'",
            dependency=package,
        )
    return Path(found.submodule_search_locations[0])


def read_series(path: Path) -> tuple[list[Float[Tensor, "channels time"]], list[str]]:
    """Reads series, of any lengths, and classes from a `.ts` file: after `@data`, lines `v1,v2:w1,w2:class`.

    Args:
        path: path of the file.
    """
    body = path.read_text(encoding="utf-8").partition("@data")[2]
    rows = [line.strip().split(":") for line in body.splitlines() if ":" in line]
    series = [
        torch.tensor([[float(value) for value in channel.split(",")] for channel in channels]) for *channels, _ in rows
    ]
    return series, [row[-1] for row in rows]
