"""Relaxed draws of yes or no: their share, their ends, their gradient."""

from __future__ import annotations

import pytest
import torch

from augrad import keyed_generator
from augrad_tabular.masks import relaxed_bernoulli

U = torch.rand(1, 20_000, generator=keyed_generator(0))


@pytest.mark.parametrize("probability", [0.02, 0.1, 0.5, 0.9])
def test_the_share_above_one_half_is_the_probability(probability):
    p = torch.tensor([[probability]])
    soft, hard = relaxed_bernoulli(p, U, hard=False), relaxed_bernoulli(p, U, hard=True)
    assert hard.mean().item() == pytest.approx(probability, abs=0.01)
    assert torch.equal((soft > 0.5).float(), hard)
    assert soft.mean().item() == pytest.approx(probability, rel=0.13)


@pytest.mark.parametrize("hard", [False, True])
def test_nothing_at_0_and_everything_at_1(hard):
    edges = torch.tensor([[0.0, 0.5, 1.0]])
    assert relaxed_bernoulli(torch.zeros(1, 1), edges, hard=hard).tolist() == [[0.0, 0.0, 0.0]]
    assert relaxed_bernoulli(torch.ones(1, 1), edges, hard=hard).tolist() == [[1.0, 1.0, 1.0]]


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.5, 1.0])
def test_the_gradient_is_finite_and_that_of_the_mean(probability):
    p = torch.full((1, 1), probability, requires_grad=True)
    relaxed_bernoulli(p, U, hard=False).mean().backward()
    assert p.grad.isfinite().all()
    if 0 < probability < 1:
        high, low = (relaxed_bernoulli(p.detach() + step, U, hard=False).mean() for step in (0.05, -0.05))
        assert p.grad.item() == pytest.approx(((high - low) / 0.1).item(), rel=0.1)
