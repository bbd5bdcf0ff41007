"""Trunks and `edge_weight`: a probe, and an adapter for trunks that ignore it. Uses topology.py."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn

from augrad import AugmentationLayer, AugmentationModule, Transform, batch
from augrad.errors import AggregationError, ArgumentError, InputError
from augrad.randomness import keyed_generator
from augrad_graph.backend import Data
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.layout import as_batch, layout_of, noted, starts
from augrad_graph.topology import edge_changes


def honours_edge_weight(trunk: nn.Module, example: Data) -> bool:
    """Tells whether a trunk's output depends on `edge_weight`, that is, whether a gradient reaches it.

    The trunk is run once, in eval mode. Its parameters, buffers and mode, and torch's generators, do not change.

    Args:
        trunk: a module that takes a batch.
        example: a batch that it accepts, with at least one edge.

    Raises:
        InputError: the example has no edge, so the question cannot be answered.

    Example:
        >>> class Trunk(nn.Module):
        ...     def forward(self, x):
        ...         return x.x.new_zeros(x.num_nodes).index_add(0, x.edge_index[1], x.edge_weight)
        >>> honours_edge_weight(Trunk(), Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0], [1]])))
        True
    """
    x = with_edge_weight(example)
    n_edges = x.edge_index.shape[1]
    if not n_edges:
        raise InputError(
            "the example has no edge, so it cannot be told whether the trunk honours edge_weight. Give a batch that "
            "has edges.",
            argument="example",
        )
    # Different for every edge, because equal weights could cancel in a normalisation.
    weight = torch.linspace(0.3, 0.9, n_edges, device=x.edge_weight.device, dtype=x.edge_weight.dtype)
    weight.requires_grad_()
    with _at_rest(trunk, weight.device), torch.enable_grad():
        outputs = [part for part in _tensors(trunk(with_values(x, edge_weight=weight))) if part.requires_grad]
        if not outputs:
            return False
        total = torch.stack([part.sum() for part in outputs]).sum()
        (gradient,) = torch.autograd.grad(total, weight, allow_unused=True)
    return gradient is not None


def changes_topology(transform: Transform, example: Data) -> bool:
    """Tells whether a transform changes edges or their weights, by trying it on an example in mid-range.

    Example:
        >>> from augrad import get_transform
        >>> example = Data(x=torch.rand(3, 2), edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))
        >>> changes_topology(get_transform("graph.subgraph")(), example)
        True
    """
    x = with_edge_weight(example)
    like = x.edge_weight.new_zeros(batch.count(x))
    values = {
        name: value + transform.ranges[name].span / 2 for name, value in transform.identity(len(like), like).items()
    }
    with torch.no_grad():
        noise = transform.draw_noise(x, keyed_generator(0, "probe", device=like.device))
        after = transform(x, **values, **({} if noise is None else {"noise": noise}))
        return bool((edge_changes(x, with_edge_weight(after))[1] != 0).any())


def check_trunk(trunk: nn.Module, module: AugmentationModule | AugmentationLayer | Transform, example: Data) -> None:
    """Raises an error if a transform changes the topology and the trunk ignores `edge_weight`.

    `augrad.InvariantModel` does this with its first batch. Call it to find out at construction.

    Args:
        trunk: a module that takes a batch.
        module: the augmentation in front of it.
        example: a batch that both accept, with at least one edge.

    Raises:
        ArgumentError: the trunk ignores a change that a transform makes.
        InputError: the example has no edge.
    """
    transforms = [part for part in module.modules() if isinstance(part, Transform)]
    changing = [transform.name for transform in transforms if changes_topology(transform, example)]
    if not changing or honours_edge_weight(trunk, example):
        return
    raise ArgumentError(
        f"{changing[0]} changes the topology through edge_weight, but the trunk {type(trunk).__name__} ignores it: its "
        "output does not depend on batch.edge_weight. Pass it on to layers that honour it (GCNConv, GraphConv; the "
        "how-to 'augment graphs' lists them), or wrap the trunk: augrad_graph.trunks.HardTopology(trunk).",
        argument="trunk",
        transform=changing[0],
    )


class HardTopology(nn.Module):
    r"""Wraps a trunk that ignores `edge_weight`: draws graphs in which each edge is either present or absent.

    Each edge is kept with probability `min(edge_weight, 1)`. Other edges are removed from `edge_index`, with their
    attributes. Edges of weight 0 are always removed and edges of weight 1 or more are always kept. Both directions of
    an edge are kept or removed together. Kept edges have weight 1. Use it only for such trunks: a trunk that honours
    `edge_weight` needs no draws and no second run.

    The gradient of the weights is a score function with a second draw as baseline. With outputs `y, y'` and
    log-probabilities `l, l'` of two draws per graph, it is `(y - y') (dl - dl') / 2`, whose mean is the exact gradient
    of the mean output. If `edge_weight` requires a gradient, this costs a second run of the trunk, without gradient.

    Train / eval: draws are made in both modes. In train mode they come from torch's default generator, like dropout's
    (`fit` keys it by step). In eval mode they come from a fresh generator keyed by `seed`, so the same batch gives the
    same output. A trunk with batch normalisation updates its running statistics in both runs.

    The host must know the number of kept edges, so on an accelerator each run waits for the draw.

    Args:
        trunk: a module that takes a batch and returns a tensor with a row per graph or per node.
        seed: seed of the draws in eval mode.

    Raises:
        AggregationError: in `forward`, the output has another number of rows.

    Example:
        >>> class Degrees(nn.Module):
        ...     def forward(self, x):
        ...         return torch.zeros(x.num_nodes).index_add(0, x.edge_index[1], torch.ones(x.num_edges))
        >>> x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1], [1, 2]]))
        >>> x.edge_weight = torch.tensor([1.0, 0.0])
        >>> HardTopology(Degrees())(x).tolist()
        [0.0, 1.0, 0.0]

    References:
        Williams: Simple statistical gradient-following algorithms, 1992; Kool, van Hoof, Welling: Buy 4 REINFORCE
        samples, get a baseline for free, 2019.
    """

    def __init__(self, trunk: nn.Module, *, seed: int = 0) -> None:
        super().__init__()
        self.trunk = trunk
        self.seed = seed

    def forward(self, x: Data) -> Tensor:
        """Computes the trunk's output for a draw of hard edges."""
        x = with_edge_weight(x)
        edge = edge_pairs(x)
        n_pairs = int(edge.max()) + 1 if len(edge) else 0
        counts = x.edge_weight.new_zeros(n_pairs).index_add(0, edge, torch.ones_like(x.edge_weight))
        chance = (x.edge_weight.new_zeros(n_pairs).index_add(0, edge, x.edge_weight) / counts).clamp(0, 1)
        device = x.edge_weight.device
        generator = None if self.training else keyed_generator(self.seed, "hard topology", device=device)
        kept = _drawn(chance, generator)
        output: Tensor = self.trunk(with_kept_edges(x, kept[edge]))
        if not (torch.is_grad_enabled() and chance.requires_grad):
            return output
        other = _drawn(chance, generator)
        with torch.no_grad():
            baseline: Tensor = self.trunk(with_kept_edges(x, other[edge]))
        graph = x.batch.new_zeros(n_pairs).scatter(0, edge, x.batch[x.edge_index[0]])
        surplus = _log_chance(chance, kept) - _log_chance(chance, other)
        score = surplus.new_zeros(batch.count(x)).index_add(0, graph, surplus).to(output.dtype)
        rows = _per_row(score, output, x).reshape(-1, *[1] * (output.ndim - 1))
        scored: Tensor = output + (output.detach() - baseline) / 2 * (rows - rows.detach())
        return scored


