"""`Catalogue`: everything that has a name, loaded on first use. Uses loading.py; held by registry.py."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, version
from threading import RLock
from typing import Any

from augrad.errors import (
    ArgumentTypeError,
    PluginError,
    RegistrationError,
    UnknownNameError,
    UnknownTransformError,
    suggestion,
)
from augrad.plugins.guarded_calls import cause_of, guarded, import_string
from augrad.plugins.loading import NAMED, Plugin, installed, load_plugin
from augrad.transform.transform import Transform

OFFICIAL = {modality: f"augrad-{modality}" for modality in ("vision", "audio", "tabular", "graph")}
"""The distribution that provides each of augrad's own modalities."""

TYPES = {"demos": "augrad.demo.task:Demo", "tasks": "augrad.bench.task:Task", "rules": "augrad.bench.rules:Rule"}
"""The classes of demos, tasks and rules, as import strings, so that nothing is imported before its use.

A preset is a function, so it has no class here.
"""

OWN = Plugin(
    "augrad",
    "augrad",
    version("augrad"),
    presets={
        "augnet": "augrad.presets:augnet",
        "augerino": "augrad.presets:augerino",
        "randaugment": "augrad.presets:randaugment",
        "trivialaugment": "augrad.presets:trivialaugment",
    },
    rules={
        "none": "augrad.bench.builtin:NONE",
        "oracle": "augrad.bench.builtin:ORACLE",
        "cross_fitted": "augrad.bench.builtin:CROSS_FITTED",
        "full": "augrad.bench.builtin:FULL",
        "randaugment-0.1": "augrad.bench.builtin:RANDAUGMENT_01",
        "randaugment-0.3": "augrad.bench.builtin:RANDAUGMENT_03",
        "randaugment-1.0": "augrad.bench.builtin:RANDAUGMENT_10",
        "trivialaugment": "augrad.bench.builtin:TRIVIALAUGMENT",
        "augerino": "augrad.bench.builtin:AUGERINO",
        "augnet": "augrad.bench.builtin:AUGNET",
        "joint": "augrad.bench.builtin:JOINT",
        "augrad": "augrad.bench.builtin:AUGRAD",
    },
)
"""The named content of the core itself, in the order of listings. No plugin may use these names."""


