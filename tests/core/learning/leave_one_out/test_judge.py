"""A judge measures policies on the same samples and draws, and a sweep measures all strengths at once."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from tests.core.learning.leave_one_out.toys import Both, Exchange, FlipFront, Level, Noise, Slope, signals, trunk
from torch import Tensor

from augrad import Range, Transform, find_policy
from augrad.errors import InputError
from augrad.learning.leave_one_out import judge as room
from augrad.learning.leave_one_out.errors import leave_one_out
from augrad.learning.leave_one_out.features import Features
from augrad.learning.leave_one_out.judge import COARSE, FINE, GRID, Judge
from augrad.learning.leave_one_out.policies import Entry
from augrad.learning.leave_one_out.targets import targets_of

N = 60
X, Y = signals(N, slope=0.0)
TARGETS = targets_of(Y, N).columns
LEVEL, NOISE, SLOPE, FLIP, BOTH, SPOIL = (
    "toy.level", "toy.noise", "toy.slope", "toy.flip_front", "toy.both", "toy.spoil"
)  # fmt: skip


class Spoil(Transform):
    """A level, which the classes do not depend on, and a share of the other class, which destroys them."""

    modality = "toy"
    level = Range(6.0, signed=True)
    share = Range(1.0)

    def forward(self, x: Tensor, *, level: Tensor, share: Tensor) -> Tensor:
        return x + level[:, None] + share[:, None] * (Exchange()(x) - x)


class Counted(Features):
    """Counts its passes."""

    n_passes = 0

    def __call__(self, x: Any) -> Tensor:
        self.n_passes += 1
        return super().__call__(x)


def judge(*, n_copies: int = 16, x: Tensor = X, **options: Any) -> Judge:
    transforms = [Level(), Noise(), Slope(), FlipFront(), Both(), Spoil()]
    return Judge(Counted(trunk(), x), x, TARGETS, transforms, n_copies=n_copies, key=(0, "test"), **options)


def measured(given: Judge, x: Tensor, weights: Tensor | None = None) -> Tensor:
    """The errors of copies, by hand."""
    values = given._features(x)
    return leave_one_out(values.reshape(-1, N, values.shape[1]).detach(), TARGETS, weights)


class TestErrors:
    def test_of_the_samples_as_they_are(self):
        given = judge()
        torch.testing.assert_close(given.errors([]), measured(given, X))

    def test_of_a_policy(self):
        given = judge()
        policy = [Entry(LEVEL, (0.5,)), Entry(FLIP, (1.0,))]
        torch.testing.assert_close(given.errors(policy), measured(given, given.copies.fixed(policy)))
        assert not given.errors(policy).requires_grad

    def test_the_truth_has_the_least(self):
        given = judge()
        clean = given.errors([]).mean()
        assert given.errors([Entry(LEVEL, (0.5,))]).mean() < 0.9 * clean
        assert given.errors([Entry(NOISE, (0.5,))]).mean() > 1.5 * clean


class TestCurve:
    def test_each_strength_is_measured_on_the_first_copies(self):
        given = judge()
        curve = given.curve([], LEVEL)
        assert list(curve) == [root**2 for root in COARSE]
        x, roots = given.copies.swept([], LEVEL)
        for magnitude, n_first in ((0.0625, 4), (0.25, 8), (1.0, 16)):
            weights = roots[:n_first] / roots[:n_first].sum(dim=0)
            before, after = curve[magnitude]
            torch.testing.assert_close(after, measured(given, x[: n_first * N], weights))
            torch.testing.assert_close(before, given.errors([]))

    def test_a_sweep_agrees_with_draws_of_one_strength(self):
        given = judge(n_copies=64)
        _, after = given.curve([], LEVEL, [0.5])[0.25]
        fixed = given.errors([Entry(LEVEL, (0.25,))])
        clean = given.errors([]).mean()
        assert float((after.mean() - fixed.mean()).abs()) < 0.3 * float((clean - fixed.mean()).abs())

    def test_beside_a_policy_both_are_of_as_many_copies(self):
        given, policy = judge(), [Entry(SLOPE, (0.1,))]
        before, after = given.curve(policy, LEVEL, [0.5])[0.25]
        x, roots = given.copies.swept(policy, LEVEL)
        weights = roots[:8] / roots[:8].sum(dim=0)
        torch.testing.assert_close(after, measured(given, x[: 8 * N], weights))
        middles = (torch.arange(8) + 0.5)[:, None].expand(8, N) / 32  # 0.5 / 16 and so on, of sum 1
        torch.testing.assert_close(before, measured(given, given.copies.fixed(policy)[: 8 * N], middles))

    def test_no_candidate_changes_the_numbers_of_another(self):
        policy = [Entry(SLOPE, (0.1,))]
        alone, after_others = judge().curve(policy, LEVEL), judge()
        after_others.curve(policy, NOISE)
        torch.testing.assert_close(after_others.curve(policy, LEVEL), alone, rtol=0, atol=0)

    def test_few_copies_have_the_strengths_that_they_have(self):
        given = judge(n_copies=5)
        assert list(given.curve([], LEVEL, FINE)) == [(n / 5) ** 2 for n in (2, 3, 4, 5)]

    def test_all_strengths_take_a_single_pass(self):
        given = judge()
        given.curve([], LEVEL, FINE)
        assert given._features.n_passes == 2  # the samples, and the sweep
        given.curve([], LEVEL)
        given.errors([])
        assert given._features.n_passes == 2

    def test_forgetting_costs_a_pass_and_changes_nothing(self):
        given = judge()
        first = given.curve([], LEVEL, [0.5])[0.25]
        given.forget()
        torch.testing.assert_close(given.curve([], LEVEL, [0.5, 0.75])[0.25], first, rtol=0, atol=0)
        assert given._features.n_passes == 3

    def test_a_transform_without_parameters_has_one_strength(self):
        given = judge()
        ((magnitude, (before, after)),) = given.curve([], FLIP, FINE).items()
        assert magnitude == 1.0
        torch.testing.assert_close(before, given.errors([]))
        torch.testing.assert_close(after, given.errors([Entry(FLIP, (1.0,))]))

    def test_several_parameters_share_a_strength(self):
        given = judge()
        curve = given.curve([], BOTH, FINE)
        assert tuple(curve) == GRID
        torch.testing.assert_close(curve[0.25][1], given.errors([Entry(BOTH, (0.25,))]))


class TestPattern:
    def test_a_harmful_parameter_is_left_out(self):
        given = judge()
        given.find_pattern([], SPOIL)
        assert given.patterns[SPOIL] == (1.0, 0.0)
        assert given.entry(SPOIL, 0.5) == Entry(SPOIL, (0.5, 0.0))
        torch.testing.assert_close(given.curve([], SPOIL)[0.5][1], given.errors([Entry(SPOIL, (0.5, 0.0))]))

    def test_if_all_harm_all_are_kept(self):
        given = judge(x=signals(N, level=0.0)[0])
        given.find_pattern([], SPOIL)
        assert given.patterns[SPOIL] == (1.0, 1.0)

    def test_a_single_parameter_has_none(self):
        given = judge()
        for name in (LEVEL, FLIP):
            given.find_pattern([], name)
        assert given.patterns == {}
        assert given.entry(LEVEL, 0.3) == Entry(LEVEL, (0.3,))

    def test_judges_share_patterns(self):
        patterns: dict[str, tuple[float, ...]] = {}
        judge(patterns=patterns).find_pattern([], SPOIL)
        assert judge(patterns=patterns).entry(SPOIL, 1.0) == Entry(SPOIL, (1.0, 0.0))


def test_each_pass_and_each_error_ticks():
    ticks: list[int] = []
    given = judge(tick=lambda: ticks.append(1))
    given.curve([], LEVEL)
    n_errors = 1 + len(COARSE)  # of the samples as they are, and of each strength
    assert given._features.n_passes == 2
    assert len(ticks) == 2 + n_errors


def test_a_tick_may_end_the_search():
    def over() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        judge(tick=over).errors([])


def test_two_judges_of_one_key_measure_the_same():
    torch.testing.assert_close(judge().curve([], NOISE)[1.0], judge().curve([], NOISE)[1.0], rtol=0, atol=0)


def test_a_transform_that_gives_nan_is_named():
    class Ruin(Transform):
        modality = "toy"

        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x[:, :1] > X[:, 0].sort().values[-2], torch.nan, x)

    given = Judge(Features(trunk(), X), X, TARGETS, [Level(), Ruin()], n_copies=4, key=(0,))
    with pytest.raises(InputError, match=r"toy\.ruin turns sample") as caught:
        given.errors([Entry(LEVEL, (0.0,)), Entry("toy.ruin", (1.0,))])
    assert caught.value.facts["index"] == int(X[:, 0].argmax())


def test_the_time_is_over_between_two_strengths_of_a_candidate(monkeypatch: pytest.MonkeyPatch):
    quick = room.leave_one_out

    def slow(*args: Any) -> Any:
        time.sleep(0.2)
        return quick(*args)

    monkeypatch.setattr(room, "leave_one_out", slow)
    evidence = find_policy(trunk(), [signals()], [Level, Noise], max_seconds=0.5)
    assert not evidence.facts.complete
    assert [each.examined for each in evidence.candidates] == [False, False]
    assert evidence.facts.seconds < 1.2
