from __future__ import annotations

import sys

import pytest

from augrad.cli.usercode import import_callable, import_module
from augrad.errors import ArgumentError


@pytest.fixture
def folder(site):
    return site()


def test_module_of_the_working_directory(folder):
    (folder / "mine.py").write_text("x = 3\n")
    assert import_module("mine", "MODULE").x == 3


def test_file_with_its_neighbours(folder):
    (folder / "lib").mkdir()
    (folder / "lib" / "mine_a.py").write_text("import mine_b\nx = mine_b.x\n")
    (folder / "lib" / "mine_b.py").write_text("x = 4\n")
    module = import_module("lib/mine_a.py", "MODULE")
    assert module.x == 4
    assert sys.modules[module.__name__] is module


def test_file_does_not_stand_in_for_another_module(folder):
    (folder / "json.py").write_text("x = 5\n")
    module = import_module(str(folder / "json.py"), "MODULE")
    assert module.x == 5
    assert module.__name__.startswith("augrad_file_")
    assert not hasattr(sys.modules["json"], "x")


def test_what_it_prints_goes_to_standard_error(folder, capsys):
    (folder / "mine.py").write_text("print('hello')\n")
    import_module("mine", "MODULE")
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.py", r"MODULE must be a module or a .py file, but there is no file 'absent.py'"),
        ("my-module", r"MODULE must be a module such as my.transforms or a file .*, but got 'my-module'"),
        ("mine_absent", r"MODULE 'mine_absent' cannot be imported: it points to 'mine_absent', a module that does not"),
        ("mine_exit.py", r"MODULE 'mine_exit.py' cannot be imported: it calls sys.exit\(1\) \(mine_exit.py, line 1\)"),
        (
            "notes/text",
            r"MODULE 'notes/text' cannot be imported: it raises ImportError: notes/text is not a Python file",
        ),
    ],
)
def test_mistakes_are_named(folder, name, message):
    (folder / "mine_exit.py").write_text("raise SystemExit(1)\n")
    (folder / "notes").mkdir()
    (folder / "notes" / "text").write_text("")
    with pytest.raises(ArgumentError, match=message):
        import_module(name, "MODULE")
    assert "mine_exit" not in sys.modules


def test_callable(folder):
    (folder / "mine.py").write_text("def make():\n    return 6\nnumber = 7\n")
    assert import_callable("mine:make", "--data")() == 6
    assert import_callable("mine.py:make", "--data")() == 6


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mine", r"--data must be module:callable or file.py:callable, but got 'mine'"),
        ("mine:", r"--data must be module:callable"),
        ("mine:mke", r"--data names 'mke', but 'mine' has no such callable. Did you mean 'make'\?"),
        ("mine:number", r"--data names 'number', but 'mine' has no such callable."),
    ],
)
def test_mistakes_in_a_callable(folder, target, message):
    (folder / "mine.py").write_text("def make():\n    return 6\nnumber = 7\n")
    with pytest.raises(ArgumentError, match=message):
        import_callable(target, "--data")
