"""Masks: how much is masked, where, in which axis; soft edges and their gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_audio.masks import FrequencyMask, TimeMask, soft_interval


@given(fraction=st.floats(0.0, 1.0), place=st.floats(-1, 1), softness=st.floats(1e-3, 0.02))
def test_an_interval_covers_its_fraction_and_stays_inside(fraction, place, softness):
    values = [torch.tensor([value], dtype=torch.float64) for value in (fraction, place)]
    # On an axis twice as long on both sides, so that nothing is cut off.
    interval = soft_interval(values[0] / 5, values[1] * 0.1, 1000, softness)
    assert interval.mean().item() == pytest.approx(fraction / 5, abs=1e-3)
    assert interval.min() >= 0
    assert interval.max() <= 1


@pytest.mark.parametrize(("place", "first"), [(-1.0, 0), (0.0, 300), (1.0, 600)])
def test_where_an_interval_lies(place, first):
    interval = soft_interval(torch.tensor([0.4]), torch.tensor([place]), 1000, 1e-4)[0]
    inside = (interval > 0.5).nonzero().flatten()
    assert (inside[0].item(), inside[-1].item()) == (first, first + 399)


def test_an_interval_of_no_length_is_nothing():
    assert soft_interval(torch.zeros(2), torch.tensor([-1.0, 0.3]), 50, 0.01).abs().max() == 0


def test_time_is_masked_in_all_channels():
    x, noise = torch.rand(2, 3, 100) + 1, torch.tensor([-1.0, 1.0])
    y = TimeMask(softness=1e-4)(x, fraction=torch.tensor([0.3, 0.2]), noise=noise)
    assert y[0, :, :29].abs().max() < 1e-4
    assert torch.equal(y[0, :, 32:], x[0, :, 32:])
    assert y[1, :, 81:].abs().max() < 1e-4
    assert torch.equal(y[1, :, :78], x[1, :, :78])


def test_time_and_frequencies_of_spectrograms():
    x, lowest = torch.ones(1, 2, 10, 20), torch.tensor([-1.0])
    in_time = TimeMask(softness=1e-4)(x, fraction=torch.tensor([0.5]), noise=lowest)
    in_frequency = FrequencyMask(softness=1e-4)(x, fraction=torch.tensor([0.5]), noise=lowest)
    assert in_time[0, 1, 3].round().abs().tolist() == [0.0] * 10 + [1.0] * 10
    assert in_frequency[0, 1, :, 3].round().abs().tolist() == [0.0] * 5 + [1.0] * 5
    assert torch.equal(in_frequency, in_frequency[..., :1].expand_as(x))


def test_fill():
    x, fraction = torch.zeros(1, 1, 50), torch.tensor([0.5])
    y = TimeMask(fill=-80.0, softness=1e-4)(x, fraction=fraction, noise=torch.zeros(1))
    assert y[0, 0, 25].item() == pytest.approx(-80)
    assert y[0, 0, 2].item() == 0


def test_soft_edges_carry_the_gradient_of_the_fraction():
    x, noise = torch.ones(1, 1, 200, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    fraction = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    TimeMask()(x, fraction=fraction, noise=noise).mean().backward()
    # What is masked is lost: its mean falls by as much as the fraction grows.
    assert fraction.grad.item() == pytest.approx(-1, abs=1e-3)


def test_places_are_uniform():
    noise = TimeMask().draw_noise(torch.zeros(4000, 1, 1), keyed_generator(0))
    assert noise.abs().max() <= 1
    assert noise.mean().abs() < 0.05
    assert noise.var().item() == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("softness", [0.0, -1.0, float("inf"), float("nan")])
def test_hard_edges_are_refused(softness):
    with pytest.raises(ArgumentError, match=r"audio\.time_mask: softness must be .* above 0, .* has no gradient"):
        TimeMask(softness=softness)


@pytest.mark.parametrize("fill", [float("inf"), float("nan")])
def test_fill_that_is_no_number(fill):
    with pytest.raises(ArgumentError, match=r"audio\.frequency_mask: fill must be a finite number, but got"):
        FrequencyMask(fill=fill)
