"""What an audit asks of transforms of images: pixels, traces at the border, and a picture."""

from __future__ import annotations

import pytest
import torch
from matplotlib.figure import Figure

from augrad_vision.geometric import Rotate, TranslateX
from augrad_vision.images import ImageTransform


@pytest.mark.parametrize("n_samples", [0, 1, 3])
def test_one_row_per_image(n_samples):
    x = torch.rand(n_samples, 3, 6, 8)
    assert torch.equal(ImageTransform.features(x), x.flatten(1))
    assert Rotate().side_effects(x).shape == (n_samples, 4 + 4 * 4)


def test_what_a_translation_leaves_at_the_border_is_seen():
    x = 0.1 + 0.8 * torch.rand(1, 1, 8, 8)
    moved = TranslateX()(x, offset=torch.tensor([0.4]))
    clean, left = (ImageTransform.side_effects(each)[0] for each in (x, moved))
    assert clean[2] == 0
    assert left[2] > 0.2
    assert left[4:].reshape(4, 4)[2:, 2].max() == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_draw_shows_the_image(channels):
    axes = Figure().subplots()
    Rotate.draw(axes, torch.rand(1, channels, 6, 8), original=torch.rand(1, channels, 6, 8))
    assert len(axes.images) == 1
