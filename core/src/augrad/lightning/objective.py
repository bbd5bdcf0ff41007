"""The objective under a Lightning Trainer, which asks for all that is trained before there is a batch.

Uses learning/objectives.py; used by joint_module.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from augrad import batch
from augrad.errors import ArgumentError
from augrad.learning import objectives
from augrad.learning.leave_one_out.rule import LeaveOneOut
from augrad.learning.objective import hook
from augrad.learning.objectives import choose_objective
from augrad.learning.penalties import DisplacementPenalty
from augrad.lightning.updates import ends
from augrad.model import InvariantModel
from augrad.training.metrics import default_criterion
from augrad.training.schedule import constant, resolve_schedule
from augrad.training.settings import Settings


def make_objective(model: InvariantModel, settings: Settings) -> Any:
    """Makes the objective that was asked for, or the one that the penalty is made for; `fit` looks at a batch besides.

    Raises:
        ArgumentError: it cannot be made for this model or without a penalty, or it needs more than one pass.
    """
    factory = chosen(model, settings)
    if isinstance(factory, LeaveOneOut):
        raise ArgumentError(
            "objective 'leave_one_out' finds its policy before the training, and a Trainer begins with it. Pass the "
            "callback augrad.lightning.FindPolicy() to the Trainer, and objective='joint' with penalty=None here.",
            argument="objective",
        )
    penalty = objectives.choose_penalty(factory, settings.penalty)
    return objectives.make_objective(factory, model, settings.criterion or by_target, penalty)


def chosen(model: InvariantModel, settings: Settings, *, x: Any = None, target: Any = None) -> Any:
    """The objective that was asked for, or the one that the penalty is made for; the default penalty's is cross-fitted.

    A single pass has no room for the default rule of `fit`.
    """
    penalty = DisplacementPenalty() if settings.penalty == objectives.AUTO else settings.penalty
    return choose_objective(settings.objective, model, penalty, x=x, target=target)


def by_target(output: Tensor, target: Any) -> Tensor:
    """The default criterion, which the target decides on: there is none yet when judges and optimizer are made."""
    return default_criterion(target)(output, target)


def check_first(model: InvariantModel, settings: Settings, x: Any, target: Any) -> None:
    """Raises `ArgumentError` if a first batch is one for which `fit` would take another objective by itself."""
    if settings.objective is not None:
        return
    made = chosen(model, settings)
    if chosen(model, settings, x=x, target=target) is made:
        return
    n_targets = target.shape[0] if isinstance(target, Tensor) and target.ndim else None
    got = f"{n_targets} targets" if n_targets is not None else f"a target of type {type(target).__name__}"
    raise ArgumentError(
        f"the objective for which the penalty is made, {made!r}, needs batches of two or more samples and one target "
        f"for each, but the first has {batch.count(x)} samples and {got}. Pass objective='joint'.",
        argument="objective",
    )


def check_end(trainer: Any, objective: Any, schedule: str | Callable[[float], float]) -> None:
    """Raises `ArgumentError` if a Trainer does not know when training ends, and objective or schedule must know it."""
    if ends(trainer) != (None, None):
        return
    if resolve_schedule(schedule) is not constant:
        raise ArgumentError(
            f"penalty_schedule={schedule!r} follows the progress of training, but the Trainer has no end in sight. "
            "Give it max_epochs or max_steps.",
            argument="penalty_schedule",
        )
    if hook(objective, "marks")(1):
        raise ArgumentError(
            f"the objective {type(objective).__name__} follows the progress of training, but the Trainer has no end in "
            "sight. Give it max_epochs or max_steps, or pass objective='joint'.",
            argument="objective",
        )


def n_updates(trainer: Any) -> int | None:
    """How many updates a Trainer will make; None if it does not know, as with a loader that has no length."""
    estimated = trainer.estimated_stepping_batches
    return int(estimated) if 0 < estimated < math.inf else None
