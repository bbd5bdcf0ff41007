"""A sample as it is and at each strength, for an audit's page: drawn as its modality draws it. See audit.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from markupsafe import Markup
from matplotlib.figure import Figure

from augrad import batch
from augrad.auditing.measurements import Measurement, Shown, Version
from augrad.auditing.page.panels import BLUE, page_svg
from augrad.auditing.page.words import where_strength
from augrad.errors import AugradError
from augrad.plugins.registry import get_transform, transforms
from augrad.report.style import INK, styled
from augrad.transform.transform import Transform

SIZE = 1.6
"""Width and height of a picture, in inches."""


@dataclass(frozen=True)
class Picture:
    """One version of the sample.

    Attributes:
        drawing: an SVG element.
        where: how strong the transform is, in physical units.
        told: what was found of it: a sign and words.
    """

    drawing: Markup
    where: str
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Strip:
    """One sample in all versions.

    Attributes:
        reason: why this one.
        pictures: as it is, then at each strength.
    """

    reason: str
    pictures: tuple[Picture, ...]


def strip_of(shown: Shown | None, rows: Sequence[Measurement], modality: str, label: str) -> Strip | None:
    """A sample that tells something, drawn; None if there is none or nobody knows how to draw it.

    Args:
        shown: what was kept of one transform.
        rows: of it.
        modality: of the audit.
        label: for those who cannot see it; nothing else on the page has it.
    """
    if shown is None or batch.count(shown.clean) == 0:
        return None
    index, reason = telling(shown, rows)
    draw = artist(shown.transform, modality).draw
    try:
        clean = _one(shown.clean, index)
        pictures = [Picture(_drawn(draw, clean, clean, INK, f"{label} as it is"), "as it is", ())]
        for version in shown.versions:
            place = where_strength(rows, version.strength) or f"strength {version.strength:g}"
            drawing = _drawn(draw, _one(version.x, index), clean, BLUE, f"{label} at strength {version.strength:g}")
            pictures.append(Picture(drawing, place, _told(version, index)))
    except Exception:  # noqa: BLE001 - a modality's own code; a report without its pictures is still a report
        return None
    return Strip(reason, tuple(pictures))


def telling(shown: Shown, rows: Sequence[Measurement]) -> tuple[int, str]:
    """Which sample to show, and why: one that went wrong where the transform is strongest, if any did.

    Returns:
        The index, and the reason as the rest of a sentence.
    """
    reasons = (
        (True, False, "it lies among samples of another label, and the model says what it said before"),
        (True, None, "it lies among samples of another label"),
        (None, True, "the model says something else of it"),
    )
    for changed, flipped, reason in reasons:
        for version in reversed(shown.versions):
            hits = torch.ones(batch.count(shown.clean), dtype=torch.bool)
            for wanted, found in ((changed, version.changed), (flipped, version.flipped)):
                if wanted is not None:
                    hits &= torch.tensor(False) if found is None else found.cpu() == wanted
            if hits.any():
                place = where_strength(rows, version.strength)
                return int(hits.nonzero()[0]), reason if place in (None, "applied") else f"at {place} {reason}"
    return 0, ""


def artist(transform: str, modality: str) -> type[Transform]:
    """The class that draws: the transform's own, or another of its modality, or the base of all."""
    try:
        return get_transform(transform)
    except AugradError:
        pass
    try:
        return next(iter(transforms(modality).values()), Transform)
    except AugradError:
        return Transform


def _told(version: Version, index: int) -> tuple[tuple[str, str], ...]:
    told = []
    if version.flipped is not None:
        told.append(("\N{NOT EQUAL TO}", "another answer") if version.flipped[index] else ("=", "same answer"))
    if version.changed is not None and version.changed[index]:
        told.append(("!", "another label near"))
    return tuple(told)


def _one(x: Any, index: int) -> Any:
    return batch.select(x, torch.tensor([index], device=batch.device(x)))


def _drawn(draw: Any, sample: Any, original: Any, colour: str, label: str) -> Markup:
    with styled():
        figure = Figure(figsize=(SIZE, SIZE))
        axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        draw(axes, sample, original=original, colour=colour)
        return page_svg(figure, label)
