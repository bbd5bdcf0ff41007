"""Penalty schedules: the factor on the penalty as training proceeds. Used by loop.py."""

from __future__ import annotations

from collections.abc import Callable

from augrad.options import by_name

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
    return by_name("penalty_schedule", schedule, SCHEDULES, otherwise="a callable of progress in [0, 1]")
