"""Draws a sample, unchanged and at each strength, for an audit's page, in the style of its modality.

Used by render.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from markupsafe import Markup

from augrad import batch
from augrad.auditing.measurements import Measurement, Shown, Version
from augrad.auditing.page.words import where_strength
from augrad.errors import AugradError
from augrad.plugins.registry import get_transform, transforms
from augrad.report.panels import BLUE
from augrad.report.pictures import picture, sample_at
from augrad.report.style import INK
from augrad.transform.transform import Transform


@dataclass(frozen=True)
class Picture:
    """A version of the sample.

    Attributes:
        drawing: an SVG element.
        where: the strength of the transform, in physical units.
        told: findings about this version: a sign and words for each.
    """

    drawing: Markup
    where: str
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Strip:
    """A sample in all versions.

    Attributes:
        reason: why this sample was chosen.
        pictures: the unchanged sample, then a picture for each strength.
    """

    reason: str
    pictures: tuple[Picture, ...]


def strip_of(shown: Shown | None, rows: Sequence[Measurement], modality: str, label: str) -> Strip | None:
    """Returns drawings of an informative sample; None if there is no sample or it cannot be drawn.

    Args:
        shown: the samples that were kept of a transform.
        rows: measurements of the transform.
        modality: modality of the audit.
        label: a description for readers who cannot see the pictures; unique on the page.
    """
    if shown is None or batch.count(shown.clean) == 0:
        return None
    index, reason = telling(shown, rows)
    draw = artist(shown.transform, modality).draw
    try:
        clean = sample_at(shown.clean, index)
        pictures = [Picture(picture(draw, clean, clean, INK, f"{label} as it is"), "as it is", ())]
        for version in shown.versions:
            place = where_strength(rows, version.strength) or f"strength {version.strength:g}"
            drawing = picture(
                draw, sample_at(version.x, index), clean, BLUE, f"{label} at strength {version.strength:g}"
            )
            pictures.append(Picture(drawing, place, _told(version, index)))
    except Exception:  # noqa: BLE001 - the drawing code is foreign; a report without pictures is still useful
        return None
    return Strip(reason, tuple(pictures))


def telling(shown: Shown, rows: Sequence[Measurement]) -> tuple[int, str]:
    """Returns which sample to show, and why. A sample that went wrong at the largest strength is preferred.

    Returns:
        The index, and the reason as the rest of a sentence.
    """
    reasons = (
        (True, False, "it lies among samples of another label, but the model's prediction is the same"),
        (True, None, "it lies among samples of another label"),
        (None, True, "the model's prediction for it changes"),
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
    """Returns the class that draws: the transform's own class, or another class of its modality, or `Transform`."""
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
