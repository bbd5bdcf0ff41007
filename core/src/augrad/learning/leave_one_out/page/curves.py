"""The panel of a candidate: the difference of the error over strength, in physical units. Used by render.py."""

from __future__ import annotations

from markupsafe import Markup

from augrad.learning.leave_one_out.findings import Candidate, Trial
from augrad.learning.leave_one_out.verdicts import HARMS, HELPS
from augrad.learning.leave_one_out.words import ranges_at
from augrad.report.estimate import Estimate
from augrad.report.panel_drawing import drawn
from augrad.report.panels import BLUE, GREEN, ORANGE, Curve, Look, Panel, Plot
from augrad.report.scale import Scale, apart, axis_number
from augrad.report.words import share, words

MOST_PARAMETERS = 2
"""Largest number of parameters in the labels of the axis. With more parameters, the axis shows shares."""

_LOOKS = {HELPS: Look(GREEN), HARMS: Look(ORANGE, "s")}


def trials_of(candidate: Candidate) -> tuple[Trial, ...]:
    """Returns the strengths that change something, rising; without any, what the verdict was based on."""
    known = {each.magnitude: each for each in candidate.trials if each.magnitude > 0}
    if known:
        return tuple(known[magnitude] for magnitude in sorted(known))
    return (Trial(candidate.magnitude, candidate.error, candidate.difference, candidate.standard_error),)


def interval_of(trial: Trial | Candidate) -> Estimate:
    """Returns the difference with an interval of two standard errors to both sides."""
    reach = 2 * trial.standard_error
    return Estimate(trial.difference, trial.difference - reach, trial.difference + reach)


def curve_of(candidate: Candidate, label: str) -> Markup:
    """Returns the difference of the error over strength as an SVG element; a point if there is a single strength.

    Args:
        candidate: the finding.
        label: a description for readers who cannot see the panel; unique on the page.
    """
    trials = trials_of(candidate)
    look = _LOOKS.get(candidate.verdict, Look(BLUE))
    strengths = tuple(each.magnitude for each in trials)
    curve = Curve("difference of the error", strengths, tuple(map(interval_of, trials)), look, 0.0)
    helps = candidate.verdict == HELPS
    panel = Panel(
        "",
        "",
        (Plot((curve,), "free", marks=((0.0, "without it"),)),),
        safe=candidate.magnitude if helps else None,
        mark=(candidate.magnitude, "chosen") if helps else None,
    )
    return drawn(panel, axis_of(candidate, strengths), label)


def axis_of(candidate: Candidate, strengths: tuple[float, ...]) -> Scale:
    """Returns an axis whose labels show the values of the parameters, where these are known.

    Args:
        candidate: the finding.
        strengths: magnitudes above 0, rising.
    """
    labels = [_labels(candidate, each) for each in (0.0, *strengths)]
    names = {each.parameter.partition("[")[0]: each.unit for each in candidate.ranges}
    known = [each for each in labels if each is not None]
    if len(known) < len(labels) or not 0 < len(names) <= MOST_PARAMETERS:
        ticks = [(place, "0 %" if place == 0 else share(place)) for place in (0.0, *strengths)]
        return Scale(apart(ticks), "share of the declared range", strengths[-1])
    told = [words(name, unit) + (f" ({unit})" if unit not in ("", name) else "") for name, unit in names.items()]
    ticks = [(place, "\n".join(each)) for place, each in zip((0.0, *strengths), known, strict=True)]
    return Scale(apart(ticks), ", ".join(told), strengths[-1])


def _labels(candidate: Candidate, magnitude: float) -> list[str] | None:
    """Returns the far end of each parameter at a magnitude; None if it is unknown or differs between entries."""
    ranges, most = ranges_at(candidate, magnitude), ranges_at(candidate, 1.0)
    if ranges is None or most is None:
        return None
    found: dict[str, str] = {}
    for each, whole in zip(ranges, most, strict=True):
        start = 0.0 if each.identity is None else each.identity
        both = whole.low < start < whole.high
        end = each.high if whole.high > start else each.low
        text = f"{'±' if both and start == 0 and magnitude > 0 else ''}{axis_number(end)}"
        if found.setdefault(each.parameter.partition("[")[0], text) != text:
            return None
    return list(found.values())
