from __future__ import annotations

import subprocess
import sys

import pytest
import typer

import augrad
from augrad import cli
from augrad.errors import ArgumentError, TrainingError


def broken_by(error):
    def command():
        raise error

    return command


@pytest.fixture
def raising(monkeypatch):
    """Makes `augrad plugins` raise."""

    def replace(error):
        app = typer.Typer()
        app.callback()(lambda: None)
        app.command("plugins")(broken_by(error))
        monkeypatch.setattr(cli, "app", app)

    return replace


def test_help_names_every_command(capsys):
    assert cli.status(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in ("transforms", "plugins", "demo", "train", "check", "new-plugin"):
        assert f" {command} " in shown
        assert cli.status([command, "--help"]) == 0
        assert f"Usage: augrad {command}" in capsys.readouterr().out


def test_no_command_shows_the_help(capsys):
    assert cli.status([]) == 0
    assert "Usage: augrad" in capsys.readouterr().out


def test_version(capsys):
    assert cli.status(["--version"]) == 0
    assert capsys.readouterr().out == f"augrad {augrad.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["trian"],
            "augrad: No such command 'trian'. Did you mean 'train'? Commands: audit, bench, check, demo, find, ",
        ),
        (["transforms", "--modlity", "x"], "augrad: No such option: --modlity"),
        (
            ["transforms", "--modality"],
            "augrad: Option '--modality' requires an argument. See: augrad ",
        ),
        (["check"], "augrad: Missing argument 'MODULE'. See: augrad check --help"),
        (["plugins", "extra"], "augrad: Got unexpected extra argument"),
        (["demo", "--seeds", "a", "vision"], "augrad: --seeds must be whole numbers with commas between them"),
    ],
)
def test_a_mistake_gets_one_line_and_status_2(capsys, monkeypatch, arguments, line):
    monkeypatch.setattr("augrad.plugins.registry.get_demo", lambda name: None)
    assert cli.status(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(line)
    assert shown.err.count("\n") == 1


def test_an_error_gets_one_line(raising, capsys):
    raising(ArgumentError("lr must be\nabove 0."))
    assert cli.status(["plugins"]) == 2
    assert capsys.readouterr().err == "augrad: lr must be above 0.\n"


def test_a_failed_run_is_no_mistake(raising, capsys):
    raising(TrainingError("the loss turned NaN."))
    assert cli.status(["plugins"]) == 1
    assert capsys.readouterr().err == "augrad: the loss turned NaN.\n"


def test_a_traceback_can_be_had(raising, monkeypatch):
    monkeypatch.setenv("AUGRAD_TRACEBACK", "1")
    raising(ArgumentError("lr must be above 0."))
    with pytest.raises(ArgumentError, match=r"lr must be above 0"):
        cli.status(["plugins"])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_interrupt(raising, capsys, error):
    raising(error)
    assert cli.status(["plugins"]) == 130
    assert "augrad: interrupted." in capsys.readouterr().err


def test_main_exits(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["augrad", "--version"])
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main()
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(["nope"])
    assert "No such command 'nope'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_does_not_wait_for_torch(arguments):
    code = f"from augrad.cli import status; import sys; status({arguments!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
