"""Reads a YAML file of keys and values, and remembers the line of each key for error messages. Used by config.py."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from augrad.errors import ConfigError

Place = tuple[str | int, ...]
"""Keys and positions from the top of the file to a value, such as `("penalty", "strength")` or `("transforms", 0)`."""


@dataclass(frozen=True)
class YamlMapping:
    """The content of a YAML file.

    Attributes:
        path: the file.
        values: its keys and values.
        lines: the line of each key and list entry, counted from 1.
        words: the line of each key and scalar by its text, at its first occurrence.
    """

    path: Path
    values: dict[str, Any]
    lines: Mapping[Place, int] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)

    def where(self, *place: str | int) -> str:
        """The file and the line of a key, such as `"run.yaml, line 3"`; the file alone if it does not hold the key."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.lines:
                return f"{self.path}, line {self.lines[place[:length]]}"
        return str(self.path)


def read_mapping(path: str | os.PathLike[str]) -> YamlMapping:
    r"""Reads a YAML file that holds keys and values.

    `1e-3` is a number, as in YAML 1.2, and a key that is given twice is an error. No objects are constructed.

    Raises:
        ConfigError: the file cannot be read, is not valid YAML, or does not hold keys and values. The message names the
            line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "run.yaml")
        ...     _ = file.write_text("epochs: 20\nlr: 1e-3\n")
        ...     read = read_mapping(file)
        >>> read.values, read.lines[("lr",)]
        ({'epochs': 20, 'lr': 0.001}, 2)
    """
    source = Path(path)
    text = _text(source)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _fault(source, text, error) from error
    if node is None or not isinstance(values, dict):
        held = f"the text {values!r}" if isinstance(values, str) else f"a {type(values).__name__}"
        held = "nothing" if values is None else held
        raise ConfigError(
            f"{source}: must hold keys and values such as 'epochs: 20', but holds {held}.{_missing_space(text)}",
            argument="CONFIG",
        )
    places = list(_places(node))
    words = {word: line for _, word, line in reversed(places) if word is not None}
    return YamlMapping(source, values, {place: line for place, _, line in places}, words)


def _text(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}.", argument="CONFIG") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: is not UTF-8 text.", argument="CONFIG") from error


def _fault(source: Path, text: str, error: yaml.YAMLError) -> ConfigError:
    """The error of the YAML parser as a sentence that begins with file and line, and says how to mend it."""
    problem, line = " ".join(str(error).split()), None
    if isinstance(error, yaml.MarkedYAMLError):
        problem = error.problem or problem
        line = None if error.problem_mark is None else error.problem_mark.line + 1
    if r"'\t'" in problem:
        problem = "it begins with a tab, but YAML is indented with spaces"
    hint = "" if "tab" in problem else _missing_space(text)
    where = f"{source}: " if line is None else f"{source}, line {line}: "
    return ConfigError(f"{where}is not valid YAML: {problem.rstrip('.')}.{hint}", argument="CONFIG", line=line)


def _missing_space(text: str) -> str:
    """A hint if a line has no space after its colon, which makes `lr:0.1` a text instead of a key and a value."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*[A-Za-z_]\w*:[^\s/]", line):
            return f" Line {number} needs a space after the colon: {line.strip()!r}."
    return ""


def _places(node: yaml.Node, place: Place = ()) -> Iterator[tuple[Place, str | None, int]]:
    """Each key, list entry and scalar of a document: its place, its text and its line."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*place, key.value), str(key.value), key.start_mark.line + 1
            if isinstance(value, yaml.ScalarNode):
                yield (*place, key.value), value.value, value.start_mark.line + 1
            yield from _places(value, (*place, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            word = entry.value if isinstance(entry, yaml.ScalarNode) else None
            yield (*place, index), word, entry.start_mark.line + 1
            yield from _places(entry, (*place, index))


class _Loader(yaml.SafeLoader):
    """YAML in which `1e-3` is a number, as in YAML 1.2, and a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in lines:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is also given in line {lines[str(key.value)]}", key.start_mark
                )
            lines[str(key.value)] = line
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"), list("-+0123456789")
)
