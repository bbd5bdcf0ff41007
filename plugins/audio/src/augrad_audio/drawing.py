"""Pictures of a signal for reports: as sound, as a series, as a closed outline. Used by demo.py and signals.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augrad_audio.signals import Number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT = "#9aa4b2"
"""Colour of the original behind a changed copy."""

START_COLOUR = "#c8406a"
"""Colour of the point at which an outline's series begins."""

N_FFT = 256
DYNAMIC_RANGE_DB = 60.0


def draw_signal(axes: Axes, sample: Tensor, *, original: Tensor | None = None, colour: str = "black") -> None:
    """Draws any signal: long signals as sound, signals shorter than a window of the spectrum as a series.

    Args:
        axes: axes to draw on.
        sample: a batch of a single waveform `(1, channels, time)` or spectrogram `(1, channels, freq, time)`.
        original: the sample before it was changed, which sets the scale; None if `sample` is the original.
        colour: colour of the waveform.
    """
    sample = torch.where(sample.isfinite(), sample, 0)
    original = None if original is None else torch.where(original.isfinite(), original, 0)
    if sample.ndim == 4:
        _draw_spectrogram(axes, sample, original=original)
    else:
        draw = draw_series if sample.shape[2] < N_FFT else draw_sound
        draw(axes, sample, original=original, colour=colour)


def draw_series(
    axes: Axes, sample: Float[Tensor, "1 channels time"], *, original: Tensor | None = None, colour: str = "black"
) -> None:
    """Draws the signal as a line per channel, in front of the original.

    Args:
        axes: axes to draw on.
        sample: a batch of a single signal.
        original: the sample before it was changed, which sets the scale; None if `sample` is the original.
        colour: colour of the line.
    """
    if original is not None:
        axes.plot(_array(original).T, color=FAINT, lw=0.7, alpha=0.6)
    axes.plot(_array(sample).T, color=colour, lw=0.9)
    low, high = _limits(_array(sample if original is None else original))
    axes.set_ylim(low, high)
    axes.margins(x=0)


def draw_sound(
    axes: Axes,
    sample: Float[Tensor, "1 channels time"],
    *,
    original: Tensor | None = None,
    colour: str = "black",
    sample_rate: Number | None = None,
) -> None:
    """Draws the waveform above its spectrogram; both show the mean over channels.

    The brightest colour of the spectrogram is the original's loudest moment; the darkest colour is 60 dB below.

    Args:
        axes: axes to draw on.
        sample: a batch of a single signal.
        original: the sample before it was changed, which sets the scales; None if `sample` is the original.
        colour: colour of the waveform.
        sample_rate: in Hz. If given, the large picture has ticks in seconds and kHz.
    """
    reference = sample if original is None else original
    wave = _array(sample).mean(axis=0)
    axes.set_axis_off()
    above, below = axes.inset_axes((0.0, 0.66, 1.0, 0.34)), axes.inset_axes((0.0, 0.0, 1.0, 0.63))
    for part in (above, below):
        part.set(xticks=[], yticks=[])
        part.grid(visible=False)
    seconds = len(wave) / (sample_rate or len(wave))
    above.plot(np.linspace(0, seconds, len(wave)), wave, color=colour, lw=0.6)
    above.set_xlim(0, seconds)
    above.set_ylim(*_limits(_array(reference).mean(axis=0, keepdims=True)))
    above.set_axis_off()
    loudest = _decibels(reference).max()
    top = 1.0 if sample_rate is None else sample_rate / 2000
    below.imshow(
        _decibels(sample),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=loudest - DYNAMIC_RANGE_DB,
        vmax=loudest,
        extent=(0, seconds, 0, top),
    )
    if original is None and sample_rate is not None:
        below.set_xticks([0, seconds], ["0", f"{seconds:.3g} s"], fontsize=8)
        below.set_yticks([0, top], ["0", f"{top:.3g} kHz"], fontsize=8)


def draw_outline(
    axes: Axes, sample: Float[Tensor, "1 channels time"], *, original: Tensor | None = None, colour: str = "black"
) -> None:
    """Draws a closed outline as the shape itself; the series is the distance from a centre along a walk round it.

    A dot at the top marks the start of the series, so a cyclic shift of the series turns the shape under the dot. Only
    the first channel is drawn. Distances may be standardised: the original's smallest distance is drawn a third of the
    range away from the centre.

    Args:
        axes: axes to draw on.
        sample: a batch of a single outline.
        original: the sample before it was changed, which sets the scale; None if `sample` is the original.
        colour: colour of the outline.
    """
    reference = _array(sample if original is None else original)[0]
    low, reach = float(reference.min()), float(reference.max() - reference.min()) or 1.0
    if original is not None:
        axes.plot(*_round(reference, low, reach), color=FAINT, lw=0.7, alpha=0.7)
    x, y = _round(_array(sample)[0], low, reach)
    axes.fill(x, y, color=colour, alpha=0.16, lw=0)
    axes.plot(x, y, color=colour, lw=1.2)
    axes.plot(x[0], y[0], "o", color=START_COLOUR, ms=3.2 if original is not None else 6)
    if original is None:
        axes.annotate("start", (x[0], y[0]), (8, -4), textcoords="offset points", color=START_COLOUR, fontsize=9)
    axes.set_aspect("equal")
    axes.set(xlim=(-1.42, 1.42), ylim=(-1.42, 1.42))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_spectrogram(axes: Axes, sample: Float[Tensor, "1 channels freq time"], *, original: Tensor | None) -> None:
    """Draws the mean over channels, on the colour scale of the original."""
    scale = _array(sample if original is None else original).mean(axis=0)
    axes.imshow(
        _array(sample).mean(axis=0), origin="lower", aspect="auto", cmap="magma", vmin=scale.min(), vmax=scale.max()
    )


def _round(series: np.ndarray, low: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Computes a closed line round the origin, clockwise from the top; the original's largest radius is 4/3."""
    radius = np.clip((series - low) / reach + 1 / 3, 0.0, None)
    angle = np.linspace(0, 2 * np.pi, len(series), endpoint=False)
    x, y = radius * np.sin(angle), radius * np.cos(angle)
    return np.append(x, x[0]), np.append(y, y[0])


def _decibels(sample: Tensor) -> np.ndarray:
    """Computes the log power of the short-time spectrum, `(freq, frames)`."""
    wave = sample.detach().float().cpu()[0].mean(dim=0)
    n_fft = min(N_FFT, len(wave))
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(wave, n_fft, max(1, n_fft // 4), window=window, pad_mode="constant", return_complex=True)
    power: np.ndarray = spectrum.abs().square().clamp_min(torch.finfo(torch.float32).tiny).log10().numpy()
    return 10 * power


def _array(sample: Tensor) -> np.ndarray:
    """Converts the sample to an array `(channels, time)`."""
    values: np.ndarray = sample.detach().double().cpu().numpy()[0]
    return values


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Computes limits with room for a change that makes the signal half as large again."""
    low, high = float(values.min()), float(values.max())
    room = 0.25 * (high - low) or 1.0
    return low - room, high + room
