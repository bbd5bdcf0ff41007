"""Tests of the pictures of tensors: what is drawn as what, and to which scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from augrad.errors import InputError, InputTypeError
from augrad.transform.drawing import INK, MUTED, draw_sample, is_drawable, limits_of


@pytest.fixture
def axes() -> Axes:
    made = Figure().subplots()
    made.set(xticks=[], yticks=[])
    return made


def draw(axes: Axes, sample: object, original: torch.Tensor | None = None) -> None:
    draw_sample(axes, sample, original=original, colour="red", name="mine.shift")


@pytest.mark.parametrize(("channels", "shape"), [(1, (8, 6)), (3, (8, 6, 3))])
def test_images(axes: Axes, channels: int, shape: tuple[int, ...]) -> None:
    sample = torch.rand(1, channels, 8, 6, requires_grad=True)
    draw(axes, sample)
    (picture,) = axes.images
    values = np.asarray(picture.get_array())
    assert values.shape == shape
    assert values.reshape(8, 6, -1)[2, 3] == pytest.approx(sample[0, :, 2, 3].tolist())
    assert picture.get_clim() == (0, 1)


def test_images_of_one_row(axes: Axes) -> None:
    draw(axes, torch.rand(1, 1, 1, 6))
    assert np.asarray(axes.images[0].get_array()).shape == (1, 6)


def test_standardised_images_have_the_scale_of_the_original(axes: Axes) -> None:
    original = torch.linspace(-2, 2, 16).reshape(1, 1, 4, 4)
    draw(axes, original + 1, original)
    values = np.asarray(axes.images[0].get_array())
    assert values[0, 0] == pytest.approx(0.25)
    assert values.max() == 1.0


def test_a_line_per_channel_before_the_original(axes: Axes) -> None:
    original = torch.rand(1, 2, 20)
    draw(axes, 10 * original, original)
    assert [same_color(line.get_color(), "red") for line in axes.lines] == [False, False, True, True]
    assert same_color(axes.lines[0].get_color(), MUTED)
    assert axes.get_ylim()[1] < 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int64])
def test_vectors_of_any_dtype(axes: Axes, dtype: torch.dtype) -> None:
    draw(axes, torch.tensor([[0, 2, 1]], dtype=dtype))
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [0.0, 2.0, 1.0]
    assert axes.get_ylim() == (-0.5, 2.5)


@pytest.mark.parametrize("shape", [(1, 5), (1, 2, 5), (1, 1, 4, 4)])
@pytest.mark.parametrize("value", [0.0, 3.0, torch.nan, torch.inf])
def test_what_is_constant_or_missing_can_be_drawn(axes: Axes, shape: tuple[int, ...], value: float) -> None:
    draw(axes, torch.full(shape, value), torch.full(shape, value))
    Figure.savefig(axes.figure, "/dev/null", format="svg")


def test_other_types_are_refused_with_the_way_out(axes: Axes) -> None:
    with pytest.raises(InputTypeError, match=r"mine\.shift can draw a tensor \(1, \.\.\.\), but got dict\. Override"):
        draw(axes, {})


@pytest.mark.parametrize("shape", [(), (1,), (0, 5), (2, 5), (0, 3, 4, 4), (1, 2, 4, 4), (1, 2, 3, 4, 5)])
def test_other_shapes_are_refused_with_the_way_out(axes: Axes, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"mine\.shift can draw one image .* but got shape \(.*\)\. Override") as error:
        draw(axes, torch.zeros(shape))
    assert error.value.shape == shape


def test_what_is_no_tensor_is_not_drawable() -> None:
    assert not is_drawable({"no": "tensor"})


def test_limits_hold_all_samples_with_room() -> None:
    assert limits_of([torch.zeros(2), torch.tensor([1.0, torch.inf])], room=0.1) == pytest.approx((-0.1, 1.1))
    assert limits_of([torch.full((2,), torch.nan)]) == (-1.0, 1.0)


def test_ink_is_the_colour_that_pages_replace() -> None:
    from augrad.report import style

    assert (style.INK, style.MUTED) == (INK, MUTED)
