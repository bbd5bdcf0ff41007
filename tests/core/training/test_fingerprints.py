"""Descriptions of arguments: equal for equal ones, different for different ones, without addresses."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from augrad import DisplacementPenalty
from augrad.training.fingerprints import described

STRENGTH = 0.5


class Pull:
    """Rewards something, as strongly as it was told; it has no `__repr__`."""

    def __init__(self, strength: Any) -> None:
        self.strength = strength

    def __call__(self, state: Any) -> Any: ...


class Slotted:
    """The same without a `__dict__`."""

    __slots__ = ("strength",)

    def __init__(self, strength: Any) -> None:
        self.strength = strength


class Weighted(nn.Module):
    """The same as a module, whose own `repr` shows nothing."""

    def __init__(self, strength: Any) -> None:
        super().__init__()
        self.register_buffer("strength", torch.tensor(float(strength)))


def closing(strength: Any) -> Any:
    def penalty(state: Any) -> Any:
        return -strength * state

    return penalty


def by_default(strength: Any) -> Any:
    return eval(f"lambda state, strength={strength!r}: -strength * state")


def reading(strength: Any) -> Any:
    space = {"STRENGTH": strength, "__name__": __name__}
    exec("def penalty(state):\n    return -STRENGTH * state", space)
    return space["penalty"]


def in_code(strength: Any) -> Any:
    space: dict[str, Any] = {"__name__": __name__}
    exec(f"def penalty(state):\n    return {-strength!r} * state", space)
    return space["penalty"]


MAKERS = [
    *(Pull, Slotted, Weighted, closing, by_default, reading, in_code),
    lambda strength: functools.partial(max, key=Pull(strength)),
    lambda strength: Pull([{"strength": (strength,)}]),
    lambda strength: Pull({strength}),
    lambda strength: Pull(strength).__call__,
    lambda strength: Pull(torch.full((2, 2), float(strength))),
    lambda strength: Pull(nn.Dropout(min(1.0, abs(float(strength)) / 1e6))),
]


@pytest.mark.parametrize("make", MAKERS)
@given(st.integers(1, 10**5), st.integers(1, 10**5))
def test_two_strengths_are_told_apart_and_equal_ones_are_not(make: Any, one: int, other: int) -> None:
    assert (described(make(one)) == described(make(other))) is (one == other)
    assert " at 0x" not in str(described(make(one)))


def test_a_repr_of_ones_own_is_believed() -> None:
    assert described(DisplacementPenalty(2.0)) == repr(DisplacementPenalty(2.0))
    assert described(functools.partial(torch.optim.SGD, momentum=0.9)) == "SGD(momentum=0.9)"


def test_an_object_in_itself_and_an_empty_tensor_come_to_an_end() -> None:
    own = Pull(torch.zeros(0))
    own.me = own  # type: ignore[attr-defined]
    assert described(own) == described(own)
    assert "me=..." in str(described(own))


def test_what_cannot_be_described_is_never_taken_for_another() -> None:
    untold = object()
    assert described(untold) != described(untold)


def test_a_variable_that_is_not_assigned_yet_is_left_out() -> None:
    def penalty(state: Any) -> Any:
        return later * state

    assert "penalty" in str(described(penalty))
    later = 1.0
    assert penalty(2.0) == 2.0 * later
