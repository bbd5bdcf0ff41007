"""Pictures of samples before and after a candidate, in the style of their modality. Used by render.py."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from markupsafe import Markup

from augrad import batch
from augrad.layers.layer import AugmentationLayer
from augrad.learning.leave_one_out.findings import Candidate, Shown
from augrad.learning.leave_one_out.page.curves import trials_of
from augrad.learning.leave_one_out.verdicts import HARMS, HELPS
from augrad.learning.leave_one_out.words import strength_text
from augrad.randomness import keyed_generator, preserved_generators
from augrad.report.panels import BLUE
from augrad.report.pictures import picture, sample_at
from augrad.report.style import INK

MOST_SAMPLES = 3


@dataclass(frozen=True)
class Strip:
    """Pictures of samples before and after a candidate.

    Attributes:
        title: the heading.
        where: the strength, in physical units.
        pictures: for each sample the picture as it is, and the picture after the transform.
    """

    title: str
    where: str
    pictures: tuple[tuple[Markup, Markup], ...]


def strip_of(candidate: Candidate, shown: Shown | None, label: str) -> Strip | None:
    """Returns pictures of the samples; None if there are no samples or they cannot be drawn.

    A candidate that helps is shown at the chosen strength, one that harms at the strongest that was tried.

    Args:
        candidate: the finding.
        shown: the samples and transforms.
        label: a description for readers who cannot see the pictures; unique on the page.
    """
    if shown is None or candidate.transform not in shown.transforms:
        return None
    magnitude, title = candidate.magnitude, "Samples at this strength"
    if candidate.verdict == HELPS:
        title = "Samples at the chosen strength"
    elif candidate.verdict == HARMS:
        magnitude, title = trials_of(candidate)[-1].magnitude, "Samples at the largest strength that was tried"
    if not candidate.ranges:
        title = "Samples before and after"
    transform = shown.transforms[candidate.transform]
    try:
        x = batch.first_of(shown.x, MOST_SAMPLES)
        layer = AugmentationLayer([copy.deepcopy(transform)], magnitude=magnitude, distribution="ends")
        device = batch.device(x)
        with torch.no_grad(), preserved_generators():
            moved = layer.to(device).eval()(
                x, generator=keyed_generator("evidence", candidate.transform, device=device)
            )
        found = []
        for index in range(batch.count(x)):
            clean = sample_at(x, index)
            before = picture(transform.draw, clean, clean, INK, f"{label}, sample {index + 1} as it is")
            after = picture(
                transform.draw, sample_at(moved, index), clean, BLUE, f"{label}, sample {index + 1} after the transform"
            )
            found.append((before, after))
    except Exception:  # noqa: BLE001 - the drawing code is foreign; a page without pictures is still useful
        return None
    return Strip(title, strength_text(candidate, magnitude), tuple(found)) if found else None
