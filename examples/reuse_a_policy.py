"""
Learn once, reuse anywhere
==========================

A learned *policy* is a JSON file that a person can read and change. It becomes a module for any pipeline, for example
of kornia, torchaudio or PyTorch Geometric. The pipeline needs no model, loss or trainer of augrad. Run the example with
``python examples/reuse_a_policy.py``.
"""

import argparse
import json
import tempfile
from pathlib import Path

import kornia.augmentation as kornia
import matplotlib.pyplot as plt
import torch
import torch_geometric.transforms as geometric
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, default_collate
from torch_geometric.data import Data

import augrad
from augrad_audio.backend import torchaudio

# %%
# Learn, and write
# ----------------
# A small network learns a policy from 200 digits, each turned by up to 60 degrees.


def network(width: int) -> nn.Module:
    return nn.Sequential(
        *[nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(width, 2 * width, 3, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Linear(32 * width, 10)],
    )


def learn(images: Tensor, labels: Tensor, path: Path, epochs: int) -> None:
    torch.manual_seed(0)
    layer = augrad.AugmentationLayer(["vision.rotate", "vision.translate_x", "vision.shear_x", "vision.gaussian_noise"])
    loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
    result = augrad.fit(augrad.InvariantModel(network(8), layer), loader, max_epochs=epochs, lr=5e-3, progress=False)
    result.policy.to_json(path)


# %%
# Images, with kornia
# -------------------
# The policy becomes an augmentation in a kornia pipeline. The pipeline works on whole batches, so call it where batches
# are made: in the loader's ``collate_fn``. It trains another network, which is twice as wide and does not use augrad.


def train_plain(images: Tensor, labels: Tensor, pipeline: nn.Module, epochs: int) -> nn.Module:
    torch.manual_seed(0)

    def augmented(samples: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        x, y = default_collate(samples)
        return pipeline(x), y

    loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True, collate_fn=augmented)
    model = network(16)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


# %%
# Sounds, with torchaudio
# -----------------------
# You can also set a policy by hand, and save it as JSON in the same way. In front of a spectrogram, the policy is a
# layer of an ``nn.Sequential``. (augrad-audio's ``torchaudio()`` returns the library itself, even if its native part
# cannot be loaded.)


def sound_pipeline(path: Path) -> nn.Module:
    layer = augrad.AugmentationLayer(["audio.time_shift", "audio.gain"], arguments={"sample_rate": 8000})
    layer.set_value("audio.time_shift", "offset", 20.0)  # ms, to either side
    layer.set_value("audio.gain", "gain_db", 6.0)
    augrad.Policy.from_module(layer).to_json(path)
    return nn.Sequential(
        augrad.Policy.from_json(path).as_module(),
        torchaudio().transforms.MelSpectrogram(8000, n_fft=256, n_mels=24),
    )


# %%
# Graphs, with PyTorch Geometric
# ------------------------------
# The transforms of PyTorch Geometric are functions of a single graph. The module treats a graph as a batch with a
# single graph, and ``get_example`` takes the graph out again.


def graph_pipeline(path: Path) -> geometric.Compose:
    layer = augrad.AugmentationLayer(["graph.position_rotate"])
    layer.set_value("graph.position_rotate", "angle", 45.0)
    augrad.Policy.from_module(layer).to_json(path)
    augment = augrad.Policy.from_json(path).as_module()
    return geometric.Compose([lambda graph: augment(graph).get_example(0), geometric.Distance(norm=False)])


# %%
# All of it
# ---------


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn a policy, and use it in other libraries.")
    parser.add_argument("--epochs", type=int, default=30)
    epochs = parser.parse_args(argv).epochs
    folder = Path(tempfile.mkdtemp())

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    images = nn.functional.interpolate(images, size=(16, 16), mode="bilinear")
    draws = torch.rand(len(images), generator=augrad.keyed_generator("angles"))
    images, labels = (
        augrad.get_transform("vision.rotate")()(images, angle=120 * draws - 60),
        torch.tensor(digits.target),
    )
    order = torch.randperm(len(images), generator=augrad.keyed_generator("split"))
    train, test = order[:200], order[400:1200]

    learn(images[train], labels[train], folder / "digits.json", epochs)
    written = json.loads((folder / "digits.json").read_text())
    print(json.dumps(written["layers"][0]["transforms"][0], indent=2))

    augment = augrad.Policy.from_json(folder / "digits.json").as_module()
    noise = kornia.RandomGaussianNoise(std=0.02, p=0.5)
    pipeline = kornia.AugmentationSequential(augment, noise, data_keys=["input"])
    for name, each in (
        ("kornia alone", kornia.AugmentationSequential(noise, data_keys=["input"])),
        ("with policy", pipeline),
    ):
        model = train_plain(images[train], labels[train], each, epochs)
        with torch.no_grad():
            right = model(images[test]).argmax(dim=1) == labels[test]
        print(f"{name}: {right.float().mean():.1%} of 800 new digits right")

    print("spectrograms", tuple(sound_pipeline(folder / "sounds.json")(torch.randn(4, 1, 8000)).shape))
    corner = Data(pos=torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), edge_index=torch.tensor([[0, 0], [1, 2]]))
    turned = graph_pipeline(folder / "graphs.json")(corner)
    print("places", turned.pos.numpy().round(2).tolist())
    print("distances", turned.edge_attr.flatten().numpy().round(2).tolist())

    _, panels = plt.subplots(2, 8, figsize=(8, 2.2), layout="constrained")
    some = images[train[:8]]
    for row, pictures in zip(panels, (some, pipeline(some)), strict=True):
        for panel, picture in zip(row, pictures, strict=True):
            panel.imshow(picture[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
            panel.set(xticks=[], yticks=[])
    panels[0, 0].set_ylabel("as it came", fontsize=8)
    panels[1, 0].set_ylabel("pipeline", fontsize=8)
    plt.show()


# %%
# The results
# -----------


if __name__ == "__main__":
    main()
