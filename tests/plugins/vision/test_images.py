"""What every image transform accepts and rejects."""

from __future__ import annotations

import pytest
import torch

from augrad.errors import InputError, InputTypeError
from augrad_vision.geometric import Rotate
from augrad_vision.images import per_image


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (3, 8, 8),
            r"vision.rotate expects images \(batch, channels, height, width\), .* shape \(3, 8, 8\).*x\[None\]",
        ),
        ((2, 3, 8, 8, 8), r"expects images \(batch, channels, height, width\), but got shape \(2, 3, 8, 8, 8\)\.$"),
        ((2, 4, 8, 8), r"expects 1 or 3 channels, but got 4 in shape \(2, 4, 8, 8\)\.$"),
        ((2, 8, 8, 3), r"expects 1 or 3 channels, but got 8 .* x\.permute\(0, 3, 1, 2\)"),
        ((2, 3, 0, 8), "at least 1 x 1 pixels"),
    ],
)
def test_shapes_that_are_no_images(shape, message):
    with pytest.raises(InputError, match=message) as caught:
        Rotate().validate(torch.zeros(shape))
    assert caught.value.shape == shape


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (1, 1, 1, 1), (2, 3, 5, 9)])
def test_accepted_shapes(shape):
    x = torch.rand(shape)
    Rotate().validate(x)
    assert Rotate()(x, angle=torch.zeros(shape[0])).shape == shape


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_integers_are_no_images(dtype):
    with pytest.raises(InputTypeError, match=r"vision\.rotate expects floating-point values"):
        Rotate().validate(torch.zeros(1, 3, 4, 4, dtype=dtype))


def test_per_image_takes_the_dtype_of_the_image():
    assert per_image(torch.ones(2), torch.zeros(1, dtype=torch.bfloat16)).dtype is torch.bfloat16
