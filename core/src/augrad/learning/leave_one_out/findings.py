"""The findings for each candidate, and how they were obtained, as plain data. Used by evidence.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augrad.transform.transform import Transform


@dataclass(frozen=True)
class Trial:
    """The error at one strength of a candidate.

    Attributes:
        magnitude: share of the declared range, in [0, 1]; 1 for a transform without parameters.
        error: mean squared leave-one-out error, in units of the targets' variance: 1 is no better than their mean.
        difference: error minus the error without the candidate. Below 0 the candidate helps.
        standard_error: of the difference, paired by sample.
    """

    magnitude: float
    error: float
    difference: float
    standard_error: float


@dataclass(frozen=True)
class CandidateRange:
    """The range of one parameter in physical units, at the magnitude of the candidate.

    Attributes:
        parameter: name of the parameter.
        low, high: values between which the parameter is drawn.
        unit: unit of both.
        identity: the value at which the transform changes nothing; None if unknown. It is needed to tell the range at
            other magnitudes.
    """

    parameter: str
    low: float
    high: float
    unit: str
    identity: float | None = None


@dataclass(frozen=True)
class Candidate:
    """The finding for one candidate.

    Attributes:
        transform: name of the transform.
        verdict: `"helps"`: it lowers the error, and it is in the policy. `"harmless"`: the error hardly changes, so
            the targets do not depend on it, but it teaches nothing either. `"harms"`: it raises the error.
            `"undecided"`: the samples do not tell, or it lowers the error by too little to join the policy, or it was
            not examined.
        magnitude: the chosen share of the declared range if it helps, else the strength to which the numbers belong.
        ranges: the physical ranges at that magnitude; empty for a transform without parameters.
        error, error_without: mean leave-one-out error with and without the candidate, beside the transforms that were
            found before it; in units of the targets' variance. NaN, as the difference, if it was not examined.
        difference, standard_error: `error - error_without`, and its standard error, paired by sample.
        more: for `"undecided"` about how many samples would tell; None if unknown or otherwise.
        step: its place in the policy, from 1; None if it is not in the policy.
        trials: every strength that was tried in the last round in which the candidate took part, by magnitude.
    """

    transform: str
    verdict: str
    magnitude: float
    ranges: tuple[CandidateRange, ...]
    error: float
    error_without: float
    difference: float
    standard_error: float
    more: int | None = None
    step: int | None = None
    trials: tuple[Trial, ...] = ()

    @property
    def examined(self) -> bool:
        """Whether it was tried: not if time was over before, or if it puts values of other samples into a sample."""
        return not math.isnan(self.error)


@dataclass(frozen=True)
class Facts:
    """How the evidence was obtained.

    Attributes:
        n_samples: samples that were read.
        more_samples: whether the loader has more.
        targets: a description, such as `"10 classes"`, `"3 labels"` or `"numbers"`.
        features: a description of the features, such as `"inputs of 4 layers: 0, 3, 6, 9"`.
        trunk: `"as initialised"` or `"trained before"`.
        n_features: features per sample.
        n_copies: augmented copies of each sample.
        seconds: duration.
        complete: False if `max_seconds` ended the search early.
        seed: of all draws.
        warnings: sentences to mind.
    """

    n_samples: int
    more_samples: bool
    targets: str
    features: str
    trunk: str
    n_features: int
    n_copies: int
    seconds: float
    complete: bool = True
    seed: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """What the pictures of the page are drawn from.

    Attributes:
        x: a batch of one to three clean samples.
        transforms: the candidates by name, with their declared ranges.
    """

    x: Any
    transforms: Mapping[str, Transform]
