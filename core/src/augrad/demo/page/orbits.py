"""Draws a sample and its augmented copies, with the demo's drawing function or by their shape. Used by document.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from augrad import batch
from augrad.demo.results import DemoResult, Orbit
from augrad.report.style import INK, MUTED, RULE_COLOURS
from augrad.transform.drawing import draw_image, draw_lines, is_drawable, is_image, limits_of

ROW_COLOURS = {
    "before training": RULE_COLOURS["none"],
    "learned": RULE_COLOURS["augrad"],
    "oracle": RULE_COLOURS["oracle"],
}


def drawable(result: DemoResult) -> Orbit | None:
    """Returns the orbit of a demo if its samples can be drawn: by the demo itself, or as images, series or vectors."""
    orbit = result.orbit
    if orbit is None or result.demo.draw is not None:
        return orbit
    return orbit if is_drawable(orbit.sample) else None


def copies_of(rows: Any) -> list[Any]:
    """Returns the copies in a row of an orbit, each as a batch with one sample."""
    where = batch.device(rows)
    return [batch.select(rows, torch.tensor([index], device=where)) for index in range(batch.count(rows))]


def draw_original(axes: Axes, result: DemoResult, orbit: Orbit) -> None:
    """Draws the large picture of the unchanged sample."""
    _drawing(result, orbit)(_blank(axes), orbit.sample, original=None, colour=INK)


def draw_copies(
    figure: Figure | SubFigure, result: DemoResult, orbit: Orbit, label: str, copies: Sequence[Any]
) -> None:
    """Draws copies of the sample side by side, on the scale of the original.

    Args:
        figure: an empty figure; the ratio of its width to its height is the number of copies.
        result: result of the demo.
        orbit: the orbit of the sample.
        label: label of the row of the copies.
        copies: batches with one sample.
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
        return draw_image
    return partial(draw_lines, limits=limits_of([orbit.sample, *(copies for _, copies in orbit.rows)]))
