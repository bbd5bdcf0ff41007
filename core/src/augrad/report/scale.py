"""The horizontal axis of a panel: strengths with labels in physical units. Drawn by panel_drawing.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_GAP = 0.18
"""Least distance between the middles of two labels, as a part of the axis."""


@dataclass(frozen=True)
class Scale:
    """An axis that begins at strength 0.

    Attributes:
        ticks: positions with their labels, rising.
        label: name of the axis.
        end: end of the axis.
    """

    ticks: tuple[tuple[float, str], ...]
    label: str
    end: float

    @property
    def n_lines(self) -> int:
        """Number of lines of the longest label."""
        return 1 + max((label.count("\n") for _, label in self.ticks), default=0)


def axis_number(value: float) -> str:
    """Returns a number with three digits; thousands without an exponent.

    Example:
        >>> axis_number(0.25), axis_number(4000.0)
        ('0.25', '4000')
    """
    value += 0.0  # no sign for a zero
    text = f"{float(f'{value:.3g}'):.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def apart(ticks: Sequence[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Returns the ticks that have room, always including the first and the last."""
    first, *between, last = ticks
    end, kept = last[0], [first]
    for tick in between:
        if tick[0] - kept[-1][0] >= LEAST_GAP * end and end - tick[0] >= LEAST_GAP * end:
            kept.append(tick)
    return (*kept, last)
