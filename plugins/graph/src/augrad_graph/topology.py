"""Edge sets: adding weighted edges, mixing batches of the same graphs, the distance between them. Uses batching.py."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import batch
from augrad_graph.backend import Data
from augrad_graph.batching import same_edges, with_edge_weight, with_values
from augrad_graph.layout import as_batch, layout_of, noted, starts

_GROWN = "_augrad_grown"


@dataclass(frozen=True)
class Grown:
    """Record of the edges that a batch had before others were added.

    Attributes:
        index: the `edge_index` that the record describes.
        base: the `edge_index` before.
        kept, added: places of the old and of the new edges in `index`.
        n_added: number of new edges per graph.
    """

    index: Tensor
    base: Tensor
    kept: Int[Tensor, " kept"]
    added: Int[Tensor, " added"]
    n_added: tuple[int, ...]


@dataclass(frozen=True)
class _Edges:
    index: Tensor
    values: dict[str, Tensor]
    sizes: tuple[int, ...]


def with_edges(
    x: Data, index: Int[Tensor, "2 added"], weight: Float[Tensor, " added"], n_added: tuple[int, ...]
) -> Data:
    """Returns a copy of the batch with more edges; their other attributes are 0.

    Args:
        x: the batch.
        index: source and target node of each new edge, counted over the whole batch like `x.edge_index`.
        weight: weight of each new edge; gradients reach it.
        n_added: number of new edges per graph.

    Example:
        >>> x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0], [1]]))
        >>> y = with_edges(x, torch.tensor([[1], [2]]), torch.tensor([0.5]), (1,))
        >>> y.edge_index.tolist(), y.edge_weight.tolist()
        ([[0, 1], [1, 2]], [1.0, 0.5])
    """
    x = with_edge_weight(x)
    keys = layout_of(x).keys("edge")
    old = _Edges(x.edge_index, {key: x[key] for key in keys}, layout_of(x).n_edges)
    values = {key: x[key].new_zeros(index.shape[1], *x[key].shape[1:]) for key in keys}
    values["edge_weight"] = weight.to(x.edge_weight.dtype)
    return _joined(x, [old, _Edges(index, values, n_added)])


def _joined(x: Data, sets: list[_Edges]) -> Data:
    """Returns the batch with the edges of several sets, its own first; each graph's edges are contiguous."""
    index = torch.cat([part.index for part in sets], dim=1)
    order = torch.argsort(x.batch[index[0]], stable=True)
    place = torch.argsort(order)
    n_base = sets[0].index.shape[1]
    sizes = tuple(map(sum, zip(*(part.sizes for part in sets), strict=True)))
    layout = replace(layout_of(x), n_edges=sizes)
    out = copy.copy(x)
    out.edge_index = index[:, order]
    for key in sets[0].values:
        out[key] = torch.cat([part.values[key] for part in sets])[order]
    slices = dict.fromkeys(("edge_index", *sets[0].values), starts(layout.n_edges))
    n_added = tuple(all_of - own for all_of, own in zip(layout.n_edges, sets[0].sizes, strict=True))
    record = Grown(out.edge_index, sets[0].index, place[:n_base], place[n_base:], n_added)
    out._store.__dict__[_GROWN] = record  # noqa: SLF001
    return noted(out, layout, slices, {})


def grown_of(x: Data) -> Grown | None:
    """Returns the record of a batch's added edges; None if none were added, or if they were changed since."""
    grown: Grown | None = x._store.__dict__.get(_GROWN)  # noqa: SLF001
    return grown if grown is not None and grown.index is x.edge_index else None


@batch.mix.register(Data)
def _(first: Data, *rest: Data, weights: Tensor) -> Data:
    parts = [with_edge_weight(part) for part in (first, *rest)]
    layout = layout_of(parts[0])
    at = {"graph": weights, "node": weights.index_select(0, parts[0].batch)}
    mixed = {}
    for key, level in layout.levels.items():
        values = [part[key] for part in parts]
        if level not in at or not isinstance(values[0], Tensor) or not values[0].is_floating_point():
            continue
        # Attributes that no part has changed, such as targets and masks, are not weighted.
        if key in ("x", "pos") or any(value is not values[0] for value in values):
            mixed[key] = _weighted(values, at[level])
    return _mixed_edges(with_values(parts[0], **mixed), parts, weights, layout.keys("edge"))


def _weighted(values: list[Tensor], weights: Tensor) -> Tensor:
    shape = (-1,) + (1,) * (values[0].ndim - 1)
    columns = [column.reshape(shape) for column in weights.to(values[0].dtype).unbind(1)]
    mixed = columns[0] * values[0]
    for column, value in zip(columns[1:], values[1:], strict=True):
        mixed = torch.addcmul(mixed, column, value)
    return mixed


