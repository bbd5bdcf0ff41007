"""`augrad check`: runs the conformance kit on a user's transforms. Uses augrad.testing and usercode.py."""

from __future__ import annotations

import dataclasses
import json
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from augrad.cli.usercode import import_module
from augrad.errors import ArgumentError

if TYPE_CHECKING:
    from augrad.testing import CheckResult
    from augrad.transform.transform import Transform

N_COLUMNS = 3
"""Number of transforms side by side in a table."""

MARKS = {"passed": "[green]passed[/]", "failed": "[red]FAILED[/]"}


def run(
    module: Annotated[
        str, typer.Argument(metavar="MODULE", help="A module (my.transforms), a package, or a file (my/transforms.py).")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Check the transforms of a module against every promise of the transform contract.

    These are its `Transform` subclasses, built with their `example_arguments()`, and the registered transforms that
    come from this module. The exit status is 1 if a check fails.
    """
    from augrad.testing import run_checks

    imported = import_module(module, "MODULE")
    results = {kind.name: run_checks(_built(kind)) for kind in transforms_of(imported)}
    failed = any(not result.ok for found in results.values() for result in found)
    if as_json:
        plain = {name: [dataclasses.asdict(result) for result in found] for name, found in results.items()}
        typer.echo(json.dumps(plain, indent=1))
    else:
        _print(results)
    raise typer.Exit(1 if failed else 0)


def transforms_of(module: ModuleType) -> list[type[Transform]]:
    """Returns the transform classes that a module or package defines, or that plugins provide from it, by name.

    Raises:
        ArgumentError: there are no transforms.
        PluginError: a transform that a plugin provides cannot be imported.
    """
    from augrad.plugins.catalogue import transform_fault
    from augrad.plugins.registry import catalogue, get_transform

    def inside(name: str) -> bool:
        return f"{name}.".startswith(f"{module.__name__}.")

    here = [value for value in vars(module).values() if not transform_fault(value) and inside(value.__module__)]
    brought = [
        get_transform(name)
        for plugin in catalogue.plugins().values()
        for name, target in plugin.transforms.items()
        if plugin.error is None and (plugin.module is module or inside(target.partition(":")[0]))
    ]
    found = {kind.name: kind for kind in (*here, *brought)}
    if not found:
        raise ArgumentError(
            f"MODULE {module.__name__!r} holds no transforms. Define a subclass of augrad.Transform there, with a "
            "modality and a forward method, or name its class in a plugin.",
            argument="MODULE",
        )
    return [found[name] for name in sorted(found)]


def _built(kind: type[Transform]) -> Transform:
    arguments = kind.example_arguments()
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        given = f"with {', '.join(arguments)} of its example_arguments()" if arguments else "without arguments"
        raise ArgumentError(
            f"{kind.name} cannot be built {given}: {str(error).rstrip('.')}. Let its classmethod example_arguments() "
            "return what its constructor needs.",
            argument="MODULE",
        ) from error


def _print(results: dict[str, list[CheckResult]]) -> None:
    console = Console()
    names = list(results)
    for start in range(0, len(names), N_COLUMNS):
        console.print(_table({name: results[name] for name in names[start : start + N_COLUMNS]}))
    faults = [(name, result) for name, found in results.items() for result in found if not result.ok]
    for name, result in faults:
        console.print(f"[red]FAILED[/] {escape(name)} {result.check}: {escape(result.message)}", highlight=False)
    n_checks = sum(len(found) for found in results.values())
    console.print(f"{n_checks - len(faults)} of {n_checks} checks passed, {len(names)} transforms.", highlight=False)


def _table(results: dict[str, list[CheckResult]]) -> Table:
    table = Table("check", *results)
    checks = list(dict.fromkeys(result.check for found in results.values() for result in found))
    for check in checks:
        came = [next((result.status for result in found if result.check == check), "-") for found in results.values()]
        table.add_row(check.removeprefix("check_").replace("_", " "), *(MARKS.get(status, status) for status in came))
    return table
