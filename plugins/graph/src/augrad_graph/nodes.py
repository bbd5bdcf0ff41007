"""Dropped nodes. Uses gates.py."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range, batch
from augrad_graph.arguments import check_probability, check_temperature
from augrad_graph.batching import with_edge_weight, with_values
from augrad_graph.gates import TEMPERATURE, node_chances, toss
from augrad_graph.graphs import GraphTransform, per_node
from augrad_graph.walks import draw_seeds


class NodeDrop(GraphTransform):
    """Drops each node with a learned `probability`: its features and the weights of its edges become 0.

    The node's row and its position stay, so a trunk still counts the node. Use a trunk in which a node without features
    and edges adds nothing to the pooling: a bias, or the shift of a batch norm, would reveal dropped nodes.

    Train / eval: in train mode the drop is relaxed (`gates.toss`), and a node keeps between none and all of its
    features. In eval mode a node is either dropped or kept.

    Args:
        temperature: temperature of the relaxation, in (0, 1].
        **ranges: a different `Range` or limit for `probability`, within [0, 1].

    Raises:
        ArgumentError: an argument is not accepted.

    Example:
        >>> import torch
        >>> from augrad_graph.backend import Data
        >>> x = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1], [1, 2]]))
        >>> y = NodeDrop().eval()(x, probability=torch.tensor([0.5]), noise=torch.tensor([8]))
        >>> y.x.flatten().tolist(), y.edge_weight.tolist()
        ([1.0, 1.0, 0.0], [1.0, 0.0])

    References:
        You, Chen, Sui, Chen, Wang, Shen: Graph contrastive learning with augmentations, NeurIPS 2020 (node dropping).
    """

    assumes = "the label stays the same when any part of the nodes, up to the learned fraction, is missing"
    gradient = "relaxed"
    probability = Range(0.9)

    def __init__(self, *, temperature: float = TEMPERATURE, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.temperature = check_temperature(self.name, temperature)
        check_probability(self.name, "probability", self.ranges["probability"])

    def validate(self, x: Any) -> None:
        super().validate(x)
        if "x" in x:
            self.check_needed(x, "x")

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws a seed per graph."""
        return draw_seeds(batch.count(x), batch.device(x), generator)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: Int[Tensor, " batch"]) -> Any:
        x = with_edge_weight(x)
        chance = node_chances(x, noise)
        gone = toss(per_node(probability, x), chance, temperature=self.temperature, hard=not self.training)
        source, target = 1 - gone[x.edge_index]
        kept = {"edge_weight": x.edge_weight * (source * target).to(x.edge_weight.dtype)}
        if "x" in x:
            kept["x"] = x.x * (1 - gone).to(x.x.dtype)[:, None]
        return with_values(x, **kept)
