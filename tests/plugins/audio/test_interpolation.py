"""Values between samples: accuracy against tones, padding, speed, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError
from augrad_audio.interpolation import PADDINGS, _filters, check_padding, place_dtype, sample


def _tone(cycles, size=256, phase=0.3):
    def at(places):
        return torch.cos(2 * torch.pi * cycles * places / size + phase)

    return at


@given(cycles=st.integers(0, 100), past=st.floats(-300, 300))
def test_tones_up_to_four_fifths_of_the_highest_frequency_are_exact_to_80_db(cycles, past):
    tone, time = _tone(cycles), torch.arange(256.0, dtype=torch.float64)
    y = sample(tone(time)[None, None], (time + past)[None], padding="cyclic")
    assert (y[0, 0] - tone(time + past)).abs().max() < 1e-4


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("n_samples", [1, 2, 7, 64])
def test_at_whole_places_it_is_the_samples(padding, n_samples):
    x = torch.randn(2, 3, n_samples, dtype=torch.float64)
    places = torch.arange(n_samples, dtype=torch.float64).expand(2, -1)
    assert torch.allclose(sample(x, places, padding=padding), x, atol=1e-12)
    assert torch.allclose(sample(x.float(), places, padding=padding), x.float(), atol=3e-6)


@pytest.mark.parametrize("padding", PADDINGS)
@given(first=st.integers(-200, 200))
def test_what_lies_outside(padding, first):
    x = torch.arange(1.0, 6.0)
    y = sample(x[None, None], torch.arange(first, first + 8.0).double()[None], padding=padding)[0, 0]
    surrounded = np.pad(
        x.numpy(), 210, mode={"zeros": "constant", "cyclic": "wrap", "reflection": "symmetric"}[padding]
    )
    assert np.allclose(y, surrounded[210 + first : 218 + first], atol=1e-5)


def test_pieces_join():
    x = torch.randn(1, 1, 32, dtype=torch.float64)
    steps = torch.tensor([[9 - 1e-9, 9.0, 9 + 1e-9]], dtype=torch.float64)
    assert sample(x, steps)[0, 0].diff().abs().max() < 1e-7


@pytest.mark.parametrize(("cycles", "kept"), [(20, 1.0), (63, 1.0), (71, 0.0), (110, 0.0)])
def test_what_places_far_apart_cannot_hold_is_removed(cycles, kept):
    tone, places = _tone(cycles), torch.arange(0, 256.0, 2, dtype=torch.float64)
    y = sample(tone(torch.arange(256.0))[None, None], places[None], padding="cyclic", speed=torch.tensor([2.0]))
    assert torch.allclose(y[0, 0], kept * tone(places).float(), atol=1e-3)


@pytest.mark.parametrize("speed", [1.0, -1.0, 0.5])
def test_nothing_is_removed_where_places_are_as_close_as_samples(speed):
    x, places = torch.randn(1, 1, 64), torch.arange(64.0).double()[None]
    assert torch.allclose(sample(x, places, speed=torch.tensor([speed])), x, atol=3e-6)


@pytest.mark.parametrize("padding", PADDINGS)
def test_gradcheck_in_places_signal_and_speed(padding):
    x = torch.randn(2, 1, 12, dtype=torch.float64, requires_grad=True)
    places = (torch.rand(2, 5, dtype=torch.float64) * 14 - 1).requires_grad_()
    speed = torch.tensor([1.3, 0.8], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *args: sample(args[0], args[1], padding=padding, speed=args[2]), (x, places, speed)
    )


def test_any_axes_between_batch_and_time():
    x, places = torch.randn(2, 3, 4, 16), torch.rand(2, 5).double() * 15
    y = sample(x, places)
    assert y.shape == (2, 3, 4, 5)
    assert torch.allclose(y[1, 2, 3], sample(x[1:, 2, 3:], places[1:])[0, 0], atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    x, places = torch.randn(1, 1, 32).to(dtype), torch.rand(1, 9).double() * 31
    assert torch.equal(sample(x, places), sample(x.float(), places).to(dtype))


def test_autocast_changes_nothing():
    x, places = torch.randn(1, 1, 32), torch.rand(1, 9).double() * 31
    expected = sample(x, places)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(sample(x, places), expected)


def test_long_signals_have_no_jitter():
    size = 480_000
    tone = _tone(size // 3, size)
    places = torch.arange(size - 64.0, size, dtype=torch.float64) + 0.3
    y = sample(tone(torch.arange(size, dtype=torch.float64)).float()[None, None], places[None], padding="cyclic")
    assert (y[0, 0] - tone(places)).abs().max() < 1e-3


def test_places_are_in_double_precision_where_there_is_one():
    assert place_dtype(torch.zeros(1)) is torch.float64


def test_places_that_are_no_numbers_spoil_their_own_values_only():
    places = torch.tensor([[1.0, float("nan"), 2.0]], dtype=torch.float64)
    y = sample(torch.tensor([[[1.0, 2.0, 3.0]]]), places, padding="cyclic")
    assert torch.isnan(y).flatten().tolist() == [False, True, False]


def test_a_first_pass_in_inference_mode_does_no_harm():
    x, places = torch.randn(1, 1, 16, requires_grad=True), torch.rand(1, 4).double()
    _filters.cache_clear()
    with torch.inference_mode():
        sample(x, places)
    sample(x, places).sum().backward()
    assert x.grad.abs().sum() > 0


def test_unknown_padding():
    with pytest.raises(
        ArgumentError, match=r"padding must be one of 'zeros', .* got 'cyclc'\. Did you mean 'cyclic'\?"
    ):
        check_padding("cyclc")
