"""The panels of a page: their content. Filled by audits and by `find_policy`, drawn by panel_drawing.py."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from augrad.report.estimate import Estimate
from augrad.report.style import MUTED, to_svg
from augrad.report.words import number, share

BLUE, ORANGE, GREEN, PURPLE = "#1b5fc1", "#a84b00", "#0b7a54", "#7a4bb5"
"""Colours of curves. Colour-blind readers distinguish them by lightness, dashes and markers; see findings.css."""

MARK_DASH = (3, 3)
"""Colour of lines at reference values."""

_VARIABLES = {BLUE: "var(--blue)", ORANGE: "var(--orange)", GREEN: "var(--green)", PURPLE: "var(--purple)"}

LOWEST = -1.0
"""Smaller shares and invariances are cut off."""


@dataclass(frozen=True)
class Look:
    """The look of a curve.

    Attributes:
        colour: a curve colour, or the ink.
        marker: `"o"`, `"s"`, `"^"`, `"D"`, `"v"`, or empty for no marker.
        dash: lengths of strokes and gaps, in points; empty for a solid line.
    """

    colour: str
    marker: str = "o"
    dash: tuple[int, ...] = ()

    @property
    def variable(self) -> str:
        """The name of the colour in the page's style sheet."""
        return "var(--muted)" if self.colour == MUTED else _VARIABLES.get(self.colour, "var(--ink)")


@dataclass(frozen=True)
class Curve:
    """A measure over strength.

    Attributes:
        label: name of the curve.
        strengths: the measured strengths, rising.
        estimates: an estimate for each strength; None if there is no estimate.
        look: look of the line.
        start: the value if nothing changes; None if there is no such value.
    """

    label: str
    strengths: tuple[float, ...]
    estimates: tuple[Estimate | None, ...]
    look: Look
    start: float | None = None


@dataclass(frozen=True)
class Plot:
    """Curves on a common axis.

    Attributes:
        curves: at least one curve.
        form: form of the numbers: `"share"` in percent, `"unit"` up to 1, or `"free"`.
        heading: text above the plot; empty if the page's key is sufficient.
        marks: lines at reference values, with their names.
    """

    curves: tuple[Curve, ...]
    form: str = "share"
    heading: str = ""
    marks: tuple[tuple[float, str], ...] = ()

    def told(self, value: float) -> str:
        """Returns a value as text."""
        return share(value) if self.form == "share" else number(value)


@dataclass(frozen=True)
class Panel:
    """A question, and the curves that answer it.

    Attributes:
        title: the question.
        note: how to read the panel.
        plots: plots, from top to bottom.
        safe: the background is shaded up to this strength, or None.
        mark: a strength that is marked, and its name; or None.
    """

    title: str
    note: str
    plots: tuple[Plot, ...]
    safe: float | None = None
    mark: tuple[float, str] | None = None

    @property
    def key(self) -> list[tuple[Look, str]]:
        """Returns the looks of the curves with their names."""
        return [
            (look, f"{label}, below" if below else label)
            for below, plot in enumerate(self.plots)
            for look, label in [
                *((curve.look, curve.label) for curve in plot.curves),
                *((Look(MUTED, "", MARK_DASH), label) for _, label in plot.marks),
            ]
        ]


def page_svg(figure: Figure, label: str) -> Markup:
    """Returns the figure as an SVG element in the colours of the page."""
    with warnings.catch_warnings():
        # Units and names may contain letters that matplotlib's font lacks. The page's font has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        svg = to_svg(figure, label)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return Markup(svg)  # noqa: S704 - our own drawing


def plain(text: str) -> str:
    """Returns the text with escaped dollar signs. matplotlib would read text between two dollar signs as a formula."""
    return text.replace("$", r"\$")
