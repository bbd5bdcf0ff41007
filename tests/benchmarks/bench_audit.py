"""What an audit costs beside the forward passes that it needs: 2,000 images, ten transforms at five strengths.

The bare passes are the model on the samples, once as they are and once per transform and strength, in the same batches.
Both are timed in one process, in turns, and medians are compared.

Run: python tests/benchmarks/bench_audit.py [--samples 2000] [--rounds 3] [--threads 2]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import nn

import augrad

TRANSFORMS = (
    "rotate", "translate_x", "translate_y", "scale", "shear_x", "brightness", "contrast", "saturation",
    "gaussian_noise", "gaussian_blur",
)  # fmt: skip
STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


class Block(nn.Module):
    """Two convolutions about a shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut = nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.body(x) + self.shortcut(x)).relu()


def resnet(width: int = 32) -> nn.Module:
    """A residual network for images of 32 x 32, in three stages."""
    sizes = [3, width, 2 * width, 4 * width]
    blocks = [Block(a, b, 1 if index == 0 else 2) for index, (a, b) in enumerate(pairwise(sizes))]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(sizes[-1], 10)).eval()


def images(n_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    digits = load_digits()
    index = torch.arange(n_samples) % len(digits.target)
    x = torch.tensor(digits.images, dtype=torch.float32)[index, None] / 16
    x = nn.functional.interpolate(x, size=(32, 32), mode="bilinear").expand(-1, 3, -1, -1)
    noise = 0.02 * torch.randn(x.shape, generator=augrad.keyed_generator("bench audit"))
    return (x + noise).clamp(0, 1), torch.tensor(digits.target)[index]


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = resnet()
    x, target = images(options.samples)
    loader = list(zip(x.split(100), target.split(100), strict=True))
    transforms = [f"vision.{name}" for name in TRANSFORMS]
    n_passes = 1 + len(transforms) * len(STRENGTHS)

    @torch.no_grad()
    def bare() -> None:
        for _ in range(n_passes):
            for some, _ in loader:
                model(some)

    def audited() -> None:
        augrad.audit(model, loader, transforms, strengths=STRENGTHS, progress=False)

    audited()  # warm
    passes, audits = [], []
    for _ in range(options.rounds):
        passes.append(timed(bare))
        audits.append(timed(audited))
    ratio = statistics.median(a / b for a, b in zip(audits, passes, strict=True))
    print(f"{options.samples} images of 3 x 32 x 32, {len(transforms)} transforms x {len(STRENGTHS)} strengths")
    print(f"bare passes  {statistics.median(passes):6.1f} s  ({n_passes} over all samples)")
    print(f"audit        {statistics.median(audits):6.1f} s")
    print(f"ratio        {ratio:6.2f}    (at most 1.3)")


if __name__ == "__main__":
    main()
