"""The search: screens every candidate, confirms the best, adds one transform at a time.

Uses judge.py; used by examination.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from augrad.learning.leave_one_out.judge import FINE, Curve, Errors, Judge
from augrad.learning.leave_one_out.policies import Entry

MIN_GAIN = (0.02, 0.04)
"""Share of the error that the first transform must take away, and each later one."""

MIN_Z = (1.0, 2.0)
"""Standard errors by which the first transform must do so, and each later one; more for few samples."""

FEW = 100
"""The standard error of fewer samples is itself a guess: `MIN_Z` is raised for them."""

WINDOW = (0.35, 2.6)
"""Magnitudes that are tried again, in units of the best of the first trial."""

N_FINALISTS = 2
"""Candidates that are confirmed in each round."""

CLOSE = 0.4
"""A candidate is confirmed if its gain is at least this share of the best."""

SLACK = 0.001
"""The range is the smallest that takes away at most this share of the error less than the best."""

STEP, WIDTH = 0.014, 7
"""Steps in the logarithm of the magnitude, and how many of them on either side a curve is smoothed over."""

FOR_RANGE = (2.0, 1.0, 1.0)
FOR_CHOICE = (1.0, 1.0, 1.0)
"""Weights of the three errors, for how far a transform goes, and for whether it is taken."""


@dataclass(frozen=True)
class Gain:
    """What an entry does to the error.

    Attributes:
        magnitude: of the entry.
        range_gain: share of the error that it takes away, of the errors that decide how far it goes.
        gain: the same, of the errors that decide whether it is taken.
        z: that gain in units of its standard error, paired by sample.
    """

    magnitude: float
    range_gain: float
    gain: float
    z: float


def gain_of(magnitude: float, before: Errors, after: Errors) -> Gain:
    """The gain of errors `after` over errors `before`, `(3, samples)` each."""
    wide, narrow = (before.new_tensor(weights)[:, None] for weights in (FOR_RANGE, FOR_CHOICE))
    less = (narrow * (before - after)).sum(dim=0)
    spread = (less.std() / math.sqrt(len(less))).clamp_min(1e-12)
    return Gain(
        magnitude,
        float((wide * (before - after)).sum() / (wide * before).sum()),
        float(less.sum() / (narrow * before).sum()),
        float(less.mean() / spread),
    )


@dataclass(frozen=True)
class Finding:
    """All that was seen of a candidate in the last round in which it took part.

    Attributes:
        curve: errors without and with it, by magnitude.
        magnitude: the chosen one, or the best.
    """

    curve: Curve
    magnitude: float

    @property
    def gains(self) -> list[Gain]:
        """The gain at each magnitude, from weak to strong."""
        return [gain_of(magnitude, *pair) for magnitude, pair in sorted(self.curve.items())]


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes:
        policy: the entries that were taken, in order.
        first: the finding for each candidate when it was tried alone.
        taken: the finding for each entry of the policy, when it was taken.
    """

    policy: tuple[Entry, ...]
    first: Mapping[str, Finding]
    taken: Mapping[str, Finding]


