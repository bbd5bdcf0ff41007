"""A rehearsal: one step of an objective on the first batch, before anything is trained.

Used by task.py; computing.py uses `untouched`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, AugradError
from augrad.learning.objective import check_step, hook
from augrad.model import InvariantModel
from augrad.randomness import keyed_generator, preserved_generators
from augrad.training.measures import Measures
from augrad.training.metrics import resolve_metrics
from augrad.training.settings import Settings


def rehearse(
    model: InvariantModel, objective: Any, pair: tuple[Any, Any], settings: Settings, accelerator: Any
) -> None:
    """Takes a step of an objective whose output is not known to fit, and throws everything away.

    The model's parameters are not updated, and its buffers and the global generators are put back.

    Args:
        model: the model to train.
        objective: the objective; one that says that it `predicts` is not rehearsed.
        pair: the first batch and its target.
        settings: the arguments of `fit`.
        accelerator: accelerate's, for the device.

    Raises:
        ArgumentError: the output does not fit the default metrics.
        ArgumentTypeError: `step` does not return a `StepLoss`.
    """
    if hook(objective, "predicts"):
        return
    from accelerate.utils import send_to_device

    device = accelerator.device
    x, target = (send_to_device(part, device) for part in pair)
    model.to(device)
    holders: list[nn.Module] = [model, *([objective.to(device)] if isinstance(objective, nn.Module) else [])]
    attributes = {} if isinstance(objective, nn.Module) else _copied(objective)
    try:
        with untouched(*holders), preserved_generators(), torch.enable_grad():
            model.train()
            generator = keyed_generator(settings.seed, "rehearsal", device=device)
            step = objective.step(model, x, target, progress=0.0, factor=1.0, generator=generator)
            _check_output(check_step(step, objective).output, target, objective, settings)
    finally:
        if attributes:
            vars(objective).update(attributes)
        model.augmentation.forget()


@contextmanager
def untouched(*holders: nn.Module) -> Iterator[None]:
    """Puts buffers and modes of modules back at the end of the block."""
    buffers = [(buffer, buffer.detach().clone()) for holder in holders for buffer in holder.buffers()]
    modes = [(module, module.training) for holder in holders for module in holder.modules()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, mode in modes:
            module.training = mode


def _copied(objective: Any) -> dict[str, Any]:
    """Numbers and tensors that the objective counts with, so that the rehearsal leaves no trace in them."""
    plain = (bool, int, float, str, list, dict, Tensor)
    return {
        name: copy.deepcopy(value)
        for name, value in getattr(objective, "__dict__", {}).items()
        if isinstance(value, plain)
    }


def _check_output(output: Any, target: Any, objective: Any, settings: Settings) -> None:
    metrics = resolve_metrics(settings.metrics, target)
    try:
        Measures(metrics, output.device).add(output, target)
    except (AugradError, RuntimeError, ValueError, IndexError, TypeError) as error:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ArgumentError(
            f"objective: {type(objective).__name__}.step returns an output of shape {shape} for {_rows(target)}, which "
            f"does not fit the metrics {', '.join(metrics)}: {error} Pass metrics={{}}, or return one row per target.",
            argument="objective",
        ) from error


def _rows(target: Any) -> str:
    return f"{batch.count(target)} targets" if isinstance(target, Tensor) else type(target).__name__
