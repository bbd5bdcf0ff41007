"""Imports a module, file or callable that the user names on the command line. Used by check.py and train.py."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from augrad.errors import ArgumentError, suggestion
from augrad.plugins.guarded_calls import cause_of, guarded


def import_module(name: str, argument: str) -> ModuleType:
    """Imports a module by its dotted name, with the working directory on the path as in `python -m`, or a `.py` file.

    Args:
        name: such as `"my.transforms"` or `"my/transforms.py"`.
        argument: its name on the command line, for messages.

    Raises:
        ArgumentError: it cannot be imported. The message says why.
    """
    from_file = name.endswith(".py") or "/" in name
    if from_file and not Path(name).is_file():
        raise ArgumentError(
            f"{argument} must be a module or a .py file, but there is no file {name!r}.", argument=argument
        )
    if not from_file and not all(part.isidentifier() for part in name.split(".")):
        raise ArgumentError(
            f"{argument} must be a module such as my.transforms or a file such as my/transforms.py, but got {name!r}.",
            argument=argument,
        )
    folder = str(Path(name).resolve().parent if from_file else Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    outcome = guarded(lambda: _from_file(Path(name)) if from_file else importlib.import_module(name))
    typer.echo(outcome.printed, nl=False, err=True)
    if outcome.error is not None:
        raise ArgumentError(
            f"{argument} {name!r} cannot be imported: it {cause_of(outcome.error, wanted='' if from_file else name)}.",
            argument=argument,
        ) from outcome.error
    module: ModuleType = outcome.value
    return module


def import_callable(target: str, argument: str) -> Callable[..., Any]:
    """Imports `"module:callable"` or `"file.py:callable"`.

    Raises:
        ArgumentError: it cannot be imported, or is not callable.
    """
    module_name, colon, name = target.rpartition(":")
    if not colon or not module_name or not name:
        raise ArgumentError(
            f"{argument} must be module:callable or file.py:callable, but got {target!r}.", argument=argument
        )
    module = import_module(module_name, argument)
    found = getattr(module, name, None)
    if not callable(found):
        known = [known for known, value in vars(module).items() if callable(value)]
        raise ArgumentError(
            f"{argument} names {name!r}, but {module_name!r} has no such callable.{suggestion(name, known)}",
            argument=argument,
        )
    made: Callable[..., Any] = found
    return made


def _from_file(path: Path) -> ModuleType:
    # Imported under another name, so that my/random.py does not replace the module of the standard library.
    name = path.stem if path.stem.isidentifier() and path.stem not in sys.modules else f"augrad_file_{abs(hash(path))}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # pickle looks classes up there
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
