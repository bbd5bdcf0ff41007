"""Guarded loading of a plugin: checks the core version, the hooks and the names.

Uses guarded_calls.py and hookspecs.py; used by catalogue.py.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, cast

import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from augrad.errors import PluginError, suggestion
from augrad.plugins import hookspecs
from augrad.plugins.guarded_calls import cause_of, guarded, import_string, is_import_string

GROUP = "augrad"
"""The entry-point group of plugins."""

NAMED = {"demos": "demo", "tasks": "task", "presets": "preset", "rules": "rule"}
"""Content of plugins besides transforms: plural and singular. Each kind has a hook and a field of `Plugin`."""

HOOKS = ("augrad_transforms", *(f"augrad_{kind}" for kind in NAMED))


@dataclass(frozen=True)
class Plugin:
    """An installed plugin after an attempt to load it.

    Attributes:
        name: name of its entry point, which is the modality with which its names begin.
        distribution, version: the installed distribution.
        transforms, demos, tasks, presets, rules: name to import string, as the plugin claims them, even if it was left
            out.
        printed: everything it wrote to standard output while loading.
        error: why it was left out, or None.
        module: the module of the entry point, or None.
    """

    name: str
    distribution: str
    version: str
    transforms: Mapping[str, str] = field(default_factory=dict)
    demos: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, str] = field(default_factory=dict)
    presets: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    printed: str = ""
    error: PluginError | None = None
    module: Any = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """The name of the plugin in messages."""
        return f"plugin {self.name!r} ({self.distribution} {self.version})"

    @property
    def claims(self) -> list[tuple[str, str]]:
        """All claimed names of every kind, with their import strings."""
        return [claim for kind in ("transforms", *NAMED) for claim in getattr(self, kind).items()]


def installed() -> list[metadata.EntryPoint]:
    """Returns the entry points of group `augrad`, sorted by name. If names are equal, `augrad-<name>` comes first."""
    found: list[metadata.EntryPoint] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"] or "")
        # The first distribution of a name wins, as on sys.path. Files without the group are not parsed, because they
        # may be malformed.
        if name not in seen and f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or ""):
            found.extend(distribution.entry_points.select(group=GROUP))
        seen.add(name)
    return sorted(found, key=lambda e: (e.name, _distribution(e) != f"augrad-{e.name}", _distribution(e)))


def load_plugin(entry: metadata.EntryPoint, owners: Mapping[str, str]) -> Plugin:
    """Loads a plugin inside a guard. Whatever the plugin does, a `Plugin` is returned, with its error if it failed.

    Args:
        entry: its entry point.
        owners: the owner of each name that is already taken.
    """
    outcome = guarded(lambda: _answers(entry))
    version = entry.dist.version if entry.dist else "?"
    plugin = Plugin(entry.name, _distribution(entry), version, printed=outcome.printed.strip(), **outcome.value or {})
    if outcome.error is not None:
        cause = cause_of(outcome.error, wanted=entry.value.partition(":")[0].strip())
    else:
        cause = _name_fault(plugin, owners)
    if not cause:
        return plugin
    error = PluginError(
        f"{plugin.title} is left out: it {cause}", plugin=entry.name, distribution=plugin.distribution, cause=cause
    )
    error.__cause__ = outcome.error
    return dataclasses.replace(plugin, error=error)


def _distribution(entry: metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"


def _answers(entry: metadata.EntryPoint) -> dict[str, Any]:
    """Returns the checked results of a plugin's hooks. Raises an error if the plugin is wrong."""
    requirements = entry.dist.requires if entry.dist else None
    for required in requirements or ():
        _check_core(_core_requirement(required))
    module = import_string(entry.value.strip())
    _check_core(getattr(module, "requires_augrad", ""))
    manager = _PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=entry.name)
    _check_hooks(manager, module)
    return {
        "module": module,
        **{hook.removeprefix("augrad_"): _answer(manager, hook) for hook in HOOKS},
    }


class _PluginManager(pluggy.PluginManager):
    """Also accepts unmarked functions named `augrad_*` as hooks, so that a forgotten marker is not a silent mistake."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        marked = super().parse_hookimpl_opts(plugin, name)
        if marked is None and name.startswith("augrad_") and inspect.isroutine(getattr(plugin, name, None)):
            return cast(pluggy.HookimplOpts, {})
        return marked


def _core_requirement(required: str) -> str:
    """Returns the version of augrad that a requirement of a distribution asks for, or the empty string."""
    try:
        requirement = Requirement(required)
    except InvalidRequirement:
        return ""
    wanted = canonicalize_name(requirement.name) == "augrad"
    unconditional = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    return str(requirement.specifier) if wanted and unconditional else ""


def _check_core(wanted: object) -> None:
    """Raises PluginError unless the installed core satisfies a specifier such as `">=0.2"`."""
    try:
        specifier = SpecifierSet(cast(str, wanted))
    except (InvalidSpecifier, TypeError, AttributeError) as error:
        raise PluginError(f"sets requires_augrad to {wanted!r}; it must be a specifier such as '>=0.2'.") from error
    core = metadata.version("augrad")
    if not specifier.contains(core, prereleases=True):
        raise PluginError(f"needs augrad {specifier}, but {core} is installed. Run: pip install -U augrad")


def _check_hooks(manager: pluggy.PluginManager, module: object) -> None:
    """Raises PluginError if a plugin implements an unknown hook, or no hook at all."""
    callers = manager.get_hookcallers(module) or []
    for caller in callers:
        if not caller.has_spec():
            raise PluginError(
                f"defines {caller.name!r}, which is not a hook; hooks are {', '.join(HOOKS)}."
                + suggestion(caller.name, HOOKS)
            )
    if not callers:
        raise PluginError(f"implements no hook; hooks are {', '.join(HOOKS)}.")


def _answer(manager: pluggy.PluginManager, hook: str) -> dict[str, str]:
    """Returns the answer of the only plugin in a manager to a hook; empty if the plugin does not implement the hook."""
    caller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        return {}
    # pluggy drops None, so an implementation that returned None gives an empty list of answers.
    answer = next(iter(caller()), None)
    if not isinstance(answer, dict):
        raise PluginError(
            f"returns {type(answer).__name__} from {hook}(); it must return a dict from name to 'module:Class'."
        )
    for name, target in answer.items():
        if not isinstance(name, str) or not is_import_string(target):
            raise PluginError(
                f"returns {name!r}: {target!r} from {hook}(); it must map names to strings 'module:Class'."
            )
    return dict(answer)


def _name_fault(plugin: Plugin, owners: Mapping[str, str]) -> str:
    """Returns the fault in the names that a plugin claims, or the empty string."""
    for name in plugin.transforms:
        if not re.fullmatch(rf"{re.escape(plugin.name)}\.[a-z][a-z0-9_]*", name):
            return (
                f"claims {name!r}, but an entry point called {plugin.name!r} may only name transforms "
                f"'{plugin.name}.<snake_case_name>'."
            )
    for kind, word in NAMED.items():
        for name in getattr(plugin, kind):
            if name != plugin.name and not name.startswith(f"{plugin.name}-"):
                return (
                    f"claims the {word} {name!r}, but an entry point called {plugin.name!r} may only name "
                    f"{plugin.name!r} or '{plugin.name}-<name>'."
                )
    for name, _ in plugin.claims:
        if name in owners:
            return f"claims {name!r}, which {owners[name]} has already."
    return ""
