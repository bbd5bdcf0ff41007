"""Basis of all graph transforms: the modality, the check of a batch, values per node and edge, an example batch.

Uses layout.py and batching.py. Importing this file registers torch_geometric's batches with augrad.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from augrad import Transform
from augrad.errors import InputError, InputTypeError
from augrad.transform.drawing import INK
from augrad_graph import batching, displacements, kit, sample_features, topology  # noqa: F401 - they register the batch type
from augrad_graph.backend import Data, HeteroData
from augrad_graph.batching import HETEROGENEOUS, with_edge_weight
from augrad_graph.layout import as_batch, layout_of, starts, structure_fault

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SOUND = "_augrad_sound"


class GraphTransform(Transform):
    """Base class of the transforms of graphs: a `torch_geometric.data.Batch`, or a `Data`, which becomes a batch of 1.

    A transform never changes the number or order of nodes, so the same transforms serve graph-level and node-level
    tasks. Changes of the topology are in `edge_weight`, a number of at least 0 per edge: 1 if the graph has none, 0 for
    a dropped edge. A trunk must therefore use `edge_weight`; see `augrad_graph.trunks.HardTopology` for trunks that
    ignore it.

    Attributes:
        needs: attributes that `forward` reads besides `edge_index` and `edge_weight`: `"x"`, `"pos"`.
    """

    modality = "graph"
    needs: ClassVar[tuple[str, ...]] = ()

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a sound homogeneous graph, or a batch of such graphs.

        Values are read only where that waits for no device: on a CPU, edges that lead out of their graph are refused.
        """
        _check_type(self.name, x)
        for key in self.needs:
            self.check_needed(x, key)
        # The transforms of a layer all get the same batch; it stays sound as long as no code writes into it.
        record, held = x._store.__dict__, _versions(x)  # noqa: SLF001 - beside torch_geometric's own record
        if record.get(_SOUND) == held:
            return
        fault = structure_fault(x) or _weight_fault(x) or _edge_fault(x)
        if fault:
            raise InputError(f"{self.name}: {fault}", transform=self.name)
        record[_SOUND] = held

    def check_needed(self, x: Data, key: str) -> None:
        value = x.get(key)
        if not isinstance(value, Tensor) or value.ndim != 2:
            what = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise InputError(
                f"{self.name} needs {key} as a tensor (nodes, {'features' if key == 'x' else 'coordinates'}), but got "
                f"{what}." + (" Add the missing axis with x[:, None]." if what.endswith(",)") else ""),
                transform=self.name,
            )
        if not value.is_floating_point():
            raise InputTypeError(
                f"{self.name} expects floating-point {key}, but got {value.dtype}. Convert with {key}.float(), and "
                "categories with torch.nn.functional.one_hot.",
                transform=self.name,
            )

    def check_trunk(self, trunk: nn.Module, x: Any) -> None:
        """Raises `ArgumentError` if this transform changes the topology and the trunk ignores `edge_weight`."""
        from augrad_graph.trunks import check_trunk

        if x.edge_index.shape[1]:
            check_trunk(trunk, self, x)

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Makes small connected graphs of different sizes with features, positions, edge weights and edge features."""
        return kit.example_graphs(n_samples, generator)

    @classmethod
    def features(cls, x: Any) -> Float[Tensor, "batch features"]:
        """Returns features by which an audit compares graphs; see `sample_features.graph_features`."""
        _check_type(cls.name, x)
        return sample_features.graph_features(x)

    @classmethod
    def side_effects(cls, x: Any) -> Float[Tensor, "batch effects"]:
        """Returns numbers by which an audit finds side effects; see `sample_features.graph_side_effects`."""
        _check_type(cls.name, x)
        return sample_features.graph_side_effects(x)

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """Draws nodes, and edges as wide as their weight; without `pos`, the edges determine the layout."""
        # matplotlib is imported only when something is drawn.
        from augrad_graph.drawing import draw_graph

        _check_type(cls.name, sample)
        draw_graph(axes, sample, original=original, colour=colour)


def _check_type(name: str, x: Any) -> None:
    if isinstance(x, HeteroData):
        raise InputTypeError(f"{name}: {HETEROGENEOUS}.", transform=name)
    if not isinstance(x, Data):
        raise InputTypeError(
            f"{name} expects a torch_geometric Batch or Data, but got {type(x).__name__}. Batch graphs with "
            "Batch.from_data_list, or use a torch_geometric loader.",
            transform=name,
        )


def _versions(x: Data) -> tuple[Any, ...]:
    """Lists a batch's attributes and how often each was written to, to tell whether the batch has changed."""
    return tuple(
        (key, id(value), value._version if isinstance(value, Tensor) else 0)  # noqa: SLF001 - torch's own counter
        for key, value in x._store._mapping.items()  # noqa: SLF001
    )


