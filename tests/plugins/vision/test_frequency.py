"""Frequency mix: what is kept of each image, and who is whose partner."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import keyed_generator
from augrad_vision.frequency import FrequencyMix, frequency_mix
from augrad_vision.spectrum import cosines, gaussian_blur


def test_coarse_of_one_fine_of_the_other():
    basis = cosines(16, 16, torch.zeros(1))
    coarse, fine = basis[1].expand(1, 16, 16), basis[15].expand(1, 16, 16)
    x = torch.stack([coarse, fine])
    mixed = frequency_mix(x, torch.tensor([1, 0]), torch.full((2,), 1.5))
    assert torch.allclose(mixed[0], coarse + fine, atol=0.1)
    assert torch.allclose(mixed[1], torch.zeros_like(fine), atol=0.1)


def test_is_low_pass_plus_high_pass():
    x, sigma, partner = torch.rand(3, 3, 8, 8), torch.tensor([0.5, 1.0, 2.0]), torch.tensor([2, 0, 1])
    expected = gaussian_blur(x, sigma) + x[partner] - gaussian_blur(x[partner], sigma)
    assert torch.allclose(frequency_mix(x, partner, sigma), expected, atol=1e-5)


@given(n_samples=st.integers(2, 20), seed=st.integers(0, 1000))
def test_everybody_is_partner_of_one_other(n_samples, seed):
    partner = FrequencyMix().draw_noise(torch.zeros(n_samples, 1, 2, 2), keyed_generator(seed))
    assert sorted(partner.tolist()) == list(range(n_samples))
    assert (partner != torch.arange(n_samples)).all()


@pytest.mark.parametrize("n_samples", [0, 1])
def test_alone_nothing_changes(n_samples):
    x = torch.rand(n_samples, 3, 4, 4)
    noise = FrequencyMix().draw_noise(x, keyed_generator(0))
    assert torch.allclose(FrequencyMix()(x, sigma=torch.full((n_samples,), 2.0), noise=noise), x, atol=1e-6)