def _drawn(chance: Float[Tensor, " pairs"], generator: Generator | None) -> Bool[Tensor, " pairs"]:
    drawn = torch.rand(chance.shape, generator=generator, device=chance.device, dtype=torch.float32)
    return drawn < chance.detach()


def _log_chance(chance: Float[Tensor, " pairs"], kept: Bool[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
    return torch.where(kept, chance, 1 - chance).log()


def _per_row(score: Float[Tensor, " graphs"], output: Tensor, x: Data) -> Float[Tensor, " rows"]:
    n_rows = output.shape[0] if output.ndim else 0
    if n_rows == len(score):
        return score
    if n_rows == len(x.batch):
        return score[x.batch]
    raise AggregationError(
        f"HardTopology needs one row of output per graph ({len(score)}) or per node ({len(x.batch)}), but the trunk "
        f"returned shape {tuple(output.shape)}."
    )


def edge_pairs(x: Data) -> Int[Tensor, " edges"]:
    """Numbers edges so that an edge shares its number with the same edge in the other direction, and with no other.

    If there are several edges between two nodes, the first in one direction belongs to the first in the other.

    Example:
        >>> edge_pairs(Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 1], [1, 0, 2]]))).tolist()
        [0, 0, 1]
    """
    source, target = as_batch(x).edge_index.unbind(0)
    n_nodes = len(as_batch(x).batch)
    _, same, sizes = torch.unique(source * n_nodes + target, return_inverse=True, return_counts=True)
    order = torch.argsort(same, stable=True)
    place = torch.arange(len(order), device=order.device)
    nth = torch.zeros_like(order).scatter(0, order, place - (sizes.cumsum(0) - sizes)[same[order]])
    low, high = torch.minimum(source, target), torch.maximum(source, target)
    keys = torch.stack([low * n_nodes + high, nth])
    pairs: Tensor = torch.unique(keys, dim=1, return_inverse=True)[1]
    return pairs


def with_kept_edges(x: Data, kept: Bool[Tensor, " edges"]) -> Data:
    """Returns a copy of the batch with only some of its edges, each of weight 1.

    Example:
        >>> x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1], [1, 2]]))
        >>> with_kept_edges(x, torch.tensor([False, True])).edge_index.tolist()
        [[1], [2]]
    """
    x = with_edge_weight(x)
    keys = layout_of(x).keys("edge")
    owner = x.batch[x.edge_index[0]]
    n_edges = torch.zeros_like(x.ptr[1:]).index_add(0, owner[kept], torch.ones_like(owner[kept]))
    layout = replace(layout_of(x), n_edges=tuple(n_edges.tolist()))
    out = copy.copy(x)
    out.edge_index = x.edge_index[:, kept]
    for key in keys:
        out[key] = x[key][kept]
    out.edge_weight = torch.ones_like(out.edge_weight)
    return noted(out, layout, dict.fromkeys(("edge_index", *keys), starts(layout.n_edges)), {})


@contextmanager
def _at_rest(trunk: nn.Module, device: torch.device) -> Iterator[None]:
    modes = [(part, part.training) for part in trunk.modules()]
    trunk.eval()
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return [tensor for part in parts for tensor in _tensors(part)]
