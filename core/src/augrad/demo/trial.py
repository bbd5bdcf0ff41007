"""A trial of a demo: trains a rule with a seed and measures the model. Uses rules.py and training/; used by run.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from augrad import batch
from augrad.demo.results import Run
from augrad.demo.rules import build_loader, build_model, build_transforms, fitted_arguments
from augrad.demo.task import Demo, DemoData
from augrad.invariance import invariance
from augrad.model import InvariantModel
from augrad.plugins.registry import get_transform
from augrad.training import FitResult, fit
from augrad.transform.ranges import Range
from augrad.transform.transform import Transform

N_CURVE_POINTS = 20
N_INVARIANCE_SAMPLES = 128
N_INVARIANCE_VALUES = 9


def prepared(demo: Demo, seed: int) -> tuple[DemoData, Mapping[str, Any], dict[str, Transform]]:
    """Returns the data of a seed, the constructor arguments of the transforms, and the transforms by name.

    Raises:
        MissingDependencyError: the package that reads the data is not installed.
        UnknownTransformError: a candidate is not registered.
    """
    for name in (*demo.transforms, *demo.oracle):
        get_transform(name)  # before the data, because this loads the plugin that registers their batch type
    data = demo.load(seed)
    arguments = fitted_arguments(demo, data.train_x)
    return data, arguments, build_transforms(demo, arguments)


def train_rule(
    rule: str,
    demo: Demo,
    data: DemoData,
    transforms: Mapping[str, Transform],
    seed: int,
    *,
    on_epoch: Callable[[], None] = lambda: None,
) -> tuple[Run, InvariantModel]:
    """Trains a rule with a seed and measures the model.

    Args:
        rule: a key of `RULES`.
        demo: the task.
        data: the result of `demo.load(seed)`.
        transforms: the result of `rules.build_transforms`.
        seed: seed of initial weights, order of batches and draws.
        on_epoch: called after each epoch.
    """
    model = build_model(rule, demo, transforms, seed, aggregation="log_prob" if data.classifies else "mean")
    every = max(1, demo.epochs // N_CURVE_POINTS)
    curve: list[tuple[int, float]] = []

    def record(row: dict[str, Any], model: InvariantModel) -> None:
        # Not passed as fit's val_loader. The history's `seconds`, which the table compares, is then training time only.
        if data.val_x is not None and data.val_y is not None and (row["epoch"] % every == 0 or row["epoch"] == 1):
            curve.append((row["epoch"], score(model, data.val_x, data.val_y, demo.batch_size)))
        on_epoch()

    # augrad uses the library's defaults. No option here applies to augrad alone.
    options: dict[str, Any] = {} if rule == "augrad" else {"penalty": None}
    fitted = train(model, demo, data, seed, callbacks=(record,), **options)
    trunk, whole = invariances(model, demo, data, transforms)
    run = Run(
        rule=rule,
        seed=seed,
        score=score(model, data.test_x, data.test_y, demo.batch_size),
        seconds=fitted.seconds,
        trunk_invariance=trunk,
        model_invariance=whole,
        curve=tuple(curve),
        history=tuple(fitted.history),
        search=tuple(fitted.search),
        confirmation=tuple(fitted.confirmation),
        policy=tuple(fitted.policy),
        # Its pictures hold samples and transforms, which runs would carry from process to process.
        evidence=None if fitted.evidence is None else replace(fitted.evidence, shown=None),
    )
    return run, model


def train(model: InvariantModel, demo: Demo, data: DemoData, seed: int, **options: Any) -> FitResult:
    """Trains a model with the options of a demo, the same for every rule.

    Args:
        model: trained in place.
        demo: the task.
        data: the result of `demo.load(seed)`.
        seed: seed of the order of batches and of the draws.
        **options: options of `augrad.fit` that belong to the rule.
    """
    return fit(
        model,
        build_loader(data.train_x, data.train_y, demo.batch_size, shuffle_seed=seed),
        max_epochs=demo.epochs,
        lr=demo.lr,
        # Without it the score of the last epoch is a lottery: on the digits, 0.014 against 0.003 between seeds.
        scheduler=partial(CosineAnnealingLR, T_max=demo.epochs),
        progress=False,
        # The device of the data, on which the model is also measured. Small networks gain little from a GPU.
        device="cpu",
        seed=seed,
        **options,
    )


@torch.no_grad()
def score(model: torch.nn.Module, x: Any, y: Tensor, batch_size: int) -> float:
    """Returns accuracy for integer targets and r2 for floating-point targets, of the model in eval mode.

    Args:
        model: left in eval mode.
        x: all samples.
        y: their targets.
        batch_size: number of samples to predict at once.
    """
    model.eval()
    predicted = torch.cat([model(part) for part, _ in build_loader(x, y, batch_size)])
    if not y.is_floating_point():
        return (predicted.argmax(dim=1) == y).float().mean().item()
    residual = (predicted.reshape(y.shape) - y).square().sum()
    return (1 - residual / (y - y.mean(dim=0)).square().sum()).item()


def invariances(
    model: InvariantModel, demo: Demo, data: DemoData, transforms: Mapping[str, Transform]
) -> tuple[float, float]:
    """Returns the median invariance of the trunk and of the whole model to the true parameters, over their true ranges.

    Args:
        model: left in eval mode.
        demo: the task; its oracle must not be empty.
        data: its first test samples are used.
        transforms: the result of `rules.build_transforms`.
    """
    index = torch.arange(min(N_INVARIANCE_SAMPLES, batch.count(data.test_x)))
    samples = batch.select(data.test_x, index)
    found: dict[str, list[Tensor]] = {"trunk": [], "model": []}
    model.eval()
    for name, parameters in demo.oracle.items():
        transform = transforms[name]
        values = [{key: _true_values(transform.ranges[key], value, len(index))} for key, value in parameters.items()]
        for given in values or [{}]:
            measured = invariance(model, samples, transform, given)
            for part, medians in found.items():
                medians.append(getattr(measured, part).flatten())
    trunk, whole = (torch.cat(values).median().item() for values in found.values())
    return trunk, whole


def _true_values(declared: Range, value: float | Sequence[float], n_samples: int) -> Float[Tensor, "values *rest"]:
    """Returns values from end to end of the true range: `(values,)`, or `(values, batch, entries)`."""
    high = torch.as_tensor(value, dtype=torch.float64)
    low = 2 * declared.identity - high if declared.signed else torch.full_like(high, declared.identity)
    steps = torch.linspace(0, 1, N_INVARIANCE_VALUES, dtype=torch.float64).reshape(-1, *[1] * high.ndim)
    values = low + steps * (high - low)
    return values if values.ndim == 1 else values[:, None].expand(-1, n_samples, -1)
