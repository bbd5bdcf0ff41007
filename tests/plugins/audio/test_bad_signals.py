"""Signals that are silent, constant, a single sample, or not a number: every audio transform has a defined answer."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from augrad import keyed_generator
from augrad.testing.examples import call, inner_values
from augrad_audio.plugin import augrad_transforms


def _waveform_transforms():
    for name, target in augrad_transforms().items():
        module, kind_name = target.split(":")
        kind = getattr(import_module(module), kind_name)
        transform = kind(**kind.example_arguments())
        if 3 in transform.layouts:
            yield pytest.param(transform, id=name)


every_transform = pytest.mark.parametrize("transform", list(_waveform_transforms()))


def applied(transform, x, *, gradient=False):
    values = inner_values(transform, len(x), x.dtype)
    leaves = {name: value.requires_grad_() for name, value in values.items()}
    x = x.clone().requires_grad_()
    y = call(transform, x, leaves, transform.draw_noise(x, keyed_generator(0)))
    if not gradient:
        return y
    found = torch.autograd.grad(y.square().sum(), [x, *leaves.values()], allow_unused=True)
    return y, [torch.zeros(()) if part is None else part for part in found]


@every_transform
def test_silence_stays_silent(transform):
    y, gradients = applied(transform, torch.zeros(3, 2, 50), gradient=True)
    assert y.abs().max() < 1e-6
    assert all(torch.isfinite(part).all() for part in gradients)


@every_transform
@pytest.mark.parametrize("level", [1.0, -1e-3, 1e4])
def test_a_constant_has_a_finite_answer_and_gradient(transform, level):
    y, gradients = applied(transform, torch.full((3, 2, 50), level), gradient=True)
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(part).all() for part in gradients)


@every_transform
@pytest.mark.parametrize("n_times", [1, 2, 3])
def test_a_few_samples_are_a_signal(transform, n_times):
    x = torch.linspace(0.5, -0.2, n_times).expand(3, 2, n_times)
    transform.validate(x)
    y, gradients = applied(transform, x, gradient=True)
    assert y.shape == x.shape
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(part).all() for part in gradients)


@every_transform
def test_what_is_no_number_stays_in_its_sample(transform):
    x = torch.randn(3, 2, 50, generator=keyed_generator(1), dtype=torch.float64)
    broken = x.clone()
    broken[1, 0, 20] = torch.nan
    good = torch.tensor([0, 2])
    expected, y = applied(transform, x), applied(transform, broken)
    assert torch.allclose(y[good], expected[good])
    assert torch.isnan(y[1]).any() or transform.name in {"audio.time_mask", "audio.channel_dropout"}
