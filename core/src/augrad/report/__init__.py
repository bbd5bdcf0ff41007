"""Reports: what a demo found, as one self-contained page and one picture. Loads matplotlib; imported on first use."""

from augrad.report.document import overview_png, render

__all__ = ["overview_png", "render"]
