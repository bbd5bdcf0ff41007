"""Evidence made by hand: every verdict once, a range at the upper end, columns, and a transform without parameters."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from tests.core.policy_cases import Level, LowPass, Negate

from augrad import AugmentationLayer, Evidence, Policy
from augrad.learning.leave_one_out.evidence import Candidate, CandidateRange, Facts, Shown, Trial

FACTS = Facts(
    n_samples=200,
    more_samples=True,
    targets="10 classes",
    features="inputs of 2 layers: 0, 2",
    trunk="as initialised",
    n_features=64,
    n_copies=16,
    seconds=2.5,
    warnings=("the features of 3 samples are constant",),
)


def trials(*found: tuple[float, float, float]) -> tuple[Trial, ...]:
    """Of magnitude, difference and standard error."""
    return tuple(Trial(magnitude, 0.625 + difference, difference, error) for magnitude, difference, error in found)


LEVEL = Candidate(
    "case.level",
    "helps",
    0.25,
    (CandidateRange("level", -0.5, 0.5, "V", 0.0), CandidateRange("slope", -0.025, 0.025, "", 0.0)),
    error=0.5,
    error_without=0.625,
    difference=-0.125,
    standard_error=0.0125,
    step=1,
    trials=trials((0.125, -0.06, 0.01), (0.25, -0.125, 0.0125), (0.5, -0.03, 0.02), (1.0, 0.09, 0.02)),
)
LOW_PASS = Candidate(
    "case.low_pass",
    "harms",
    0.5,
    (CandidateRange("cutoff_hz", 2050.0, 4000.0, "Hz", 4000.0),),
    error=0.75,
    error_without=0.5,
    difference=0.25,
    standard_error=0.03,
    trials=trials((0.25, 0.1, 0.02), (0.5, 0.25, 0.03), (1.0, 0.4, 0.03)),
)
NEGATE = Candidate("case.negate", "harmless", 1.0, (), 0.501, 0.5, 0.001, 0.002)
JITTER = Candidate(
    "case.jitter",
    "undecided",
    0.5,
    tuple(CandidateRange(f"std[{name}]", 0.0, 0.5, "sd") for name in ("age", "pay", "[b]")),
    error=0.49,
    error_without=0.5,
    difference=-0.01,
    standard_error=0.02,
    more=3200,
    trials=trials((0.5, -0.01, 0.02)),
)

LEFT_OUT = Candidate("case.swap", "undecided", 0.0, (), math.nan, math.nan, math.nan, math.nan)
"""Not examined."""


def policy(magnitude: float = 0.25) -> Policy:
    return Policy.from_module(AugmentationLayer([Level], magnitude=magnitude))


def shown() -> Shown:
    x = torch.sin(torch.linspace(0, 6, 8)) * torch.tensor([[1.0], [2.0]])
    return Shown(x, {each.name: each for each in (Level(), LowPass(), Negate())})


def made(*candidates: Candidate, **changed: Any) -> Evidence:
    """Evidence of these candidates, or of all."""
    found = candidates or (LOW_PASS, JITTER, NEGATE, LEVEL)
    helps = any(each.verdict == "helps" for each in found)
    return replace(Evidence(policy(0.25 if helps else 0.0), found, FACTS, "case"), **changed)