def _mixed_edges(x: Data, parts: list[Data], weights: Tensor, keys: list[str]) -> Data:
    """Computes the union of the parts' edges; each edge weight is multiplied by the weight of its part.

    Edges that parts share because they come from the same batch appear once, with their weights added. Edges that a
    part has added follow, with that part's weight. Parts of unrelated batches are joined edge by edge. Message passing
    sums over equal edges, so the result is the same.
    """
    if all(same_edges(part, parts[0]) for part in parts):
        changed = [key for key in keys if key == "edge_weight" or any(p[key] is not parts[0][key] for p in parts)]
        at = weights.index_select(0, x.batch.index_select(0, x.edge_index[0]))
        floating = [key for key in changed if x[key].is_floating_point()]
        return with_values(x, **{key: _weighted([part[key] for part in parts], at) for key in floating})
    first = grown_of(parts[0])
    root = parts[0].edge_index if first is None else first.base
    base: _Edges | None = None
    added = []
    for part, own in zip(parts, weights.to(parts[0].edge_weight.dtype).unbind(1), strict=True):
        scaled = part.edge_weight * own[part.batch[part.edge_index[0]]]
        values = {key: scaled if key == "edge_weight" else part[key] for key in keys}
        sizes, grown = layout_of(part).n_edges, grown_of(part)
        if grown is not None and grown.base is root:
            added.append(_taken(part.edge_index, values, grown.added, grown.n_added))
            old = tuple(total - new for total, new in zip(sizes, grown.n_added, strict=True))
            common = _taken(part.edge_index, values, grown.kept, old)
        elif part.edge_index is root:
            common = _Edges(root, values, sizes)
        else:
            added.append(_Edges(part.edge_index, values, sizes))
            continue
        if base is not None:
            values = {**base.values, "edge_weight": base.values["edge_weight"] + common.values["edge_weight"]}
            common = _Edges(root, values, common.sizes)
        base = _Edges(root, common.values, common.sizes)
    # The first part always comes from the root, so there is always a base.
    return _joined(x, [part for part in (base, *added) if part is not None])


def _taken(index: Tensor, values: dict[str, Tensor], at: Tensor, sizes: tuple[int, ...]) -> _Edges:
    return _Edges(index[:, at], {key: value[at] for key, value in values.items()}, sizes)


@batch.distance.register(Data)
def _(x: Data, y: Data) -> Tensor:
    x, y = with_edge_weight(x), with_edge_weight(y)
    squares = x.edge_weight.new_zeros(batch.count(x))
    for key in ("x", "pos"):
        if isinstance(x.get(key), Tensor) and x[key].is_floating_point():
            moved = (y[key] - x[key]).square().flatten(1).sum(1)
            squares = squares.index_add(0, x.batch, moved.to(squares.dtype))
    owner, change = edge_changes(x, y)
    squares = squares.index_add(0, owner, change.square())
    moved = squares > 0
    # A square root has an infinite slope at 0, so a distance of 0 gets no gradient.
    return torch.where(moved, torch.where(moved, squares, torch.ones_like(squares)).sqrt(), torch.zeros_like(squares))


def edge_changes(x: Data, y: Data) -> tuple[Int[Tensor, " edges"], Float[Tensor, " edges"]]:
    """Computes the change of the weight between each joined pair of nodes from `x` to `y`, and the graph of the pair.

    Weights belong to pairs of nodes, so equal edges are added up. There are as many entries as both batches have edges
    together; surplus entries are 0.
    """
    x, y = as_batch(x), as_batch(y)
    if x.edge_index is y.edge_index:
        return x.batch[x.edge_index[0]], y.edge_weight - x.edge_weight
    index = torch.cat([x.edge_index, y.edge_index], dim=1)
    change = torch.cat([-x.edge_weight, y.edge_weight.to(x.edge_weight.dtype)])
    leader = first_of_equals(index[0] * len(x.batch) + index[1])
    return x.batch[index[0]], torch.zeros_like(change).index_add(0, leader, change)


def first_of_equals(keys: Int[Tensor, " entries"]) -> Int[Tensor, " entries"]:
    """Finds for each entry the place of the first equal entry.

    Example:
        >>> first_of_equals(torch.tensor([7, 3, 7, 3])).tolist()
        [0, 1, 0, 1]
    """
    if not len(keys):
        return keys
    order = torch.argsort(keys, stable=True)
    ordered = keys[order]
    new = torch.ones_like(ordered)
    new[1:] = (ordered[1:] != ordered[:-1]).to(new.dtype)
    head = (new * torch.arange(len(keys), device=keys.device)).cummax(0).values
    return torch.empty_like(order).scatter(0, order, order[head])
