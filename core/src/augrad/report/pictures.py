"""Pictures of samples, in the style of their modality. Used by the pages of audits and of `find_policy`."""

from __future__ import annotations

from typing import Any

import torch
from markupsafe import Markup
from matplotlib.figure import Figure

from augrad import batch
from augrad.report.panels import page_svg
from augrad.report.style import styled

SIZE = 1.6
"""Width and height of a picture, in inches."""


def picture(draw: Any, sample: Any, original: Any, colour: str, label: str) -> Markup:
    """Returns the picture of a sample as an SVG element.

    Args:
        draw: draws a sample on axes; see `Transform.draw`.
        sample: a batch with one sample.
        original: the same before it was changed, for the scale.
        colour: colour of lines.
        label: a description for readers who cannot see the picture; unique on the page.
    """
    with styled():
        figure = Figure(figsize=(SIZE, SIZE))
        axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        draw(axes, sample, original=original, colour=colour)
        return page_svg(figure, label)


def sample_at(x: Any, index: int) -> Any:
    """Returns a batch with one of the samples."""
    return batch.select(x, torch.tensor([index], device=batch.device(x)))
