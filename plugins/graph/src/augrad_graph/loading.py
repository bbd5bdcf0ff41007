"""Collation of graphs for `augrad.fit`: pairs of a batch and its targets. Uses layout.py."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from augrad.errors import InputError
from augrad_graph.backend import Batch, Data
from augrad_graph.layout import as_batch


def with_targets(graphs: Sequence[Data]) -> tuple[Data, Tensor]:
    """Collates graphs to a pair `(batch without y, y)`, for `torch.utils.data.DataLoader(collate_fn=...)`.

    To exclude nodes from training (outside a training mask), set their targets to -100 beforehand; cross-entropy and
    accuracy ignore them. A single graph needs no loader: use `[(data, data.y)]`.

    Args:
        graphs: graphs with targets `y`, per graph or per node.

    Returns:
        The batch, and `y` of all graphs, `(graphs, *entry)` or `(nodes, *entry)`.

    Raises:
        InputError: there are no graphs, or a graph has no `y`.

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
