"""Graphs under a Lightning Trainer: a batch that is no tensor moves to the device and reaches the weights of fit."""

from __future__ import annotations

from typing import Any

import torch
from tests.core.lightning.small_runs import WARNINGS, Loader, quiet, same
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GraphConv, global_add_pool

import augrad
from augrad.lightning import JointModule
from augrad_graph.loading import with_targets

pytestmark = WARNINGS


class Trunk(nn.Module):
    """One layer that honours edge weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = GraphConv(3, 2)

    def forward(self, graphs: Any) -> Tensor:
        return global_add_pool(self.conv(graphs.x, graphs.edge_index, graphs.edge_weight), graphs.batch)


def model() -> augrad.InvariantModel:
    torch.manual_seed(0)
    return augrad.InvariantModel(Trunk(), augrad.AugmentationLayer(["graph.feature_noise", "graph.edge_drop"]))


def batches() -> list[tuple[Data, Tensor]]:
    torch.manual_seed(1)
    ring = torch.stack([torch.arange(5), (torch.arange(5) + 1) % 5])
    edges = torch.cat([ring, ring.flip(0)], dim=1)
    graphs = [Data(x=torch.rand(5, 3), edge_index=edges, y=torch.tensor([label % 2])) for label in range(6)]
    return [with_targets(graphs[:3]), with_targets(graphs[3:])]


def test_graphs_reach_the_weights_of_fit() -> None:
    by_fit, by_lightning = model(), model()
    augrad.fit(by_fit, batches(), max_epochs=2, progress=False, lr=0.02, objective="joint")
    trainer = quiet()
    trainer.fit(JointModule(by_lightning, lr=0.02, objective="joint"), Loader(batches()), Loader(batches()))
    assert same(by_lightning, by_fit)
    assert not same(by_lightning, model())
    assert trainer.callback_metrics["displacement"] > 0


def test_graphs_move_with_their_targets() -> None:
    moved, target = JointModule(model()).transfer_batch_to_device(batches()[0], torch.device("meta"), 0)
    assert {value.device.type for value in (moved.x, moved.edge_index, moved.batch, target)} == {"meta"}
