"""The hooks that a plugin can implement, the marker for implementations, and `names_of` for the names of transforms.

Called and checked by loading.py. Does not load torch, so a plugin's module can import it at discovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pluggy

from augrad.transform.naming import snake_case

hookspec = pluggy.HookspecMarker("augrad")
hookimpl = pluggy.HookimplMarker("augrad")
"""Marks a hook implementation. Optional: every function `augrad_*` of a plugin's module counts as an implementation."""


def names_of(modality: str, package: str, modules: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Returns the names of a plugin's transforms and the import strings of their classes, for `augrad_transforms`.

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
    """Returns the transforms of a plugin: name to import string.

    Names are `"<entry-point name>.<snake_case_name>"` and equal the `name` of the class. Import strings keep discovery
    fast: a class is imported on its first use. The module with this hook must therefore not import a framework.

    Example:
        >>> def augrad_transforms():
        ...     return {"vision.rotate": "augrad_vision.geometry:Rotate"}
    """
    return {}


@hookspec
def augrad_demos() -> dict[str, str]:
    """Returns the demos of a plugin: name to the import string of an `augrad.demo.Demo`.

    A name equals the name of the entry point, or is `"<entry-point name>-<name>"` if there are several.

    Example:
        >>> def augrad_demos():
        ...     return {"vision": "augrad_vision.demo:demo"}
    """
    return {}


@hookspec
def augrad_tasks() -> dict[str, str]:
    """Returns the benchmark tasks of a plugin: name to the import string of an `augrad.bench.Task`.

    Names follow the rule for demos, and equal the `name` of the task.

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
    """Returns the benchmark rules of a plugin: name to the import string of an `augrad.bench.Rule`.

    Names follow the rule for demos, and equal the `name` of the rule.

    Example:
        >>> def augrad_rules():
        ...     return {"mine-cutout": "augrad_mine.rules:CUTOUT"}
    """
    return {}
