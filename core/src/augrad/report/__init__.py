"""Reports: what demos found, as one self-contained page and one picture. Loads matplotlib; imported on first use."""

from augrad.report.document import render
from augrad.report.overview import overview_png

__all__ = ["overview_png", "render"]
