"""`augrad new-plugin` on its own; what it writes is installed and tested in tests/integration."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.core.plugin_factory import GOOD

import augrad
from augrad.cli import status
from augrad.cli.new_plugin import check_name, skeleton, write_tree
from augrad.errors import ArgumentError, StorageError

ROOT = Path(__file__).parents[3]
FILES = [
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "src/augrad_eye_tracking/__init__.py",
    "src/augrad_eye_tracking/plugin.py",
    "src/augrad_eye_tracking/py.typed",
    "src/augrad_eye_tracking/transforms.py",
    "tests/test_transforms.py",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_it_writes_a_plugin(here, capsys):
    assert status(["new-plugin", "eye_tracking"]) == 0
    assert written(here / "augrad-eye-tracking") == FILES
    assert [path.name for path in here.iterdir()] == ["augrad-eye-tracking"]
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "Written: augrad-eye-tracking, with 8 files. Next:",
        "  cd augrad-eye-tracking",
        "  pip install -e '.[test]'",
        "  pytest",
        "  augrad check augrad_eye_tracking",
    ]
    assert shown.err == ""


def test_everything_is_named_after_the_modality():
    files = skeleton("eye_tracking")
    assert all("${" not in text and "ecg" not in text for text in files.values())
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["name"] == "augrad-eye-tracking"
    assert project["project"]["entry-points"] == {"augrad": {"eye_tracking": "augrad_eye_tracking.plugin"}}
    assert project["project"]["dependencies"][0] == f"augrad>={augrad.__version__}"
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["src/augrad_eye_tracking"]
    module = ast.parse(files["src/augrad_eye_tracking/transforms.py"])
    assert [node.name for node in module.body if isinstance(node, ast.ClassDef)] == [
        "EyeTrackingTransform",
        "Drift",
        "Gain",
    ]
    plugin: dict[str, object] = {}
    exec(files["src/augrad_eye_tracking/plugin.py"], plugin)
    assert plugin["augrad_transforms"]() == {
        "eye_tracking.drift": "augrad_eye_tracking.transforms:Drift",
        "eye_tracking.gain": "augrad_eye_tracking.transforms:Gain",
    }


@pytest.mark.parametrize("author", ['Ada "the first" Löve \\ Co', "O'Neill", "李"])
def test_author(here, author):
    assert status(["new-plugin", "ecg", "--author", author]) == 0
    project = tomllib.loads((here / "augrad-ecg" / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["authors"] == [{"name": author}]
    assert f", {author}\n" in (here / "augrad-ecg" / "LICENSE").read_text(encoding="utf-8")


def test_no_author():
    assert "The augrad-ecg authors\n" in skeleton("ecg")["LICENSE"]


@pytest.mark.parametrize("author", ["", "  ", "two\nlines", "a\x1b[0m"])
def test_a_bad_author(here, capsys, author):
    assert status(["new-plugin", "ecg", "--author", author]) == 2
    assert one_line(capsys).startswith(f"augrad: --author must be a name in one line, but got {author.strip()!r}")
    assert list(here.iterdir()) == []


def test_output_may_be_an_empty_folder_or_lie_deep(here, capsys):
    (here / "empty").mkdir()
    assert status(["new-plugin", "ecg", "--output", "empty"]) == 0
    assert status(["new-plugin", "ecg", "--output", "a/b/c"]) == 0
    assert "  cd a/b/c\n" in capsys.readouterr().out
    assert len(written(here / "empty")) == len(written(here / "a/b/c")) == len(FILES)
    # Made as any other folder, and not for its owner alone as temporary ones are.
    (here / "plain").mkdir()
    assert (here / "empty").stat().st_mode == (here / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ECG-2", " Did you mean 'ecg_2'?"),
        ("augrad-ecg", " Did you mean 'ecg'?"),
        ("eye.tracking", " Did you mean 'eye_tracking'?"),
        ("ecg_", " Did you mean 'ecg'?"),
        ("a__b", " Did you mean 'a_b'?"),
        ("2d", ""),
        ("", ""),
        ("../ecg", " Did you mean 'ecg'?"),
        ("ecg\n", " Did you mean 'ecg'?"),
        ("心電図", ""),
    ],
)
def test_what_is_no_modality(here, capsys, name, meant):
    assert status(["new-plugin", name]) == 2
    expected = f"augrad: NAME must be a modality in snake_case, such as ecg or eye_tracking, but got {name!r}.{meant}"
    assert one_line(capsys) == f"{expected}\n"
    assert list(here.iterdir()) == []


def test_every_valid_name_makes_valid_python():
    for name in ("a", "x2", "point_cloud_3d", "class", "none"):
        check_name(name)
        for path, text in skeleton(name).items():
            if path.endswith(".py"):
                ast.parse(text)


@pytest.mark.parametrize("name", ["vision", "audio", "tabular", "graph"])
def test_own_modalities_are_taken(here, capsys, name):
    assert status(["new-plugin", name]) == 2
    assert one_line(capsys).startswith(f"augrad: NAME {name!r} is taken by augrad-{name}: ")


def test_installed_modalities_are_taken(site, capsys):
    site(GOOD)
    assert status(["new-plugin", "good"]) == 2
    assert one_line(capsys).startswith("augrad: NAME 'good' is taken by augrad-good: ")


def test_what_stands_there_is_kept(here, capsys):
    (here / "augrad-ecg").mkdir()
    (here / "augrad-ecg" / "thesis.tex").write_text("years of work")
    (here / "file").write_text("kept")
    assert status(["new-plugin", "ecg"]) == 2
    assert "augrad-ecg exists and is not empty. Choose another folder with --output DIR." in one_line(capsys)
    assert status(["new-plugin", "ecg", "--output", "file"]) == 2
    assert "file is a file. Choose a folder" in one_line(capsys)
    assert written(here) == ["augrad-ecg/thesis.tex", "file"]


def test_the_working_directory_is_not_replaced(here, capsys):
    assert status(["new-plugin", "ecg", "--output", "."]) == 2
    assert "--output must not be the working directory" in one_line(capsys)


def test_nothing_is_left_of_a_failure(tmp_path, monkeypatch):
    def full(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(StorageError, match=r"could not write .*ecg: No space left on device. Nothing was left there"):
        write_tree(tmp_path / "ecg", {"a/b.txt": "b"})
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_a_file_is_named(here, capsys):
    (here / "file").write_text("kept")
    assert status(["new-plugin", "ecg", "--output", "file/ecg"]) == 1
    assert "could not write" in one_line(capsys)
    assert written(here) == ["file"]


def test_interrupted_half_way(tmp_path):
    class Files(dict):
        def items(self):
            yield "a.txt", "a"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tree(tmp_path / "ecg", Files())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something(tmp_path):
    with pytest.raises(ArgumentError, match=r"exists and is not empty"):
        write_tree(tmp_path.parent, {"a.txt": "a"})


def test_what_is_written_is_formatted_and_linted_as_augrad_is(tmp_path):
    folder = write_tree(tmp_path / "ecg", skeleton("ecg"))
    own = ["--config", str(ROOT / "pyproject.toml"), "--config", f'src = ["{folder}/src"]']
    tests = ["--config", 'lint.per-file-ignores = {"tests/**" = ["D", "PLR", "S"]}']
    for command in (
        ["check", *own, *tests],
        ["format", "--check", *own],
        ["check", "--isolated"],
        ["format", "--check", "--isolated"],
    ):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout


@pytest.mark.slow
def test_what_is_written_is_typed(tmp_path):
    folder = write_tree(tmp_path / "ecg", skeleton("ecg"))
    cache = ROOT / ".mypy_cache" / "new-plugin"  # kept: reading torch takes longer than all the rest
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), "src", "tests"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def one_line(capsys):
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err
