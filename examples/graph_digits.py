"""
Graphs: does it matter which way up they lie?
=============================================

Handwritten digits become graphs: every dark pixel is a node with a position, joined to its four nearest nodes. Each
graph is turned by its own angle, anywhere in a full circle. augrad finds that the graphs may be turned, and how far.
Run the example with ``python examples/graph_digits.py``.
"""

import argparse
import math

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GraphConv, global_max_pool, global_mean_pool

import augrad
from augrad_graph.loading import with_targets

CANDIDATES = ["position_rotate", "position_shear", "position_jitter", "edge_weight_noise"]


# %%
# The task
# --------
# The task uses the digits 0 to 4, because an upside-down 6 is a 9. A graph has features ``x`` (the darkness of a
# pixel), positions ``pos``, edges, and a class ``y``.


def as_graph(image: Tensor, digit: int, angle: float) -> Data:
    rows, columns = torch.nonzero(image > 0.4, as_tuple=True)
    places = torch.stack([columns, -rows], dim=1).float()
    cosine, sine = math.cos(angle), math.sin(angle)
    places = (places - places.mean(dim=0)) @ torch.tensor([[cosine, sine], [-sine, cosine]])
    nearest = torch.cdist(places, places).fill_diagonal_(torch.inf).topk(4, largest=False).indices
    edges = torch.stack([nearest.flatten(), torch.arange(len(places)).repeat_interleave(4)])
    return Data(x=image[rows, columns][:, None], pos=places, edge_index=edges, y=torch.tensor([digit]))


def turned_graphs() -> list[Data]:
    digits = load_digits(n_class=5)
    generator = augrad.keyed_generator("graph digits")
    order = torch.randperm(len(digits.images), generator=generator).tolist()
    angles = (2 * math.pi * torch.rand(len(order), generator=generator)).tolist()
    images = torch.tensor(digits.images, dtype=torch.float32) / 16
    return [as_graph(images[i], int(digits.target[i]), angle) for i, angle in zip(order, angles, strict=True)]


# %%
# The model
# ---------
# The trunk has two rounds of message passing over darkness and position. It passes ``edge_weight`` on to its layers.
# Transforms of edges write there how much of an edge is left, for example 0 for a dropped edge.


class Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.Linear(3, 64), nn.BatchNorm1d(64), nn.ReLU())
        self.rounds = nn.ModuleList(GraphConv(64, 64, aggr="mean") for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm1d(64) for _ in range(2))
        self.head = nn.Linear(128, 5)

    def forward(self, graphs: Data) -> Tensor:
        nodes = self.start(torch.cat([graphs.x, graphs.pos / 3], dim=1))
        for layer, norm in zip(self.rounds, self.norms, strict=True):
            nodes = norm(layer(nodes, graphs.edge_index, graphs.edge_weight)).relu()
        pooled = [pool(nodes, graphs.batch) for pool in (global_mean_pool, global_max_pool)]
        return self.head(torch.cat(pooled, dim=1))


def model_with(layer: augrad.AugmentationLayer, copies: int) -> augrad.InvariantModel:
    torch.manual_seed(0)
    return augrad.InvariantModel(Trunk(), layer, copies=copies)


# %%
# Training
# --------
# The loader is torch's own; ``with_targets`` makes pairs of a batch of graphs and their classes.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn how far graphs may be turned.")
    parser.add_argument("--epochs", type=int, default=15)
    epochs = parser.parse_args(argv).epochs

    graphs = turned_graphs()
    loader = DataLoader(graphs[:200], batch_size=32, shuffle=True, collate_fn=with_targets)
    new_graphs, new_digits = with_targets(graphs[200:])

    learning = model_with(augrad.AugmentationLayer([f"graph.{name}" for name in CANDIDATES]), copies=10)
    plain = model_with(augrad.AugmentationLayer(["graph.position_rotate"], magnitude=0.0), copies=1)
    result = augrad.fit(learning, loader, max_epochs=epochs, lr=5e-3, progress=False)
    augrad.fit(plain, loader, max_epochs=epochs, lr=5e-3, penalty=None, progress=False)

    print(result.policy)
    for name, model in (("no augmentation", plain), ("learned augmentation", learning)):
        with torch.no_grad():
            right = model(new_graphs).argmax(dim=1) == new_digits
        print(f"{name}: {right.float().mean():.1%} of {len(new_digits)} new graphs right")
    draw(result.policy, graphs[0])


# %%
# The picture
# -----------
# The first picture is the first training graph. The others are copies of it as the model sees them in training.


def draw(policy: augrad.Policy, graph: Data) -> None:
    copies = policy.as_module()(Batch.from_data_list([graph] * 3), generator=augrad.keyed_generator("copies"))
    _, panels = plt.subplots(1, 4, figsize=(8, 2.4), layout="constrained")
    for panel, each in zip(panels, [graph, *copies.to_data_list()], strict=True):
        x, y = each.pos.T
        panel.plot(x[each.edge_index], y[each.edge_index], color="0.8", linewidth=0.8, zorder=1)
        panel.scatter(x, y, c=each.x[:, 0], cmap="gray_r", vmin=0, vmax=1, edgecolors="0.4", s=40, zorder=2)
        panel.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), aspect="equal")
        panel.set_axis_off()
    panels[0].set_title("as it came", fontsize=9)
    plt.show()


# %%
# The results
# -----------


if __name__ == "__main__":
    main()
