"""Strength: magnitudes behind a bijection, frozen at their exact ends, set through its inverse."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import MagnitudeError
from augrad.layers.strength import GlobalStrength

inside = st.floats(0.001, 0.999)


@given(magnitudes=st.lists(inside, min_size=1, max_size=5), raised=inside)
def test_what_is_set_is_what_is_drawn_with(magnitudes, raised):
    strength = GlobalStrength(torch.tensor(magnitudes))
    torch.testing.assert_close(strength.magnitudes, torch.tensor(magnitudes))
    assert torch.equal(strength(torch.zeros(3, 1)), strength.magnitudes.expand(3, -1))
    strength.set(torch.full((len(magnitudes),), raised))
    torch.testing.assert_close(strength.magnitudes, torch.full((len(magnitudes),), raised))


@given(raw=st.floats(-30, 30))
def test_a_magnitude_is_within_its_bounds_and_its_gradient_is_alive(raw):
    strength = GlobalStrength(torch.tensor([0.5]))
    with torch.no_grad():
        strength.raw_magnitudes.fill_(raw)
    strength.magnitudes.sum().backward()
    assert 0 <= strength.magnitudes.item() <= 1
    # In single precision the upper end rounds to 1 beyond 17: still no trap, since the optimizer moves the raw number.
    assert strength.raw_magnitudes.grad.item() > 0 or raw > 16


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_the_exact_ends_stay_where_they_are(optimizer):
    strength = GlobalStrength(torch.tensor([0.0, 1.0, 0.5]))
    steps = optimizer(strength.parameters(), lr=0.1, weight_decay=0.0)
    for _ in range(3):
        steps.zero_grad()
        (strength(torch.zeros(2, 1)) * torch.tensor([-1.0, 1.0, 1.0])).sum().backward()
        steps.step()
    assert strength.magnitudes[:2].tolist() == [0.0, 1.0]
    assert strength.magnitudes[2] < 0.5


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_magnitude_outside_its_bounds_is_refused_and_nothing_changes(bad):
    with pytest.raises(MagnitudeError, match=r"magnitude must lie in \[0, 1\] \(the fraction .*\), but got"):
        GlobalStrength(torch.tensor([0.5, bad]))
    strength = GlobalStrength(torch.tensor([0.5, 0.25]))
    with pytest.raises(MagnitudeError, match="but got"):
        strength.set(torch.tensor([0.1, bad]))
    assert strength.magnitudes.tolist() == [0.5, 0.25]


def test_it_works_without_any_parameter():
    strength = GlobalStrength(torch.zeros(0))
    assert strength(torch.zeros(3, 1)).shape == (3, 0)
    assert repr(strength) == "GlobalStrength(n_parameters=0)"
