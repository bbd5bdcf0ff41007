"""Rows of a batch by graph, in a form that torch_geometric accepts.

Base of batching.py, topology.py and graphs.py.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from augrad.errors import InputError
from augrad_graph.backend import Batch, Data

_LAYOUT, _SEEN = "_augrad_layout", "_augrad_seen"
_GIVEN = ("batch", "ptr", "num_nodes")
# Attributes that are rebuilt from the layout whenever graphs are picked or joined.


@dataclass(frozen=True)
class Layout:
    """Numbers of nodes and edges of each graph of a batch, known on the host, so that nothing waits for the device.

    Attributes:
        n_nodes, n_edges: a number per graph.
        levels: level of each attribute's rows: `"node"`, `"edge"`, `"graph"` or `"other"`.
    """

    n_nodes: tuple[int, ...]
    n_edges: tuple[int, ...]
    levels: Mapping[str, str] = field(default_factory=dict)

    @property
    def max_nodes(self) -> int:
        """Number of nodes of the largest graph; 0 without graphs."""
        return max(self.n_nodes, default=0)

    def sizes(self, level: str) -> tuple[int, ...]:
        """Returns the number of rows per graph of the attributes of a level; empty for `"other"`."""
        return {"node": self.n_nodes, "edge": self.n_edges, "graph": (1,) * len(self.n_nodes)}.get(level, ())

    def keys(self, level: str) -> list[str]:
        """Returns the attributes of a level, without `edge_index`."""
        return [key for key, own in self.levels.items() if own == level and key != "edge_index"]


def as_batch(x: Data) -> Data:
    """Returns a batch whose layout is known and whose attributes all have slices; all functions here need this form.

    A single `Data` becomes a batch of one graph. An attribute that was set after the batch was made gets the slices of
    nodes, edges or graphs, depending on its number of rows. If there is nothing to do, `x` itself is returned.

    Raises:
        InputError: the rows cannot be assigned to graphs.

    Example:
        >>> x = as_batch(Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1], [1, 2]])))
        >>> x.num_graphs, layout_of(x)
        (1, Layout(n_nodes=(3,), n_edges=(2,), levels={'x': 'node', 'edge_index': 'edge'}))
    """
    if is_normal(x):
        return x
    fault = structure_fault(x)
    if fault:
        raise InputError(f"augrad-graph cannot tell which rows belong to which graph: {fault}")
    single, present = not isinstance(x, Batch), _present(x)
    out = Batch.from_data_list([x]) if single else copy.copy(x)
    if type(out.edge_index) is not Tensor:
        out.edge_index = out.edge_index.as_tensor()
    record = out._store.__dict__  # noqa: SLF001 - torch_geometric's own
    for name in ("_slice_dict", "_inc_dict"):
        record[name] = {key: own for key, own in record[name].items() if key in present}
    layout = Layout(_n_nodes(out), _sizes(out._slice_dict["edge_index"]))  # noqa: SLF001
    levels = {key: _level_of(key, _sizes(own), layout) for key, own in out._slice_dict.items()}  # noqa: SLF001
    new = [] if single else [key for key in present if key not in levels]
    return noted(out, replace(layout, levels=levels), {}, {}, adopt=new)


def is_normal(x: Data) -> bool:
    """Tells whether a batch is in the form of `as_batch`: its layout is known, fits, and covers all attributes."""
    record, held = x._store.__dict__, x._store._mapping  # noqa: SLF001 - torch_geometric's own, and ours beside it
    layout = record.get(_LAYOUT)
    if layout is None or sum(layout.n_edges) != x.edge_index.shape[1] or sum(layout.n_nodes) != _held_nodes(x):
        return False
    # A pass calls this hundreds of times, so attributes that were checked once are not checked again.
    attributes = tuple(key for key, value in held.items() if value is not None)
    if record.get(_SEEN) != attributes:
        if layout.levels.keys() != set(_present(x)):
            return False
        record[_SEEN] = attributes
    return True


def _held_nodes(x: Data) -> int:
    """Returns the number of nodes from features or positions if possible; `x.num_nodes` looks at every attribute."""
    for key in ("x", "pos"):
        value = x._store._mapping.get(key)  # noqa: SLF001
        if isinstance(value, Tensor) and value.ndim:
            return value.shape[0]
    return int(x.num_nodes or 0)


def _present(x: Data) -> list[str]:
    return [key for key, value in x._store._mapping.items() if value is not None and not _is_given(x, key)]  # noqa: SLF001


def layout_of(x: Data) -> Layout:
    """Returns the layout of a batch made by `as_batch`."""
    layout: Layout = x._store.__dict__[_LAYOUT]  # noqa: SLF001 - beside torch_geometric's own record
    return layout


def noted(
    out: Data, layout: Layout, slices: dict[str, Tensor], incs: dict[str, Any], *, adopt: Sequence[str] = ()
) -> Data:
    """Writes into a fresh copy the record by which torch_geometric takes a batch apart, and returns the copy.

    Args:
        out: a copy that no other code holds.
        layout: layout of its graphs.
        slices, incs: new slices and increments of attributes.
        adopt: attributes without slices; they get the slices of their level.
    """
    state = out._store.__dict__  # noqa: SLF001 - torch_geometric's own record
    state["_slice_dict"] = {**state["_slice_dict"], **slices}
    state["_inc_dict"] = {**state["_inc_dict"], **incs}
    state["_num_graphs"] = len(layout.n_nodes)
    levels = {key: _level_by_rows(out, key, layout) for key in adopt}
    for key, level in levels.items():
        state["_slice_dict"][key] = starts(layout.sizes(level))
        state["_inc_dict"][key] = starts(layout.n_nodes)[:-1] if "index" in key else None
    state[_LAYOUT] = replace(layout, levels={**layout.levels, **levels}) if levels else layout
    return out


def starts(sizes: Sequence[int]) -> Int[Tensor, " starts"]:
    """Computes where each graph's rows start and where the last graph's rows end; on the host.

    Example:
        >>> starts((2, 3)).tolist()
        [0, 2, 5]
    """
    return torch.tensor((0, *accumulate(sizes)), dtype=torch.long)


def structure_fault(x: Data) -> str:
    """Says why a graph or batch cannot be taken apart by graph, or returns "". Reads shapes only."""
    index = x.get("edge_index")
    if not isinstance(index, Tensor) or index.ndim != 2 or index.shape[0] != 2 or index.dtype != torch.long:
        what = f"{index.dtype} of shape {tuple(index.shape)}" if isinstance(index, Tensor) else type(index).__name__
        return f"edge_index must be an int64 tensor (2, edges), but is {what}."
    if not any(key in x for key in ("x", "pos", "num_nodes")):
        return "the number of nodes is unknown: give x or pos, or set num_nodes."
    if not isinstance(x, Batch):
        if "batch" in x:
            return "a Data with a batch vector is no batch. Use Batch.from_data_list, or a torch_geometric loader."
        return _nested_fault(x)
    if not hasattr(x, "_slice_dict"):
        return "the Batch was not made by Batch.from_data_list. Use that, or a torch_geometric loader."
    return "" if is_normal(x) else _slices_fault(x)


def _slices_fault(x: Data) -> str:
    for key, slices in x._slice_dict.items():  # noqa: SLF001
        value, inc = x.get(key), x._inc_dict.get(key)  # noqa: SLF001
        if value is None:
            continue
        if not isinstance(slices, Tensor) or slices.ndim != 1 or (isinstance(inc, Tensor) and inc.ndim != 1):
            return f"attribute {key!r} is nested, sparse or bipartite. Remove it before batching."
        if isinstance(value, Tensor) and value.shape[cat_dim(x, key) or 0] != _last(slices):
            return (
                f"{key} has shape {tuple(value.shape)}, but had {_last(slices)} rows when the batch was made. Change "
                "graphs before they are batched (as a transform of the data set)."
            )
    return ""


def cat_dim(x: Data, key: str) -> int | None:
    """Returns the axis along which graphs' attributes are joined; None if they are stacked along a new first axis."""
    axis: int | None = x.__cat_dim__(key, x[key], x._store)  # noqa: SLF001 - as torch_geometric calls it
    return axis