class Catalogue:
    """Everything that has a name: transforms, demos, tasks, presets and rules, from plugins or registered by hand.

    Plugins are discovered at the first lookup. An error in a plugin affects only that plugin. Each transform is
    imported on first use.

    Args:
        discover: returns the entry points to load.
    """

    def __init__(self, discover: Callable[[], Iterable[EntryPoint]] = installed) -> None:
        self._discover = discover
        # Held during imports of foreign code, because its output is captured for the whole process (guarded_calls.py).
        self._lock = RLock()
        self._registered: dict[str, type[Transform]] = {}
        self._plugins: dict[str, Plugin] | None = None
        self._imported: dict[tuple[str, str], Any] = {}
        self._printed: dict[str, str] = {}
        self._broken: dict[str, PluginError] = {}

    def register(self, transform: type[Transform]) -> None:
        """Registers a transform class; see `registry.register`."""
        fault = transform_fault(transform)
        if fault:
            raise RegistrationError(f"cannot register {transform!r}, {fault}.", argument="transform")
        name, source = transform.name, _source(transform)
        with self._lock:
            owner = self._owners().get(name)
            if self.sources().get(name) == source:
                return  # the plugin's hook already names this class, and its module also decorates it
            if owner not in (None, source):
                raise RegistrationError(
                    f"the name {name!r} is taken by {owner}. Rename the class, or give it another modality.",
                    argument="transform",
                    name=name,
                )
            self._registered[name] = transform

    def names(self) -> list[str]:
        """Returns the names of all transforms, without importing them."""
        return sorted({*self._registered, *(name for plugin in self._loaded() for name in plugin.transforms)})

    def sources(self) -> dict[str, str]:
        """Returns the import string of every transform that a plugin provides."""
        return {name: target for plugin in self._loaded() for name, target in plugin.transforms.items()}

    def get_transform(self, name: str) -> type[Transform]:
        """Returns the transform class with this name; see `registry.get_transform`."""
        if not isinstance(name, str):
            raise ArgumentTypeError(
                f"the name of a transform must be a string such as 'vision.rotate', but got {name!r}.", argument="name"
            )
        if name in self._registered:
            return self._registered[name]
        for plugin in self._loaded():
            if name in plugin.transforms:
                found: type[Transform] = self._import(plugin, name, plugin.transforms[name], _named_transform)
                return found
        self._raise_if_left_out(f"no transform named {name!r}", name)
        way_out = suggestion(name, self.names()) + self._to_install(name)
        raise UnknownTransformError(
            f"no transform named {name!r}.{way_out or ' The command `augrad transforms` lists them.'}", name=name
        )

    def transforms(self, modality: str | None = None) -> dict[str, type[Transform]]:
        """Returns all transform classes that can be imported; see `registry.transforms`."""
        names = [name for name in self.names() if modality in (None, name.partition(".")[0])]
        if modality is not None and not names:
            raise self._unknown_modality(modality)
        found = {}
        for name in names:
            try:
                found[name] = self.get_transform(name)
            except PluginError:
                continue  # recorded in plugin_errors()
        return found

    def get_named(self, kind: str, name: str) -> Any:
        """Returns a demo, task, preset or rule by name; see `registry.get_demo` and its siblings.

        Args:
            kind: `"demos"`, `"tasks"`, `"presets"` or `"rules"`.
            name: name of the demo, task, preset or rule.
        """
        fault = partial(_named_fault, kind)
        for plugin in self._loaded():
            claimed: Mapping[str, str] = getattr(plugin, kind)
            if name in claimed:
                return self._import(plugin, name, claimed[name], fault)
        word = NAMED[kind]
        self._raise_if_left_out(f"no {word} named {name!r}", name)
        known = [known for plugin in self._loaded() for known in getattr(plugin, kind)]
        raise UnknownNameError(
            f"no {word} named {name!r}; {kind}: {', '.join(known) or 'none'}."
            + suggestion(name, known)
            + self._to_install(name),
            name=name,
        )

    def all_named(self, kind: str) -> dict[str, Any]:
        """Returns everything of a kind that can be imported, by name, starting with the core's own.

        Args:
            kind: as for `get_named`.
        """
        found: dict[str, Any] = {}
        own, *plugins = self._loaded()
        for name in (*getattr(own, kind), *sorted(name for plugin in plugins for name in getattr(plugin, kind))):
            try:
                found[name] = self.get_named(kind, name)
            except PluginError:
                continue  # recorded in plugin_errors()
        return found

    def plugins(self) -> dict[str, Plugin]:
        """Returns every installed plugin, including those left out. Keys are entry-point names, made distinct."""
        with self._lock:
            if self._plugins is None:
                self._plugins = {}  # a lookup during the loading of a plugin sees the plugins loaded before it
                try:
                    for entry in self._discover():
                        self._load(entry, self._plugins)
                except BaseException:
                    self._plugins = None  # interrupted: the next lookup starts again
                    raise
            return dict(self._plugins)

    def plugin_errors(self) -> dict[str, PluginError]:
        """Returns the errors of broken plugins and transforms; see `registry.plugin_errors`."""
        left_out = {key: plugin.error for key, plugin in self.plugins().items() if plugin.error is not None}
        return {**left_out, **self._broken}

    def printed(self, plugin: Plugin) -> str:
        """Returns everything that a plugin printed while it, or a transform of it, was imported."""
        later = [self._printed.get(target, "") for _, target in plugin.claims]
        return "\n".join(text for text in (plugin.printed, *later) if text)

    def _load(self, entry: EntryPoint, plugins: dict[str, Plugin]) -> None:
        before = dict(self._registered)
        plugin = load_plugin(entry, self._owners())
        if plugin.error is not None:
            self._registered = before
        plugins[entry.name if entry.name not in plugins else f"{entry.name} ({plugin.distribution})"] = plugin

    def _loaded(self) -> list[Plugin]:
        """Returns the plugins in which names are looked up: the core's own, then all plugins that were not left out."""
        return [OWN, *(plugin for plugin in self.plugins().values() if plugin.error is None)]

    def _owners(self) -> dict[str, str]:
        """Returns the owner of each name that is taken."""
        brought = {name: plugin.title for plugin in self._loaded() for name, _ in plugin.claims}
        return {**brought, **{name: _source(kind) for name, kind in self._registered.items()}}

    def _import(self, plugin: Plugin, name: str, target: str, fault: Callable[[Any, str], str]) -> Any:
        """Imports an object, checks it and keeps it. A failure is recorded, and the next lookup tries again."""
        with self._lock:
            if (name, target) in self._imported:
                return self._imported[name, target]
            outcome = guarded(lambda: import_string(target))
            if outcome.printed.strip():
                self._printed[target] = outcome.printed.strip()
            if outcome.error is not None:
                cause = cause_of(outcome.error, wanted=target.partition(":")[0])
            else:
                why = fault(outcome.value, name)
                cause = why and f"points to {target!r}, {why}"
            if cause:
                message = f"{name!r} of {plugin.title} is broken: it {cause}"
                self._broken[name] = PluginError(message, plugin=plugin.name, name=name, cause=cause)
                raise self._broken[name] from outcome.error
            self._broken.pop(name, None)
            self._imported[name, target] = outcome.value
            return outcome.value

    def _raise_if_left_out(self, asked: str, name: str) -> None:
        """Raises the cause if a plugin was left out that claims `name`, or that would own names with this prefix."""
        prefix = re.split(r"[.-]", name)[0]
        served = any(plugin.name == prefix for plugin in self._loaded())
        for plugin in self.plugins().values():
            claimed = name in dict(plugin.claims) or (prefix == plugin.name and not served)
            if plugin.error is not None and claimed:
                facts = plugin.error.facts
                raise PluginError(f"{asked}, because {plugin.error.message}", name=name, **facts) from plugin.error

    def _unknown_modality(self, modality: str) -> UnknownNameError:
        self._raise_if_left_out(f"no transforms of modality {modality!r}", modality)
        known = sorted({name.partition(".")[0] for name in self.names()})
        return UnknownNameError(
            f"no transforms of modality {modality!r} are registered; modalities: {', '.join(known) or 'none'}."
            + suggestion(modality, known)
            + self._to_install(modality),
            name=modality,
        )

    def _to_install(self, name: str) -> str:
        """Returns which package to install for a name in a modality of augrad's own that no plugin provides yet."""
        modality = re.split(r"[.-]", name)[0]
        if modality not in OFFICIAL or any(plugin.name == modality for plugin in self._loaded()):
            return ""
        return f" '{modality}.*' needs: pip install {OFFICIAL[modality]}"


