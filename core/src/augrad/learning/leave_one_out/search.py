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

HOPE = 0.75
"""Share of the least gain at which a candidate is tried again."""

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
    going = _Search(screen, confirm, n_samples, tried, known)
    alive = list(names)
    while len(going.chosen) < max_depth:
        taken = [entry.name for entry in going.chosen]
        alive = [name for name in alive if name not in taken and fits([*taken, name])]
        finalists, alive = going.screened(alive)
        passed = going.confirmed(finalists)
        for judge in (screen, *confirm):
            judge.forget()
        if not passed:
            break
        going.take(*max(passed, key=lambda pair: max(each.range_gain for each in pair[1].gains)))
    return going.found


class _Search:
    """A search that is going on: the policy so far, and what is known of each candidate."""

    def __init__(
        self,
        screen: Judge,
        confirm: Sequence[Judge],
        n_samples: int,
        tried: Callable[[str], None],
        known: Callable[[Found], None],
    ) -> None:
        self._screen, self._confirm, self._tried, self._known = screen, confirm, tried, known
        self._doubt = max(1.0, FEW / n_samples) ** 0.75
        self.chosen: list[Entry] = []
        self._first: dict[str, Finding] = {}
        self._taken: dict[str, Finding] = {}

    @property
    def found(self) -> Found:
        """What is known by now."""
        return Found(tuple(self.chosen), dict(self._first), dict(self._taken))

    @property
    def _least(self) -> tuple[float, float]:
        """The least gain that the next transform must have, and the least gain in standard errors."""
        return MIN_GAIN[bool(self.chosen)], MIN_Z[bool(self.chosen)] * self._doubt

    def screened(self, names: Sequence[str]) -> tuple[dict[str, Gain], list[str]]:
        """Tries each candidate; returns the best gain of those that may pass, and the names for later rounds."""
        min_gain, min_z = self._least
        finalists: dict[str, Gain] = {}
        hopeful = []
        for name in names:
            if not self.chosen:
                self._screen.find_pattern(self.chosen, name)
            finding = _finding(self._screen.curve(self.chosen, name))
            self._first.setdefault(name, finding)
            self._tried(name)
            self._known(self.found)
            best = max(finding.gains, key=lambda each: each.gain)
            if best.gain >= MIN_GAIN[0]:
                hopeful.append(name)
            if best.gain >= HOPE * min_gain and best.z >= HOPE * min_z:
                finalists[name] = best
        return finalists, hopeful

    def confirmed(self, finalists: Mapping[str, Gain]) -> list[tuple[str, Finding]]:
        """Tries the best again, near the magnitude that was best, and returns those that pass."""
        min_gain, min_z = self._least
        passed = []
        best_first = sorted(finalists, key=lambda name: -finalists[name].gain)[:N_FINALISTS]
        for name in best_first:
            if finalists[name].gain < CLOSE * finalists[best_first[0]].gain:
                break
            finding = _finding(self._again(name, finalists[name].magnitude))
            self._tried(name)
            if not self.chosen:
                # The window does not show what it does at other strengths.
                self._first[name] = Finding({**self._first[name].curve, **finding.curve}, finding.magnitude)
            if any(each.gain >= min_gain and each.z >= min_z for each in finding.gains):
                passed.append((name, finding))
        return passed

    def take(self, name: str, finding: Finding) -> None:
        """Adds a transform to the policy."""
        self._taken[name] = finding if self.chosen else self._first[name]
        self.chosen.append(self._screen.entry(name, finding.magnitude))
        self._known(self.found)

    def _again(self, name: str, magnitude: float) -> Curve:
        roots = [root for root in FINE if WINDOW[0] <= root**2 / magnitude <= WINDOW[1]]
        curves = [judge.curve(self.chosen, name, roots) for judge in self._confirm]

        def mean(m: float, side: int) -> Tensor:
            return torch.stack([curve[m][side] for curve in curves]).sum(dim=0) / len(curves)

        return {m: (mean(m, 0), mean(m, 1)) for m in curves[0]}


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
