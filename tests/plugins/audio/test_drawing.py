"""Tests of the pictures of signals: what is drawn, to which scale, and where it begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from augrad_audio.drawing import draw_outline, draw_series, draw_sound

TONE = torch.sin(torch.arange(2000) * 2 * torch.pi * 1000 / 8000).expand(1, 2, -1)


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


class TestSeries:
    def test_a_line_per_channel(self, axes: Axes) -> None:
        signal = torch.rand(1, 3, 20)
        draw_series(axes, signal, colour="red")
        assert len(axes.lines) == 3
        assert np.asarray(axes.lines[1].get_ydata()) == pytest.approx(signal[0, 1].numpy())
        assert same_color(axes.lines[0].get_color(), "red")

    def test_the_original_stands_behind_and_sets_the_scale(self, axes: Axes) -> None:
        original = torch.rand(1, 1, 20)
        draw_series(axes, 10 * original, original=original, colour="red")
        assert [same_color(line.get_color(), "red") for line in axes.lines] == [False, True]
        assert axes.get_ylim()[1] < 2

    def test_a_constant_signal_has_room(self, axes: Axes) -> None:
        draw_series(axes, torch.zeros(1, 1, 5))
        assert axes.get_ylim() == (-1.0, 1.0)


class TestSound:
    def test_waveform_above_spectrogram(self, axes: Axes) -> None:
        draw_sound(axes, TONE, sample_rate=8000)
        above, below = axes.child_axes
        assert len(above.lines) == 1
        (picture,) = below.images
        values = np.asarray(picture.get_array())
        peak_hz = values[:, values.shape[1] // 2].argmax() / (len(values) - 1) * 4000
        assert peak_hz == pytest.approx(1000, abs=40)
        assert [label.get_text() for label in below.get_yticklabels()] == ["0", "4 kHz"]
        assert [label.get_text() for label in below.get_xticklabels()] == ["0", "0.25 s"]

    def test_colours_mean_the_same_for_copies(self, axes: Axes) -> None:
        other = Figure().subplots()
        draw_sound(axes, TONE, sample_rate=8000)
        draw_sound(other, 0.1 * TONE, original=TONE, sample_rate=8000)
        limits = [each.child_axes[1].images[0].get_clim() for each in (axes, other)]
        assert limits[0] == limits[1]
        assert not other.child_axes[1].get_xticklabels()

    @pytest.mark.parametrize("signal", [torch.zeros(1, 1, 1000), torch.ones(1, 1, 10)])
    def test_silent_and_short(self, axes: Axes, signal: torch.Tensor) -> None:
        draw_sound(axes, signal)
        assert np.isfinite(np.asarray(axes.child_axes[1].images[0].get_array())).all()


class TestOutline:
    def corner(self, axes: Axes) -> tuple[float, float]:
        """Where the farthest point of the outline is drawn."""
        x, y = (np.asarray(values) for values in axes.lines[-2].get_data())
        farthest = np.hypot(x, y).argmax()
        return float(x[farthest]), float(y[farthest])

    @pytest.mark.parametrize(("shift", "place"), [(0, (0, 4 / 3)), (25, (4 / 3, 0)), (50, (0, -4 / 3))])
    def test_a_shift_turns_it_under_the_dot(self, axes: Axes, shift: int, place: tuple[float, float]) -> None:
        signal = torch.zeros(1, 1, 100)
        signal[..., 0] = 3.0
        draw_outline(axes, signal.roll(shift, -1), original=signal)
        assert self.corner(axes) == pytest.approx(place, abs=1e-9)
        dot = axes.lines[-1].get_xydata()
        assert dot[0][0] == pytest.approx(0.0)
        assert dot[0][1] > 0

    def test_is_closed_and_named_where_it_begins(self, axes: Axes) -> None:
        draw_outline(axes, torch.rand(1, 1, 30))
        line = axes.lines[0].get_xydata()
        assert line[0] == pytest.approx(line[-1])
        assert [text.get_text() for text in axes.texts] == ["start"]

    def test_the_original_sets_the_scale(self, axes: Axes) -> None:
        signal = torch.rand(1, 1, 30)
        draw_outline(axes, 3 * signal, original=signal)
        assert len(axes.lines) == 3
        assert axes.get_xlim() == (-1.42, 1.42)
        assert not axes.texts


@pytest.mark.parametrize("draw", [draw_series, draw_sound, draw_outline])
def test_takes_what_training_holds(draw: Callable[..., None], axes: Axes) -> None:
    signal = torch.rand(1, 1, 64, dtype=torch.bfloat16, requires_grad=True)
    draw(axes, signal, original=signal, colour="black")
    Figure.savefig(axes.figure, "/dev/null", format="svg")
