"""Copies are drawn evenly from a policy's ranges, with the same random numbers for every policy."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.core.learning.leave_one_out.toys import WIDTH, Both, Drown, FlipFront, Level, Noise, Slope, signals
from torch import Tensor

from augrad import Range, Transform
from augrad.learning.leave_one_out.copies import Copies
from augrad.learning.leave_one_out.policies import Entry

N, N_COPIES = 30, 8
X, _ = signals(N)
LEVEL, NOISE, SLOPE, FLIP, BOTH = "toy.level", "toy.noise", "toy.slope", "toy.flip_front", "toy.both"


class Lower(Transform):
    """Goes to one side only, from an identity that is not 0."""

    modality = "toy"
    share = Range(1.0, low=0.2, identity=1.0)

    def forward(self, x: Tensor, *, share: Tensor) -> Tensor:
        return x * share[:, None]


def copies(*, key: tuple[Any, ...] = (0, "test"), n_copies: int = N_COPIES) -> Copies:
    return Copies([Level(), Noise(), Slope(), FlipFront(), Both(), Lower(), Drown()], X, n_copies, key)


def by_copy(x: Tensor) -> Tensor:
    return x.reshape(-1, N, WIDTH)


def levels(x: Tensor) -> Tensor:
    """The level of each copy, in units of the declared range."""
    moved = by_copy(x) - X
    torch.testing.assert_close(moved, moved[..., :1].expand_as(moved), rtol=0, atol=1e-5)
    return moved[..., 0] / 6


class TestFixed:
    @pytest.mark.parametrize("magnitude", [0.25, 1.0])
    def test_each_sample_has_a_value_from_each_part_of_the_range(self, magnitude: float):
        found = levels(copies().fixed([Entry(LEVEL, (magnitude,))])) / magnitude
        assert found.abs().max() <= 1 + 1e-5
        parts = ((found + 1) / 2 * N_COPIES).floor().clamp(0, N_COPIES - 1)
        torch.testing.assert_close(parts.sort(dim=0).values, torch.arange(8.0)[:, None].expand(-1, N))
        assert len({tuple(column) for column in parts.T.tolist()}) > N // 2  # in an order of its own

    def test_other_magnitudes_have_the_same_draws(self):
        one, half = (levels(copies().fixed([Entry(LEVEL, (magnitude,))])) for magnitude in (1.0, 0.5))
        torch.testing.assert_close(half, one / 2, rtol=0, atol=1e-5)

    def test_each_parameter_has_its_own_magnitude(self):
        moved = by_copy(copies().fixed([Entry(BOTH, (0.0, 0.5))])) - X
        assert moved.std(dim=2).max() < 1e-5  # no slope
        moved = by_copy(copies().fixed([Entry(BOTH, (0.5, 0.0))])) - X
        assert moved.mean(dim=2).abs().max() < 1e-5  # no level

    def test_one_magnitude_may_stand_for_all_parameters(self):
        given = copies()
        torch.testing.assert_close(given.fixed([Entry(BOTH, (0.3,))]), given.fixed([Entry(BOTH, (0.3, 0.3))]))

    def test_a_transform_without_parameters_changes_half_of_the_copies(self):
        flipped = (by_copy(copies().fixed([Entry(FLIP, (1.0,))])) != X).any(dim=2)
        assert flipped.sum(dim=0).tolist() == [N_COPIES // 2] * N
        assert len({tuple(column) for column in flipped.T.tolist()}) > 5

    def test_transforms_of_a_policy_follow_each_other(self):
        first = copies().fixed([Entry(LEVEL, (0.5,))])
        both = copies().fixed([Entry(LEVEL, (0.5,)), Entry(FLIP, (1.0,))])
        flipped = (both != first).any(dim=1)
        torch.testing.assert_close(both, torch.where(flipped[:, None], FlipFront()(first), first), rtol=0, atol=1e-5)
        assert int(flipped.sum()) == N * N_COPIES / 2

    def test_noise_is_drawn_for_each_copy(self):
        moved = (by_copy(copies().fixed([Entry(NOISE, (1.0,))])) - X).detach()
        assert moved.std(dim=0).min() > 0
        assert 1.5 < float(moved.std()) < 6

    def test_the_same_key_gives_the_same_draws(self):
        policy = [Entry(LEVEL, (1.0,)), Entry(NOISE, (0.5,))]
        first = copies().fixed(policy)
        torch.manual_seed(99)
        torch.testing.assert_close(copies().fixed(policy), first, rtol=0, atol=0)
        assert not torch.equal(copies(key=(1, "test")).fixed(policy), first)
        assert not torch.equal(copies(key=(0, "other")).fixed(policy), first)


class TestSwept:
    def test_copies_go_from_weak_to_strong(self):
        x, root = copies().swept([], LEVEL)
        strength = levels(x).abs()
        torch.testing.assert_close(strength.sqrt(), root, rtol=0, atol=1e-3)
        rank = (root * N_COPIES).floor()
        torch.testing.assert_close(rank, torch.arange(8.0)[:, None].expand(-1, N))

    def test_neighbours_lie_on_both_sides(self):
        side = levels(copies().swept([], LEVEL)[0]).sign()
        torch.testing.assert_close(side[1:], -side[:-1])
        assert 0 < int((side[0] > 0).sum()) < N

    def test_a_range_with_one_side(self):
        x, root = copies().swept([], "toy.lower")
        share = (by_copy(x) / X)[..., 0]
        torch.testing.assert_close(share, 1 - 0.8 * root.square(), rtol=0, atol=1e-4)

    def test_behind_a_policy_that_stays_the_same(self):
        policy = [Entry(SLOPE, (0.5,))]
        given = copies()
        before = by_copy(given.fixed(policy))
        x, root = given.swept(policy, LEVEL)
        moved = by_copy(x) - before
        torch.testing.assert_close(moved, moved[..., :1].expand_as(moved), rtol=0, atol=1e-4)
        torch.testing.assert_close(moved[..., 0].abs() / 6, root.square(), rtol=0, atol=1e-4)

    def test_the_same_sweep_each_time(self):
        given = copies()
        first = given.swept([], LEVEL)
        given.fixed([Entry(LEVEL, (0.1,))])  # sets the magnitude of the same layer
        for again in (given.swept([], LEVEL), copies().swept([], LEVEL)):
            torch.testing.assert_close(again, first, rtol=0, atol=0)

    def test_what_a_sweep_can_serve(self):
        given = copies()
        assert [name for name in given.layers if given.sweeps(name)] == [
            LEVEL,
            NOISE,
            SLOPE,
            "toy.lower",
            "whole_toy.drown",
        ]


def test_the_candidates_are_copied():
    level = Level()
    given = Copies([level], X, 2, (0,))
    assert next(iter(given.layers[LEVEL])) is not level
    assert level.training
    assert not given.layers[LEVEL].training


def test_the_module_of_a_policy_has_its_magnitudes():
    given = copies()
    given.swept([], LEVEL)
    first, second = given.module([Entry(LEVEL, (0.25,)), Entry(BOTH, (0.5, 0.125))])
    assert first.magnitudes.tolist() == pytest.approx([0.25])
    assert second.magnitudes.tolist() == pytest.approx([0.5, 0.125])
    assert (first.names, second.names) == ((LEVEL,), (BOTH,))
