"""Constructs the transforms of a layer from names, classes and instances. Used by layer.py."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from augrad.errors import ArgumentError, ArgumentTypeError, LayerError, suggestion
from augrad.plugins.registry import get_transform
from augrad.transform.ranges import Range
from augrad.transform.transform import Transform

Entry = str | Transform | type[Transform]
"""A transform: by its registered name, its class, or as an instance."""


def resolve_transforms(transforms: Sequence[Entry], arguments: Mapping[str, Any] | None = None) -> list[Transform]:
    """Constructs a transform for each name and class; instances are returned as they are.

    Args:
        transforms: names, classes or instances; no two with the same name.
        arguments: constructor arguments for names and classes, such as `{"sample_rate": 8000}`: each gets those that
            its constructor names. Arguments for one transform alone, ranges too, stand under its name:
            `{"vision.rotate": {"angle": 30.0}}`.

    Raises:
        LayerError: the list is empty, or two transforms have the same name.
        ArgumentTypeError: an entry is not a name, a transform or a transform class.
        ArgumentError: no constructor takes an argument, or a constructor needs an argument that is missing.
        UnknownTransformError: a name that is not registered.
    """
    if isinstance(transforms, str) or not isinstance(transforms, Sequence):
        raise ArgumentTypeError(
            f"transforms must be a list of names or transforms, but got {transforms!r}. Write [{transforms!r}].",
            argument="transforms",
        )
    if not transforms:
        raise LayerError("transforms must name at least one transform, but got an empty list.", argument="transforms")
    given = _checked(arguments)
    entries = [get_transform(entry) if isinstance(entry, str) else entry for entry in transforms]
    check_taken(given, [entry for entry in entries if _is_kind(entry)])
    built = [_built(entry, given) for entry in entries]
    names = [transform.name for transform in built]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise LayerError(
            f"transforms holds {twice[0]!r} twice: one layer learns one weight per transform. Put the second into "
            "another layer.",
            argument="transforms",
            value=twice[0],
        )
    return built


def construct(kind: type[Transform], arguments: Mapping[str, Any]) -> Transform:
    """Constructs a transform class with those of `arguments` that its constructor names.

    Args:
        kind: the class.
        arguments: shared arguments by name. A mapping under the name of the transform holds arguments for it alone;
            they override the shared ones and may include ranges, each a number, a `Range` or a mapping of its fields.

    Raises:
        ArgumentError: the constructor needs an argument that is missing, or the entry under the transform's name is
            not a mapping.
        RangeError: the entry under the transform's name holds an argument that the constructor does not take.

    Example:
        >>> from augrad import Range
        >>> class Delay(Transform):
        ...     modality = "construction_example"
        ...     seconds = Range(1.0, unit="s")
        ...     def __init__(self, *, sample_rate, **ranges):
        ...         super().__init__(**ranges)
        ...         self.sample_rate = sample_rate
        ...     def forward(self, x, *, seconds):
        ...         return x
        >>> construct(Delay, {"sample_rate": 8000, "schema": None}).sample_rate
        8000
    """
    parameters = _parameters(kind)
    own = arguments.get(kind.name, {})
    if not isinstance(own, Mapping):
        raise ArgumentError(
            f"arguments[{kind.name!r}] must be a mapping from argument or parameter to value, but got {own!r}.",
            argument="arguments",
            value=own,
        )
    given = {**{name: value for name, value in arguments.items() if name in parameters}, **own}
    missing = [name for name, required in parameters.items() if required and name not in given]
    if missing:
        raise ArgumentError(
            f"{kind.name} needs {missing[0]}, which was not given. Pass arguments={{'{missing[0]}': ...}} beside the "
            f"names, or the instance {kind.__name__}({missing[0]}=...).",
            argument=missing[0],
            transform=kind.name,
        )
    return kind(
        **{
            name: Range(**value) if name in kind.ranges and isinstance(value, Mapping) else value
            for name, value in given.items()
        }
    )


def accepted(kinds: Iterable[type[Transform]]) -> set[str]:
    """Names of the constructor arguments that at least one of these classes takes, without ranges.

    Example:
        >>> class Wait(Transform):
        ...     modality = "construction_example"
        ...     def __init__(self, *, unit="s", **ranges):
        ...         super().__init__(**ranges)
        ...     def forward(self, x):
        ...         return x
        >>> accepted([Wait])
        {'unit'}
    """
    return {name for kind in kinds for name in _parameters(kind)}


def check_taken(arguments: Mapping[str, Any], kinds: Sequence[type[Transform]]) -> None:
    """Raises `ArgumentError` for an argument that no constructor of these classes takes."""
    known = accepted(kinds)
    names = {kind.name for kind in kinds}
    unknown = [name for name in arguments if name not in known | names]
    if unknown:
        raise ArgumentError(
            f"arguments holds {unknown[0]!r}, which none of these transforms takes; they take: "
            f"{', '.join(sorted(known)) or 'none'}." + suggestion(unknown[0], known | names),
            argument="arguments",
            value=unknown[0],
        )


def _is_kind(entry: object) -> TypeGuard[type[Transform]]:
    return isinstance(entry, type) and issubclass(entry, Transform)


def _built(entry: object, arguments: Mapping[str, Any]) -> Transform:
    built = construct(entry, arguments) if _is_kind(entry) else entry
    if not isinstance(built, Transform):
        raise ArgumentTypeError(
            f"transforms must hold names, Transform classes or instances, but got {entry!r}.", argument="transforms"
        )
    return built


def _parameters(kind: type[Transform]) -> dict[str, bool]:
    """The named arguments of a constructor, and for each whether it is required."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return {each.name: each.default is inspect.Parameter.empty for each in parameters if each.kind in named}


def _checked(arguments: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if arguments is not None and not isinstance(arguments, Mapping):
        raise ArgumentTypeError(
            f"arguments must be a mapping from the name of a constructor argument to its value, but got {arguments!r}.",
            argument="arguments",
        )
    return arguments or {}