def _nested_fault(x: Data) -> str:
    for key in x.keys():  # noqa: SIM118
        value = x[key]
        if isinstance(value, dict) or (isinstance(value, Tensor) and value.layout != torch.strided):
            return f"attribute {key!r} is nested or sparse. Remove it."
    return ""


def _is_given(x: Data, key: str) -> bool:
    base = key.removesuffix("_batch").removesuffix("_ptr")
    return key in _GIVEN or (base != key and base in x)


def _n_nodes(x: Data) -> tuple[int, ...]:
    for key in ("x", "pos"):
        if key in x._slice_dict:  # noqa: SLF001
            return _sizes(x._slice_dict[key])  # noqa: SLF001
    return tuple(int(n) for n in x._store._num_nodes)  # noqa: SLF001


def _sizes(slices: Tensor) -> tuple[int, ...]:
    return tuple(slices.diff().tolist())


def _last(slices: Tensor) -> int:
    return int(slices[-1]) if len(slices) else 0


def _level_of(key: str, sizes: tuple[int, ...], layout: Layout) -> str:
    return next((level for level in _preferred(key) if sizes == layout.sizes(level)), "other")


def _level_by_rows(x: Data, key: str, layout: Layout) -> str:
    value, rows = x[key], -1
    if isinstance(value, Tensor) and value.ndim:
        rows = value.shape[cat_dim(x, key) or 0]
    elif isinstance(value, list):
        rows = len(value)
    for level in _preferred(key):
        if rows == sum(layout.sizes(level)):
            return level
    raise InputError(
        f"augrad-graph cannot tell which rows of {key!r} belong to which graph: it has neither {sum(layout.n_nodes)} "
        f"rows (nodes) nor {sum(layout.n_edges)} (edges) nor {len(layout.n_nodes)} (graphs). Set it on each graph "
        "before batching."
    )


def _preferred(key: str) -> tuple[str, ...]:
    # If a graph has as many edges as nodes, the name decides, as in torch_geometric.
    return ("edge", "node", "graph") if "edge" in key else ("node", "edge", "graph")
