"""Calls foreign code so that it cannot end the process, and describes its errors. Used by loading.py."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augrad.errors import AugradError, PluginError, suggestion


@dataclass(frozen=True)
class Outcome:
    """Result of a guarded call.

    Attributes:
        value: the return value; None if the call failed.
        error: the exception that was raised, or None.
        printed: everything that the call wrote to standard output.
    """

    value: Any
    error: BaseException | None
    printed: str


def guarded(job: Callable[[], Any]) -> Outcome:
    """Calls `job`, and catches its output and every exception except KeyboardInterrupt.

    Even `sys.exit` is caught. Meanwhile, standard output is redirected for the whole process, so calls must not overlap
    in threads. The registry's lock prevents this.

    Example:
        >>> import sys
        >>> outcome = guarded(lambda: sys.exit(3))
        >>> cause_of(outcome.error)
        'calls sys.exit(3)'
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            value = job()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin's sys.exit must not end the process
        return Outcome(None, error, printed.getvalue())
    return Outcome(value, None, printed.getvalue())


def import_string(target: str) -> Any:
    """Imports `"module:attribute"` or `"module"`.

    Raises:
        PluginError: the module has no such attribute. Exceptions of the import itself are not caught.

    Example:
        >>> import_string("math:pi")
        3.141592653589793
    """
    module_name, _, attributes = target.partition(":")
    found: Any = importlib.import_module(module_name)
    for attribute in filter(None, attributes.split(".")):
        if not hasattr(found, attribute):
            raise PluginError(
                f"points to {target!r}, but {module_name!r} has no {attribute!r}." + suggestion(attribute, dir(found)),
                target=target,
            )
        found = getattr(found, attribute)
    return found


def is_import_string(target: object) -> bool:
    """Whether an object is a string of the form `"module:attribute"`.

    Example:
        >>> is_import_string("augrad_vision.geometry:Rotate"), is_import_string("augrad_vision.geometry.Rotate")
        (True, False)
    """
    if not isinstance(target, str) or target.count(":") != 1:
        return False
    return all(part.isidentifier() for part in re.split(r"[.:]", target))


def cause_of(error: BaseException, wanted: str = "") -> str:
    """Describes an error in foreign code in one line, with the place where it was raised.

    Args:
        error: the exception.
        wanted: the module that was to be imported. It distinguishes "this module is missing" from "this module imports
            a module that is missing".

    Example:
        >>> cause_of(ValueError("no good"))
        'raises ValueError: no good'
    """
    if isinstance(error, AugradError):
        return error.message
    if isinstance(error, ModuleNotFoundError) and error.name:
        if f"{wanted}.".startswith(f"{error.name}."):
            return f"points to {wanted!r}, a module that does not exist"
        state = "does not exist" if "." in error.name else "is not installed"
        return f"imports {error.name!r}, which {state}{_place(error)}"
    if isinstance(error, SyntaxError):
        return f"raises {type(error).__name__}: {error.msg} ({Path(error.filename or '?').name}, line {error.lineno})"
    if isinstance(error, SystemExit):
        return f"calls sys.exit({'' if error.code is None else repr(error.code)}){_place(error)}"
    said = " ".join(str(error).split())
    return f"raises {type(error).__name__}{': ' if said else ''}{said}{_place(error)}"


def _place(error: BaseException) -> str:
    """Returns where an error was raised: the innermost frame outside augrad and the import system."""
    ours = (__file__, importlib.__file__, "<")  # "<frozen importlib>" and "<string>" are not files
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
