"""The command line `augrad`: collects the commands, a file for each, and runs them.

Errors are printed as single lines.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from augrad.cli import audit, bench, check, demo, find, listing, new_plugin, presets, train
from augrad.errors import AugradError, StorageError, TrainingError

EPILOG = (
    "Exit status: 0 success; 1 a check, a training run or an audit (--fail-on) failed; 2 a mistake in the input, "
    "described in a line on standard error. Set AUGRAD_TRACEBACK=1 to see where an error was raised."
)

app = typer.Typer(
    name="augrad",
    help="Learns from the training data which transformations a task is invariant to, and how far.",
    epilog=EPILOG,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("transforms")(listing.show_transforms)
app.command("plugins")(listing.show_plugins)
app.command("presets")(presets.run)
app.command("demo")(demo.run)
app.command("find")(find.run)
app.command("bench")(bench.run)
app.command("train")(train.run)
app.command("audit")(audit.run)
app.command("check")(check.run)
app.command("new-plugin")(new_plugin.run)

INTERRUPTED = 130
"""The exit status after Ctrl-C, as in typer and in shells."""

# The error that typer raises for a mistake on the command line. Its place differs between versions of typer.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def _show_version(wanted: bool | None) -> None:
    if wanted:
        import augrad

        typer.echo(f"augrad {augrad.__version__}")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = None,
) -> None:
    """Holds the options that come before a command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits. This is the entry point of the script `augrad`.

    Args:
        arguments: the arguments after the program's name; if None, those of the process.
    """
    sys.exit(status(sys.argv[1:] if arguments is None else arguments))


def status(arguments: Sequence[str]) -> int:
    """Runs the command line and returns the exit status.

    Args:
        arguments: the arguments after the program's name; an empty list shows the help.
    """
    try:
        outcome = app(args=list(arguments) or ["--help"], prog_name="augrad", standalone_mode=False)
    except _UsageError as error:
        return _failed(_way_out(error), 2)
    except AugradError as error:
        if os.environ.get("AUGRAD_TRACEBACK"):
            raise
        return _failed(str(error), 1 if isinstance(error, TrainingError | StorageError) else 2)
    except typer.Abort:
        outcome = INTERRUPTED
    if outcome == INTERRUPTED:
        return _failed("interrupted.", INTERRUPTED)
    return outcome if isinstance(outcome, int) else 0


def _way_out(error: Any) -> str:
    """Returns the message for a mistake on the command line, with the accepted commands."""
    context = error.ctx
    command = "augrad" if context is None else context.command_path
    commands = sorted(getattr(context.command, "commands", ())) if context is not None else []
    known = f" Commands: {', '.join(commands)}." if commands else ""
    return f"{error.format_message()}{known} See: {command} --help"


def _failed(message: str, code: int) -> int:
    typer.echo(f"augrad: {' '.join(message.split())}", err=True)
    return code
