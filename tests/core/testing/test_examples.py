"""Example batches, values and noise that the checks use."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.bag_transforms import Louder
from tests.core.signal_transforms import ColumnNoise, Gain, Noise, Turn

from augrad import Range
from augrad.errors import InputTypeError
from augrad.testing import example_batch, floats, smooth
from augrad.testing.examples import (
    fractions_of_interest,
    gap,
    inner_values,
    is_tensor_based,
    noise_parts,
    noise_rows,
    values_at,
)


class Lowpass(Gain):
    """Neutral at its upper end."""

    gain_db = Range(400.0, low=100.0, unit="dB", identity=400.0)


class Words(Gain):
    """Works on lists of words."""

    def example_batch(self, n_samples, generator):
        return ["word"] * n_samples


@given(n_samples=st.integers(0, 4), length=st.integers(4, 40))
def test_smooth_signals_fill_their_range_and_vary_slowly(n_samples, length):
    signals = smooth((n_samples, 2, length))
    assert signals.shape == (n_samples, 2, length)
    if n_samples:
        assert torch.allclose(signals.amin(-1), torch.tensor(0.1).double())
        assert torch.allclose(signals.amax(-1), torch.tensor(0.9).double())
        assert signals.diff(dim=-1).abs().max() <= 0.8 + 1e-9


def test_smooth_images_vary_along_both_axes():
    images = smooth((1, 1, 12, 12), n_axes=2)
    assert images.std(-1).min() > 0
    assert images.std(-2).min() > 0
    assert (images.amin().item(), images.amax().item()) == pytest.approx((0.1, 0.9))


def test_examples_are_reproducible_and_come_in_the_dtype_asked_for():
    assert torch.equal(example_batch(Gain()), example_batch(Gain()))
    assert not torch.equal(example_batch(Gain()), example_batch(Gain(), seed=1))
    assert example_batch(Gain(), 2, torch.bfloat16).dtype == torch.bfloat16
    assert example_batch(ColumnNoise(n_features=7), 2).shape == (2, 7)


def test_a_transform_may_bring_batches_of_another_type():
    louder = Louder()
    assert len(example_batch(louder, 2).lengths) == 2
    assert example_batch(louder, 2, torch.bfloat16).items.dtype == torch.bfloat16
    assert is_tensor_based(Gain())
    assert not is_tensor_based(louder)
    with pytest.raises(InputTypeError, match=r"batch of type list cannot be taken.*augrad\.testing\.mapped"):
        example_batch(Words(), 2)
    with pytest.raises(InputTypeError, match=r"batch of type list cannot be compared.*augrad\.testing\.floats"):
        floats(["word"])


def test_values_go_from_the_identity_to_the_far_end():
    assert values_at(Lowpass(), torch.tensor([0.0, 0.5, 1.0]))["gain_db"].tolist() == [400.0, 250.0, 100.0]
    assert values_at(Gain(), torch.tensor([-1.0]))["gain_db"].tolist() == [-6.0]
    assert values_at(ColumnNoise(), torch.tensor([0.5]))["std"].tolist() == [[0.5] * 5]
    assert min(fractions_of_interest(Lowpass())) == 0
    assert min(fractions_of_interest(Gain())) == -1


@given(seed=st.integers(0, 100))
def test_inner_values_keep_away_from_identity_and_ends(seed):
    for transform in (Gain(), Lowpass(), Turn()):
        (name,) = transform.ranges
        declared = transform.ranges[name]
        fraction = ((inner_values(transform, 8, seed=seed)[name] - declared.identity) / declared.span).abs()
        assert fraction.min() >= 0.15
        assert fraction.max() <= 0.85


def test_noise_may_be_nothing_a_tensor_or_several():
    noise, at = torch.arange(6.0).reshape(3, 2), torch.tensor([2])
    assert noise_parts(None) == ()
    assert noise_parts(noise) == (noise,)
    assert noise_rows(None, at) is None
    assert noise_rows(noise, at).tolist() == [[4.0, 5.0]]
    assert [part.tolist() for part in noise_rows((noise, noise), at)] == [[[4.0, 5.0]]] * 2
    assert noise_parts(Noise().draw_noise(noise, None))[0].shape == (3, 2)


def test_the_gap_between_batches_of_different_shape_is_infinite():
    assert gap(torch.zeros(2, 3), torch.zeros(2, 4)).item() == float("inf")
    assert gap(torch.zeros(0, 3), torch.zeros(0, 3)).item() == 0
    assert gap(torch.zeros(1, 2), torch.tensor([[1.0, -3.0]])).item() == 3
