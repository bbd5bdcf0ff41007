"""Penalty schedules: the factor on the penalty as training proceeds. Used by loop.py."""

from __future__ import annotations

from collections.abc import Callable

from augrad.errors import ArgumentError, ArgumentTypeError, suggestion

Schedule = Callable[[float], float]
"""Maps progress in [0, 1] to the factor that the penalty is multiplied by."""

WARM_UP = 0.2
"""The share of training over which `warm_up` rises."""


def constant(progress: float) -> float:
    """1 throughout.

    Example:
        >>> constant(0.3)
        1.0
    """
    return 1.0


def warm_up(progress: float) -> float:
    """Rises linearly from 0 to 1 over the first fifth of training, so that the trunk learns something first.

    Example:
        >>> warm_up(0.1), warm_up(0.9)
        (0.5, 1.0)
    """
    return min(1.0, progress / WARM_UP)


def decay(progress: float) -> float:
    """Falls linearly from 1 to 0, so that in the end the data alone decide.

    Example:
        >>> decay(0.25)
        0.75
    """
    return 1.0 - progress


SCHEDULES: dict[str, Schedule] = {"constant": constant, "warm_up": warm_up, "decay": decay}


def resolve_schedule(schedule: str | Schedule) -> Schedule:
    """A schedule by name, or the callable given.

    Raises:
        ArgumentError: no schedule has that name.
        ArgumentTypeError: neither a name nor callable.
    """
    if callable(schedule):
        return schedule
    if not isinstance(schedule, str):
        raise ArgumentTypeError(
            f"penalty_schedule must be a name or a callable of progress in [0, 1], but got {type(schedule).__name__}.",
            argument="penalty_schedule",
        )
    if schedule not in SCHEDULES:
        raise ArgumentError(
            f"penalty_schedule must be one of {', '.join(map(repr, SCHEDULES))} or a callable of progress in [0, 1], "
            f"but got {schedule!r}." + suggestion(schedule, SCHEDULES),
            argument="penalty_schedule",
            value=schedule,
        )
    return SCHEDULES[schedule]
