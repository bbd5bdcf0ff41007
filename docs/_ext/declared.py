"""Directives that write down what the installed packages declare: transforms, checks, errors, commands."""

from __future__ import annotations

import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import augrad
from augrad.testing import CHECKS


class Declared(SphinxDirective, ABC):
    """Parses the lines of reStructuredText that a subclass writes."""

    has_content = False

    @abstractmethod
    def written(self) -> Iterable[str]:
        """The lines."""

    def run(self) -> list[nodes.Node]:
        container = nodes.Element()
        lines = StringList(list(self.written()), source=f"<{self.name}>")
        self.state.nested_parse(lines, self.content_offset, container)
        return container.children


class TransformsTable(Declared):
    """A table of the transforms of one modality, from their declarations."""

    required_arguments = 1

    def written(self) -> Iterable[str]:
        try:
            transforms = augrad.transforms(self.arguments[0])
        except augrad.AugradError:
            yield f"*Nothing to show: no plugin for {self.arguments[0]} was installed where this page was made.*"
            return
        yield from _table(("Transform", "Learned", "Effect and assumption"), "22 24 54")
        for name, kind in transforms.items():
            summary = (kind.__doc__ or "").strip().splitlines()[0]
            arguments = kind.example_arguments()
            ranges = [
                f"``{parameter}``: {_range(declared)}" for parameter, declared in kind(**arguments).ranges.items()
            ]
            learned = "; ".join(ranges) or "the weight alone"
            needs = f". Needs {', '.join(f'``{name}``' for name in arguments)}" if arguments else ""
            gradient = "" if kind.gradient == "pathwise" else f" ({kind.gradient})"
            assumes = f"Assumes that {kind.assumes}." if kind.assumes else ""
            yield from _row(f"``{name}``", learned + gradient + needs, f"{_literal(summary)} *{_literal(assumes)}*")


class ConformanceTable(Declared):
    """A table of the checks of the conformance kit."""

    def written(self) -> Iterable[str]:
        yield from _table(("Check", "Promise"), "40 60")
        for name, check in CHECKS.items():
            yield from _row(f"``{name}``", _literal(check.promise))


class ErrorsTree(Declared):
    """The tree of errors, with what each one means."""

    def written(self) -> Iterable[str]:
        yield from self._branch(augrad.AugradError, "")

    def _branch(self, kind: type[Exception], indent: str) -> Iterable[str]:
        for child in sorted(kind.__subclasses__(), key=lambda child: child.__name__):
            if child.__module__ == "augrad.errors":
                built_in = next(base.__name__ for base in child.__mro__ if base.__module__ == "builtins")
                meaning = _literal((child.__doc__ or "").strip().splitlines()[0])
                yield from (f"{indent}- ``{child.__name__}`` ({built_in}): {meaning}", "")
                yield from self._branch(child, indent + "  ")


class CommandLine(SphinxDirective):
    """The help of one command, as the installed program prints it."""

    optional_arguments = 8
    has_content = False
    colours_off: ClassVar[dict[str, str]] = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}

    def run(self) -> list[nodes.Node]:
        command = [*self.arguments, "--help"]
        printed = subprocess.run(
            [sys.executable, "-c", "from augrad.cli import main; main()", *command],
            env={**os.environ, **self.colours_off},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        text = "\n".join(line.rstrip() for line in printed.strip().splitlines()).replace("Usage: -c", "Usage: augrad")
        block = nodes.literal_block(text, text)
        block["language"] = "text"
        return [block]


def _range(declared: augrad.Range) -> str:
    low, high = declared.bounds
    each = f" per {declared.per}" if declared.per else ""
    neutral = f", neutral at {declared.identity:g}" if declared.identity != 0 else ""
    return f"{low:g} to {high:g} {declared.unit}".rstrip() + each + neutral


def _table(headers: tuple[str, ...], widths: str) -> Iterable[str]:
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    yield from _row(*headers)


def _row(*cells: str) -> Iterable[str]:
    for number, cell in enumerate(cells):
        yield f"   {'* -' if number == 0 else '  -'} {cell}"


def _literal(text: str) -> str:
    # A docstring may hold a lone asterisk or underscore, which are markup here.
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("|", "\\|").replace("_ ", "\\_ ")


def _keep_first_line(*event: Any) -> None:
    # napoleon takes what stands before a colon in the first line of a property for its type, and moves it to the end.
    _, what, _, _, _, lines = event
    moved = [line for line in lines if line.startswith(":type: ")]
    if what == "property" and moved:
        lines.remove(moved[0])
        lines[0] = f"{moved[0].removeprefix(':type: ')}: {lines[0]}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the directives."""
    app.add_directive("transforms-table", TransformsTable)
    app.add_directive("conformance-table", ConformanceTable)
    app.add_directive("errors-tree", ErrorsTree)
    app.add_directive("command-line", CommandLine)
    app.connect("autodoc-process-docstring", _keep_first_line, priority=900)
    return {"parallel_read_safe": True}