def transform_fault(candidate: Any) -> str:
    """Returns why an object cannot be registered as a transform class, as a relative clause; empty if it can.

    Example:
        >>> transform_fault(dict)
        'which is not a subclass of augrad.Transform'
    """
    if not (isinstance(candidate, type) and issubclass(candidate, Transform)):
        return "which is not a subclass of augrad.Transform"
    modality = getattr(candidate, "modality", None)
    if not isinstance(modality, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", modality):
        return f"whose modality must be a word in snake_case, such as 'vision', but is {modality!r}"
    if inspect.isabstract(candidate):
        return f"which is abstract: it does not define {', '.join(sorted(candidate.__abstractmethods__))}"
    return ""


def _named_transform(candidate: Any, name: str) -> str:
    fault = transform_fault(candidate)
    if not fault and candidate.name != name:
        return f"whose own name, made of its modality and class name, is {candidate.name!r}"
    return fault


def _named_fault(kind: str, candidate: Any, name: str) -> str:
    """Returns why an object is not a demo, task, preset or rule of this name, as a relative clause; empty if it is."""
    if kind == "presets":
        return "" if callable(candidate) else "which is no function that makes an augrad.presets.Preset"
    # By the names of its classes: this room lies below the one of demos and that of the benchmark.
    if TYPES[kind] not in map(_source, type(candidate).__mro__):
        module, _, wanted = TYPES[kind].partition(":")
        return f"which is no {module.rpartition('.')[0]}.{wanted}"
    return "" if candidate.name == name else f"whose own name is {candidate.name!r}"


def _source(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"
