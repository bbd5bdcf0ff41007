"""One sample and its augmented copies, drawn as its shape suggests: pictures or lines. Used by document.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from augrad.demo.results import Orbit
from augrad.report.style import INK, MUTED, RULE_COLOURS

ROW_COLOURS = {
    "before training": RULE_COLOURS["none"],
    "learned": RULE_COLOURS["augrad"],
    "oracle": RULE_COLOURS["oracle"],
}


def can_draw(orbit: Orbit | None) -> bool:
    """Whether there is something to draw: images `(1 or 3, height, width)`, series `(channels, time)` or vectors."""
    return orbit is not None and (is_image(orbit.sample) or orbit.sample.ndim in (1, 2))


def is_image(sample: Tensor) -> bool:
    """Whether a sample has the shape of an image in grey or in colours.

    Example:
        >>> import torch
        >>> is_image(torch.zeros(1, 8, 8)), is_image(torch.zeros(2, 100))
        (True, False)
    """
    return sample.ndim == 3 and sample.shape[0] in (1, 3)


def draw_orbit(figure: Figure | SubFigure, orbit: Orbit) -> None:
    """The sample at the left; at the right one row of copies per policy, drawn with the same random numbers.

    Args:
        figure: an empty figure, about three times as wide as high.
        orbit: the sample and its copies.
    """
    n_rows, n_copies = len(orbit.rows), len(orbit.rows[0][1])
    grid = figure.add_gridspec(
        n_rows,
        n_copies + 2,
        width_ratios=[1.25, 0.95, *[1] * n_copies],
        wspace=0.07,
        hspace=0.12,
        left=0.005,
        right=0.995,
        top=0.9,
        bottom=0.02,
    )
    limits = _limits([orbit.sample, *(copies for _, copies in orbit.rows)])
    middle = figure.add_subplot(grid[:, 0])
    _draw_sample(middle, orbit.sample, limits)
    middle.set_title("original", fontsize=11, color=INK, loc="center", pad=6)
    for row, (label, copies) in enumerate(orbit.rows):
        colour = ROW_COLOURS.get(label, MUTED)
        for column in range(n_copies):
            axes = figure.add_subplot(grid[row, column + 2])
            _draw_sample(axes, copies[column], limits, colour)
            if column == 0:
                axes.annotate(
                    label,
                    (0, 0.5),
                    (-8, 0),
                    xycoords="axes fraction",
                    textcoords="offset points",
                    ha="right",
                    va="center",
                    color=colour,
                    weight="bold",
                    fontsize=11,
                )
            if row == 0 and column == n_copies // 2:
                axes.set_title(
                    "what the network gets to see: augmented copies under each policy",
                    fontsize=11,
                    color=INK,
                    loc="center",
                    pad=6,
                )


def _draw_sample(axes: Axes, sample: Tensor, limits: tuple[float, float], colour: str = INK) -> None:
    values = sample.detach().cpu().numpy()
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    if is_image(sample):
        axes.imshow(
            np.clip(values.transpose(1, 2, 0).squeeze(), 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="none"
        )
        for spine in axes.spines.values():
            spine.set_visible(False)
        return
    axes.plot(np.atleast_2d(values).T, color=colour, lw=1)
    axes.set_ylim(*limits)
    axes.margins(x=0)


def _limits(samples: Sequence[Tensor]) -> tuple[float, float]:
    """One scale for all lines, so that they can be compared."""
    low = min(float(sample.min()) for sample in samples)
    high = max(float(sample.max()) for sample in samples)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room
