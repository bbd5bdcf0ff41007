"""Sphinx set-up: MyST pages, the API from docstrings, tables (_ext/declared.py), examples (_ext/gallery.py)."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from gallery import runnable

project = "augrad"
author = "The augrad developers"
copyright = "2026, the augrad developers"
release = version = installed_version("augrad")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "declared",
    "gallery",
    "cards",
]
exclude_patterns = ["_build", "_ext"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True, "exclude-members": "extra_repr"}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Shape", "Train", "Eval"]
python_use_unqualified_type_names = True
suppress_warnings = ["config.cache"]

html_theme = "furo"
html_title = "augrad"
# Names in docstrings are written in single backquotes, as Markdown has them.
default_role = "code"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": runnable(),
    "parallel": 2,  # examples at a time; each uses one core
    "within_subsection_order": "gallery.position",
    "capture_repr": (),
    "notebook_extensions": set(),
    "download_all_examples": False,
    "write_computation_times": False,
    "show_signature": False,
}
