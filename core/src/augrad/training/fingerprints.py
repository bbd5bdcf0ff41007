"""Descriptions of arguments that tell two runs apart: the same for equal arguments in every run of a program.

Used by settings.py, persistence.py and the display.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import secrets
import types
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

PLAIN = (bool, int, float, complex, str, bytes, type(None))

LIBRARIES = ("augrad", "torch")
"""Packages whose functions are told by their names alone."""

DEPTH = 6
"""How many objects within objects are looked into."""


def described(value: Any) -> str | None:
    """Describes an argument without memory addresses, so that a resumed run can be held against the first.

    An object whose class writes its own `__repr__` is described by it. Any other object is described by its class and
    its attributes, a function by its name, code, defaults and the variables that it closes over, a tensor by its
    contents. An object that cannot be described gets a new name at each call, so that a run with it is never taken for
    another.

    Example:
        >>> described(functools.partial(max, default=1)), described("constant"), described(None)
        ('max(default=1)', 'constant', None)
        >>> class Pull:
        ...     def __init__(self, strength):
        ...         self.strength = strength
        >>> described(Pull(0.1))
        'Pull(strength=0.1)'
    """
    return value if value is None or isinstance(value, str) else _text(value, ())


def _text(value: Any, seen: tuple[int, ...]) -> str:
    if isinstance(value, PLAIN):
        return repr(value)
    if id(value) in seen or len(seen) > DEPTH:
        return "..."
    seen = (*seen, id(value))
    if isinstance(value, Tensor):
        flat = value.detach().cpu().contiguous().reshape(-1)
        return (
            f"tensor({tuple(value.shape)}, {_digest(flat.view(torch.uint8).numpy().tobytes() if len(flat) else b'')})"
        )
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _container(value, seen)
    return _callable(value, seen) if callable(value) else _object(value, seen)


def _container(value: Any, seen: tuple[int, ...]) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(key, seen)}: {_text(entry, seen)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(entry, seen) for entry in value)}]"
    return f"{{{', '.join(sorted(_text(entry, seen) for entry in value))}}}"


def _callable(value: Any, seen: tuple[int, ...]) -> str:
    if isinstance(value, functools.partial):
        arguments = [_text(argument, seen) for argument in value.args]
        arguments += [f"{name}={_text(argument, seen)}" for name, argument in value.keywords.items()]
        return f"{_text(value.func, seen)}({', '.join(arguments)})"
    if isinstance(value, types.MethodType):
        return f"{_text(value.__self__, seen)}.{value.__func__.__name__}"
    if isinstance(value, types.FunctionType):
        inner: Any = inspect.unwrap(value)
        return _function(inner, seen) if isinstance(inner, types.FunctionType) else _text(inner, seen)
    if isinstance(value, type | types.BuiltinFunctionType) or hasattr(value, "__qualname__"):
        return str(getattr(value, "__qualname__", value))
    return _object(value, seen)


def _function(function: types.FunctionType, seen: tuple[int, ...]) -> str:
    cells = [_cell(cell, seen) for cell in function.__closure__ or ()]
    defaults = [_text(value, seen) for value in (function.__defaults__ or (), function.__kwdefaults__ or {}) if value]
    facts = [*cells, *defaults]
    if (function.__module__ or "").partition(".")[0] not in LIBRARIES:
        code = function.__code__
        facts.insert(0, f"code {_digest(_code(code).encode())}")
        read = {name: function.__globals__.get(name) for name in code.co_names}
        facts += [
            f"{name}={_text(entry, seen)}" for name, entry in read.items() if isinstance(entry, float | int | Tensor)
        ]
    name = function.__qualname__
    return f"{name}({', '.join(facts)})" if facts else name


def _cell(cell: Any, seen: tuple[int, ...]) -> str:
    try:
        return _text(cell.cell_contents, seen)
    except ValueError:  # a variable that is not assigned yet
        return "..."


def _code(code: types.CodeType) -> str:
    constants = [_code(each) if isinstance(each, types.CodeType) else repr(each) for each in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _object(value: Any, seen: tuple[int, ...]) -> str:
    kind = type(value)
    own = kind.__repr__ is not object.__repr__ and kind.__repr__ is not nn.Module.__repr__  # type: ignore[comparison-overlap]
    text = repr(value) if own else ""
    if own and " at 0x" not in text:
        return text
    name = str(kind.__qualname__)
    facts = dict(getattr(value, "__dict__", {}))
    for slot in (slot for base in kind.__mro__ for slot in _slots(base)):
        facts[slot] = getattr(value, slot, None)
    if isinstance(value, nn.Module):
        held = {key: facts.pop(key, {}) for key in ("_parameters", "_buffers", "_modules")}
        facts = {key: entry for key, entry in facts.items() if not key.startswith("_") and key != "training"}
        facts |= {key: entry for group in held.values() for key, entry in group.items() if entry is not None}
    elif not hasattr(value, "__dict__") and not facts:
        # Nothing to tell it by: better refused than mistaken.
        return f"{name}(untold {secrets.token_hex(8)})"
    told = ", ".join(f"{key}={_text(entry, seen)}" for key, entry in sorted(facts.items()))
    return f"{name}({told})" if told else name


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    named = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in named if name not in ("__dict__", "__weakref__"))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
