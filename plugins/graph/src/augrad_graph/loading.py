"""Loaders of graphs as `augrad.fit` reads them: pairs of a batch and its targets. Uses layout.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from augrad.errors import InputError
from augrad_graph.backend import Batch, Data
from augrad_graph.layout import as_batch


def with_targets(graphs: Sequence[Data]) -> tuple[Data, Tensor]:
    """Collates graphs into a pair: their batch without `y`, and `y`, for `torch.utils.data.DataLoader(collate_fn=...)`.

    Targets of nodes that are not to be learned from (outside a training mask) are set to -100 beforehand, which
    cross-entropy and accuracy leave out. A single graph needs no loader: `[(data, data.y)]` is one.

    Args:
        graphs: with targets `y`, per graph or per node.

    Returns:
        The batch, and `y` of all graphs, `(graphs, *entry)` or `(nodes, *entry)`.

    Raises:
        InputError: there are no graphs, or one has no `y`.

    Example:
        >>> import torch
        >>> one = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]), y=torch.tensor([3]))
        >>> x, y = with_targets([one, one])
        >>> "y" in x, x.num_graphs, y.tolist()
        (False, 2, [3, 3])
    """
    missing = [index for index, graph in enumerate(graphs) if graph.get("y") is None]
    if missing or not graphs:
        raise InputError(f"graph {missing[0]} has no target y." if missing else "there are no graphs to batch.")
    x = Batch.from_data_list(list(graphs))
    y: Tensor = x.y
    del x.y
    return as_batch(x), y
