"""What an audit asks of signal transforms: features that tell signals apart, side effects, and a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from augrad.errors import InputError, InputTypeError
from augrad_audio.level import Gain
from augrad_audio.sample_features import MOST_FRAMES, MOST_POINTS, window_length
from augrad_audio.signals import SignalTransform

SHAPES = [(1, 5), (3, 15), (1, 16), (2, 100), (1, 3000), (1, 40_000), (1, 6, 20)]


def tones(n_samples, shape=(1, 2000)):
    frequency = 40 * 2 ** torch.arange(n_samples)[:, None, None].double()
    return torch.sin(2 * torch.pi * frequency * torch.linspace(0, 1, shape[-1]).double()).expand(-1, *shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n_samples", [0, 1, 3])
def test_one_row_of_finite_numbers_per_signal(shape, n_samples):
    x = torch.rand(n_samples, *shape, requires_grad=True)
    for read in (SignalTransform.features, SignalTransform.side_effects, Gain().features):
        rows = read(x)
        assert rows.shape == (n_samples, read(torch.zeros(1, *shape)).shape[1])
        assert rows.isfinite().all()
        assert rows.dtype is torch.float32
        assert not rows.requires_grad


@pytest.mark.parametrize("shape", SHAPES)
def test_a_signal_stands_for_itself(shape):
    x = torch.rand(4, *shape, dtype=torch.float64) * torch.logspace(-3, 3, 4)[:, None, None].double().reshape(
        -1, *[1] * len(shape)
    )
    features = SignalTransform.features(x)
    assert features.dtype is torch.float64
    for at in range(4):
        torch.testing.assert_close(SignalTransform.features(x[at : at + 1])[0], features[at])


def test_long_signals_have_no_more_features():
    bins = window_length(40_000) // 2 + 1
    assert SignalTransform.features(torch.rand(1, 1, 40_000)).shape[1] == bins * MOST_FRAMES + MOST_POINTS + 1


def test_more_signals_than_are_described_at_once():
    x = torch.rand(300, 1, 32)
    torch.testing.assert_close(SignalTransform.features(x)[299:], SignalTransform.features(x[299:]))


@pytest.mark.parametrize(
    "change",
    [
        lambda x: 2 * x,
        lambda x: -x,
        lambda x: x + 1,
        lambda x: x.flip(2),
        lambda x: x.roll(50, 2),
        lambda x: torch.where(torch.arange(200) < 100, x, 0),
    ],
    ids=["level", "sign", "offset", "direction", "place", "silence"],
)
def test_what_may_matter_is_seen(change):
    x = torch.rand(1, 1, 25).repeat_interleave(8, dim=2)
    clean = SignalTransform.features(x)
    noisy = SignalTransform.features(x + 1e-4 * torch.randn(x.shape))
    assert (SignalTransform.features(change(x)) - clean).norm() > 5 * (noisy - clean).norm()


def test_spectra_tell_tones_apart_whatever_their_phase():
    first, second = tones(4), tones(4).roll(7, dims=2)
    apart = torch.cdist(SignalTransform.features(first), SignalTransform.features(second))
    assert apart.argmin(dim=1).tolist() == [0, 1, 2, 3]


def test_slow_signals_count_as_much_by_their_course_as_by_their_spectrum():
    x = torch.nn.functional.interpolate(torch.randn(50, 1, 20), 200, mode="linear")
    features = SignalTransform.features(x)
    n_levels = (window_length(200) // 2 + 1) * (200 // (window_length(200) // 2) + 1)
    levels, course = features[:, :n_levels].var(dim=0).sum(), features[:, n_levels:].var(dim=0).sum()
    assert 1 / 4 < levels / course < 4


@pytest.mark.parametrize("value", [0.0, 3.0, -1e-30, 1e30, torch.nan, torch.inf])
def test_constant_and_broken_signals_have_finite_features(value):
    assert SignalTransform.features(torch.full((2, 1, 64), value)).abs().max() < 1e4
    x = torch.rand(2, 1, 64)
    broken = x.clone()
    broken[0, 0, 3] = value
    assert torch.equal(SignalTransform.features(broken)[1], SignalTransform.features(x)[1])


def test_what_is_no_signal_is_refused():
    with pytest.raises(InputTypeError, match="features expects a tensor"):
        SignalTransform.features([0.0])
    with pytest.raises(InputError, match="at least 1 value per sample"):
        SignalTransform.features(torch.zeros(2, 1, 0))


def test_clipping_and_a_silent_start_are_side_effects():
    x = tones(1)
    clean, clipped = SignalTransform.side_effects(x)[0], SignalTransform.side_effects(x.clamp(-0.5, 0.5))[0]
    assert clipped[:2].min() > 0.25 > 0.05 > clean[:2].max()
    silent = SignalTransform.side_effects(torch.where(torch.arange(2000) < 100, 0, x))[0]
    assert silent[2] - clean[2] > 0.04
    assert (silent[7] - clean[7]).item() == pytest.approx(0.2, abs=0.02)


class TestDraw:
    def test_a_long_signal_as_waveform_and_spectrogram(self):
        axes = Figure().subplots()
        SignalTransform.draw(axes, tones(1), original=None, colour="red")
        above, below = axes.child_axes
        assert same_color(above.lines[0].get_color(), "red")
        assert len(below.images) == 1

    def test_a_short_signal_as_lines_before_the_original(self):
        axes = Figure().subplots()
        x = torch.rand(1, 2, 60)
        x[0, 0, 3] = torch.nan
        Gain().draw(axes, 10 * x, original=x)
        assert len(axes.lines) == 4
        assert axes.get_ylim()[1] < 2

    def test_a_spectrogram_in_the_colours_of_the_original(self):
        axes = Figure().subplots()
        x = torch.linspace(0, 1, 48).reshape(1, 1, 6, 8)
        SignalTransform.draw(axes, 10 * x, original=x)
        (picture,) = axes.images
        assert picture.get_clim() == (0, 1)
        assert np.asarray(picture.get_array()).shape == (6, 8)

    def test_anything_else_as_tensors_are(self):
        axes = Figure().subplots()
        SignalTransform.draw(axes, torch.rand(1, 60))
        assert len(axes.lines) == 1
        with pytest.raises(InputError, match=r"can draw one image .* got shape \(2, 1, 60\)"):
            SignalTransform.draw(axes, torch.rand(2, 1, 60))
        with pytest.raises(InputTypeError, match="can draw a tensor"):
            SignalTransform.draw(axes, [0.0])
