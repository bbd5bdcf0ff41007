"""Pages from their templates, everything inside one file. Used by document.py and audit.py."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def filled(template: str, **names: Any) -> str:
    """The page that a template beside this file makes of these names; what they hold is text and is escaped.

    Args:
        template: name of the file; it may include others of this folder, such as the styles that pages share.
        names: what it tells of.
    """
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=FunctionLoader(_text),
    )
    return environment.get_template(template).render(**names)


def _text(name: str) -> str:
    return files("augrad.report").joinpath(name).read_text(encoding="utf-8")
