"""The style of all figures: colours, fonts, and figures as SVG or PNG. Used by panels.py and document.py."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from augrad.transform import drawing

INK, MUTED = drawing.INK, drawing.MUTED
GRID = "#dfe3e8"
PAPER = "#ffffff"

RULE_COLOURS = {"none": "#8c959f", "oracle": "#e0812b", "augrad": "#2f74e0"}
"""Colour of each rule in every figure: grey for none, orange for the truth, blue for the learned augmentation."""

OTHERS = ("#4ba3a0", "#9a7fd1", "#c8739f", "#8fae4b", "#b08858", "#63b1d6", "#d3655f", "#5f8f6b", "#b7a13c", "#7a86b8")
"""Colours of transforms that do not belong to the truth, in the order of the candidates."""

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)", PAPER: "var(--paper)"}

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 11,
    "text.color": INK,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 11,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2.2,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "augrad",
}


def styled() -> Any:
    """Returns a context in which figures have augrad's style. Afterwards, matplotlib's settings are restored."""
    settings: Any = _SETTINGS  # matplotlib's stubs list every key by name
    return mpl.rc_context(settings)


def transform_colours(transforms: Iterable[str], true: Iterable[str]) -> dict[str, str]:
    """Returns a colour for each transform: the learned colour for true transforms, other colours in turn.

    Example:
        >>> transform_colours(["vision.rotate", "vision.scale"], ["vision.rotate"])
        {'vision.rotate': '#2f74e0', 'vision.scale': '#4ba3a0'}
    """
    true, colours = set(true), {}
    others = [name for name in transforms if name not in true]
    for name in transforms:
        colours[name] = RULE_COLOURS["augrad"] if name in true else OTHERS[others.index(name) % len(OTHERS)]
    return colours


def label_epochs(axes: Axes) -> None:
    """Labels the horizontal axis with epochs, with ticks at whole numbers."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def to_svg(figure: Figure, label: str) -> str:
    """Returns the figure as an SVG element for a page: as wide as its place, in the page's font and colours.

    Args:
        figure: drawn inside `styled()`.
        label: a description for readers who cannot see the figure.
    """
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue().decode()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    head, body = svg.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head).replace("<svg", f'<svg role="img" aria-label="{escape(label)}"')
    return f"{head}>{_with_own_ids(body, label)}"


def _with_own_ids(svg: str, label: str) -> str:
    """Removes ids without references, and prefixes the others, so that ids of several figures on a page differ."""
    prefix = re.sub(r"\W+", "-", label)
    referred = set(re.findall(r"#([\w.-]+)", svg))

    def renamed(found: re.Match[str]) -> str:
        return f' id="{prefix}-{found[1]}"' if found[1] in referred else ""

    svg = re.sub(r'(?<=["(])#([\w.-]+)', rf"#{prefix}-\1", svg)
    return re.sub(r' id="([^"]*)"', renamed, svg)


def to_png(figure: Figure, dpi: int = 110) -> bytes:
    """Returns the figure as a PNG on white, which is readable in light and dark surroundings."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="png", dpi=dpi, facecolor=PAPER, metadata={"Software": None})
    return buffer.getvalue()
