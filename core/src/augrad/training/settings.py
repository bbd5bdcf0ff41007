"""The arguments of `fit`, validated before anything changes, and the arguments that decide the weights.

Used by trainer.py, loop.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.objectives import AUTO, resolve_objective
from augrad.options import count, flag, number, one_of
from augrad.training.early_stopping import EarlyStopping
from augrad.training.fingerprints import described
from augrad.training.metrics import check_metrics
from augrad.training.runaway import RunawayGuard
from augrad.training.schedule import constant, resolve_schedule

PRECISIONS = ("no", "fp16", "bf16")
INTERVALS = ("epoch", "step")
DEVICES = (None, "cpu")


@dataclass(frozen=True)
class Settings:
    """The arguments of `fit`; see there for each.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted.
    """

    max_epochs: int
    criterion: Callable[..., Any] | None
    objective: Any
    penalty: Callable[..., Any] | str | None
    penalty_schedule: str | Callable[[float], float]
    optimizer: Callable[..., Any]
    scheduler: Callable[..., Any] | None
    scheduler_interval: str
    lr: float
    augmentation_lr: float | None
    weight_decay: float
    gradient_clip: float | None
    accumulation_steps: int
    mixed_precision: str
    device: str | None
    metrics: Mapping[str, Any] | None
    early_stopping: EarlyStopping | None
    runaway: RunawayGuard | None
    directory: Path | None
    checkpoint_every: int | None
    resume: bool
    trackers: tuple[Any, ...]
    callbacks: tuple[Callable[..., Any], ...]
    progress: bool | None
    seed: int
    config: Mapping[str, Any] | None

    def __post_init__(self) -> None:
        _check_counts(self)
        _check_numbers(self)
        _check_choices(self)
        _check_callables(self)
        _check_storage(self)
        resolve_schedule(self.penalty_schedule)
        resolve_objective(self.objective)

    def fingerprint(self) -> dict[str, Any]:
        """Returns the arguments that decide the weights of a run, JSON-able: a run resumes only under the same.

        `max_epochs` is part of it only where the penalty's schedule depends on it: otherwise a run may be prolonged,
        unless its objective says no (`Objective.marks`). `runaway` is not part of it: it only decides when to stop, so
        a stopped run may be resumed without it.
        """
        scheduled = resolve_schedule(self.penalty_schedule) is not constant
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            **{name: described(getattr(self, name)) for name in _CALLABLE},
            "max_epochs": self.max_epochs if scheduled else None,
            "early_stopping": None if self.early_stopping is None else repr(self.early_stopping),
            "config": None if self.config is None else dict(self.config),
        }


_PLAIN = (
    *("seed", "lr", "augmentation_lr", "weight_decay"),
    *("gradient_clip", "accumulation_steps", "mixed_precision", "scheduler_interval"),
)
_CALLABLE = ("criterion", "penalty", "penalty_schedule", "optimizer", "scheduler")


def _check_counts(settings: Settings) -> None:
    count("max_epochs", settings.max_epochs)
    count("accumulation_steps", settings.accumulation_steps)
    if settings.checkpoint_every is not None:
        count("checkpoint_every", settings.checkpoint_every)
    count("seed", settings.seed, least=None, wrong_type=ArgumentTypeError)


def _check_numbers(settings: Settings) -> None:
    number("lr", settings.lr, above=0)
    number("weight_decay", settings.weight_decay, least=0)
    for name in ("augmentation_lr", "gradient_clip"):
        if getattr(settings, name) is not None:
            number(name, getattr(settings, name), above=0)


def _check_choices(settings: Settings) -> None:
    one_of("mixed_precision", settings.mixed_precision, PRECISIONS)
    one_of("scheduler_interval", settings.scheduler_interval, INTERVALS)
    one_of("device", settings.device, DEVICES)
    flag("resume", settings.resume)
    if settings.progress is not None:
        flag("progress", settings.progress)
    for name, kind in (("early_stopping", EarlyStopping), ("runaway", RunawayGuard)):
        value = getattr(settings, name)
        if value is not None and not isinstance(value, kind):
            raise ArgumentTypeError(
                f"{name} must be an augrad.{kind.__name__} or None, but got {value!r}.", argument=name, value=value
            )


def _check_callables(settings: Settings) -> None:
    for name in _CALLABLE:
        value = getattr(settings, name)
        optional = name in ("criterion", "penalty", "scheduler")
        auto = name == "penalty" and value == AUTO
        if name == "penalty_schedule" or callable(value) or auto or (optional and value is None):
            continue
        raise ArgumentTypeError(
            f"{name} must be callable{' or None' if optional else ''}, but got {type(value).__name__}. See the "
            "docstring of augrad.fit for its arguments.",
            argument=name,
        )
    for callback in settings.callbacks:
        if not callable(callback):
            raise ArgumentTypeError(
                f"callbacks must be callables of a row and the model, but got {callback!r}.", argument="callbacks"
            )
    if settings.metrics is not None:
        check_metrics(settings.metrics, stored_within_epochs=settings.checkpoint_every is not None)


def _check_storage(settings: Settings) -> None:
    for name in ("resume", "checkpoint_every"):
        if getattr(settings, name) and settings.directory is None:
            raise ArgumentError(
                f"{name} needs a place for checkpoints, but directory is None. Pass directory='runs/name'.",
                argument=name,
            )
    if settings.config is not None and not isinstance(settings.config, Mapping):
        raise ArgumentTypeError(
            f"config must be a mapping or None, but got {type(settings.config).__name__}.", argument="config"
        )
    try:
        json.dumps(None if settings.config is None else dict(settings.config), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"config is stored with the checkpoints and must hold only values that JSON can hold: {error}.",
            argument="config",
        ) from error


def as_tuple(name: str, value: Any) -> tuple[Any, ...]:
    """A sequence argument as a tuple.

    Raises:
        ArgumentTypeError: it is a string or no sequence.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ArgumentTypeError(f"{name} must be a list or tuple, but got {value!r}. Write [{value!r}].", argument=name)
    return tuple(value)
