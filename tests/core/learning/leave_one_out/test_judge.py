"""A judge can be stopped between any two steps that take time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.core.learning.leave_one_out.toys import Level, Noise, signals, trunk

from augrad import find_policy
from augrad.learning.leave_one_out import judge


def test_the_time_is_over_between_two_strengths_of_a_candidate(monkeypatch: pytest.MonkeyPatch):
    quick = judge.leave_one_out

    def slow(*args: Any) -> Any:
        time.sleep(0.2)
        return quick(*args)

    monkeypatch.setattr(judge, "leave_one_out", slow)
    evidence = find_policy(trunk(), [signals()], [Level, Noise], max_seconds=0.5)
    assert not evidence.facts.complete
    assert [each.examined for each in evidence.candidates] == [False, False]
    assert evidence.facts.seconds < 1.2
