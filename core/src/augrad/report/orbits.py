"""One sample and its augmented copies, as the demo draws them or as their shape suggests. Used by document.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from augrad import batch
from augrad.demo.results import DemoResult, Orbit
from augrad.report.style import INK, MUTED, RULE_COLOURS

ROW_COLOURS = {
    "before training": RULE_COLOURS["none"],
    "learned": RULE_COLOURS["augrad"],
    "oracle": RULE_COLOURS["oracle"],
}


def drawable(result: DemoResult) -> Orbit | None:
    """The orbit of a demo if there is a way to draw its samples: the demo's own, or as images, series or vectors."""
    orbit = result.orbit
    if orbit is None or result.demo.draw is not None:
        return orbit
    sample = orbit.sample
    return orbit if isinstance(sample, Tensor) and (is_image(sample[0]) or sample[0].ndim in (1, 2)) else None


def is_image(sample: Tensor) -> bool:
    """Whether a sample has the shape of an image in grey or in colours.

    Example:
        >>> import torch
        >>> is_image(torch.zeros(1, 8, 8)), is_image(torch.zeros(2, 100))
        (True, False)
    """
    return sample.ndim == 3 and sample.shape[0] in (1, 3)


def copies_of(rows: Any) -> list[Any]:
    """The copies of one row of an orbit, each as a batch of one."""
    where = batch.device(rows)
    return [batch.select(rows, torch.tensor([index], device=where)) for index in range(batch.count(rows))]


def draw_original(axes: Axes, result: DemoResult, orbit: Orbit) -> None:
    """The large picture of the sample as it is."""
    _drawing(result, orbit)(_blank(axes), orbit.sample, original=None, colour=INK)


def draw_copies(
    figure: Figure | SubFigure, result: DemoResult, orbit: Orbit, label: str, copies: Sequence[Any]
) -> None:
    """Copies of the sample side by side, to the scale of the original.

    Args:
        figure: an empty figure, as many times as wide as high as there are copies.
        result: of the demo.
        orbit: what is drawn.
        label: of the row they are from.
        copies: batches of one.
    """
    draw, colour = _drawing(result, orbit), ROW_COLOURS.get(label, MUTED)
    panels = figure.subplots(1, len(copies), squeeze=False)
    figure.subplots_adjust(left=0.004, right=0.996, top=0.99, bottom=0.01, wspace=0.06)
    for axes, copied in zip(panels[0], copies, strict=True):
        draw(_blank(axes), copied, original=orbit.sample, colour=colour)


def _blank(axes: Axes) -> Axes:
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    return axes


def _drawing(result: DemoResult, orbit: Orbit) -> Callable[..., None]:
    if result.demo.draw is not None:
        named = inspect.signature(result.demo.draw).parameters
        return partial(result.demo.draw, **{name: value for name, value in result.arguments.items() if name in named})
    if is_image(orbit.sample[0]):
        return _draw_image
    return partial(_draw_lines, limits=_limits([orbit.sample, *(copies for _, copies in orbit.rows)]))


def _draw_image(axes: Axes, sample: Tensor, *, original: Tensor | None, colour: str) -> None:
    pixels = sample[0].detach().cpu().numpy().transpose(1, 2, 0).squeeze()
    axes.imshow(np.clip(pixels, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="none")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_lines(
    axes: Axes, sample: Tensor, *, original: Tensor | None, colour: str, limits: tuple[float, float]
) -> None:
    if original is not None:
        axes.plot(np.atleast_2d(original[0].detach().cpu().numpy()).T, color=MUTED, lw=0.7, alpha=0.6)
    axes.plot(np.atleast_2d(sample[0].detach().cpu().numpy()).T, color=colour, lw=1.1)
    axes.set_ylim(*limits)
    axes.margins(x=0)


def _limits(samples: Sequence[Tensor]) -> tuple[float, float]:
    """One scale for all lines, so that they can be compared."""
    low = min(float(sample.min()) for sample in samples)
    high = max(float(sample.max()) for sample in samples)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room
