"""Which of examples/*.py the gallery shows in which order, and which it runs. Used by conf.py; runs sphinx-gallery."""

from __future__ import annotations

import re
from importlib.util import find_spec

from sphinx.application import Sphinx
from sphinx.config import Config

ORDER = (
    "vision_digits.py",
    "audio_chirps.py",
    "tabular_magnification.py",
    "graph_digits.py",
    "two_modalities.py",
    "own_transform.py",
    "own_training_loop.py",
    "train_with_lightning.py",
    "reuse_a_policy.py",
)
"""From what to read first to what to read last; an example that is not here comes at the end."""

NEEDS = {"train_with_lightning.py": "lightning"}
"""What an example needs beyond the plugins; it is shown, but not run, where that is not installed."""


def position(filename: str) -> tuple[int, str]:
    """Where an example stands in the gallery."""
    return (ORDER.index(filename) if filename in ORDER else len(ORDER), filename)


def runnable() -> str:
    """The pattern of the paths of examples that can be run here."""
    left_out = [re.escape(filename) for filename, package in NEEDS.items() if find_spec(package) is None]
    return rf"[/\\](?!(?:{'|'.join(left_out)})$)\w+\.py$" if left_out else r"\.py$"


def _headers_in_rst(_: Sphinx, config: Config) -> None:
    # Folders whose README a page can be made of are taken for parts of the gallery. The README.md of the plugin beside
    # the examples is none.
    config.sphinx_gallery_conf["source_suffix"] = {".rst": "restructuredtext"}


def setup(app: Sphinx) -> dict[str, bool]:
    """Runs sphinx-gallery with headers in reStructuredText."""
    app.setup_extension("sphinx_gallery.gen_gallery")
    app.connect("config-inited", _headers_in_rst, priority=20)  # after sphinx-gallery's own, at 10
    return {"parallel_read_safe": True}
