"""The hooks a plugin may implement, and the marker for implementations. Called and checked by plugins.py."""

from __future__ import annotations

import pluggy

hookspec = pluggy.HookspecMarker("augrad")
hookimpl = pluggy.HookimplMarker("augrad")
"""Marks a hook implementation. Optional: any function of a plugin's module called `augrad_*` is taken for one."""


@hookspec
def augrad_transforms() -> dict[str, str]:
    """The transforms a plugin brings: name to import string.

    Names are `"<entry-point name>.<snake_case_name>"` and equal the `name` of the class. Import strings keep discovery
    quick: a class is imported when it is first asked for, so the module with this hook must import no framework.

    Example:
        >>> def augrad_transforms():
        ...     return {"vision.rotate": "augrad_vision.geometry:Rotate"}
    """
    return {}


@hookspec
def augrad_demos() -> dict[str, str]:
    """The demos a plugin brings: name to the import string of an `augrad.demo.Demo`.

    A name is that of the entry point, or `"<entry-point name>-<name>"` where there are several.

    Example:
        >>> def augrad_demos():
        ...     return {"vision": "augrad_vision.demo:demo"}
    """
    return {}


@hookspec
def augrad_tasks() -> dict[str, str]:
    """The benchmark tasks a plugin brings: name to the import string of an `augrad.bench.Task`.

    Names are as for demos, and equal the `name` of the task.

    Example:
        >>> def augrad_tasks():
        ...     return {"vision-digits-rotation": "augrad_vision.tasks.digits:ROTATION"}
    """
    return {}


@hookspec
def augrad_presets() -> dict[str, str]:
    """The presets a plugin brings: name to the import string of a function that makes an `augrad.presets.Preset`.

    The function takes the transforms first, and options by name: `make(transforms, *, strength=0.1) -> Preset`. Names
    are as for demos. Each preset is also a benchmark rule of the same name: `augrad bench --rules mine-cutout`.

    Example:
        >>> def augrad_presets():
        ...     return {"mine-cutout": "augrad_mine.cutout:cutout"}
    """
    return {}


@hookspec
def augrad_rules() -> dict[str, str]:
    """The benchmark rules a plugin brings: name to the import string of an `augrad.bench.Rule`.

    Names are as for demos, and equal the `name` of the rule.

    Example:
        >>> def augrad_rules():
        ...     return {"mine-cutout": "augrad_mine.rules:CUTOUT"}
    """
    return {}
