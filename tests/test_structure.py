"""The shape of the source: short files, few entries in the core's root, and no import that goes round in a circle.

Each check is a function of a folder or a package, so that a bad twin can show that it fails.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parents[1]
CORE = REPOSITORY / "core" / "src" / "augrad"
SOURCES = [CORE, *sorted((REPOSITORY / "plugins").glob("*/src"))]

MOST_LINES = 300
MOST_ENTRIES = 28
KINDS = {".py", ".html", ".css", ".template"}


def too_long(folder: Path) -> dict[str, int]:
    """The source files of more than `MOST_LINES` lines, with their number of lines."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix in KINDS)
    lengths = {path.relative_to(folder).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files}
    return {name: length for name, length in lengths.items() if length > MOST_LINES}


def entries(folder: Path) -> list[str]:
    """The modules of a package's root, and its folders."""
    found = (path for path in sorted(folder.iterdir()) if not path.name.startswith("__pycache__"))
    return [path.name for path in found if path.suffix == ".py" or path.is_dir()]


def imports(package: str) -> dict[str, set[str]]:
    """The modules that each module imports, inside functions too, but not for type checkers alone."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def rooms(modules: dict[str, set[str]]) -> dict[str, set[str]]:
    """The rooms that each room imports; a room is a module or folder of the root. The root itself is none."""
    found: dict[str, set[str]] = {}
    for module, imported in modules.items():
        if "." in module:
            own = found.setdefault(module.split(".")[1], set())
            own |= {each.split(".")[1] for each in imported if "." in each} - {module.split(".")[1]}
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other, each sorted."""
    reached = {node: _reached(node, graph.__getitem__) for node in graph}
    groups = {frozenset({node} | {other for other in reached[node] if node in reached[other]}) for node in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reached(start: str, following: Callable[[str], Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = set(following(waiting.pop())) - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("folder", SOURCES, ids=lambda folder: folder.relative_to(REPOSITORY).as_posix())
def test_no_source_file_is_too_long(folder):
    assert any(folder.rglob("*.py"))
    assert too_long(folder) == {}


def test_the_root_of_the_core_has_few_entries():
    found = entries(CORE)
    assert {"errors.py", "layers"} < set(found)
    assert len(found) <= MOST_ENTRIES, found


def test_no_module_of_the_core_imports_itself_by_a_detour():
    modules = imports("augrad")
    assert "augrad.model" in modules["augrad.invariance"]
    assert circles(modules) == []


def test_no_room_of_the_core_imports_itself_by_a_detour():
    found = rooms(imports("augrad"))
    assert "transform" in found["layers"]
    assert circles(found) == []


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, str]) -> str:
    for place, text in {"__init__.py": "", **files}.items():
        path = tmp_path / name / place
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(textwrap.dedent(text), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_file_of_one_line_too_many_is_found(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "long.html").write_text("<p>\n" * (MOST_LINES + 1), "utf-8")
    (tmp_path / "short.py").write_text("\n" * MOST_LINES, "utf-8")
    assert too_long(tmp_path) == {"page/long.html": MOST_LINES + 1}


def test_folders_and_modules_of_a_root_are_counted(tmp_path):
    for name in ("room", "__pycache__"):
        (tmp_path / name).mkdir()
    for name in ("__init__.py", "one.py", "py.typed", "room/two.py"):
        (tmp_path / name).touch()
    assert entries(tmp_path) == ["__init__.py", "one.py", "room"]


def test_a_circle_through_a_function_is_found(tmp_path, monkeypatch):
    files = {
        "a.py": "import circle_twin.b\n",
        "b.py": "def late():\n    from circle_twin.c import x\n",
        "c.py": "from circle_twin import a\nx = 1\n",
        "d.py": "import circle_twin.a\n",
    }
    found = imports(package(tmp_path, monkeypatch, "circle_twin", files))
    assert circles(found) == [["circle_twin.a", "circle_twin.b", "circle_twin.c"]]


def test_an_import_for_type_checkers_makes_no_circle(tmp_path, monkeypatch):
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import typed_twin.a\n"
    found = imports(package(tmp_path, monkeypatch, "typed_twin", {"a.py": "import typed_twin.b\n", "b.py": typed}))
    assert found["typed_twin.a"] == {"typed_twin.b"}
    assert circles(found) == []


def test_a_circle_of_rooms_without_one_of_modules_is_found(tmp_path, monkeypatch):
    files = {
        "x/one.py": "import rooms_twin.y.one\n",
        "x/two.py": "",
        "y/one.py": "",
        "y/two.py": "import rooms_twin.x.two\n",
        "z.py": "import rooms_twin.x.one\n",
    }
    found = imports(package(tmp_path, monkeypatch, "rooms_twin", files))
    assert circles(found) == []
    assert circles(rooms(found)) == [["x", "y"]]
