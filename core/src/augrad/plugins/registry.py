"""Names to transforms, demos, tasks, presets and rules: the one catalogue of the process. Uses catalogue.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from augrad.errors import PluginError
from augrad.plugins.catalogue import Catalogue
from augrad.transform.transform import Transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from augrad.bench import Rule, Task
    from augrad.demo import Demo
    from augrad.presets import Preset

TransformClass = TypeVar("TransformClass", bound=type[Transform])

catalogue = Catalogue()
"""What this process knows by name."""


def register(transform: TransformClass) -> TransformClass:
    """Registers a transform class under its name, `"<modality>.<snake_case_name>"`; also a decorator.

    Registering a class of the same module and name again, as a notebook does, replaces it.

    Args:
        transform: a subclass of `Transform` with a modality and a `forward`.

    Returns:
        The class.

    Raises:
        RegistrationError: it is no such class, or its name is taken by another one.

    Example:
        >>> import torch
        >>> @register
        ... class Offset(Transform):
        ...     modality = "registry_example"
        ...     def forward(self, x):
        ...         return x + 1
        >>> get_transform("registry_example.offset") is Offset
        True
    """
    catalogue.register(transform)
    return transform


def get_transform(name: str) -> type[Transform]:
    """The transform class registered under `name`; a plugin's is imported now, if it was not before.

    Raises:
        UnknownTransformError: nothing has that name; says the nearest known one and what to install.
        PluginError: the plugin that would bring it, or its own module, is broken; says why.
        ArgumentTypeError: `name` is no string.
    """
    return catalogue.get_transform(name)


def transforms(modality: str | None = None) -> dict[str, type[Transform]]:
    """Every registered transform class by name, sorted. It imports them all; `plugin_errors` says which could not be.

    Args:
        modality: only those of this one, such as `"vision"`.

    Raises:
        UnknownNameError: no transform of that modality is registered.
        PluginError: the plugin of that modality is broken.
    """
    return catalogue.transforms(modality)


def plugin_errors() -> dict[str, PluginError]:
    """What is broken and why: plugins that were left out, by name, and transforms that could not be imported.

    Each error carries `plugin` and `cause`. Transforms are only known to be broken once they have been asked for;
    `augrad plugins` asks for all.
    """
    return catalogue.plugin_errors()


def get_demo(name: str) -> Demo:
    """The demo that a plugin brings under `name`.

    Raises:
        UnknownNameError: no plugin brings it; says which demos there are and what to install.
        PluginError: the plugin that would bring it is broken; says why.
    """
    found: Demo = catalogue.get_named("demos", name)
    return found


def demos() -> dict[str, Demo]:
    """Every demo that plugins bring, by name; `plugin_errors` says which could not be imported."""
    return catalogue.all_named("demos")


def get_task(name: str) -> Task:
    """The benchmark task that a plugin brings under `name`.

    Raises:
        UnknownNameError: no plugin brings it; says which tasks there are and what to install.
        PluginError: the plugin that would bring it is broken; says why.
    """
    found: Task = catalogue.get_named("tasks", name)
    return found


def tasks() -> dict[str, Task]:
    """Every benchmark task that plugins bring, by name; `plugin_errors` says which could not be imported."""
    return catalogue.all_named("tasks")


def get_preset(name: str) -> Callable[..., Preset]:
    """The function that makes the preset called `name`: augrad's own, or a plugin's.

    Raises:
        UnknownNameError: no preset has that name; the message lists the known ones and the nearest.
        PluginError: the plugin that brings it is broken; the message says why.
    """
    found: Callable[..., Preset] = catalogue.get_named("presets", name)
    return found


def presets() -> dict[str, Callable[..., Preset]]:
    """The function of every preset by name; `plugin_errors` lists those that could not be imported."""
    return catalogue.all_named("presets")


def get_rule(name: str) -> Rule:
    """The benchmark rule called `name`: augrad's own, or one that a plugin brings.

    Raises:
        UnknownNameError: there is none; says which there are.
        PluginError: the plugin that would bring it is broken; says why.
    """
    found: Rule = catalogue.get_named("rules", name)
    return found


def rules() -> dict[str, Rule]:
    """Every benchmark rule by name; `plugin_errors` says which could not be imported."""
    return catalogue.all_named("rules")
