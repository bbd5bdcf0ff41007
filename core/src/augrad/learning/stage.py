"""Stages and computations: the steps of a plan, which the engine runs in order, and their results.

Used by objective.py and by the plans of learning rules; run by training/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from augrad.errors import ArgumentError
from augrad.model import InvariantModel
from augrad.options import one_of

Row = dict[str, Any]
"""A row of a history, as JSON can hold it."""

PARTS = ("trunk", "augmentation", "objective")
"""The parts that can learn in a stage."""

TRAINING = "training"
"""Label of the stage whose checkpoints lie in the directory of the run itself."""

COMPUTED = "computed"
"""`StageResult.stopped` of a `Computation`."""


@dataclass(frozen=True)
class Budget:
    """The size of a training, as far as it is known before it begins.

    Attributes:
        max_epochs: epochs that the caller asked for.
        n_steps: updates per epoch; None if the loader does not know its length.
        n_samples: samples per epoch, over all processes; None if the loader does not know its length.
        stops_early: whether the caller asked for early stopping.
    """

    max_epochs: int
    n_steps: int | None = None
    n_samples: int | None = None
    stops_early: bool = False


@dataclass(frozen=True)
class StageResult:
    """The result of a stage, which the engine sends to the plan.

    Attributes:
        label: of the stage.
        history: a row per epoch.
        stopped: why the stage ended: `"max_epochs"`, `"early_stopping"`, `"callback"` or `"runaway"`; `"computed"` for
            a `Computation`.
        measured: the means that `Stage.measure` asked for, by name.
        seconds: of training and of the set-up, or of the computation.
        found: what `Computation.compute` returned, as JSON gives it back: tuples are lists. Empty for a `Stage`.
    """

    label: str
    history: list[Row] = field(default_factory=list)
    stopped: str = "max_epochs"
    measured: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A stage of a plan.

    Args:
        objective: computes the losses of each batch in this stage.
        label: the name of the stage in the display, in errors, and of the folder of its checkpoints. Each stage of a
            plan has a label of its own. `"training"` stands for the directory of the run itself.
        learns: the parts that learn; all others stand still.
        epochs: how long the stage lasts; None for the caller's `max_epochs`.
        model: the model of this stage; None for the caller's.
        scheduler: called with the optimizer; None for the caller's scheduler.
        scheduler_interval: whether `scheduler` is stepped once per `"epoch"` or per `"step"`.
        main: whether metrics, validation, callbacks and the runaway guard are for this stage, which trains the model
            that the caller gets.
        watch: for a stage that is not a main stage, the name of the loss that early stopping watches, such as
            `"train_loss"`. None: early stopping does not end this stage.
        keeps: whether the stage writes checkpoints. A stage without checkpoints is run again as a whole if it was
            interrupted; its result is stored when it is over.
        measure: called when the stage is over; returns vectors of a sum and a count by name, whose quotients, over all
            processes, become `StageResult.measured`.
        n_stages: how many stages the plan has, for the display; an estimate is enough.
        later: an estimate of the time of all later stages, as a multiple of the time of this stage, for the display.

    Raises:
        ArgumentError: the label is no file name, or `learns` names no part or an unknown part.
    """

    objective: Any
    label: str = TRAINING
    learns: tuple[str, ...] = PARTS
    epochs: int | None = None
    model: InvariantModel | None = None
    scheduler: Callable[[Any], Any] | None = None
    scheduler_interval: str = "epoch"
    main: bool = True
    watch: str | None = None
    keeps: bool = True
    measure: Callable[[], Mapping[str, Tensor]] | None = None
    n_stages: int = 1
    later: float = 0.0

    def __post_init__(self) -> None:
        _check_label(self.label)
        if not self.learns:
            raise ArgumentError(f"learns must name a part that learns: {', '.join(PARTS)}.", argument="learns")
        for part in self.learns:
            one_of("learns", part, PARTS)


Report = Callable[[float, str], None]
"""Called with the share of a computation that is done, in [0, 1], and with what it does at the moment."""


@dataclass(frozen=True)
class Computation:
    """A step of a plan that trains nothing: it reads training data and computes. Its result is stored.

    It runs in the main process only, and all processes get the result. The global generators, and those of the loader,
    are seeded by `(seed, label)` meanwhile and given back. The model's buffers and modes are put back as well: what a
    computation changes, the plan changes by the result, for a resumed run does not compute again. A computation that
    was interrupted is made again as a whole. The other processes wait, and torch.distributed gives up after 10 minutes
    on GPUs, 30 on CPUs.

    Args:
        compute: called with the `train_loader` that the caller gave to `fit`, whole, and with `report(share, text)`,
            which moves the display: `share` in [0, 1] is done, and `text` says what is done now. It returns a mapping
            of strings, numbers (also NaN and infinity), lists, mappings and None by name, which becomes
            `StageResult.found`.
        label: the name of the computation in the display and in errors. Each step of a plan has a label of its own.
        n_stages: how many steps the plan has, for the display; an estimate is enough.
        later: an estimate of the time of all later steps, as a multiple of the time of this one, for the display.

    Raises:
        ArgumentError: the label is no file name.

    Example:
        >>> def count(loader, report):
        ...     report(0.0, "counting")
        ...     return {"n_samples": sum(len(x) for x, _ in loader)}
        >>> Computation(count, label="count").compute([([1, 2], None), ([3], None)], lambda share, text: None)
        {'n_samples': 3}
    """

    compute: Callable[[Any, Report], Mapping[str, Any]]
    label: str
    n_stages: int = 1
    later: float = 0.0

    def __post_init__(self) -> None:
        _check_label(self.label)


def _check_label(label: str) -> None:
    if not re.fullmatch(r"\w[\w .-]*", label):
        raise ArgumentError(
            f"label must be a name of letters, digits, spaces, dots and dashes, but got {label!r}: it names "
            "the folder of the stage's checkpoints.",
            argument="label",
            value=label,
        )
