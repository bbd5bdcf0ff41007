"""Verdicts on candidates, from what the search saw of them. Uses search.py; used by examination.py."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from augrad.layers.layer import AugmentationLayer
from augrad.learning.leave_one_out.findings import Candidate, CandidateRange, Trial
from augrad.learning.leave_one_out.judge import Errors
from augrad.learning.leave_one_out.search import FOR_CHOICE, Finding, Found
from augrad.learning.leave_one_out.verdicts import HARMLESS, HARMS, HELPS, UNDECIDED

SLIGHT = 0.02
"""A change of the error by at most this share of it is slight."""

SURE = 2.0
"""Standard errors of a difference that is no accident."""

MOST = 1_000_000
"""Samples beyond which a number of samples is no advice."""


def judged(
    found: Found, names: Sequence[str], layers: dict[str, AugmentationLayer], *, n_samples: int
) -> tuple[Candidate, ...]:
    """A candidate for each name, in this order.

    Args:
        found: result of the search.
        names: the transforms.
        layers: a layer of each transform alone, whose magnitudes are set here.
        n_samples: samples that were read.
    """
    order = {entry.name: place for place, entry in enumerate(found.policy, 1)}
    candidates = []
    for name in names:
        step = order.get(name)
        finding = found.first.get(name) if step is None else found.taken[name]
        if finding is None:
            candidates.append(Candidate(name, UNDECIDED, 0.0, (), math.nan, math.nan, math.nan, math.nan))
            continue
        layer = layers[name]
        if step is None:
            candidates.append(_left(name, finding, layer, n_samples))
        else:
            candidates.append(_taken(name, finding, layer, found, step))
    return tuple(candidates)


def _taken(name: str, finding: Finding, layer: AugmentationLayer, found: Found, step: int) -> Candidate:
    trials = _trials(finding)
    chosen = found.policy[step - 1].magnitudes
    place = min(range(len(trials)), key=lambda index: abs(trials[index].magnitude - max(chosen)))
    return _candidate(
        name,
        HELPS,
        chosen,
        trials,
        place=place,
        without=_without(finding, place),
        layer=layer,
        step=step,
    )


def _left(name: str, finding: Finding, layer: AugmentationLayer, n_samples: int) -> Candidate:
    trials = _trials(finding)
    without = [_without(finding, place) for place in range(len(trials))]
    worst = max(range(len(trials)), key=lambda place: trials[place].difference)
    best = min(range(len(trials)), key=lambda place: trials[place].difference)
    strongest = len(trials) - 1
    shares = [
        (trial.difference / base, trial.standard_error / base) for trial, base in zip(trials, without, strict=True)
    ]
    if shares[worst][0] > SLIGHT and shares[worst][0] > SURE * shares[worst][1]:
        # How far it may go without harm is told by the trials.
        return _candidate(
            name, HARMS, (trials[worst].magnitude,), trials, place=worst, without=without[worst], layer=layer
        )
    if all(abs(share) + SURE * error <= 2 * SLIGHT for share, error in shares):
        return _candidate(
            name,
            HARMLESS,
            (trials[strongest].magnitude,),
            trials,
            place=strongest,
            without=without[strongest],
            layer=layer,
        )
    needed = samples_needed(*shares[best], n_samples=_n_samples(finding, best))
    return _candidate(
        name,
        UNDECIDED,
        (trials[best].magnitude,),
        trials,
        place=best,
        without=without[best],
        layer=layer,
        more=None if needed is None or needed <= n_samples else needed,
    )


def samples_needed(share: float, error: float, *, n_samples: int) -> int | None:
    """About how many samples would tell whether a difference is real; None if no number of samples may.

    Args:
        share: the difference, as a share of the error.
        error: its standard error.
        n_samples: the samples it was measured with.

    Example:
        >>> samples_needed(-0.05, 0.05, n_samples=100), samples_needed(0.0, 0.05, n_samples=100)
        (400, 2500)
    """
    # A difference below what counts as slight need not be told from 0.
    needed = n_samples * (SURE * error / max(abs(share), SLIGHT)) ** 2
    rounded = int(math.ceil(needed / 100) * 100)
    return rounded if n_samples < rounded <= MOST else None


def _candidate(
    name: str,
    verdict: str,
    magnitudes: Sequence[float],
    trials: Sequence[Trial],
    *,
    place: int,
    without: float,
    layer: AugmentationLayer,
    more: int | None = None,
    step: int | None = None,
) -> Candidate:
    trial = trials[place]
    return Candidate(
        name,
        verdict,
        max(magnitudes),
        ranges_of(layer, magnitudes),
        trial.error,
        without,
        trial.difference,
        trial.standard_error,
        more,
        step,
        tuple(trials),
    )


def ranges_of(layer: AugmentationLayer, magnitudes: Sequence[float]) -> tuple[CandidateRange, ...]:
    """The physical range of each parameter of a layer's transform at these magnitudes: one for all, or one each."""
    found = []
    transform = next(iter(layer))
    every = list(magnitudes) if len(magnitudes) > 1 else list(magnitudes) * int(layer.magnitudes.numel())
    for columns in layer.columns:
        declared = columns.range
        own = every[columns.start : columns.stop]
        labels = transform.labels(columns.parameter) if declared.per is not None else ()
        alike = len(set(own)) == 1
        for index, magnitude in enumerate(own[:1] if alike else own):
            far = declared.identity + magnitude * declared.span
            near = 2 * declared.identity - far if declared.signed else declared.identity
            entry = "" if alike else f"[{labels[index]}]"
            found.append(
                CandidateRange(
                    f"{columns.parameter}{entry}", min(near, far), max(near, far), declared.unit, declared.identity
                )
            )
    return tuple(found)


def _trials(finding: Finding) -> tuple[Trial, ...]:
    trials = []
    for magnitude, (before, after) in sorted(finding.curve.items()):
        less = _chosen(after) - _chosen(before)
        spread = float(less.std()) / math.sqrt(len(less))
        trials.append(Trial(magnitude, float(_chosen(after).mean()), float(less.mean()), spread))
    return tuple(trials)


def _without(finding: Finding, place: int) -> float:
    before = [pair[0] for _, pair in sorted(finding.curve.items())][place]
    return float(_chosen(before).mean())


def _chosen(errors: Errors) -> torch.Tensor:
    """The error by which transforms are chosen: the mean of the three."""
    weights = errors.new_tensor(FOR_CHOICE)
    return (weights[:, None] * errors).sum(dim=0) / weights.sum()


def _n_samples(finding: Finding, place: int) -> int:
    """Samples of the trial at that place."""
    return int(finding.curve[sorted(finding.curve)[place]][0].shape[1])
