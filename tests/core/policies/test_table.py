"""A policy's rows as tables: aligned text, and rich."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from tests.core.policy_cases import Level, Negate, example_module

from augrad import AugmentationLayer
from augrad.policies.policy import Policy
from augrad.policies.table import reach_text, text_table


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (-57.04, 57.04, "deg", "±57 deg"),
        (0.0, 0.3, "", "0..0.3"),
        (100.0, 4000.0, "Hz", "100..4e+03 Hz"),
        (0.0, 0.0, "px", "±0 px"),
        (None, None, "", ""),
    ],
)
def test_reach(low, high, unit, text):
    assert reach_text(low, high, unit) == text


def test_as_text():
    policy = Policy.from_module(AugmentationLayer([Level, Negate], magnitude=0.25))
    assert str(policy).splitlines() == [
        "layer  transform    parameter  weight  range",
        "    0  case.level   level        0.50  ±0.5 V",
        "    0  case.level   slope        0.50  ±0.025",
        "    0  case.negate               0.50",
    ]
    assert repr(policy) == f"Policy of 1 layer(s)\n{policy}"
    assert text_table([]) == "layer  transform  parameter  weight  range"


def test_on_a_rich_console():
    policy = Policy.from_module(example_module())
    out = io.StringIO()
    Console(width=100, file=out).print(policy)
    assert all(row.transform in out.getvalue() for row in policy)
    assert "std[2]" in out.getvalue()
    assert "±" in out.getvalue()