def edge_weights(x: Data) -> Float[Tensor, " edges"]:
    """Returns the weight of each edge: `x.edge_weight`, or else ones in the dtype of the features.

    Example:
        >>> edge_weights(Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]])))
        tensor([1.])
    """
    weight: Tensor = with_edge_weight(x).edge_weight
    return weight


def edge_graphs(x: Data) -> Int[Tensor, " edges"]:
    """Returns the graph of each edge.

    Example:
        >>> edge_graphs(Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]])))
        tensor([0])
    """
    x = as_batch(x)
    owners: Tensor = x.batch.index_select(0, x.edge_index[0])
    return owners


def per_node(values: Float[Tensor, "graphs *entry"], x: Data) -> Float[Tensor, "nodes *entry"]:
    """Repeats a value per graph for each of its nodes.

    Example:
        >>> from augrad import batch
        >>> one = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]))
        >>> per_node(torch.tensor([3.0, 5.0]), batch.repeat(one, 2))
        tensor([3., 3., 5., 5.])
    """
    return values.index_select(0, as_batch(x).batch)


def per_edge(values: Float[Tensor, "graphs *entry"], x: Data) -> Float[Tensor, "edges *entry"]:
    """Repeats a value per graph for each of its edges.

    Example:
        >>> from augrad import batch
        >>> one = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]))
        >>> per_edge(torch.tensor([3.0, 5.0]), batch.repeat(one, 2))
        tensor([3., 5.])
    """
    return values.index_select(0, edge_graphs(x))


def node_rows(x: Data, noise: Float[Tensor, "graphs most_nodes *entry"]) -> Float[Tensor, "nodes *entry"]:
    """Selects each node's noise from noise with a row per graph that is as long as the largest graph needs.

    `draw_noise` draws it as `torch.rand(batch.count(x), layout_of(x).max_nodes, ...)`.
    """
    x = as_batch(x)
    return noise[x.batch, torch.arange(len(x.batch), device=x.batch.device) - x.ptr[x.batch]]


def working_dtype(x: Data) -> torch.dtype:
    """Returns the dtype to compute in: float32 for half precision, else that of the batch."""
    return torch.promote_types(batching.float_dtype(x), torch.float32)


def _weight_fault(x: Data) -> str:
    n_edges = x.edge_index.shape[1]
    weight, attributes = x.get("edge_weight"), x.get("edge_attr")
    if weight is not None:
        if not isinstance(weight, Tensor) or weight.shape != (n_edges,):
            got = tuple(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
            return f"edge_weight must hold one number per edge, shape ({n_edges},), but got {got}."
        if not weight.is_floating_point():
            return f"edge_weight must be floating-point, but is {weight.dtype}. Convert with edge_weight.float()."
    if isinstance(attributes, Tensor) and (not attributes.ndim or len(attributes) != n_edges):
        return f"edge_attr must have one row per edge ({n_edges}), but has shape {tuple(attributes.shape)}."
    return ""


def _edge_fault(x: Data) -> str:
    """Finds an edge that leads out of its graph; only on a CPU, where reading values waits for nothing."""
    index = x.edge_index
    if index.device.type != "cpu" or not index.shape[1]:
        return ""
    x = as_batch(x)
    layout = layout_of(x)
    sizes = torch.tensor(layout.n_edges)
    low, high = (part.repeat_interleave(sizes) for part in (x.ptr[:-1], x.ptr[1:]))
    outside = (index < low) | (index >= high)
    if not bool(outside.any()):
        return ""
    edge = int(outside.any(0).nonzero()[0])
    graph = int(torch.searchsorted(starts(layout.n_edges)[1:], edge, right=True))
    first = int(x.ptr[graph])
    pair = (index[:, edge] - first).tolist()
    return f"edge_index {pair} of graph {graph} leads out of it: it has {layout.n_nodes[graph]} nodes, counted from 0."
