"""What graph transforms share: the modality, the check of a batch, spreading values to nodes and edges, an example.

Uses layout.py and batching.py; loading it registers torch_geometric's batches with augrad. Base of all transforms here.
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
    """Base of the transforms of graphs: a `torch_geometric.data.Batch`, or one `Data`, which becomes a batch of one.

    The number and order of nodes is always kept, so that the same transforms serve graph- and node-level tasks. What
    happens to the topology is in `edge_weight`, one number of at least 0 per edge: 1 if there is none, 0 for an edge
    that is gone.

    Attributes:
        needs: the attributes that `forward` reads besides `edge_index` and `edge_weight`: `"x"`, `"pos"`.
    """

    modality = "graph"
    needs: ClassVar[tuple[str, ...]] = ()

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless `x` is a homogeneous graph, or a batch of such, that is sound.

        Values are read only where that waits for no device: on a CPU, edges that lead out of their graph are refused.
        """
        _check_type(self.name, x)
        for key in self.needs:
            self.check_needed(x, key)
        # Transform after transform is shown the same batch: it stays sound as long as nobody writes into it.
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
        """Small connected graphs of different sizes with features, positions, edge weights and edge features."""
        return kit.example_graphs(n_samples, generator)

    @classmethod
    def features(cls, x: Any) -> Float[Tensor, "batch features"]:
        """Graphs by what message passing sees of them, and by their positions: `augrad_graph.sample_features.graph_features`."""
        _check_type(cls.name, x)
        return sample_features.graph_features(x)

    @classmethod
    def side_effects(cls, x: Any) -> Float[Tensor, "batch effects"]:
        """Counts of nodes and edges, what is isolated or blank, weights: `augrad_graph.sample_features.graph_side_effects`."""
        _check_type(cls.name, x)
        return sample_features.graph_side_effects(x)

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """Nodes, and edges as wide as their weight: where `pos` has the nodes, or else laid out by the edges."""
        # matplotlib is loaded only where something is drawn.
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
    """What tells whether a batch is still as it was: its attributes, and how often each was written into."""
    return tuple(
        (key, id(value), value._version if isinstance(value, Tensor) else 0)  # noqa: SLF001 - torch's own counter
        for key, value in x._store._mapping.items()  # noqa: SLF001
    )


def edge_weights(x: Data) -> Float[Tensor, " edges"]:
    """The weight of each edge: `x.edge_weight`, or ones in the dtype of the features where there is none.

    Example:
        >>> edge_weights(Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]])))
        tensor([1.])
    """
    weight: Tensor = with_edge_weight(x).edge_weight
    return weight


def edge_graphs(x: Data) -> Int[Tensor, " edges"]:
    """For each edge, the graph it belongs to.

    Example:
        >>> edge_graphs(Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]])))
        tensor([0])
    """
    x = as_batch(x)
    owners: Tensor = x.batch.index_select(0, x.edge_index[0])
    return owners


def per_node(values: Float[Tensor, "graphs *entry"], x: Data) -> Float[Tensor, "nodes *entry"]:
    """One value per graph, spread to its nodes.

    Example:
        >>> from augrad import batch
        >>> one = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]))
        >>> per_node(torch.tensor([3.0, 5.0]), batch.repeat(one, 2))
        tensor([3., 3., 5., 5.])
    """
    return values.index_select(0, as_batch(x).batch)


def per_edge(values: Float[Tensor, "graphs *entry"], x: Data) -> Float[Tensor, "edges *entry"]:
    """One value per graph, spread to its edges.

    Example:
        >>> from augrad import batch
        >>> one = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]]))
        >>> per_edge(torch.tensor([3.0, 5.0]), batch.repeat(one, 2))
        tensor([3., 5.])
    """
    return values.index_select(0, edge_graphs(x))


def node_rows(x: Data, noise: Float[Tensor, "graphs most_nodes *entry"]) -> Float[Tensor, "nodes *entry"]:
    """Noise that was drawn with one row per graph, as long as the largest graph needs, for each node.

    `draw_noise` returns one row per sample: `torch.rand(batch.count(x), layout_of(x).max_nodes, ...)`.
    """
    x = as_batch(x)
    return noise[x.batch, torch.arange(len(x.batch), device=x.batch.device) - x.ptr[x.batch]]


def working_dtype(x: Data) -> torch.dtype:
    """The dtype to compute in: that of the batch, but float32 for half precision."""
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
    """Whether an edge leads out of its graph; on a CPU, where looking at values waits for nothing."""
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
