"""The hooks a plugin may implement, the marker for implementations, and the names of its transforms.

Called and checked by loading.py. Loads no torch, so that a plugin's own module can import it at discovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pluggy

from augrad.transform.naming import snake_case

hookspec = pluggy.HookspecMarker("augrad")
hookimpl = pluggy.HookimplMarker("augrad")
"""Marks a hook implementation. Optional: any function of a plugin's module called `augrad_*` is taken for one."""


def names_of(modality: str, package: str, modules: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """The names of a plugin's transforms and the import strings of their classes, for `augrad_transforms`.

    Args:
        modality: the name of the entry point, such as `"vision"`.
        package: the import name of the plugin's package, such as `"augrad_vision"`.
        modules: the names of the transform classes in each module of the package.

    Example:
        >>> names_of("vision", "augrad_vision", {"geometric": ["Rotate", "TranslateX"], "tone": ["Gamma"]})
        {'vision.rotate': 'augrad_vision.geometric:Rotate',
         'vision.translate_x': 'augrad_vision.geometric:TranslateX',
         'vision.gamma': 'augrad_vision.tone:Gamma'}
    """
    return {
        f"{modality}.{snake_case(name)}": f"{package}.{module}:{name}"
        for module, names in modules.items()
        for name in names
    }


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
def augrad_rules() -> dict[str, str]:
    """The benchmark rules a plugin brings: name to the import string of an `augrad.bench.Rule`.

    Names are as for demos, and equal the `name` of the rule.

    Example:
        >>> def augrad_rules():
        ...     return {"mine-cutout": "augrad_mine.rules:CUTOUT"}
    """
    return {}
