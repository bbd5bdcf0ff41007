"""Responses of filters against scipy's, and what stays exactly as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from augrad_audio.response import butterworth, filtered, frequencies, mirrored, notch, tilt_change


@pytest.mark.parametrize("cutoff", [0.01, 0.1, 0.25, 0.4, 0.49])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_low_pass_is_the_digital_filter_of_butterworth(cutoff, order):
    frequency = torch.linspace(0, 0.499, 50, dtype=torch.float64)
    gain = 1 + butterworth(frequency, torch.tensor([cutoff], dtype=torch.float64), order)
    numerator, denominator = signal.butter(order, 2 * cutoff)
    _, expected = signal.freqz(numerator, denominator, 2 * np.pi * frequency.numpy())
    assert np.allclose(gain[0], np.abs(expected), atol=1e-6)


@given(centre=st.floats(0.1, 0.4), width=st.floats(0.01, 0.15))
def test_a_notch_has_its_edges_at_half_its_width(centre, width):
    edges = torch.tensor([centre - width / 2, centre + width / 2], dtype=torch.float64)
    grid = torch.cat([torch.tensor([0.0, 1e-6], dtype=torch.float64), edges])  # resolution of 1e-6
    gain = 1 + notch(grid, torch.tensor([centre]).double(), torch.tensor([width]).double())
    assert torch.allclose(gain[0, 2:], torch.tensor(0.5).double().sqrt(), atol=1e-4)


def test_a_tilt_rises_by_the_same_number_of_decibels_in_each_octave():
    frequency = torch.tensor([0.0, 0.05, 0.1, 0.2, 0.4], dtype=torch.float64)
    gain = 1 + tilt_change(frequency, torch.tensor([-3.0], dtype=torch.float64), 0.1)
    decibels = 20 * torch.log10(gain[0])
    assert decibels[0] == 0
    assert torch.allclose(decibels[1:], torch.tensor([3.0, 0.0, -3.0, -6.0]).double(), atol=0.02)


def test_a_tilt_is_level_far_below_its_reference():
    frequency = torch.tensor([0.1 / 2**9, 0.1 / 2**8], dtype=torch.float64)
    gain = 20 * torch.log10(1 + tilt_change(frequency, torch.tensor([6.0], dtype=torch.float64), 0.1))[0]
    assert torch.allclose(gain, torch.tensor(-30.0).double(), atol=0.5)


def test_frequencies_are_those_of_the_mirrored_signal():
    x = torch.randn(1, 1, 7, dtype=torch.float64)
    assert np.allclose(frequencies(x), np.fft.rfftfreq(14))
    assert mirrored(x).shape[-1] == 14
    assert torch.equal(mirrored(x), mirrored(x).flip(-1))


def test_a_filter_that_changes_nothing_returns_the_signal_bit_by_bit():
    x = torch.randn(2, 1, 9)
    assert torch.equal(filtered(x, torch.zeros(2, 10)), x)


def test_an_overwhelming_ratio_does_not_overflow():
    # (tan / tan) ** 8 leaves single precision here.
    frequency = torch.tensor([0.0, 0.499999], dtype=torch.float32)
    cutoff = torch.tensor([1e-5], requires_grad=True)
    change = butterworth(frequency, cutoff)
    change.sum().backward()
    assert change.tolist() == [[0.0, -1.0]]
    assert torch.isfinite(cutoff.grad).all()
