"""Local augmentation: features that a neighbour might have, from a small learned generator. Uses graphs.py."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import linear

from augrad import Range, batch
from augrad.errors import InputError
from augrad.options import count
from augrad.randomness import keyed_generator
from augrad_graph.backend import Data
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.graphs import GraphTransform, node_rows, per_node, working_dtype
from augrad_graph.layout import as_batch, layout_of


class NeighbourGenerator(nn.Module):
    """Generates features that a neighbour of a node might have, from the node's own features and noise.

    It computes `x + V gelu(W (x, z) + b) + c`, a network with a hidden layer. Initial weights are keyed by `seed` and
    leave torch's global generator alone.

    Args:
        n_features: number of features of a node.
        n_hidden: number of units of the hidden layer.
        n_latent: number of noise values per node.
        seed: seed of the initial weights.

    Shape:
        Input: `(nodes, n_features)` and `(nodes, n_latent)`; output `(nodes, n_features)`, in the dtype of the former.

    Example:
        >>> NeighbourGenerator(3)(torch.zeros(2, 3), torch.zeros(2, 4)).shape
        torch.Size([2, 3])
    """

    def __init__(self, n_features: int, *, n_hidden: int = 16, n_latent: int = 4, seed: int = 0) -> None:
        super().__init__()
        generator = keyed_generator(seed, "neighbour generator")
        n_inputs = n_features + n_latent
        self.inner = nn.Parameter(torch.randn(n_hidden, n_inputs, generator=generator) / math.sqrt(n_inputs))
        self.inner_bias = nn.Parameter(torch.zeros(n_hidden))
        self.outer = nn.Parameter(torch.randn(n_features, n_hidden, generator=generator) / math.sqrt(n_hidden))
        self.outer_bias = nn.Parameter(torch.zeros(n_features))

    def forward(
        self, x: Float[Tensor, "nodes features"], z: Float[Tensor, "nodes latent"]
    ) -> Float[Tensor, "nodes features"]:
        given = torch.cat([x, z.to(x.dtype)], dim=1)
        hidden = torch.nn.functional.gelu(linear(given, self.inner.to(x.dtype), self.inner_bias.to(x.dtype)))
        return x + linear(hidden, self.outer.to(x.dtype), self.outer_bias.to(x.dtype))


class LocalAugmentation(GraphTransform):
    """Moves each node's features towards features that a neighbour might have, by the fraction `strength`.

    It computes `x + strength (g(x, z) - x)` with noise `z` and the transform's generator `g` (`NeighbourGenerator`).
    There are two ways to train the generator:

    - Do nothing. Its parameters belong to the augmentation, so the joint loss trains them too. It learns which features
      can replace others.
    - Call `fit(graphs)` before. It learns which features the neighbours of a node have, and is frozen. The reference
      does the same, with another learning rule.

    Args:
        n_features: number of features of a node.
        n_hidden: number of units of the generator's hidden layer, at least 1.
        n_latent: number of noise values per node, at least 1.
        seed: seed of the generator's initial weights.
        **ranges: a different `Range` or limit for `strength`.

    Raises:
        ArgumentError: a number is less than 1.

    Example:
        >>> x = Data(x=torch.ones(2, 3), edge_index=torch.tensor([[0, 1], [1, 0]]))
        >>> local = LocalAugmentation(n_features=3)
        >>> local(x, strength=torch.tensor([0.5]), noise=torch.zeros(1, 2, 4)).x.shape
        torch.Size([2, 3])

    References:
        Liu, Ying, Dong, Lin, Jin, Wu, Tu: Local augmentation for graph neural networks, ICML 2022.
    """

    assumes = "the label stays the same when a node has features like its neighbours' features"
    strength = Range(1.0, unit="share")
    needs = ("x",)

    def __init__(
        self, *, n_features: int, n_hidden: int = 16, n_latent: int = 4, seed: int = 0, **ranges: float | Range
    ) -> None:
        super().__init__(**ranges)
        for name, value in (("n_features", n_features), ("n_hidden", n_hidden), ("n_latent", n_latent)):
            count(name, value, owner=self.name)
        self.n_features, self.n_latent = n_features, n_latent
        self.generator = NeighbourGenerator(n_features, n_hidden=n_hidden, n_latent=n_latent, seed=seed)

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns the arguments for the graphs of `example_batch`."""
        return {"n_features": 3}

    def validate(self, x: Any) -> None:
        """Raises, besides the checks of all graphs, `InputError` for nodes with another number of features."""
        super().validate(x)
        if x.x.shape[1] != self.n_features:
            raise InputError(
                f"{self.name} was made for n_features={self.n_features}, but nodes have {x.x.shape[1]}. Construct it "
                f"with n_features={x.x.shape[1]}.",
                transform=self.name,
                argument="n_features",
            )

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        x = as_batch(x)
        shape = (batch.count(x), layout_of(x).max_nodes, self.n_latent)
        return torch.randn(shape, generator=generator, device=x.x.device, dtype=working_dtype(x))

    def forward(self, x: Any, *, strength: Float[Tensor, " batch"], noise: Float[Tensor, "batch nodes latent"]) -> Any:
        x = as_batch(x)
        given = x.x.to(working_dtype(x))
        made = self.generator(given, node_rows(x, noise))
        moved = given + per_node(strength.to(given.dtype), x)[:, None] * (made - given)
        return with_values(x, x=moved.to(x.x.dtype))

    def fit(
        self, graphs: Data | Iterable[Any], *, n_steps: int = 300, lr: float = 0.01, seed: int = 0
    ) -> LocalAugmentation:
        """Teaches the generator which features the neighbours of a node have, and freezes it.

        It minimises the energy score `|g(x_v, z) - x_u| - |g(x_v, z) - g(x_v, z')| / 2` over edges `(v, u)`, weighted
        by their weight. The mean score is lowest if the generator has the distribution of the neighbours' features.

        Args:
            graphs: a batch, or several batches (a loader), which are used again and again.
            n_steps: number of steps of the optimiser (Adam); each step uses a batch.
            lr: learning rate.
            seed: seed of the noise.

        Returns:
            The transform itself.

        Raises:
            InputError: there is no edge to learn from.
            InputTypeError: an entry is not a graph.
        """
        batches = [graphs] if isinstance(graphs, Data) else list(graphs)
        for one in batches:
            self.validate(one)
        batches = [with_edge_weight(one) for one in batches if one.edge_index.shape[1]]
        if not batches:
            raise InputError(
                f"{self.name}: fit learns from edges, but the graphs have none.", transform=self.name, argument="graphs"
            )
        device = self.generator.inner.device
        noise = keyed_generator(seed, "fit", device=device)
        self.generator.requires_grad_(True)
        optimizer = torch.optim.Adam(self.generator.parameters(), lr=lr)
        for index in range(n_steps):
            optimizer.zero_grad()
            with torch.enable_grad():
                score = self._energy_score(batches[index % len(batches)].to(device), noise)
            torch.autograd.backward(score)
            optimizer.step()
        self.generator.requires_grad_(False)
        return self

    def _energy_score(self, x: Data, generator: Generator) -> Float[Tensor, ""]:
        nodes, neighbours = x.x[x.edge_index[0]], x.x[x.edge_index[1]]
        shape = (2, len(nodes), self.n_latent)
        drawn = torch.randn(shape, generator=generator, device=nodes.device, dtype=nodes.dtype)
        one, other = (self.generator(nodes, z) for z in drawn)
        misses = (_norm(one - neighbours) + _norm(other - neighbours)) / 2 - _norm(one - other) / 2
        weight: Tensor = x.edge_weight
        return (weight * misses).sum() / weight.sum().clamp_min(torch.finfo(misses.dtype).tiny)


def _norm(differences: Float[Tensor, "edges features"]) -> Float[Tensor, " edges"]:
    norms: Tensor = torch.linalg.vector_norm(differences, dim=1)
    return norms
