"""The objective under a Lightning Trainer, which asks for all that is trained before there is a batch.

Uses cross_fitted/loss.py, training/assembly.py; used by joint_module.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from augrad import batch
from augrad.errors import ArgumentError
from augrad.learning.cross_fitted.loss import CrossFittedLoss
from augrad.learning.objective import Objective
from augrad.lightning.updates import ends
from augrad.model import InvariantModel
from augrad.training import assembly
from augrad.training.metrics import default_criterion
from augrad.training.schedule import constant, resolve_schedule
from augrad.training.settings import Settings


def make_objective(model: InvariantModel, settings: Settings) -> Objective:
    """The objective that was asked for, or the one that the penalty is made for; `fit` looks at a batch besides.

    Raises:
        ArgumentError: it cannot be made for this model or without a penalty.
    """
    wanted = settings.objective
    if wanted is None:
        parts = (model.trunk, model.augmentation)
        learn = all(any(parameter.requires_grad for parameter in part.parameters()) for part in parts)
        able = learn and model.aggregation != "equivariant"
        wanted = getattr(settings.penalty, "objective", "joint") if able else "joint"
    known = replace(settings, objective=wanted, criterion=settings.criterion or by_target)
    return assembly.make_objective(model, None, None, known)


def by_target(output: Tensor, target: Any) -> Tensor:
    """The default criterion, which the target decides on: there is none yet when judges and optimizer are made."""
    return default_criterion(target)(output, target)


def check_first(objective: Objective, settings: Settings, x: Any, target: Any) -> None:
    """Raises `ArgumentError` if a first batch is one for which `fit` would take the joint loss by itself."""
    if settings.objective is not None or not isinstance(objective, CrossFittedLoss):
        return
    n_samples = batch.count(x)
    n_targets = target.shape[0] if isinstance(target, Tensor) and target.ndim else None
    if n_targets == n_samples > 1:
        return
    got = f"{n_targets} targets" if n_targets is not None else f"a target of type {type(target).__name__}"
    raise ArgumentError(
        f"the cross-fitted objective, for which the penalty is made, needs batches of two or more samples and one "
        f"target for each, but the first has {n_samples} samples and {got}. Pass objective='joint'.",
        argument="objective",
    )


def check_end(trainer: Any, objective: Objective, schedule: str | Callable[[float], float]) -> None:
    """Raises `ArgumentError` if a Trainer does not know when training ends, and objective or schedule must know it."""
    if ends(trainer) != (None, None):
        return
    if resolve_schedule(schedule) is not constant:
        raise ArgumentError(
            f"penalty_schedule={schedule!r} follows the progress of training, but the Trainer has no end in sight. "
            "Give it max_epochs or max_steps.",
            argument="penalty_schedule",
        )
    if isinstance(objective, CrossFittedLoss):
        raise ArgumentError(
            "the cross-fitted objective follows the progress of training, but the Trainer has no end in sight. Give it "
            "max_epochs or max_steps, or pass objective='joint'.",
            argument="objective",
        )


def n_updates(trainer: Any) -> int | None:
    """How many updates a Trainer will make; None if it does not know, as with a loader that has no length."""
    estimated = trainer.estimated_stepping_batches
    return int(estimated) if 0 < estimated < math.inf else None
