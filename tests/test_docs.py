"""The documentation is true: its code runs, every public name has a text, and the reference lists every public name."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import augrad
import augrad.testing
from augrad.config import AuditConfig, TrainConfig, read_config
from augrad.plugins import registry

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "core" / "README.md",
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
REFERENCE = "\n".join(page.read_text() for page in sorted((ROOT / "docs" / "reference").glob("*.md")))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks in a language, each shifted to its own line numbers so that a traceback points into the page."""
    text = page.read_text()
    return [
        "\n" * text[: match.start(1)].count("\n") + match[1]
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    ]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


class Shortened(ast.NodeTransformer):
    """The same code that trains for `N_EPOCHS` at most; what it asserts to be more or less is no longer asked."""

    N_EPOCHS = 2
    found = False

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        self.generic_visit(node)
        if node.arg == "max_epochs" and isinstance(node.value, ast.Constant) and node.value.value > self.N_EPOCHS:
            node.value, self.found = ast.copy_location(ast.Constant(self.N_EPOCHS), node.value), True
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        ordered = any(isinstance(each, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for each in ast.walk(node.test))
        return ast.copy_location(ast.Expr(node.test), node) if ordered else node


def trains_long(page: Path) -> bool:
    """Whether some block trains for longer than `Shortened` does, itself or by a task that it names."""
    shortened = Shortened()
    for block in blocks(page, "python"):
        shortened.visit(ast.parse(block))
    return shortened.found or "get_task(" in page.read_text()


def run_blocks(page: Path, *, short: bool = False) -> None:
    """Runs the blocks of a page one after the other as one module, as a reader would; or shortened."""
    module = ModuleType("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "page", module)  # dataclasses and pickle look their module up
        if short:
            task = registry.get_task
            patch.setattr(registry, "get_task", lambda name: replace(task(name), epochs=Shortened.N_EPOCHS))
        for block in blocks(page, "python"):
            tree = ast.parse(block, str(page))
            exec(compile(Shortened().visit(tree) if short else tree, str(page), "exec"), vars(module))


WITH_CODE = [page for page in PAGES if blocks(page, "python")]


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_code_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks(page, short=trains_long(page))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in WITH_CODE if trains_long(page)], ids=name_of)
def test_code_blocks_run_and_learn_what_they_say(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks(page)


def test_shortened_code_trains_less_and_asks_less(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\ngiven = dict(max_epochs=60, seed=3)\nassert given['seed'] > 3\nassert given == 0\n```\n"
    )
    assert trains_long(page)
    with pytest.raises(AssertionError) as first:
        run_blocks(page)
    assert first.traceback[-1].lineno == 2
    with pytest.raises(AssertionError) as second:
        run_blocks(page, short=True)
    assert second.traceback[-1].lineno == 3
    assert second.traceback[-1].frame.f_locals["given"] == {"max_epochs": 2, "seed": 3}


def test_a_false_block_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Text.\n\n```python\nx = 1\n```\n\n```text\nnot run\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(AssertionError):
        run_blocks(page)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")], ids=name_of)
def test_configurations_are_valid(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "yaml"):
        (tmp_path / "config.yaml").write_text(block)
        kind = AuditConfig if "audit" in page.stem else TrainConfig
        for name in read_config(tmp_path / "config.yaml", kind=kind).transforms:
            augrad.get_transform(name)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


PUBLIC = [
    *(f"augrad.{name}" for name in sorted(augrad.__all__)),
    *(f"augrad.testing.{name}" for name in sorted(augrad.testing.__all__)),
]


def undocumented(name: str, thing: Any) -> list[str]:
    """What of a public name and its public members has no text; inherited texts count."""
    missing = [] if not callable(thing) or inspect.getdoc(thing) else [name]
    if inspect.isclass(thing):
        members = {member: value for member, value in vars(thing).items() if not member.startswith("_")}
        for member, value in members.items():
            if isinstance(value, property | classmethod | staticmethod) or inspect.isfunction(value):
                shown = getattr(thing, member) if not isinstance(value, property) else value
                missing += [] if inspect.getdoc(shown) or _inherited(thing, member) else [f"{name}.{member}"]
    return missing


def _inherited(kind: type, member: str) -> bool:
    return any(inspect.getdoc(vars(base)[member]) for base in kind.__mro__ if member in vars(base))


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_a_text(name: str) -> None:
    home, _, last = name.rpartition(".")
    assert undocumented(name, getattr(importlib.import_module(home), last)) == []


def test_a_missing_text_is_found() -> None:
    class Bare:
        def method(self) -> None: ...

    assert undocumented("Bare", Bare) == ["Bare", "Bare.method"]


@pytest.mark.parametrize("name", PUBLIC)
def test_reference_lists_public_names(name: str) -> None:
    assert re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", REFERENCE), f"docs/reference does not mention {name}"


def test_reference_lists_every_modality() -> None:
    modalities = {name.partition(".")[0] for name in augrad.transforms()}
    shipped = {path.name for path in ROOT.glob("plugins/*/")} & modalities
    assert shipped
    assert all(f".. transforms-table:: {modality}" in REFERENCE for modality in shipped)
