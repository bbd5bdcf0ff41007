"""What augmentation costs in a training step of each demo, against the demo's trunk alone, part by part.

Rounds are interleaved in one process and medians taken. The rules are those of `augrad demo`, on a batch of its data:
"none" goes through augrad and changes nothing, "augrad" stands as before training, with the library's default penalty.

Run: python tests/benchmarks/bench_demos.py [--demo vision] [--rounds 50] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

import augrad
from augrad.demo import Demo
from augrad.demo.rules import RULES, build_loader, build_model, build_transforms, build_trunk, fitted_arguments
from augrad.plugins.registry import demos, get_demo, get_transform

PARTS = ("forward", "loss", "penalty", "backward", "update")
LIMIT = 1.3
N_WARM_UP = 3

Step = Callable[[], Iterator[None]]
"""A training step that yields after each of `PARTS`."""


def plain_step(trunk: nn.Module, x: Any, y: Tensor, lr: float) -> Step:
    """A step of the trunk as one would write it without augrad."""
    optimizer = torch.optim.Adam(trunk.parameters(), lr=lr)
    criterion = mse_loss if y.is_floating_point() else cross_entropy

    def step() -> Iterator[None]:
        optimizer.zero_grad()
        output = trunk(x)
        yield
        loss = criterion(output, y)
        yield
        yield
        loss.backward()
        yield
        optimizer.step()
        yield

    return step


def joint_step(model: augrad.InvariantModel, x: Any, y: Tensor, lr: float, *, penalized: bool) -> Step:
    """A step as `augrad.fit` does it."""
    optimizer = torch.optim.Adam(augrad.parameter_groups(model, lr=lr))
    criterion = mse_loss if y.is_floating_point() else cross_entropy
    penalty = augrad.DisplacementPenalty() if penalized else None
    generator = augrad.keyed_generator("bench")

    def step() -> Iterator[None]:
        optimizer.zero_grad()
        output = model(x, generator=generator)
        yield
        loss = criterion(output, y)
        yield
        if penalty is not None:
            loss = loss + penalty(model.augmentation.state())
        yield
        loss.backward()
        yield
        optimizer.step()
        yield

    return step


def steps_of(demo: Demo) -> dict[str, Step]:
    """The trunk alone and each rule, on the first batch of the demo's own data and size."""
    for name in (*demo.transforms, *demo.oracle):
        get_transform(name)  # before the data: their plugin then makes augrad know their type of batch
    data = demo.load(0)
    x, y = next(iter(build_loader(data.train_x, data.train_y, demo.batch_size, shuffle_seed=0)))
    transforms = build_transforms(demo, fitted_arguments(demo, data.train_x))
    steps = {"trunk alone": plain_step(build_trunk(demo, 0).train(), x, y, demo.lr)}
    for rule in RULES:
        aggregation = "log_prob" if data.classifies else "mean"
        model = build_model(rule, demo, transforms, 0, aggregation=aggregation).train()
        steps[rule] = joint_step(model, x, y, demo.lr, penalized=rule == "augrad")
    return steps


def seconds_of(step: Step) -> list[float]:
    """How long each part of one step took."""
    started = time.perf_counter()
    moments = [time.perf_counter() for _ in step()]
    return [end - start for start, end in zip([started, *moments], moments, strict=False)]


def measure(steps: dict[str, Step], n_rounds: int) -> dict[str, list[list[float]]]:
    """Seconds per step, round and part; each round takes every step in turn, so that a busy moment hits all alike."""
    seconds: dict[str, list[list[float]]] = {name: [] for name in steps}
    for round_ in range(N_WARM_UP + n_rounds):
        for name, step in steps.items():
            taken = seconds_of(step)
            if round_ >= N_WARM_UP:
                seconds[name].append(taken)
    return seconds


def report(demo: Demo, seconds: dict[str, list[list[float]]]) -> float:
    """Prints a row per step; returns augrad's time as a multiple of the trunk's alone."""
    totals = {name: statistics.median(map(sum, rounds)) for name, rounds in seconds.items()}
    alone = totals["trunk alone"]
    print(f"{demo.name}: {demo.batch_size} samples, {len(demo.transforms)} candidates, {demo.n_layers} layers")
    print(f"  {'':12}{'ms':>8}{'ratio':>8}  " + "".join(f"{part:>10}" for part in PARTS))
    for name, rounds in seconds.items():
        parts = "".join(f"{1e3 * statistics.median(part):10.2f}" for part in zip(*rounds, strict=True))
        print(f"  {name:12}{1e3 * totals[name]:8.2f}{totals[name] / alone:8.2f}  {parts}")
    return totals["augrad"] / alone


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table per demo, and all ratios in the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="append", help="only this demo; may be given again (default: all installed)")
    parser.add_argument("--rounds", type=int, default=50, help="timed rounds; the median counts (default 50)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1, as in `augrad demo`)")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    chosen = {name: get_demo(name) for name in options.demo} if options.demo else demos()
    ratios = {name: report(demo, measure(steps_of(demo), options.rounds)) for name, demo in chosen.items()}
    for name, error in augrad.plugin_errors().items():
        print(f"left out: {name}: {error}")
    for name, ratio in ratios.items():
        print(f"augrad / trunk alone, {name:10}{ratio:5.2f}  (at most {LIMIT})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
