"""augrad's batch operations for graphs: count, repeat, select, concatenate, device. Uses layout.py.

The results are `torch_geometric.data.Batch` objects that can be taken apart again (`to_data_list`).
"""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from augrad import batch
from augrad.errors import InputError, InputTypeError
from augrad_graph.backend import Batch, Data, HeteroData
from augrad_graph.layout import Layout, as_batch, cat_dim, layout_of, noted, starts

HETEROGENEOUS = "heterogeneous graphs are not supported: turn them into homogeneous ones with data.to_homogeneous()"
"""Reason for refusing a `HeteroData`, and the way out."""

_ORIGIN = "_augrad_origin"
# Key under which a joined batch records its edges and the edges of its parts.


@batch.count.register(Data)
def _(x: Data) -> int:
    return x.num_graphs if isinstance(x, Batch) else 1


@batch.count.register(HeteroData)
def _(x: HeteroData) -> int:
    raise InputTypeError(f"a batch of type {type(x).__name__} cannot be counted: {HETEROGENEOUS}.")


@batch.device.register(Data)
def _(x: Data) -> torch.device:
    device: torch.device = x.edge_index.device
    return device


@batch.output_rows.register(Data)
def _(x: Data) -> tuple[int, ...]:
    return (batch.count(x), x.num_nodes)


@batch.detach.register(Data)
def _(x: Data) -> Data:
    out = copy.copy(x)
    for key, value in x._store._mapping.items():  # noqa: SLF001
        if isinstance(value, Tensor) and value.requires_grad:
            out[key] = value.detach()
    return out


@batch.fingerprint.register(Data)
def _(x: Data) -> Tensor:
    # Sums over nodes and edges, so that a graph has the same fingerprint anywhere in a batch.
    x = as_batch(x)
    layout, device = layout_of(x), x.edge_index.device
    graphs = torch.arange(len(layout.n_nodes), device=device)
    of_node, of_edge = (
        graphs.repeat_interleave(torch.tensor(sizes, device=device)) for sizes in (layout.n_nodes, layout.n_edges)
    )
    total = torch.zeros_like(graphs)
    for value in (x.get("x"), x.get("pos")):
        if isinstance(value, Tensor):
            total = total.index_add(0, of_node, batch.bits(value if value.ndim > 1 else value[:, None]))
    first = starts(layout.n_nodes).to(device)[of_edge]
    return total.index_add(0, of_edge, batch.bits((x.edge_index - first).T))


@batch.repeat.register(Data)
def _(x: Data, n_copies: int) -> Data:
    # A model's batch passes here first. Its trunk always finds edge weights, whichever transforms are drawn.
    x = with_edge_weight(x)
    return x if n_copies == 1 else _picked(x, torch.arange(batch.count(x)).repeat(n_copies))


@batch.select.register(Data)
def _(x: Data, index: Tensor) -> Data:
    # The host must know the size of the result. On an accelerator this waits for the index, just as the layer waited
    # when it grouped the samples by transform.
    return _picked(as_batch(x), index.cpu())


def _picked(x: Data, picked: Tensor) -> Data:
    """Picks the graphs at `picked`, an index on the host."""
    before = layout_of(x)
    order = picked.tolist()
    layout = Layout(tuple(before.n_nodes[i] for i in order), tuple(before.n_edges[i] for i in order), before.levels)
    out, slices, incs = copy.copy(x), {}, {}
    store, n_picked = out._store, len(order)  # noqa: SLF001 - items of the batch itself are slow
    rows: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
    for key, old in x._slice_dict.items():  # noqa: SLF001 - torch_geometric's own record
        value, inc, level = store[key], x._inc_dict[key], before.levels[key]  # noqa: SLF001
        group = key if level == "other" else level
        if group not in rows:
            rows[group] = _rows(old, picked, batch.device(x))
        at, lengths, slices[key] = rows[group]
        incs[key] = inc if inc is None else inc.new_zeros(n_picked)
        if not isinstance(value, Tensor):
            store[key] = [value[i] for i in order]
            continue
        axis = cat_dim(x, key) or 0
        store[key] = value.index_select(axis, at)
        if inc is not None and _counts(x, key):
            steps = _steps(x, key, inc)[picked]
            incs[key] = steps.cumsum(0) - steps
            shift = (incs[key] - inc[picked]).repeat_interleave(lengths, output_size=len(at)).to(value.device)
            store[key] = store[key] + shift.reshape([-1 if a == axis % value.ndim else 1 for a in range(value.ndim)])
    return _given(noted(out, layout, slices, incs))


