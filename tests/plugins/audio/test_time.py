"""Time matrices: units and signs against roll, flip, tones and torchaudio; what a stack costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample as scipy_resample

from augrad import AugmentationLayer, AugmentationModule, keyed_generator
from augrad.errors import ArgumentError
from augrad.testing import check_reference
from augrad.transform.ranges import Range
from augrad_audio import interpolation, time
from augrad_audio.backend import resample
from augrad_audio.time import Speed, TimeAction, TimeReverse, TimeShift, affine, resampled


def _noise(n_samples=256, highest=0.35):
    """Noise without frequencies above `highest` cycles per sample, periodic."""
    spectrum = torch.fft.rfft(torch.randn(1, 1, n_samples, dtype=torch.float64))
    spectrum[..., int(highest * n_samples) :] = 0
    return torch.fft.irfft(spectrum, n=n_samples)


@given(shift=st.integers(-300, 300))
def test_whole_cyclic_shifts_are_roll(shift):
    x = torch.randn(2, 3, 50)
    offset = torch.full((2,), float(shift))
    y = TimeShift(unit="samples", padding="cyclic")(x, offset=offset)
    assert torch.allclose(y, torch.roll(x, shift, -1), atol=5e-6)


@given(shift=st.integers(-60, 60))
def test_whole_shifts_bring_in_silence(shift):
    x = torch.randn(1, 1, 40)
    expected = torch.zeros_like(x)
    for t in range(40):
        if 0 <= t - shift < 40:
            expected[..., t] = x[..., t - shift]
    assert torch.allclose(TimeShift(unit="samples")(x, offset=torch.tensor([float(shift)])), expected, atol=5e-6)


@pytest.mark.parametrize("sample_rate", [8000, 44100.0])
def test_a_click_lies_where_it_was_moved(sample_rate):
    x = torch.zeros(1, 1, 2000, dtype=torch.float64)
    x[..., 700] = 1
    y = TimeShift(sample_rate=sample_rate)(x, offset=torch.tensor([10.5]))[0, 0].numpy()
    # The delay of each frequency, from the phase; the sinc is exact below four fifths of the highest.
    turn = np.angle(np.fft.rfft(y) / np.fft.rfft(x[0, 0].numpy()))[1:700]
    delay = -np.unwrap(turn) / (2 * np.pi * np.arange(1, 700) / 2000) / sample_rate
    assert np.allclose(delay, 0.0105, atol=1e-7)
    assert abs(np.abs(y).argmax() - 700 - 0.0105 * sample_rate) <= 0.5


def test_fractional_cyclic_shifts_turn_phases():
    x = _noise()
    y = TimeShift(unit="samples", padding="cyclic")(x, offset=torch.tensor([2.3], dtype=torch.float64))
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(256) * 2.3)
    assert np.allclose(y[0, 0], np.fft.irfft(np.fft.rfft(x[0, 0]) * turn, n=256), atol=3e-4)


def test_reversed_signals_are_flipped():
    x = torch.randn(2, 3, 51)
    assert torch.allclose(TimeReverse()(x), x.flip(-1), atol=5e-6)
    assert torch.allclose(TimeReverse(padding="cyclic")(x), x.flip(-1), atol=5e-6)


@pytest.mark.parametrize("rate", [-1.0, -0.5, 0.25, 1.0])
def test_speed_multiplies_the_frequency(rate):
    seconds = torch.arange(4000) / 8000
    x = torch.sin(2 * math.pi * 500 * seconds)[None, None]
    spectrum = torch.fft.rfft(Speed()(x, rate=torch.tensor([rate]))[0, 0]).abs()
    assert abs(spectrum.argmax().item() * 2 - 500 * 2**rate) <= 2


def test_double_speed_is_every_second_sample_of_what_scipy_low_passes():
    x = _noise(highest=0.24)
    # About the middle, so that places lie half a sample beside the grid.
    y = Speed(padding="cyclic")(x, rate=torch.tensor([1.0], dtype=torch.float64))[0, 0]
    fine = scipy_resample(x[0, 0].numpy(), 512)
    places = 127.5 + 2 * (np.arange(256) - 127.5)
    assert np.allclose(y, fine[np.round(2 * places).astype(int) % 512], atol=1e-3)


def test_double_speed_is_torchaudios_resampling():
    x = torch.nn.functional.pad(_noise(256, 0.15).float() * torch.hann_window(256), (400, 401))
    y = resampled(x, torch.tensor([[[0.5, 0.0], [0.0, 1.0]]]))
    half = resample(x, 8000, 4000)
    assert torch.allclose(y[..., 264 : 264 + half.shape[-1]], half, atol=5e-3)


def test_what_cannot_be_heard_at_double_speed_is_gone_and_not_folded_down():
    x = torch.sin(2 * math.pi * 205 / 512 * torch.arange(512))[None, None]
    y = Speed(padding="cyclic")(x, rate=torch.tensor([1.0]))
    assert y.abs().max() < 1e-3


SLOWER = Range(0.0, low=-0.5, unit="octave")


def _moved(sample, matrix):
    """Sample by sample, by a sum of sincs over the zero-padded signal."""
    n_samples = sample.shape[-1]
    times = np.arange(n_samples) - (n_samples - 1) / 2
    places = (times - matrix[1]) / matrix[0]
    return sample @ np.sinc(places - times[:, None])


@pytest.mark.parametrize(
    ("transform", "matrix"),
    [(TimeShift(sample_rate=500), lambda offset: (1, offset / 2)), (Speed(rate=SLOWER), lambda rate: (2**-rate, 0))],
    ids=["time_shift", "speed"],
)
def test_matrices_against_sums_of_sincs(transform, matrix):
    check_reference(transform, lambda sample, **value: _moved(sample, matrix(**value)), tolerance=2e-3)


def test_a_stack_of_layers_is_the_product_of_its_matrices_resampled_once(monkeypatch):
    calls = []
    monkeypatch.setattr(time, "sample", lambda *a, **kw: calls.append(1) or interpolation.sample(*a, **kw))
    kinds = [TimeShift, Speed, TimeReverse] * 2
    layers = [AugmentationLayer([kind(**kind.example_arguments())], magnitude=0.3) for kind in kinds]
    module = AugmentationModule(layers).eval()
    x = torch.randn(4, 1, 64)
    y, draws = module.augment(x, generator=keyed_generator(0))
    assert len(calls) == 1
    product = torch.eye(2).expand(4, 2, 2)
    for layer, draw in zip(module, draws, strict=True):
        matrix = next(iter(layer)).matrix(**draw.values[0])
        if draw.applied is not None and draw.applied[0] is not None:
            matrix = torch.where(draw.applied[0][:, None, None], matrix, torch.eye(2))
        product = matrix @ product
    assert torch.allclose(y, TimeAction().act(x, product), atol=1e-5)


def test_later_layers_act_later():
    # Reversal turns a delay into an advance.
    x = torch.randn(1, 1, 32)
    shift = TimeShift(unit="samples", padding="cyclic")
    product = TimeReverse().matrix() @ shift.matrix(offset=torch.tensor([3.0]))
    assert torch.allclose(TimeAction("cyclic").act(x, product), torch.roll(x, 3, -1).flip(-1), atol=5e-6)


@pytest.mark.parametrize("transform", [TimeShift(unit="samples"), Speed()], ids=["time_shift", "speed"])
def test_there_and_back(transform):
    window = torch.hann_window(200, dtype=torch.float64)[None, None]
    x = torch.nn.functional.pad(_noise(200, 0.2) * window, (100, 100))
    (name,) = transform.ranges
    value = {name: torch.tensor([0.3 * transform.ranges[name].high], dtype=torch.float64)}
    assert torch.allclose(transform.invert(transform(x, **value), **value), x, atol=2e-3)


def test_gradcheck_in_signal_and_matrix():
    x = torch.randn(1, 1, 9, dtype=torch.float64, requires_grad=True)
    matrix = torch.tensor([[[0.83, 0.21], [0.0, 1.0]]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(resampled, (x, matrix))


def test_dense_outputs_with_any_axes_move_alike():
    y = torch.randn(2, 3, 4, 10)
    moved = TimeShift(unit="samples", padding="cyclic").invert(y, offset=torch.full((2,), 4.0))
    assert torch.allclose(moved, y.roll(-4, -1), atol=5e-6)


def test_empty_batches_keep_their_shape():
    assert resampled(torch.zeros(0, 2, 8), torch.zeros(0, 2, 2)).shape == (0, 2, 8)


def test_ranges_carry_the_unit():
    assert TimeShift(sample_rate=8000).ranges["offset"] == Range(100.0, unit="ms", signed=True)
    assert TimeShift(unit="samples", offset=20.0).ranges["offset"] == Range(20.0, unit="samples", signed=True)


def test_equal_paddings_share_one_action():
    assert TimeShift(sample_rate=1).action == Speed().action == TimeReverse().action != Speed(padding="cyclic").action


def test_unknown_padding():
    with pytest.raises(ArgumentError, match=r"padding must be one of 'zeros', 'cyclic', 'reflection', but got 'roll'"):
        Speed(padding="roll")


def test_matrices_of_slopes_and_offsets():
    assert affine(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))[1].tolist() == [[2.0, 4.0], [0.0, 1.0]]
