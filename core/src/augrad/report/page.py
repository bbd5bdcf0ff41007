"""Builds self-contained pages from templates. Used by the pages of audits and demos."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def filled(package: str, template: str, **names: Any) -> str:
    """Fills a template of a package with values. Strings in the values are escaped.

    Args:
        package: the package that contains the template, for example `"augrad.demo.page"`.
        template: file name of the template. It may include other files of this package and of `report/`.
        names: the values of the template.
    """
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=FunctionLoader(partial(_text, package)),
    )
    return environment.get_template(template).render(**names)


def _text(package: str, name: str) -> str:
    own = files(package).joinpath(name)
    shared = files("augrad.report").joinpath(name)
    return (own if own.is_file() else shared).read_text(encoding="utf-8")
