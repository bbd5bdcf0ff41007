"""The four questions of an audit's page about each transform, as panels. Uses panels.py; used by render.py."""

from __future__ import annotations

from collections.abc import Sequence

from augrad.auditing.measurements import Measurement
from augrad.auditing.page.measures import MEASURE_WORDS
from augrad.auditing.page.words import where, where_strength
from augrad.auditing.verdicts import Verdict
from augrad.report.panels import BLUE, GREEN, LOWEST, ORANGE, PURPLE, Curve, Look, Panel, Plot
from augrad.report.style import INK
from augrad.report.words import number, share

MARKERS = ("^", "D", "v", "s", "o")
"""Looks of named layers, in turn."""

NEAR = 0.05
"""Share of clean samples that count as off the data."""


def panels_of(rows: Sequence[Measurement], verdict: Verdict, epsilon: float) -> list[Panel]:
    """Returns a panel for each question that can be answered. Without a model or labels there are fewer panels.

    Args:
        rows: measurements of a transform, at rising strengths.
        verdict: the verdict on it.
        epsilon: epsilon of the audit.
    """
    found = [
        _ignored(rows, verdict),
        _survives(rows, verdict, epsilon),
        _among_data(rows, verdict),
        _traces(rows),
    ]
    return [panel for panel in found if panel.plots]


def _ignored(rows: Sequence[Measurement], verdict: Verdict) -> Panel:
    """Shows whether the model ignores the transform."""
    layers = list(dict.fromkeys(name for row in rows for name in row.layers))
    curves = [
        _curve(rows, "invariance", Look(BLUE), 1.0),
        *(_layer(rows, name, Look(PURPLE, MARKERS[at % len(MARKERS)], (1, 2))) for at, name in enumerate(layers)),
        _curve(rows, "flip_rate", Look(ORANGE, "s", (5, 2)), 0.0),
        _curve(rows, "equivariance_error", Look(GREEN, "D", (5, 2, 1, 2)), 0.0),
    ]
    note = "Invariance 1: the output does not change; 0: it moves as far as to another sample."
    if any(each is not None and each.value < LOWEST for curve in curves for each in curve.estimates):
        note += f" Below {number(LOWEST)} it is cut off."
    return Panel(
        "Does the model ignore it?",
        note,
        _plots(Plot(_known(curves), "unit"), _alone(rows, "loss_change", Look(INK), 0.0, "free")),
    )


def _survives(rows: Sequence[Measurement], verdict: Verdict, epsilon: float) -> Panel:
    """Shows whether labels survive."""
    curves = [
        _curve(rows, "preservation", Look(GREEN), 1.0),
        _curve(rows, "agreement", Look(INK, "^", (1, 2)), 1.0),
        _curve(rows, "changed", Look(ORANGE, "s", (5, 2)), 0.0),
        *([_curve(rows, "ignored", Look(PURPLE, "D", (5, 2, 1, 2)), 0.0)] if verdict.kind == "over-invariant" else []),
    ]
    safe = verdict.safe_strength
    place = where_strength(rows, safe)
    if safe is None:
        note = "The reference is no better than chance, so this panel says little."
    elif place is None:
        already = f" already at {where(rows[0])}" if len(rows) > 1 else ""
        note = f"Fewer than {share(1 - epsilon)} of the labels survive{already}."
    else:
        note = f"Safe: {share(1 - epsilon)} of the labels survive" + (
            f" up to {place} (shaded)." if len(rows) > 1 else "."
        )
    known = _known(curves)
    mark = ((1 - epsilon, share(1 - epsilon)),) if any(curve.look.colour == GREEN for curve in known) else ()
    return Panel("Do labels survive?", note, _plots(Plot(known, marks=mark)), safe=safe)


def _among_data(rows: Sequence[Measurement], verdict: Verdict) -> Panel:
    """Shows whether samples stay among the data."""
    knee = where_strength(rows, verdict.knee)
    note = "Distance 1: as near to other samples as a clean sample."
    return Panel(
        "Does it stay among the data?",
        note if knee is None else f"{note} The knee, at {knee}, is where the distance begins to rise.",
        _plots(
            _alone(rows, "distance_ratio", Look(BLUE), 1.0, "free"),
            _alone(rows, "off_manifold", Look(ORANGE, "s", (5, 2)), NEAR, "share"),
        ),
        mark=None if verdict.knee is None else (verdict.knee, "knee"),
    )


def _traces(rows: Sequence[Measurement]) -> Panel:
    """Shows whether the transform leaves traces, and whether traces reveal labels."""
    curves = [
        _curve(rows, "detectable", Look(BLUE), 0.5),
        _curve(rows, "shortcut", Look(ORANGE, "s", (5, 2)), 0.0),
    ]
    known = _known(curves)
    note = "Told from clean: 50 % is chance."
    if len(known) > 1:
        note += " A label that can be read off borders, padding or clipping is a shortcut; 0 means no shortcuts."
    return Panel("Does it leave traces?", note, _plots(Plot(known, marks=((0.5, "chance"),))))


def _curve(rows: Sequence[Measurement], measure: str, look: Look, start: float) -> Curve:
    return Curve(
        MEASURE_WORDS[measure].title,
        tuple(row.strength for row in rows),
        tuple(getattr(row, measure) for row in rows),
        look,
        start,
    )


def _layer(rows: Sequence[Measurement], name: str, look: Look) -> Curve:
    estimates = tuple(row.layers.get(name) for row in rows)
    return Curve(f"invariance of {name}", tuple(row.strength for row in rows), estimates, look, 1.0)


def _alone(rows: Sequence[Measurement], measure: str, look: Look, start: float, form: str) -> Plot:
    curve = _curve(rows, measure, look, start)
    return Plot(_known([curve]), form)


def _known(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Returns the curves that were measured."""
    return tuple(curve for curve in curves if any(each is not None for each in curve.estimates))


def _plots(*plots: Plot) -> tuple[Plot, ...]:
    """Returns the plots that have curves."""
    return tuple(plot for plot in plots if plot.curves)
