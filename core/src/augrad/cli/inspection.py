"""The report of `augrad plugins` on each plugin, after everything in it is imported. Uses catalogue.py."""

from __future__ import annotations

from dataclasses import dataclass

from augrad.plugins.catalogue import Catalogue
from augrad.plugins.guarded_calls import cause_of, guarded
from augrad.plugins.loading import NAMED, Plugin


@dataclass(frozen=True)
class PluginReport:
    """A plugin with everything in it imported.

    Attributes:
        name: name of its entry point.
        distribution, version: the installed distribution.
        status: `"ok"`, `"in part"` (a part of it is broken) or `"left out"`.
        n_transforms: number of usable transforms.
        causes: the faults and their causes.
        notes: the plugin's own notes, and everything that it printed.
    """

    name: str
    distribution: str
    version: str
    status: str
    n_transforms: int
    causes: tuple[str, ...]
    notes: tuple[str, ...]


def inspect_plugins(catalogue: Catalogue) -> list[PluginReport]:
    """Imports all content of every plugin and returns a report on each plugin."""
    plugins = catalogue.plugins()
    catalogue.transforms()
    for kind in NAMED:
        catalogue.all_named(kind)
    return [_report(catalogue, key, plugin) for key, plugin in plugins.items()]


def _report(catalogue: Catalogue, key: str, plugin: Plugin) -> PluginReport:
    broken = catalogue.plugin_errors()
    if plugin.error is not None:
        causes, usable = [str(broken[key].facts["cause"])], 0
    else:
        causes = _grouped({name: broken[name].facts["cause"] for name, _ in plugin.claims if name in broken})
        usable = sum(name not in broken for name in plugin.transforms)
    state = "left out" if plugin.error is not None else "in part" if causes else "ok"
    printed = catalogue.printed(plugin)
    notes = [f"prints on import: {' '.join(printed.split())!r}"] if printed else []
    return PluginReport(
        key, plugin.distribution, plugin.version, state, usable, tuple(causes), (*notes, *_own_notes(plugin))
    )


def _grouped(causes: dict[str, str]) -> list[str]:
    """Returns a line for each cause, because a broken module breaks all its transforms."""
    names: dict[str, list[str]] = {}
    for name, cause in causes.items():
        names.setdefault(cause, []).append(name)
    return [f"{', '.join(found)}: {cause}" for cause, found in names.items()]


def _own_notes(plugin: Plugin) -> tuple[str, ...]:
    """Returns the result of the optional `notes() -> list[str]`, for example that a native library is missing."""
    notes = getattr(plugin.module, "notes", None)
    if not callable(notes):
        return ()
    outcome = guarded(notes)
    if outcome.error is not None:
        return (f"its notes() {cause_of(outcome.error)}",)
    if not isinstance(outcome.value, list | tuple) or not all(isinstance(note, str) for note in outcome.value):
        return (f"its notes() must return a list of strings, but returns {outcome.value!r}",)
    return tuple(outcome.value)
