"""Looks up transforms, demos, tasks, presets and rules by name; one catalogue per process. Uses catalogue.py."""

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
"""All names that this process knows."""


def register(transform: TransformClass) -> TransformClass:
    """Registers a transform class under its name, `"<modality>.<snake_case_name>"`. Also works as a decorator.

    Registering a class of the same module and name again, as a notebook does, replaces the earlier class.

    Args:
        transform: a subclass of `Transform` with a modality and a `forward`.

    Returns:
        The class.

    Raises:
        RegistrationError: the argument is not such a class, or another class has its name.

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
    """Returns the transform class registered under `name`. A plugin's class is imported on first use.

    Raises:
        UnknownTransformError: no transform has this name. The message says the nearest known name and which package to
            install.
        PluginError: the plugin that provides the transform, or the transform's module, is broken. The message says why.
        ArgumentTypeError: `name` is not a string.
    """
    return catalogue.get_transform(name)


def transforms(modality: str | None = None) -> dict[str, type[Transform]]:
    """Returns every registered transform class by name, sorted.

    This imports all of them. `plugin_errors` lists those that could not be imported.

    Args:
        modality: only transforms of this modality, such as `"vision"`.

    Raises:
        UnknownNameError: no transform of this modality is registered.
        PluginError: the plugin of this modality is broken.
    """
    return catalogue.transforms(modality)


def plugin_errors() -> dict[str, PluginError]:
    """Returns the errors of plugins that were left out and of transforms that could not be imported, by name.

    Each error has the attributes `plugin` and `cause`. A broken transform is only known after its first use; `augrad
    plugins` imports all transforms.
    """
    return catalogue.plugin_errors()


def get_demo(name: str) -> Demo:
    """Returns the demo that a plugin provides under `name`.

    Raises:
        UnknownNameError: no plugin provides it. The message lists the demos and says which package to install.
        PluginError: the plugin that would provide it is broken. The message says why.
    """
    found: Demo = catalogue.get_named("demos", name)
    return found


def demos() -> dict[str, Demo]:
    """Returns every demo of the installed plugins by name; `plugin_errors` lists those that could not be imported."""
    return catalogue.all_named("demos")


def get_task(name: str) -> Task:
    """Returns the benchmark task that a plugin provides under `name`.

    Raises:
        UnknownNameError: no plugin provides it. The message lists the tasks and says which package to install.
        PluginError: the plugin that would provide it is broken. The message says why.
    """
    found: Task = catalogue.get_named("tasks", name)
    return found


def tasks() -> dict[str, Task]:
    """Returns every benchmark task of the installed plugins; `plugin_errors` lists those that could not be imported."""
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
    """Returns the benchmark rule with this name, from the core or from a plugin.

    Raises:
        UnknownNameError: there is no such rule. The message lists the rules.
        PluginError: the plugin that would provide it is broken. The message says why.
    """
    found: Rule = catalogue.get_named("rules", name)
    return found


def rules() -> dict[str, Rule]:
    """Returns every benchmark rule by name; `plugin_errors` lists those that could not be imported."""
    return catalogue.all_named("rules")
