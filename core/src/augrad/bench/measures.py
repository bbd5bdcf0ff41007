"""Measures of each candidate after training: how often it is drawn, how far it moves the data. Uses records.py."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from augrad import batch
from augrad.bench.records import Candidate, LearnedRange
from augrad.bench.task import Task
from augrad.demo.learned import learned_ranges, share_of_samples
from augrad.demo.rules import build_loader
from augrad.displacement import displacement
from augrad.errors import ArgumentError
from augrad.layers.module import AugmentationModule
from augrad.policies.policy import Policy, PolicyRow
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

N_SAMPLES = 256
"""Training samples whose displacement is measured."""


def candidates_of(
    module: AugmentationModule, task: Task, train_x: Any, transforms: Mapping[str, Transform], seed: int
) -> tuple[Candidate, ...]:
    """The finding for each candidate of a task.

    Args:
        module: the augmentation after training; left unchanged.
        task: the task with the candidates.
        train_x: the training batch.
        transforms: the task's transforms, by name.
        seed: decides on which samples, and with which draws, displacement is measured.
    """
    policy = list(Policy.from_module(module))
    order = torch.randperm(batch.count(train_x), generator=keyed_generator("bench", "samples", seed))
    x = batch.select(train_x, order[:N_SAMPLES])
    return tuple(
        Candidate(
            name,
            name in task.oracle,
            share_of_samples(policy, name),
            displacement_when_drawn(module, name, x, keyed_generator("bench", "displacement", name, seed)),
            _ranges(policy, task, transforms[name]),
        )
        for name in task.transforms
    )


@torch.no_grad()
def outcomes_of(model: nn.Module, x: Any, y: Tensor, batch_size: int) -> Float[Tensor, " samples"]:
    """The contribution of each sample to the score, which is their mean: `demo.trial.score`.

    It is 1 or 0 for a class that is right or wrong, and for numbers 1 minus the squared error over the variance of the
    targets.

    Args:
        model: left in eval mode.
        x: all samples.
        y: their targets.
        batch_size: number of samples to predict at once.
    """
    model.eval()
    predicted = torch.cat([model(part) for part, _ in build_loader(x, y, batch_size)])
    if not y.is_floating_point():
        return (predicted.argmax(dim=1) == y).double()
    squares = (predicted.reshape(y.shape) - y).double().square().flatten(1).sum(dim=1)
    spread = (y - y.mean(dim=0)).double().square().sum() / len(y)
    return 1 - squares / spread


def digest_of_samples(x: Any, y: Tensor) -> str:
    """A digest of samples and targets, by which two runs know that they were measured on the same."""
    content = hashlib.sha256(batch.fingerprint(x).cpu().numpy().tobytes())
    content.update(y.cpu().numpy().tobytes())
    return content.hexdigest()[:16]


def with_scores(candidates: Sequence[Candidate], scores: Mapping[str, float]) -> tuple[Candidate, ...]:
    """The candidates with the scores that a rule itself states.

    Args:
        candidates: the task's.
        scores: a finite number for each candidate, by name of the transform.

    Raises:
        ArgumentError: `scores` lacks a candidate, names something else, or holds something that is no finite number.

    Example:
        >>> (found,) = with_scores([Candidate("a.turn", True, 0.5, 0.1, ())], {"a.turn": 3.0})
        >>> found.evidence
        3.0
    """
    names = [each.name for each in candidates]
    if not isinstance(scores, Mapping) or set(scores) != set(names):
        raise ArgumentError(
            f"found must return a score for each candidate, {', '.join(names)}, but returned {scores!r}.",
            argument="found",
            value=scores,
        )
    for name, score in scores.items():
        if not math.isfinite(score):
            raise ArgumentError(
                f"found must return finite numbers, but the score of {name!r} is {score}.",
                argument="found",
                value=score,
            )
    return tuple(dataclasses.replace(each, found=float(scores[each.name])) for each in candidates)


@torch.no_grad()
def displacement_when_drawn(module: AugmentationModule, name: str, x: Any, generator: Generator) -> float:
    """Mean displacement of a batch under one transform of a module alone, given that at least one layer draws it.

    Multiplied by the probability that a layer draws it, this is the transform's own mean displacement. It is 0 for a
    transform that no layer draws.

    Args:
        module: left unchanged.
        name: name of the transform.
        x: the batch.
        generator: source of the draws.
    """
    weights, layers = [], []
    for layer in module:
        if name in layer.names:
            weights.append(float(layer.weights[layer.names.index(name)]))
            layers.append(layer.only(name).eval())
    if not sum(weights):
        return 0.0
    n_samples, moved = batch.count(x), x
    index = torch.arange(n_samples)
    for drawn, layer in zip(_drawn(weights, n_samples, generator), layers, strict=True):
        both = batch.concatenate(moved, layer(moved, generator=generator))
        moved = batch.select(both, index + n_samples * drawn)
    return displacement(x, moved).mean().item()


def _drawn(weights: Sequence[float], n_samples: int, generator: Generator) -> list[Bool[Tensor, " batch"]]:
    """For each layer which samples draw, given that each sample draws in at least one of them."""
    before = torch.zeros(n_samples, dtype=torch.bool)
    masks = []
    for position, weight in enumerate(weights):
        still = 1.0 - math.prod(1.0 - each for each in weights[position:])
        chance = torch.where(before, weight, weight / still if still else 0.0)
        masks.append(torch.rand(n_samples, generator=generator, dtype=chance.dtype) < chance)
        before = before | masks[-1]
    return masks


def _ranges(policy: Sequence[PolicyRow], task: Task, transform: Transform) -> tuple[LearnedRange, ...]:
    found = []
    for parameter, declared in transform.ranges.items():
        learned = learned_ranges(policy, transform.name, parameter, identity=declared.identity)
        true = None
        if transform.name in task.oracle:
            value = task.oracle[transform.name].get(parameter, declared.identity)
            ends = [value] if isinstance(value, int | float) else value
            true = statistics.fmean(abs(end - declared.identity) for end in ends)
        found.append(
            LearnedRange(parameter, declared.unit, statistics.fmean(learned.values()) if learned else 0.0, true)
        )
    return tuple(found)
