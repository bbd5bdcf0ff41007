"""Penalty schedules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.training.schedule import SCHEDULES, resolve_schedule

progress = st.floats(0.0, 1.0)


@given(progress, progress)
def test_warm_up_never_falls_decay_never_rises_and_constant_stays(a: float, b: float) -> None:
    early, late = sorted((a, b))
    assert SCHEDULES["warm_up"](early) <= SCHEDULES["warm_up"](late)
    assert SCHEDULES["decay"](early) >= SCHEDULES["decay"](late)
    assert SCHEDULES["constant"](a) == 1.0


@pytest.mark.parametrize(("name", "start", "end"), [("warm_up", 0.0, 1.0), ("decay", 1.0, 0.0), ("constant", 1.0, 1.0)])
def test_schedules_start_and_end_where_they_say(name: str, start: float, end: float) -> None:
    assert (SCHEDULES[name](0.0), SCHEDULES[name](1.0)) == (start, end)


def test_a_callable_is_taken_as_it_is() -> None:
    assert resolve_schedule(abs) is abs


@pytest.mark.usefixtures("unchecked")
def test_unknown_names_and_types_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"penalty_schedule must be one of .* got 'warmup'. Did you mean 'warm_up'"):
        resolve_schedule("warmup")
    with pytest.raises(ArgumentTypeError, match=r"penalty_schedule must be one of .* or a callable .* got "):
        resolve_schedule(3)  # type: ignore[arg-type]
