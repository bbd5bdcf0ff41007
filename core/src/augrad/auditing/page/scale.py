"""The horizontal axis of an audit's panels: strengths in physical units. Used by drawing.py and render.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from augrad.auditing.measurements import Measurement
from augrad.auditing.page.words import share
from augrad.report.words import words

LEAST_GAP = 0.18
"""Least distance between the middles of two labels, as a part of the axis."""

MOST_PARAMETERS = 2
"""Largest number of parameters in the labels, below each other. With more parameters, the axis shows the strength."""

_SAME = 1e-6


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


def scale_of(rows: Sequence[Measurement]) -> Scale:
    """Returns an axis of strengths whose labels show the values of the parameters.

    Args:
        rows: measurements of a transform.
    """
    rows = sorted({row.strength: row for row in rows}.values(), key=lambda row: row.strength)
    reaches = rows[-1].reaches
    if not 0 < len(reaches) <= MOST_PARAMETERS:
        ticks = [(0.0, "0 %"), *((row.strength, share(row.strength)) for row in rows)]
        return Scale(_apart(ticks), "share of the declared ranges", rows[-1].strength)
    columns = []
    for index, reach in enumerate(reaches):
        start = _start(rows, index)
        labels = ["" if start is None else _number(start)]
        labels += [f"{'±' if reach.signed else ''}{_number(row.reaches[index].value)}" for row in rows]
        columns.append(labels)
    places = [0.0, *(row.strength for row in rows)]
    ticks = [(place, "\n".join(labels)) for place, *labels in zip(places, *columns, strict=True)]
    told = [
        words(each.parameter, each.unit) + (f" ({each.unit})" if each.unit not in ("", each.parameter) else "")
        for each in reaches
    ]
    return Scale(_apart(ticks), ", ".join(told), rows[-1].strength)


def alike(first: Sequence[Measurement], second: Sequence[Measurement]) -> bool:
    """Whether equal strengths mean equal changes in both audits.

    The ranges of a transform may differ between audits.
    """
    return _spans(first) == _spans(second)


def _spans(rows: Sequence[Measurement]) -> list[tuple[str, str, str]]:
    last = rows[-1]
    starts = [_start(rows, index) for index in range(len(last.reaches))]
    return [
        (each.parameter, each.unit, f"{(each.value - (start or 0.0)) / last.strength:.4g}")
        for each, start in zip(last.reaches, starts, strict=True)
    ]


def _start(rows: Sequence[Measurement], index: int) -> float | None:
    """Returns the value at strength 0 of a parameter whose value is proportional to the strength; None if unknown."""
    first, last = rows[0], rows[-1]
    if first.reaches[index].signed:
        return 0.0
    if first.strength == last.strength:
        return None
    ends = [row.reaches[index].value for row in (first, last)]
    found = ends[0] - first.strength * (ends[1] - ends[0]) / (last.strength - first.strength)
    return 0.0 if abs(found) < _SAME * max(map(abs, ends)) else found


def _number(value: float) -> str:
    """Returns three digits; thousands without an exponent."""
    text = f"{float(f'{value:.3g}'):.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _apart(ticks: Sequence[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Returns the ticks that have room, always including the first and the last."""
    first, *between, last = ticks
    end, kept = last[0], [first]
    for tick in between:
        if tick[0] - kept[-1][0] >= LEAST_GAP * end and end - tick[0] >= LEAST_GAP * end:
            kept.append(tick)
    return (*kept, last)
