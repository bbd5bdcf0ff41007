"""What is read off tensors for an audit: one row per sample, from that sample alone, in which traces are seen."""

from __future__ import annotations

import pytest
import torch
from tests.core.bag_transforms import bag

from augrad.errors import InputError, InputTypeError
from augrad.transform.sample_features import flat_features, share, tensor_side_effects

SHAPES = [(5,), (2, 9), (3, 8, 8), (1, 3, 8), (1, 2, 5, 6)]

both = pytest.mark.parametrize("read", [flat_features, tensor_side_effects])


def effects(x):
    return tensor_side_effects("mine.shift", x)[0].tolist()


@both
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n_samples", [0, 1, 4])
def test_one_row_per_sample(read, shape, n_samples):
    x = torch.rand(n_samples, *shape, requires_grad=True)
    rows = read("mine.shift", x)
    assert rows.shape == (n_samples, read("mine.shift", torch.zeros(1, *shape)).shape[1])
    assert rows.isfinite().all()
    assert not rows.requires_grad


@both
@pytest.mark.parametrize("shape", SHAPES)
def test_a_sample_stands_for_itself(read, shape):
    x = torch.rand(4, *shape)
    assert torch.equal(read("mine.shift", x)[2:3], read("mine.shift", x[2:3]))


@both
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.float64, torch.float64),
        (torch.bfloat16, torch.float32),
        (torch.uint8, torch.float32),
        (torch.bool, torch.float32),
    ],
)
def test_dtypes(read, given, expected):
    assert read("mine.shift", torch.ones(2, 1, 6).to(given)).dtype is expected


def test_features_are_all_values_and_miss_what_is_missing():
    x = torch.tensor([[1.0, torch.nan], [3.0, 4.0]])
    rows = flat_features("mine.shift", x)
    assert torch.equal(rows.isnan(), x.isnan())
    assert rows[1].tolist() == [3.0, 4.0]


@both
@pytest.mark.parametrize("x", [bag([torch.ones(2)]), torch.ones(2, 2, dtype=torch.complex64)])
def test_other_types_are_refused_with_the_way_out(read, x):
    got = "complex64" if isinstance(x, torch.Tensor) else "Bag"
    with pytest.raises(
        InputTypeError, match=rf"mine\.shift: \w+ expects a tensor .* but got .*{got}.*override"
    ) as error:
        read("mine.shift", x)
    assert error.value.transform == "mine.shift"


@both
@pytest.mark.parametrize("shape", [(), (3,), (3, 0), (3, 2, 0)])
def test_shapes_without_samples_or_values_are_refused(read, shape):
    with pytest.raises(InputError, match="at least 2 axes and at least 1 value per sample, but got shape") as error:
        read("mine.shift", torch.zeros(shape))
    assert error.value.shape == shape


def test_clipping_missing_values_and_zeros_are_seen():
    clipped = torch.linspace(-1, 1, 10).clamp(-0.5, 0.3)[None]
    assert effects(clipped) == pytest.approx([0.3, 0.4, 0.0, 0.0])
    row = torch.tensor([[0.0, 0.0, 2.0, torch.nan, torch.inf, -torch.inf, 1.0, 0.5]])
    assert effects(row) == pytest.approx([0.25, 0.125, 0.25, 0.375])


def test_a_sample_without_any_number_has_finite_effects():
    assert effects(torch.full((1, 2, 8), torch.nan)) == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]


def test_tables_have_no_borders_and_short_axes_no_ends():
    counts = [
        tensor_side_effects("a.b", torch.rand(2, *shape)).shape[1] for shape in [(20,), (9, 3), (9, 4), (3, 8, 3)]
    ]
    assert counts == [4, 4, 12, 12]


def test_a_zero_border_is_seen_at_its_end():
    image = 0.1 + torch.rand(1, 3, 8, 12)
    shifted = image.clone()
    shifted[..., :2] = 0
    clean, moved = (tensor_side_effects("a.b", x)[0, 4:].reshape(4, 4) for x in (image, shifted))
    top, bottom, left, right = range(4)
    assert moved[left].tolist() == pytest.approx([0.0, 0.0, 1.0, 1 / 3])
    assert torch.equal(moved[right], clean[right])
    assert clean[:, 2:].max() == 0
    assert moved[[top, bottom], 2].tolist() == pytest.approx([1 / 6, 1 / 6])


def test_mean_and_spread_of_the_outermost_slice():
    signal = torch.rand(1, 3, 8)
    found = tensor_side_effects("a.b", signal)[0, 4:].reshape(2, 4)
    for row, end in zip(found, (signal[0, :, 0], signal[0, :, -1]), strict=True):
        assert row[:2].tolist() == pytest.approx([end.mean().item(), end.std(correction=0).item()])


def test_a_repeated_edge_is_seen():
    signal = torch.rand(1, 1, 16)
    signal[..., 13:] = signal[..., 13:14]
    found = tensor_side_effects("a.b", signal)[0, 4:].reshape(2, 4)
    assert found[:, 3].tolist() == [0.0, 0.5]


def test_share():
    assert share(torch.ones(2, 3, dtype=torch.bool), torch.float64).tolist() == [1.0, 1.0]