def search(
    screen: Judge,
    confirm: Sequence[Judge],
    names: Sequence[str],
    *,
    n_samples: int,
    max_depth: int,
    fits: Callable[[Sequence[str]], bool] = lambda _: True,
    tried: Callable[[str], None] = lambda _: None,
    known: Callable[[Found], None] = lambda _: None,
) -> Found:
    """Adds the transform that gains most, as long as one passes on both judges.

    Args:
        screen: tries every candidate.
        confirm: judges that try the best again, with other draws; they have the same samples.
        names: the candidates.
        n_samples: samples of the judges.
        max_depth: transforms in the policy at most.
        fits: whether transforms of these names can stand together in the policy.
        tried: called with the name of each candidate that was tried or tried again.
        known: called with what is known, each time that it becomes more.
    """
    doubt = max(1.0, FEW / n_samples) ** 0.75
    chosen: list[Entry] = []
    first: dict[str, Finding] = {}
    taken: dict[str, Finding] = {}
    alive = list(names)

    def confirmed(policy: Sequence[Entry], name: str, magnitude: float) -> Curve:
        roots = [root for root in FINE if WINDOW[0] <= root**2 / magnitude <= WINDOW[1]]
        curves = [judge.curve(policy, name, roots) for judge in confirm]

        def mean(m: float, side: int) -> Tensor:
            return torch.stack([curve[m][side] for curve in curves]).sum(dim=0) / len(curves)

        return {m: (mean(m, 0), mean(m, 1)) for m in curves[0]}

    while len(chosen) < max_depth:
        min_gain, min_z = MIN_GAIN[bool(chosen)], MIN_Z[bool(chosen)] * doubt
        alive = [name for name in alive if fits([*(entry.name for entry in chosen), name])]
        finalists, hopeful = [], []
        for name in alive:
            if not chosen:
                screen.find_pattern(chosen, name)
            finding = _finding(screen.curve(chosen, name))
            first.setdefault(name, finding)
            tried(name)
            known(Found(tuple(chosen), dict(first), dict(taken)))
            best = max(finding.gains, key=lambda each: each.gain)
            if best.gain >= MIN_GAIN[0]:
                hopeful.append(name)
            if best.gain >= 0.75 * min_gain and best.z >= 0.75 * min_z:
                finalists.append((best.gain, name, best.magnitude))
        passed = []
        finalists.sort(reverse=True)
        for gain, name, magnitude in finalists[:N_FINALISTS]:
            if gain < CLOSE * finalists[0][0]:
                break
            finding = _finding(confirmed(chosen, name, magnitude))
            tried(name)
            if not chosen:
                first[name] = finding
            if any(each.gain >= min_gain and each.z >= min_z for each in finding.gains):
                passed.append((max(each.range_gain for each in finding.gains), name, finding))
        for judge in (screen, *confirm):
            judge.forget()
        if not passed:
            break
        _, name, finding = max(passed, key=lambda each: each[0])
        chosen.append(screen.entry(name, finding.magnitude))
        taken[name] = finding
        alive = [other for other in hopeful if other != name]
        known(Found(tuple(chosen), dict(first), dict(taken)))
    return Found(tuple(chosen), first, taken)


def _finding(curve: Curve) -> Finding:
    gains = [gain_of(magnitude, *pair) for magnitude, pair in sorted(curve.items())]
    return Finding(curve, reach(gains))


def reach(gains: Sequence[Gain]) -> float:
    """The smallest magnitude that gains nearly as much as the best, read off a smoothed curve."""
    if len(gains) < 4:
        return max(gains, key=lambda each: each.range_gain).magnitude
    places = torch.tensor([math.log(each.magnitude) for each in gains], dtype=torch.float64)
    values = torch.tensor([each.range_gain for each in gains], dtype=torch.float64)
    at = torch.arange(float(places[0]), float(places[-1]), STEP, dtype=torch.float64)
    at = torch.cat([at, places[-1:]])
    smooth = _smoothed(_interpolated(at, places, values), min(WIDTH, len(at) // 4))
    return math.exp(float(at[int((smooth >= smooth.max() - SLACK).nonzero()[0])]))


def _interpolated(at: Tensor, places: Tensor, values: Tensor) -> Tensor:
    right = torch.searchsorted(places, at).clamp(1, len(places) - 1)
    share = (at - places[right - 1]) / (places[right] - places[right - 1])
    return values[right - 1] + share * (values[right] - values[right - 1])


def _smoothed(values: Tensor, width: int) -> Tensor:
    padded = torch.cat([values[:1].expand(width), values, values[-1:].expand(width)])
    return padded.unfold(0, 2 * width + 1, 1).mean(dim=1)
