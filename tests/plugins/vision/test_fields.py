"""Smooth deformations: their size in the units declared, what they do to an image, and undoing them."""

from __future__ import annotations

import pytest
import torch

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_vision.fields import Elastic, RandomFieldAffine, affine_shifts, displaced, elastic_shifts, undoing
from augrad_vision.geometric import Rotate, Scale, TranslateX


def _blob():
    axis = torch.arange(32.0) - 15.5
    return torch.exp(-(axis[:, None] ** 2 + axis**2) / 40).expand(2, 1, 32, 32)


def _constant_waves(field, value):
    waves = torch.zeros(2, 4, 3, 3)
    waves[:, field, 0, 0] = 3 * value
    return waves


def test_elastic_shifts_have_the_size_asked_for_and_do_not_translate():
    waves = torch.randn(3000, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    shifts = elastic_shifts(torch.full((3000,), 2.5), waves, 10, 14)
    assert shifts.square().mean().sqrt().item() == pytest.approx(2.5, abs=0.05)
    assert torch.allclose(shifts.mean((2, 3)), torch.zeros(3000, 2), atol=1e-4)


def test_whole_pixels_are_taken_from_where_the_shift_points():
    x = torch.rand(1, 2, 6, 6)
    shifts = torch.zeros(1, 2, 6, 6)
    shifts[:, 0], shifts[:, 1] = 1, -2
    assert torch.allclose(displaced(x, shifts)[..., 2:, :-1], x[..., :-2, 1:], atol=1e-5)


@pytest.mark.parametrize(
    ("field", "parameter", "value", "transform", "name"),
    [
        (0, "angle", 30.0, Rotate(), "angle"),
        (1, "factor", 0.4, Scale(), "factor"),
        (2, "offset", 0.1, TranslateX(), "offset"),
    ],
)
def test_constant_fields_are_the_affine_map(field, parameter, value, transform, name):
    x, zero = _blob() * torch.linspace(0.5, 1, 32), torch.zeros(2)
    values = {"angle": zero, "factor": zero, "offset": zero, parameter: torch.full((2,), value)}
    shifts = affine_shifts(_constant_waves(field, 1.0), 32, 32, **values)
    expected = transform(x, **{name: torch.full((2,), value)})
    assert torch.allclose(displaced(x, shifts), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("transform", "values"),
    [
        (Elastic(), {"displacement": 1.5}),
        (RandomFieldAffine(), {"angle": 10.0, "factor": 0.1, "offset": 0.03}),
    ],
)
def test_there_and_back(transform, values):
    x = _blob()
    given = {name: torch.full((2,), value) for name, value in values.items()}
    noise = transform.draw_noise(x, keyed_generator(1))
    y = transform(x, **given, noise=noise)
    left = (transform.invert(y, **given, noise=noise) - x).norm()
    assert left < 0.15 * (y - x).norm()


def test_undoing_shifts_cancels_them():
    shifts = elastic_shifts(torch.full((2,), 0.4), torch.randn(2, 2, 3, 3), 16, 16)
    undone = undoing(shifts)
    assert torch.allclose(undone + displaced(shifts, undone, padding="border"), torch.zeros_like(shifts), atol=1e-3)


def test_padding_is_what_comes_in():
    x, noise = torch.ones(2, 1, 8, 8), torch.randn(2, 2, 4, 4)
    black = Elastic()(x, displacement=torch.full((2,), 3.0), noise=noise)
    border = Elastic(padding="border")(x, displacement=torch.full((2,), 3.0), noise=noise)
    assert black.min() < 0.5
    assert torch.allclose(border, x)


@pytest.mark.parametrize("n_waves", [1, 0, True])
def test_fields_need_two_waves(n_waves):
    with pytest.raises(ArgumentError, match=r"vision\.elastic: n_waves must be an int of at least 2"):
        Elastic(n_waves=n_waves)


def test_unknown_padding():
    with pytest.raises(ArgumentError, match="padding must be one of"):
        RandomFieldAffine(padding="mirror")
