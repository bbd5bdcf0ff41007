"""What every signal transform accepts and rejects, and what bad signals lead to."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from augrad import AugmentationLayer
from augrad.errors import ArgumentError, InputError, InputTypeError
from augrad.testing.examples import call, noise_for, values_at
from augrad_audio.filters import FrequencyRangeTransform
from augrad_audio.masks import FrequencyMask, TimeMask
from augrad_audio.plugin import augrad_transforms
from augrad_audio.signals import checked_sample_rate, per_signal, samples_per
from augrad_audio.time import Speed, TimeShift


class Hum(FrequencyRangeTransform):
    """Does nothing; a transform that needs the sample rate."""

    assumes = "nothing at all is assumed by this"

    def forward(self, x):
        return x


def _instances():
    for name, target in augrad_transforms().items():
        module, kind = target.split(":")
        kind = getattr(import_module(module), kind)
        yield pytest.param(kind(**kind.example_arguments()), id=name)


every_transform = pytest.mark.parametrize("transform", list(_instances()))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 64), r"audio\.speed expects waveforms \(batch, channels, time\), but got .*\(2, 64\)\. .*x\[:, None\]"),
        ((2, 1, 4, 8), r"audio\.speed expects waveforms \(batch, channels, time\), but got shape \(2, 1, 4, 8\)\.$"),
        ((2, 0, 8), r"at least 1 entry along each axis, but got shape \(2, 0, 8\)"),
        ((2, 1, 0), r"at least 1 entry along each axis, but got shape \(2, 1, 0\)"),
    ],
)
def test_shapes_that_are_no_waveforms(shape, message):
    with pytest.raises(InputError, match=message) as caught:
        Speed().validate(torch.zeros(shape))
    assert caught.value.shape == shape


def test_what_takes_spectrograms_says_so():
    with pytest.raises(
        InputError, match=r"expects spectrograms \(batch, channels, freq, time\), but got .*\(2, 1, 8\)"
    ):
        FrequencyMask().validate(torch.zeros(2, 1, 8))
    with pytest.raises(InputError, match=r"waveforms .* or spectrograms \(batch, channels, freq, time\), but got"):
        TimeMask().validate(torch.zeros(2, 8))


@pytest.mark.parametrize("dtype", [torch.int16, torch.int64, torch.complex64])
def test_integer_samples_are_rejected(dtype):
    with pytest.raises(InputTypeError, match=r"audio\.speed expects floating-point values, but got"):
        Speed().validate(torch.zeros(1, 1, 8, dtype=dtype))


def test_missing_sample_rate_is_named():
    with pytest.raises(ArgumentError, match=r"audio\.hum needs sample_rate.*arguments=\{\"sample_rate\": 8000\}"):
        Hum()
    with pytest.raises(ArgumentError, match=r"audio\.time_shift needs sample_rate.*unit=\"samples\""):
        AugmentationLayer(["audio.time_shift"])


@pytest.mark.parametrize("rate", [0, -8000.0, float("nan"), float("inf")])
def test_sample_rates_that_are_none(rate):
    with pytest.raises(ArgumentError, match=r"audio\.hum: sample_rate must be a finite number of Hz above 0, but got"):
        Hum(sample_rate=rate)


@pytest.mark.parametrize("rate", ["8000", True, [8000]])
def test_sample_rates_that_are_no_numbers(rate):
    with pytest.raises(ArgumentError, match="sample_rate must be a finite number of Hz above 0"):
        checked_sample_rate("audio.hum", rate)


def test_sample_rate_and_nyquist_frequency():
    assert (Hum(sample_rate=8000).sample_rate, Hum(sample_rate=8000).nyquist_hz) == (8000.0, 4000.0)
    assert Hum(**Hum.example_arguments()).sample_rate > 0


def test_durations_in_milliseconds_and_samples():
    assert samples_per("x", "ms", 16000) == 16.0
    assert samples_per("x", "samples", 16000) == samples_per("x", "samples", None) == 1.0


def test_unknown_unit_of_duration():
    with pytest.raises(ArgumentError, match=r"audio\.time_shift: unit must be one of 'ms', 'samples'.*'sample'.* mean"):
        TimeShift(unit="sample")
    with pytest.raises(ArgumentError, match="sample_rate must be a finite number"):
        TimeShift(unit="samples", sample_rate=0)


def test_one_sample_rate_for_a_layer():
    layer = AugmentationLayer(["audio.time_shift", "audio.speed"], arguments={"sample_rate": 8000})
    matrix = next(iter(layer)).matrix(offset=torch.tensor([2.0]))
    assert matrix[0, 0, 1].item() == 16.0


def test_values_are_shaped_like_the_signal():
    assert per_signal(torch.ones(2), torch.zeros(2, 1, 3, 4, dtype=torch.bfloat16)).shape == (2, 1, 1, 1)
    assert per_signal(torch.ones(2), torch.zeros(2, 1, 3, dtype=torch.bfloat16)).dtype is torch.bfloat16


def _signals(transform, n_samples, make):
    shape = tuple(transform.example_batch(n_samples, None).shape)
    return make(shape)


def _passed(transform, x, fraction=0.7):
    """Output, gradients of the values, and gradient of the input."""
    x = x.clone().requires_grad_()
    values = {
        name: value.detach().requires_grad_()
        for name, value in values_at(transform, torch.full((len(x),), fraction)).items()
    }
    y = call(transform, x, values, noise_for(transform, x))
    gradients = torch.autograd.grad(y.nan_to_num().sum(), [x, *values.values()], allow_unused=True)
    return y.detach(), [torch.zeros(()) if gradient is None else gradient for gradient in gradients]


@every_transform
@pytest.mark.parametrize(
    "make",
    [torch.zeros, torch.ones, lambda shape: torch.full(shape, -1e-20), lambda shape: torch.full(shape, 1e4)],
    ids=["silent", "constant", "almost silent", "loud"],
)
def test_silent_and_constant_signals_are_finite_in_value_and_gradient(transform, make):
    y, gradients = _passed(transform, _signals(transform, 3, make))
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@every_transform
@pytest.mark.parametrize("length", [1, 2, 5])
def test_signals_of_few_samples_are_finite_in_value_and_gradient(transform, length):
    x = _signals(transform, 3, torch.rand)[..., :length]
    transform.validate(x)
    y, gradients = _passed(transform, x)
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@every_transform
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_stays_in_its_own_signal(transform, bad):
    x = _signals(transform, 3, torch.rand)
    x[1, ..., 2] = bad
    transform.validate(x)
    y, gradients = _passed(transform, x)
    expected, _ = _passed(transform, x[[0, 2]]) if noise_for(transform, x) is None else (y[[0, 2]], None)
    assert not torch.isfinite(y[1]).all()
    assert torch.isfinite(y[[0, 2]]).all()
    assert torch.allclose(y[[0, 2]], expected, atol=1e-6)
    assert all(torch.isfinite(gradient[[0, 2]]).all() for gradient in gradients if gradient.ndim)
