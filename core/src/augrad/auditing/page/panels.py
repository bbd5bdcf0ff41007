"""The panels of an audit's page: what each shows. Filled by questions.py, drawn by drawing.py."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from augrad.auditing.intervals import Estimate
from augrad.auditing.page.words import number, share
from augrad.report.style import MUTED, to_svg

BLUE, ORANGE, GREEN, PURPLE = "#1b5fc1", "#a84b00", "#0b7a54", "#7a4bb5"
"""Told apart by those who see fewer colours by their lightness, and by dashes and markers; see audit.css."""

MARK_DASH = (3, 3)
"""Of lines at values that mean something."""

_VARIABLES = {BLUE: "var(--blue)", ORANGE: "var(--orange)", GREEN: "var(--green)", PURPLE: "var(--purple)"}

LOWEST = -1.0
"""Shares and invariances below are cut off."""


@dataclass(frozen=True)
class Look:
    """How a curve is told from others.

    Attributes:
        colour: one of the four, or the ink.
        marker: `"o"`, `"s"`, `"^"`, `"D"`, `"v"`, or empty for none.
        dash: lengths of strokes and gaps, in points; empty for a solid line.
    """

    colour: str
    marker: str = "o"
    dash: tuple[int, ...] = ()

    @property
    def variable(self) -> str:
        """The colour as the page's style sheet calls it."""
        return "var(--muted)" if self.colour == MUTED else _VARIABLES.get(self.colour, "var(--ink)")


@dataclass(frozen=True)
class Curve:
    """One measure over strength.

    Attributes:
        label: what it is called.
        strengths: at which it was measured, rising.
        estimates: one per strength; None where there is none.
        look: of the line.
        start: its value where nothing changes; None if there is none.
    """

    label: str
    strengths: tuple[float, ...]
    estimates: tuple[Estimate | None, ...]
    look: Look
    start: float | None = None


@dataclass(frozen=True)
class Plot:
    """Curves on one axis.

    Attributes:
        curves: at least one.
        form: of the numbers: `"share"` in percent, `"unit"` up to 1, or `"free"`.
        heading: written above it; empty where the page's key says enough.
        marks: lines at values that mean something, with their names.
    """

    curves: tuple[Curve, ...]
    form: str = "share"
    heading: str = ""
    marks: tuple[tuple[float, str], ...] = ()

    def told(self, value: float) -> str:
        """A value as text."""
        return share(value) if self.form == "share" else number(value)


@dataclass(frozen=True)
class Panel:
    """A question and the curves that answer it.

    Attributes:
        title: the question.
        note: how to read it.
        plots: one above the other.
        safe: strength up to which the ground is shaded, or None.
        knee: strength that is marked, or None.
    """

    title: str
    note: str
    plots: tuple[Plot, ...]
    safe: float | None = None
    knee: float | None = None

    @property
    def key(self) -> list[tuple[Look, str]]:
        """How the curves look, and what they are called."""
        return [
            (look, f"{label}, below" if below else label)
            for below, plot in enumerate(self.plots)
            for look, label in [
                *((curve.look, curve.label) for curve in plot.curves),
                *((Look(MUTED, "", MARK_DASH), label) for _, label in plot.marks),
            ]
        ]


def page_svg(figure: Figure, label: str) -> Markup:
    """The figure as an SVG element in the colours of the page."""
    with warnings.catch_warnings():
        # Units and names may be in letters that matplotlib's font lacks; the page's font has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        svg = to_svg(figure, label)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return Markup(svg)  # noqa: S704 - our own drawing


def plain(text: str) -> str:
    """As it is: matplotlib would take what is between two dollars for a formula."""
    return text.replace("$", r"\$")
