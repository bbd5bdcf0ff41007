"""`Catalogue`: everything that has a name, loaded when first asked for. Uses plugins.py; held by registry.py."""

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
"""The distributions that augrad's own modalities are installed with."""

TYPES = {"demos": "augrad.demo:Demo", "tasks": "augrad.bench:Task", "rules": "augrad.bench:Rule"}
"""Classes of demos, tasks and rules, by import string: imported when first asked for. Presets are functions."""

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
        "full": "augrad.bench.builtin:FULL",
        "randaugment-0.1": "augrad.bench.builtin:RANDAUGMENT_01",
        "randaugment-0.3": "augrad.bench.builtin:RANDAUGMENT_03",
        "randaugment-1.0": "augrad.bench.builtin:RANDAUGMENT_10",
        "trivialaugment": "augrad.bench.builtin:TRIVIALAUGMENT",
        "augerino": "augrad.bench.builtin:AUGERINO",
        "augnet": "augrad.bench.builtin:AUGNET",
        "augrad": "augrad.bench.builtin:AUGRAD",
    },
)
"""What the core itself brings under a name, in the order in which it is listed; no plugin may take one of them."""


class Catalogue:
    """Everything that has a name: transforms, demos, tasks, presets and rules, from plugins or registered by hand.

    Plugins are discovered at the first question, each in its own guard; a transform is imported when it is asked for.

    Args:
        discover: returns the entry points to load.
    """

    def __init__(self, discover: Callable[[], Iterable[EntryPoint]] = installed) -> None:
        self._discover = discover
        # Held while other people's code is imported: its output is captured for the whole process (guarded_calls.py).
        self._lock = RLock()
        self._registered: dict[str, type[Transform]] = {}
        self._plugins: dict[str, Plugin] | None = None
        self._imported: dict[tuple[str, str], Any] = {}
        self._printed: dict[str, str] = {}
        self._broken: dict[str, PluginError] = {}

    def register(self, transform: type[Transform]) -> None:
        """Registers a transform class; see the function of the same name."""
        fault = transform_fault(transform)
        if fault:
            raise RegistrationError(f"cannot register {transform!r}, {fault}.", argument="transform")
        name, source = transform.name, _source(transform)
        with self._lock:
            owner = self._owners().get(name)
            if self.sources().get(name) == source:
                return  # a plugin's module decorates what its hook names
            if owner not in (None, source):
                raise RegistrationError(
                    f"the name {name!r} is taken by {owner}. Rename the class, or give it another modality.",
                    argument="transform",
                    name=name,
                )
            self._registered[name] = transform

    def names(self) -> list[str]:
        """Names of all transforms, importing none of them."""
        return sorted({*self._registered, *(name for plugin in self._loaded() for name in plugin.transforms)})

    def sources(self) -> dict[str, str]:
        """Import string of every transform that a plugin brings."""
        return {name: target for plugin in self._loaded() for name, target in plugin.transforms.items()}

    def get_transform(self, name: str) -> type[Transform]:
        """The transform class called `name`; see the function of the same name."""
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
        """All transform classes that can be imported; see the function of the same name."""
        names = [name for name in self.names() if modality in (None, name.partition(".")[0])]
        if modality is not None and not names:
            raise self._unknown_modality(modality)
        found = {}
        for name in names:
            try:
                found[name] = self.get_transform(name)
            except PluginError:
                continue  # kept in plugin_errors()
        return found

    def get_named(self, kind: str, name: str) -> Any:
        """The demo, task, preset or rule of a name; see `registry.get_demo` and its siblings.

        Args:
            kind: `"demos"`, `"tasks"`, `"presets"` or `"rules"`.
            name: the name to look up.
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
        """Everything of a kind that can be imported, by name, the core's first; `kind` is as for `get_named`."""
        found: dict[str, Any] = {}
        own, *plugins = self._loaded()
        for name in (*getattr(own, kind), *sorted(name for plugin in plugins for name in getattr(plugin, kind))):
            try:
                found[name] = self.get_named(kind, name)
            except PluginError:
                continue  # kept in plugin_errors()
        return found

    def plugins(self) -> dict[str, Plugin]:
        """Every installed plugin, those left out included; keys are entry-point names, made distinct."""
        with self._lock:
            if self._plugins is None:
                self._plugins = {}  # a plugin that asks while it is loaded sees those before it
                try:
                    for entry in self._discover():
                        self._load(entry, self._plugins)
                except BaseException:
                    self._plugins = None  # interrupted: the next question starts afresh
                    raise
            return dict(self._plugins)

    def plugin_errors(self) -> dict[str, PluginError]:
        """What is broken; see the function of the same name."""
        left_out = {key: plugin.error for key, plugin in self.plugins().items() if plugin.error is not None}
        return {**left_out, **self._broken}

    def printed(self, plugin: Plugin) -> str:
        """What a plugin wrote to standard output while it or a transform of it was imported."""
        later = [self._printed.get(target, "") for _, target in plugin.claims]
        return "\n".join(text for text in (plugin.printed, *later) if text)

    def _load(self, entry: EntryPoint, plugins: dict[str, Plugin]) -> None:
        before = dict(self._registered)
        plugin = load_plugin(entry, self._owners())
        if plugin.error is not None:
            self._registered = before
        plugins[entry.name if entry.name not in plugins else f"{entry.name} ({plugin.distribution})"] = plugin

    def _loaded(self) -> list[Plugin]:
        """What names are looked up in: the core's own, then the plugins that were not left out."""
        return [OWN, *(plugin for plugin in self.plugins().values() if plugin.error is None)]

    def _owners(self) -> dict[str, str]:
        """Who has each name that is taken."""
        brought = {name: plugin.title for plugin in self._loaded() for name, _ in plugin.claims}
        return {**brought, **{name: _source(kind) for name, kind in self._registered.items()}}

    def _import(self, plugin: Plugin, name: str, target: str, fault: Callable[[Any, str], str]) -> Any:
        """What an import string leads to, checked and kept; a failure is recorded, and tried again the next time."""
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
        """Raises the cause if a plugin that claims `name`, or the names that begin like it, was left out."""
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
        """What to install for a name of one of augrad's own modalities that no plugin brings yet."""
        modality = re.split(r"[.-]", name)[0]
        if modality not in OFFICIAL or any(plugin.name == modality for plugin in self._loaded()):
            return ""
        return f" '{modality}.*' needs: pip install {OFFICIAL[modality]}"


def transform_fault(candidate: Any) -> str:
    """Why something cannot be registered as a transform class, as a relative clause; empty if it can.

    Example:
        >>> transform_fault(dict)
        'which is no subclass of augrad.Transform'
    """
    if not (isinstance(candidate, type) and issubclass(candidate, Transform)):
        return "which is no subclass of augrad.Transform"
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
    """Why something is no demo, task, preset or rule of this name, as a relative clause; empty if it is."""
    if kind == "presets":
        return "" if callable(candidate) else "which is no function that makes an augrad.presets.Preset"
    wanted = TYPES[kind]
    if not isinstance(candidate, import_string(wanted)):
        return f"which is no {wanted.replace(':', '.')}"
    return "" if candidate.name == name else f"whose own name is {candidate.name!r}"


def _source(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"
