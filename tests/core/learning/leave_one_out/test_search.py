"""The search, on judges whose curves are given: what joins the policy, in which order, how far, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from augrad.learning.leave_one_out.judge import COARSE, Curve, Judge
from augrad.learning.leave_one_out.judging import judged
from augrad.learning.leave_one_out.policies import Entry
from augrad.learning.leave_one_out.search import Found, Gain, gain_of, reach, search

N_SAMPLES = 200
Shape = dict[float, float]
"""The change of the error by magnitude, as a share of it."""

HELPFUL: Shape = {0.0: 0.0, 0.5: -0.2, 1.0: 0.1}
SLIGHT: Shape = {0.0: 0.0, 1.0: -0.001}
HARMFUL: Shape = {0.0: 0.0, 1.0: 0.3}
WEAKLY: Shape = {0.0: 0.0, 0.0625: -0.05, 0.2: 0.0, 1.0: 0.4}
"""Helps a little if it is weak, and destroys if it is strong."""


class Given(Judge):
    """Errors around 1 that a candidate changes by the shares of its shape, with a little noise between samples."""

    def __init__(self, *, noise: float = 0.05, **shapes: Shape) -> None:
        self.shapes, self.noise = shapes, noise
        self.asked: list[tuple[tuple[str, ...], str]] = []

    def curve(self, policy: Sequence[Entry], name: str, roots: Sequence[float] = COARSE) -> Curve:
        self.asked.append((tuple(entry.name for entry in policy), name))
        places = sorted(self.shapes[name].items())
        before = torch.ones(3, N_SAMPLES, dtype=torch.float64)
        found = {}
        for root in roots:
            right = next(index for index, (place, _) in enumerate(places) if place >= root**2)
            (a, low), (b, high) = places[right - 1], places[right]
            change = low + (high - low) * (root**2 - a) / (b - a)
            spread = self.noise * torch.linspace(-1, 1, N_SAMPLES, dtype=torch.float64)
            found[root**2] = (before, before + change + spread)
        return found

    def entry(self, name: str, magnitude: float) -> Entry:
        return Entry(name, (magnitude,))

    def find_pattern(self, policy: Sequence[Entry], name: str) -> None: ...

    def forget(self) -> None: ...


def searched(*, confirm: Given | None = None, max_depth: int = 3, **given: Any) -> Found:
    screen = given.pop("screen", None) or Given(**given.pop("shapes"))
    return search(screen, [confirm or screen], list(screen.shapes), n_samples=N_SAMPLES, max_depth=max_depth, **given)


def names(found: Found) -> list[str]:
    return [entry.name for entry in found.policy]


def test_what_helps_joins_and_nothing_else() -> None:
    found = searched(shapes={"slight": SLIGHT, "helpful": HELPFUL, "harmful": HARMFUL})
    assert names(found) == ["helpful"]
    assert found.policy[0].magnitudes[0] == pytest.approx(0.5, abs=0.1)
    assert set(found.first) == {"slight", "helpful", "harmful"}


def test_the_best_is_first_and_only_so_many_are_taken() -> None:
    better = {0.0: 0.0, 1.0: -0.4}
    shapes = {"helpful": HELPFUL, "better": better}
    assert names(searched(shapes=shapes)) == ["better", "helpful"]
    assert names(searched(shapes=shapes, max_depth=1)) == ["better"]
    assert names(searched(shapes=shapes, fits=lambda together: len(together) < 2)) == ["better"]


def test_nothing_helps() -> None:
    assert names(searched(shapes={"slight": SLIGHT, "harmful": HARMFUL})) == []


def test_a_gain_within_its_noise_does_not_count() -> None:
    wide = Given(noise=5.0, helpful=HELPFUL)
    assert names(searched(screen=wide)) == []


def test_the_second_judge_has_the_last_word() -> None:
    screen = Given(helpful=HELPFUL)
    assert names(searched(screen=screen, confirm=Given(helpful=HARMFUL))) == []
    assert names(searched(screen=screen, confirm=Given(helpful=HELPFUL))) == ["helpful"]


def test_what_was_taken_is_beside_the_next() -> None:
    screen = Given(helpful=HELPFUL, other=HELPFUL)
    searched(screen=screen)
    assert (("helpful",), "other") in screen.asked


def test_a_second_trial_does_not_hide_what_strong_ones_do() -> None:
    screen = Given(weakly=WEAKLY)
    found = searched(screen=screen, confirm=Given(weakly={0.0: 0.0, 1.0: 0.001}))
    assert names(found) == []
    assert max(found.first["weakly"].curve) == 1.0

    from augrad import AugmentationLayer, Range, Transform

    class Weakly(Transform):
        modality = "search_test"
        size = Range(1.0)

        def forward(self, x: Tensor, *, size: Tensor) -> Tensor:
            return x * (1 - size[:, None])

    (candidate,) = judged(found, ["weakly"], {"weakly": AugmentationLayer([Weakly])}, n_samples=N_SAMPLES)
    assert candidate.verdict == "harms"
    assert candidate.magnitude == 1.0
    assert [trial.magnitude for trial in candidate.trials] == sorted(found.first["weakly"].curve)


def test_a_gain_is_a_share_with_its_standard_error() -> None:
    before = torch.full((3, 100), 2.0, dtype=torch.float64)
    after = before - 0.1 - 0.01 * torch.linspace(-1, 1, 100, dtype=torch.float64)
    gain = gain_of(0.5, before, after)
    assert gain.gain == pytest.approx(0.05)
    assert gain.range_gain == pytest.approx(0.05)
    spread = 0.03 * torch.linspace(-1, 1, 100, dtype=torch.float64).std() / 10
    assert gain.z == pytest.approx(float(0.3 / spread))


def test_the_range_ends_where_no_more_is_gained() -> None:
    magnitudes = [(place / 16) ** 2 for place in range(2, 17)]
    rising = [Gain(m, min(m, 0.5), 0.0, 0.0) for m in magnitudes]
    assert reach(rising) == pytest.approx(0.5, abs=0.1)
    falling = [Gain(m, 1 - m, 0.0, 0.0) for m in magnitudes]
    assert reach(falling) < 0.05
    assert reach(rising[:1]) == magnitudes[0]
