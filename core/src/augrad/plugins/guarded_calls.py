"""Runs others' code so that it cannot end the host, and says what went wrong. Used by plugins.py and catalogue.py."""

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
    """What became of a guarded call.

    Attributes:
        value: what it returned; None if it failed.
        error: what it raised, or None.
        printed: what it wrote to standard output meanwhile.
    """

    value: Any
    error: BaseException | None
    printed: str


def guarded(job: Callable[[], Any]) -> Outcome:
    """Calls `job`, catching whatever it raises but KeyboardInterrupt, and what it prints.

    Even `sys.exit` is caught. Standard output is redirected for the whole process meanwhile, so calls must not overlap
    in threads; the registry's lock sees to it.

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
    except BaseException as error:  # noqa: BLE001 - a plugin's sys.exit must not end the host
        return Outcome(None, error, printed.getvalue())
    return Outcome(value, None, printed.getvalue())


def import_string(target: str) -> Any:
    """Imports `"module:attribute"`, or `"module"`.

    Raises:
        PluginError: the module has no such attribute; whatever the import raises passes through.

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
    """Whether it reads `"module:attribute"`.

    Example:
        >>> is_import_string("augrad_vision.geometry:Rotate"), is_import_string("augrad_vision.geometry.Rotate")
        (True, False)
    """
    if not isinstance(target, str) or target.count(":") != 1:
        return False
    return all(part.isidentifier() for part in re.split(r"[.:]", target))


def cause_of(error: BaseException, wanted: str = "") -> str:
    """One line on what went wrong in someone else's code, with the place where it helps.

    Args:
        error: what was raised.
        wanted: the module that was to be imported, to tell its own absence from that of something it imports.

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
    """Where it was raised: the innermost frame that is neither augrad's nor the import machinery's."""
    ours = (__file__, importlib.__file__, "<")  # "<frozen importlib>", "<string>": no files
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
