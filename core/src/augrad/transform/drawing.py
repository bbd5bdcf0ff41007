"""Draws a sample that is a tensor on matplotlib's axes, as an image or as lines. Does not load matplotlib.

Used by transform.py, and by demo/page/orbits.py for demos without their own drawing function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from augrad.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1f2329"
MUTED = "#6b7482"

ROOM = 0.25
"""Margin above and below the original's lines, as a part of their height. It has room for lines 1.5 times as high."""


def is_image(sample: Tensor) -> bool:
    """Whether a sample has the shape of a grey or colour image.

    Example:
        >>> import torch
        >>> is_image(torch.zeros(1, 8, 8)), is_image(torch.zeros(2, 100))
        (True, False)
    """
    return sample.ndim == 3 and sample.shape[0] in (1, 3)


def is_drawable(x: Any) -> bool:
    """Whether the samples of a batch can be drawn by this module: images, series or vectors.

    Example:
        >>> import torch
        >>> [is_drawable(torch.zeros(1, *shape)) for shape in ((3, 8, 8), (2, 100), (7,), (2, 3, 4, 5))]
        [True, True, True, False]
    """
    return isinstance(x, Tensor) and (x.ndim in (2, 3) or (x.ndim == 4 and is_image(x[0])))


def draw_sample(axes: Axes, sample: Any, *, original: Tensor | None, colour: str, name: str) -> None:
    """Draws an image as an image, and every other sample that `is_drawable` as lines, on the scale of the original.

    Args:
        axes: axes without ticks.
        sample: a batch with one sample.
        original: the same sample before it was changed, or None if `sample` is the original.
        colour: colour of the lines.
        name: name of the transform, for the error message.

    Raises:
        InputTypeError: `sample` is not a tensor.
        InputError: `sample` has a shape that cannot be drawn.
    """
    if not isinstance(sample, Tensor):
        raise InputTypeError(
            f"{name} can draw a tensor (1, ...), but got {type(sample).__name__}. Override draw(axes, sample, ...) in "
            "the base class of the modality.",
            transform=name,
        )
    if sample.shape[:1] != (1,) or not is_drawable(sample):
        raise InputError(
            f"{name} can draw one image (1, channels, height, width) in 1 or 3 channels, one series "
            f"(1, channels, time) or one vector (1, features), but got shape {tuple(sample.shape)}. Override "
            "draw(axes, sample, ...) in the base class of the modality.",
            transform=name,
            shape=tuple(sample.shape),
        )
    if is_image(sample[0]):
        draw_image(axes, sample, original=original, colour=colour)
    else:
        limits = limits_of([sample if original is None else original], room=ROOM)
        draw_lines(axes, sample, original=original, colour=colour, limits=limits)


def draw_image(axes: Axes, sample: Tensor, *, original: Tensor | None, colour: str) -> None:
    """Draws pixels from 0 (black) to 1 (white).

    If the original leaves [0, 1], as standardised images do, its scale is used.
    """
    pixels = _array(sample).transpose(1, 2, 0)
    low, high = _span([sample if original is None else original])
    if low < 0 or high > 1:
        pixels = (pixels - low) / ((high - low) or 1.0)
    shown = np.clip(np.nan_to_num(pixels), 0, 1)
    axes.imshow(shown[..., 0] if shown.shape[2] == 1 else shown, cmap="gray", vmin=0, vmax=1, interpolation="none")
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_lines(
    axes: Axes, sample: Tensor, *, original: Tensor | None, colour: str, limits: tuple[float, float]
) -> None:
    """Draws a line for each channel, with the original's faint lines behind.

    Args:
        axes: axes without ticks.
        sample: a batch with one sample.
        original: the same sample before it was changed, or None.
        colour: colour of the lines.
        limits: limits of the vertical axis.
    """
    if original is not None:
        axes.plot(np.atleast_2d(_array(original)).T, color=MUTED, lw=0.7, alpha=0.6)
    axes.plot(np.atleast_2d(_array(sample)).T, color=colour, lw=1.1)
    axes.set_ylim(*limits)
    axes.margins(x=0)


def limits_of(samples: Sequence[Tensor], *, room: float = 0.05) -> tuple[float, float]:
    """Returns a common scale for the lines of all samples, so that they can be compared.

    Args:
        samples: the samples.
        room: margin above and below, as a part of the height.

    Example:
        >>> limits_of([torch.tensor([0.0, float("nan")]), torch.tensor([2.0])])
        (-0.1, 2.1)
    """
    low, high = _span(samples)
    margin = room * (high - low) or 1.0
    return low - margin, high + margin


def _span(samples: Sequence[Tensor]) -> tuple[float, float]:
    """Returns the smallest and the largest number of all samples; 0 and 0 if there are no numbers."""
    known = [sample[sample.isfinite()] for sample in map(torch.detach, samples)]
    known = [values for values in known if len(values)]
    low = min((float(values.min()) for values in known), default=0.0)
    high = max((float(values.max()) for values in known), default=0.0)
    return low, high


def _array(sample: Tensor) -> np.ndarray:
    """Returns the only sample of a batch."""
    values: np.ndarray = sample[0].detach().to(torch.float64).cpu().numpy()
    return values