def _rows(slices: Tensor, picked: Tensor, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the rows of the picked graphs, their number per graph, and their starts after picking."""
    lengths = slices.diff()[picked]
    ends = lengths.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    shift = slices[:-1][picked] - (ends - lengths)
    rows = torch.arange(total) + shift.repeat_interleave(lengths, output_size=total)
    return rows.to(device), lengths, torch.cat([lengths.new_zeros(1), ends])


def _counts(x: Data, key: str) -> bool:
    """Tells whether joining graphs raised the values of an attribute, as it raises an index of nodes."""
    return type(x).__inc__ is not Data.__inc__ or "index" in key or "batch" in key or key == "face"


def _steps(x: Data, key: str, inc: Tensor) -> Tensor:
    """Computes by how much each graph's values were raised over the previous graph's, and an extra last entry."""
    if type(x).__inc__ is Data.__inc__ and "batch" not in key:
        return torch.tensor(layout_of(x).n_nodes, dtype=torch.long)
    if not len(inc):
        return inc
    last = x.get_example(len(inc) - 1)
    return torch.cat([inc.diff(), torch.tensor([int(last.__inc__(key, last[key], last._store))])])  # noqa: SLF001


def _given(out: Data) -> Data:
    """Writes the entries that follow from the layout into a fresh copy: batch, ptr, num_nodes, `follow_batch`."""
    layout, device = layout_of(out), batch.device(out)
    out.batch, out.ptr = _owners(starts(layout.n_nodes), device)
    if "num_nodes" in out:
        out._store._num_nodes = list(layout.n_nodes)  # noqa: SLF001
        out.num_nodes = sum(layout.n_nodes)
    for key, slices in out._slice_dict.items():  # noqa: SLF001
        if f"{key}_batch" in out:
            out[f"{key}_batch"], out[f"{key}_ptr"] = _owners(slices, device)
    return out


def _owners(slices: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    total = int(slices[-1])
    owners = torch.arange(len(slices) - 1).repeat_interleave(slices.diff(), output_size=total)
    return owners.to(device), slices.to(device)


@batch.concatenate.register(Data)
def _(first: Data, *rest: Data) -> Data:
    parts = [as_batch(part) for part in (first, *rest)]
    if any("edge_weight" in part for part in parts):
        parts = [with_edge_weight(part) for part in parts]
    keys = set(parts[0]._slice_dict)  # noqa: SLF001
    for part in parts:
        if set(part._slice_dict) != keys:  # noqa: SLF001
            missing = sorted(keys.symmetric_difference(part._slice_dict))  # noqa: SLF001
            raise InputError(
                f"graphs can only be concatenated if they have the same attributes; not all have {', '.join(missing)}."
            )
    if len(parts) == 1:
        return parts[0]
    layouts = [layout_of(part) for part in parts]
    layout = Layout(
        tuple(chain.from_iterable(one.n_nodes for one in layouts)),
        tuple(chain.from_iterable(one.n_edges for one in layouts)),
        layouts[0].levels,
    )
    out, slices, incs = copy.copy(parts[0]), {}, {}
    for key in parts[0]._slice_dict:  # noqa: SLF001
        out[key], slices[key], incs[key] = _joined(parts, key)
    out._store.__dict__[_ORIGIN] = (out.edge_index, [part.edge_index for part in parts])  # noqa: SLF001
    return _given(noted(out, layout, slices, incs))


def same_edges(x: Data, y: Data) -> bool:
    """Tells whether two batches are known to have the same edges: the same tensor, or joined from the same tensors.

    It compares no values, so nothing waits for a device. Equal edges from different tensors count as different.

    Example:
        >>> x = as_batch(Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]])))
        >>> twice = [batch.concatenate(x, with_values(x, x=2 * x.x)) for _ in range(2)]
        >>> twice[0].edge_index is twice[1].edge_index, same_edges(*twice)
        (False, True)
    """
    if x.edge_index is y.edge_index:
        return True
    (own, first), (other, second) = (each._store.__dict__.get(_ORIGIN, (None, [])) for each in (x, y))  # noqa: SLF001
    known = own is x.edge_index and other is y.edge_index and len(first) == len(second)
    return known and all(a is b for a, b in zip(first, second, strict=True))


def _joined(parts: list[Data], key: str) -> tuple[Any, Tensor, Any]:
    """Joins an attribute of several batches; returns it with its slices and increments."""
    values: list[Any] = []
    slices, incs = [torch.zeros(1, dtype=torch.long)], []
    rows = raised = 0
    for part in parts:
        value, inc = part[key], part._inc_dict[key]  # noqa: SLF001
        slices.append(part._slice_dict[key][1:] + rows)  # noqa: SLF001
        rows = int(slices[-1][-1]) if len(slices[-1]) else rows
        if inc is not None:
            incs.append(inc + raised)
            value = value + raised if raised else value
            raised += int(_steps(part, key, inc).sum()) if _counts(part, key) else 0
        values.append(value)
    tensors = isinstance(values[0], Tensor)
    joined: Any = torch.cat(values, cat_dim(parts[0], key) or 0) if tensors else list(chain.from_iterable(values))
    return joined, torch.cat(slices), torch.cat(incs) if incs else None


def with_edge_weight(x: Data) -> Data:
    """Returns the batch with an `edge_weight`; if it has none, ones in the dtype of its features.

    Example:
        >>> with_edge_weight(Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]))).edge_weight
        tensor([1.])
    """
    x = as_batch(x)
    if "edge_weight" in x:
        return x
    weight = torch.ones(x.edge_index.shape[1], device=x.edge_index.device, dtype=float_dtype(x))
    return with_values(x, edge_weight=weight)


def with_values(x: Data, /, **values: Tensor) -> Data:
    """Returns a copy of the batch with replaced or additional attributes; everything else is shared.

    Args:
        x: a batch or a single graph.
        **values: tensors by attribute name, with a row per node, edge or graph.

    Example:
        >>> x = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]))
        >>> with_values(x, x=2 * x.x).x.tolist(), x.x.tolist()
        ([[2.0], [2.0]], [[1.0], [1.0]])
    """
    out = copy.copy(as_batch(x))
    new = [key for key in values if key not in out._slice_dict]  # noqa: SLF001
    for key, value in values.items():
        out[key] = value
    return noted(out, layout_of(out), {}, {}, adopt=new)


def float_dtype(x: Data) -> torch.dtype:
    """Returns the floating-point dtype of a batch: of its features, else of its positions, else torch's default.

    Example:
        >>> float_dtype(Data(x=torch.zeros(1, 1).double(), edge_index=torch.zeros(2, 0).long()))
        torch.float64
    """
    for key in ("x", "pos", "edge_weight"):
        value = x.get(key)
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.dtype
    return torch.get_default_dtype()
