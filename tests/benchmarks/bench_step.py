"""Cost of the joint step: against the trunk alone, one resampling per transform, and more candidates."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from kornia.geometry import transform as kornia_transform
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import augrad
from augrad.layers.module import AugmentationModule
from augrad_vision import geometric

BATCH, CHANNELS, SIZE, WIDTH, N_CLASSES, N_LAYERS = 128, 3, 32, 8, 10, 3
CANDIDATES = ("rotate", "translate_x", "translate_y", "shear_x", "shear_y")


def trunk() -> nn.Module:
    """The trunk of the anchor figures: five convolutions, eight channels wide, at full resolution."""
    widths = [CHANNELS] + [WIDTH] * 5
    blocks: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        blocks += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(WIDTH, N_CLASSES))


def many(n_transforms: int) -> list[type[augrad.Transform]]:
    """`n_transforms` candidates under names of their own: the five geometric ones over and over."""
    base = [getattr(geometric, "".join(word.title() for word in name.split("_"))) for name in CANDIDATES]
    return [type(f"{base[i % len(base)].__name__}{i}", (base[i % len(base)],), {}) for i in range(n_transforms)]


def module_of(transforms: Sequence[type[augrad.Transform]], n_layers: int = N_LAYERS) -> AugmentationModule:
    """`n_layers` layers over the same candidates, at magnitudes that move every image."""
    return AugmentationModule([augrad.AugmentationLayer(list(transforms), magnitude=0.3) for _ in range(n_layers)])


def training_step(model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], None]:
    """One step of plain training, or of joint training if the model is an `InvariantModel`."""
    joint = isinstance(model, augrad.InvariantModel)
    parameters = augrad.parameter_groups(model, lr=1e-3) if joint else model.parameters()
    optimizer = torch.optim.Adam(parameters)
    objective = augrad.JointLoss(cross_entropy, augrad.DisplacementPenalty())

    def step() -> None:
        optimizer.zero_grad()
        output = model(x)
        loss = objective(output, y, model) if joint else cross_entropy(output, y)
        loss.backward()
        optimizer.step()

    return step


def one_resampling_each(module: AugmentationModule, x: Tensor) -> Callable[[], None]:
    """The same layers as the published code runs them: each transform resamples the batch, all results are mixed."""

    def forward() -> None:
        y = x
        for layer in module:
            values = layer.values(y, torch.rand(len(y), layer.magnitudes.numel()))
            parts = [transform(y, **values[index]) for index, transform in enumerate(layer)]
            y = augrad.batch.mix(*parts, weights=layer.weights.expand(len(y), -1))

    return forward


def one_kornia_warp_each(module: AugmentationModule, x: Tensor) -> Callable[[], None]:
    """The same with kornia's functional transforms, as one would write it today and as the published code does."""
    width, height = x.shape[3], x.shape[2]
    warps: list[Callable[[Tensor, Tensor], Tensor]] = [
        kornia_transform.rotate,
        lambda y, value: kornia_transform.translate(y, torch.stack([value * width, 0 * value], dim=1)),
        lambda y, value: kornia_transform.translate(y, torch.stack([0 * value, value * height], dim=1)),
        lambda y, value: kornia_transform.shear(y, torch.stack([torch.deg2rad(value).tan(), 0 * value], dim=1)),
        lambda y, value: kornia_transform.shear(y, torch.stack([0 * value, torch.deg2rad(value).tan()], dim=1)),
    ]

    def forward() -> None:
        y = x
        for layer in module:
            values = layer.values(y, torch.rand(len(y), layer.magnitudes.numel()))
            parts = [warp(y, *value.values()) for warp, value in zip(warps, values, strict=True)]
            y = augrad.batch.mix(*parts, weights=layer.weights.expand(len(y), -1))

    return forward


def median_seconds(actions: dict[str, Callable[[], None]], n_rounds: int) -> dict[str, float]:
    """Median time of each action, all taken in turn in every round so that a busy machine slows all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for round_ in range(n_rounds + 2):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if round_ >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the times and the three ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="timed rounds; the median counts (default 25)")
    parser.add_argument("--size", type=int, default=SIZE, help=f"height and width of the images (default {SIZE})")
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default 2)")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    x, y = torch.rand(BATCH, CHANNELS, options.size, options.size), torch.randint(N_CLASSES, (BATCH,))
    few, lots = many(len(CANDIDATES)), many(50)
    fused = module_of(few)

    def joint(transforms: Sequence[type[augrad.Transform]], n_layers: int) -> Callable[[], None]:
        return training_step(augrad.InvariantModel(trunk(), module_of(transforms, n_layers)), x, y)

    times = median_seconds(
        {
            "training step, trunk alone": training_step(trunk(), x, y),
            "joint step, 1 layer x 5 transforms": joint(few, 1),
            "joint step, 3 layers x 5 transforms": joint(few, N_LAYERS),
            "joint step, 3 layers x 50 transforms": joint(lots, N_LAYERS),
            "forward, 3 x 5, fused": lambda: fused(x),
            "forward, 3 x 5, one resampling each": one_resampling_each(fused, x),
            "forward, 3 x 5, one kornia warp each": one_kornia_warp_each(fused, x),
        },
        options.rounds,
    )
    for name, seconds in times.items():
        print(f"{name:40s} {1e3 * seconds:8.1f} ms")
    alone, one, five, fifty, forward, ours_each, kornia_each = times.values()
    print(f"joint step, 1 layer x 5 / trunk alone:      {one / alone:5.2f}")
    print(f"joint step, 3 layers x 5 / trunk alone:     {five / alone:5.2f}  (at most 1.35)")
    print(f"one kornia warp each / fused forward:       {kornia_each / forward:5.1f}  (at least 15)")
    print(f"one augrad resampling each / fused forward: {ours_each / forward:5.1f}  (15 resamplings against 1)")
    print(f"joint step, 50 candidates / 5 candidates:   {fifty / five:5.2f}  (at most 1.3)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
