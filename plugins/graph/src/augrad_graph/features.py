"""Changes of node features: noise, masks. Uses gates.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range, batch
from augrad.errors import InputError
from augrad.options import number, one_of
from augrad_graph.arguments import check_probability, check_temperature
from augrad_graph.batching import with_values
from augrad_graph.gates import TEMPERATURE, entry_chances, node_chances, toss
from augrad_graph.graphs import GraphTransform, per_node, working_dtype
from augrad_graph.layout import as_batch
from augrad_graph.walks import draw_seeds, uniform

UNITS = ("node", "feature", "entry")
"""Units of a mask: all features of a node, a feature of all nodes of a graph, or a single feature of a single node."""


class FeatureNoise(GraphTransform):
    """Adds independent normal noise with standard deviation `std` to every feature of every node.

    Args:
        scale: unit of `std`: a number per feature, such as its spread in the training data (`x.std(0).tolist()`). None
            uses the feature's own unit. The scale is given once and not measured per batch, so that a magnitude has the
            same meaning in every batch. A feature of scale 0 does not change.
        **ranges: a different `Range` or limit for `std`.

    Raises:
        ArgumentError: an entry of `scale` is not a finite number of at least 0.

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.zeros(1000, 2), edge_index=torch.zeros(2, 0, dtype=torch.long))
        >>> noisy = FeatureNoise(scale=[1.0, 0.0])(x, std=torch.tensor([0.5]), noise=torch.tensor([1]))
        >>> [round(spread, 1) for spread in noisy.x.std(0).tolist()]
        [0.5, 0.0]
    """

    assumes = "the label does not depend on noise of the learned size in each feature"
    needs = ("x",)
    std = Range(1.0, unit="scale")

    scale: Tensor | None

    def __init__(self, *, scale: Sequence[float] | None = None, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        for given in scale or ():
            number("scale", given, least=0, noun="one finite number per feature, each", owner=self.name)
        given_scale = None if scale is None else torch.tensor(list(scale), dtype=torch.float64)
        self.register_buffer("scale", given_scale, persistent=False)

    def validate(self, x: Any) -> None:
        super().validate(x)
        if self.scale is not None and len(self.scale) != x.x.shape[1]:
            raise InputError(
                f"{self.name}: scale has {len(self.scale)} numbers, but the graphs have {x.x.shape[1]} features.",
                transform=self.name,
            )

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, std: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = as_batch(x)
        dtype = working_dtype(x)
        normal = torch.special.ndtri(entry_chances(x, noise, x.x.shape[1])).to(dtype)
        size = per_node(std.to(dtype), x)[:, None]
        size = size if self.scale is None else size * self.scale.to(dtype)
        return with_values(x, x=(x.x + size * normal).to(x.x.dtype))


class FeatureMask(GraphTransform):
    """Sets features to 0, each with a learned `probability`.

    Train / eval: in train mode a mask is relaxed (`gates.toss`): a feature keeps between none and all of its value,
    mostly close to none or all, so that the gradient reaches the probability. In eval mode a feature is either masked
    or kept.

    Args:
        of: the unit of a mask: `"feature"` (a feature of all nodes of a graph), `"node"` (all features of a node) or
            `"entry"` (a single feature of a single node).
        temperature: temperature of the relaxation, in (0, 1].
        **ranges: a different `Range` or limit for `probability`, within [0, 1].

    Raises:
        ArgumentError: an argument is not accepted.

    Example:
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.ones(1000, 2), edge_index=torch.zeros(2, 0, dtype=torch.long))
        >>> masked = FeatureMask(of="node").eval()(x, probability=torch.tensor([0.3]), noise=torch.tensor([1]))
        >>> round(masked.x.mean().item(), 1), masked.x.unique().tolist()
        (0.7, [0.0, 1.0])

    References:
        You, Chen, Sui, Chen, Wang, Shen: Graph contrastive learning with augmentations, NeurIPS 2020 (attribute
        masking).
    """

    assumes = "the label stays the same when any part of the features, up to the learned fraction, is missing"
    gradient = "relaxed"
    needs = ("x",)
    probability = Range(0.9)

    def __init__(self, *, of: str = "feature", temperature: float = TEMPERATURE, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.of = one_of("of", of, UNITS, owner=self.name)
        self.temperature = check_temperature(self.name, temperature)
        check_probability(self.name, "probability", self.ranges["probability"])

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = as_batch(x)
        n_features = x.x.shape[1]
        if self.of == "node":
            chance = node_chances(x, noise)[:, None]
        elif self.of == "entry":
            chance = entry_chances(x, noise, n_features)
        else:
            features = torch.arange(n_features, device=noise.device)
            chance = uniform(noise[:, None], features)[x.batch]
        gone = toss(
            per_node(probability, x)[:, None].expand_as(chance),
            chance,
            temperature=self.temperature,
            hard=not self.training,
        )
        return with_values(x, x=x.x * (1 - gone).to(x.x.dtype))
