"""Certificates: the bound is exact, the worst case is one, and it says what it is."""

from __future__ import annotations

import json

import pytest
import torch
from tests.core.auditing.cases import Lift, Negate, Reads, loader

from augrad.auditing import certify
from augrad.errors import ArgumentError


def test_an_invariant_model_passes():
    found = certify(Reads(), loader(200), Lift)
    assert found
    assert (found.passed, found.n_violations, found.rate) == (True, 0, 0.0)
    # With no violation in 200 the bound is 1 - 0.05 ** (1 / 200).
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / 200))


def test_a_model_that_is_misled_fails_and_the_worst_case_is_one():
    model, batches = Reads(0.5), loader(200)
    found = certify(model, batches, Lift, tolerance=0.01)
    assert not found
    assert found.rate > 0.3
    x = torch.cat([x for x, _ in batches])[found.worst["sample"]][None]
    moved = Lift()(x, level=torch.tensor([found.worst["values"]["level"]]))
    assert model(x).argmax() != model(moved).argmax()


def test_the_bound_holds_the_true_rate():
    # Each sample is lifted once by up to 4 V, its own level is uniform up to 3: it goes to the other side in 11 of 32
    # cases, of those that are misled.
    held = 0
    for number in range(100):
        found = certify(Reads(1.0), loader(150, f"certified {number}"), Lift, n_draws=1, confidence=0.9)
        held += found.bound >= 0.3
    assert held >= 87


def test_a_stricter_confidence_bounds_more_loosely():
    bounds = [certify(Reads(0.1), loader(200), Lift, confidence=each).bound for each in (0.5, 0.9, 0.999)]
    assert bounds == sorted(bounds)


def test_everything_violated_is_bounded_by_one():
    found = certify(Reads(), loader(100), Negate)
    assert (found.rate, found.bound, found.n_draws, found.passed) == (1.0, 1.0, 1, False)


def test_it_is_the_same_again_and_says_of_what():
    first, again = (certify(Reads(0.2), loader(100), Lift, seed=1) for _ in range(2))
    assert first == again
    other = certify(torch.nn.Linear(8, 2), loader(100), Lift)
    assert (other.model != first.model, other.data == first.data) == (True, True)
    assert certify(Reads(0.2), loader(100, "others"), Lift).data != first.data


def test_it_says_that_it_is_statistical_evidence():
    text = str(certify(Reads(), loader(100), Lift))
    assert text.startswith("PASSED: audited.lift up to level ±4 V")
    assert "statistical evidence" in text
    document = json.loads(certify(Reads(), loader(100), Lift).to_json())
    assert (document["schema_version"], document["passed"]) == (1, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 0.0}, "strength must be a finite number above 0 and at most 1"),
        ({"tolerance": 1.0}, "tolerance must be a finite number above 0 and below 1"),
        ({"confidence": 0.0}, "confidence must be a finite number above 0 and below 1"),
        ({"n_draws": 0}, "n_draws must be an int of at least 1"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        certify(Reads(), loader(50), Lift, **options)
