"""The horizontal axis of an audit's panels: strengths in physical units. Used by render.py."""

from __future__ import annotations

from collections.abc import Sequence

from augrad.auditing.measurements import Measurement
from augrad.report.scale import Scale, apart, axis_number
from augrad.report.words import share, words

MOST_PARAMETERS = 2
"""Largest number of parameters in the labels, below each other. With more parameters, the axis shows the strength."""

_SAME = 1e-6


def scale_of(rows: Sequence[Measurement]) -> Scale:
    """Returns an axis of strengths whose labels show the values of the parameters.

    Args:
        rows: measurements of a transform.
    """
    rows = sorted({row.strength: row for row in rows}.values(), key=lambda row: row.strength)
    reaches = rows[-1].reaches
    if not 0 < len(reaches) <= MOST_PARAMETERS:
        ticks = [(0.0, "0 %"), *((row.strength, share(row.strength)) for row in rows)]
        return Scale(apart(ticks), "share of the declared ranges", rows[-1].strength)
    columns = []
    for index, reach in enumerate(reaches):
        start = _start(rows, index)
        labels = ["" if start is None else axis_number(start)]
        labels += [f"{'±' if reach.signed else ''}{axis_number(row.reaches[index].value)}" for row in rows]
        columns.append(labels)
    places = [0.0, *(row.strength for row in rows)]
    ticks = [(place, "\n".join(labels)) for place, *labels in zip(places, *columns, strict=True)]
    told = [
        words(each.parameter, each.unit) + (f" ({each.unit})" if each.unit not in ("", each.parameter) else "")
        for each in reaches
    ]
    return Scale(apart(ticks), ", ".join(told), rows[-1].strength)


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
