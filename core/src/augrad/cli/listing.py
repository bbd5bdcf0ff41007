"""`augrad transforms` and `augrad plugins`: listings as a table or as JSON. Uses inspection.py."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

if TYPE_CHECKING:
    from augrad.transform.ranges import Range
    from augrad.transform.transform import Transform

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def show_transforms(
    modality: Annotated[
        str | None, typer.Option(metavar="M", help="Only transforms of this modality, such as vision.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the registered transforms, with their parameters and the assumption behind each.

    The table shows the range and unit of each parameter, the constructor arguments that a transform needs, how the
    gradient reaches its parameters, and the invariance that it assumes.
    """
    from augrad.plugins import registry

    found = registry.transforms(modality)
    if as_json:
        typer.echo(json.dumps([_described(kind) for kind in found.values()], indent=1))
        return
    if not found:
        typer.echo("No transforms are registered. The first plugin: pip install augrad-vision")
    else:
        table = Table(Column("transform: parameters", no_wrap=True), "gradient", "assumes that", show_lines=True)
        for name, kind in found.items():
            needs, ranges = _example(kind)
            reaches = [f"  {_reach(key, declared)}" for key, declared in ranges.items()]
            lines = [name, *reaches, *(f"  needs {argument}" for argument in needs)]
            table.add_row(escape("\n".join(lines)), kind.gradient, escape(kind.assumes))
        Console().print(table)
    broken = registry.plugin_errors()
    if broken:
        typer.echo(f"{len(broken)} broken: see `augrad plugins`.", err=True)


def show_plugins(as_json: AsJson = False) -> None:
    """List the installed plugins, with their faults and the causes. Imports all content of the plugins."""
    from augrad.cli.inspection import inspect_plugins
    from augrad.plugins.registry import catalogue

    reports = inspect_plugins(catalogue)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(report) for report in reports], indent=1))
        return
    if not reports:
        typer.echo("No plugins are installed. The first one: pip install augrad-vision")
        return
    columns = [Column(name, overflow="fold") for name in ("plugin", "status", "causes and notes")]
    table = Table(*columns, show_lines=True)
    colours = {"ok": "green", "in part": "yellow", "left out": "red"}
    for report in reports:
        table.add_row(
            escape(f"{report.name}\n{report.distribution} {report.version}\n{report.n_transforms} transforms"),
            f"[{colours[report.status]}]{report.status}[/]",
            escape("\n".join([*report.causes, *(f"note: {note}" for note in report.notes)])),
        )
    Console().print(table)


def _reach(name: str, declared: Range) -> str:
    low, high = declared.bounds
    per = f" per {declared.per}" if declared.per else ""
    return f"{name}: {low:g} .. {high:g} {declared.unit}".rstrip() + per


def _example(kind: type[Transform]) -> tuple[list[str], dict[str, Range]]:
    """Returns the constructor arguments of a transform's example, and the ranges of this example.

    A sample rate, for example, limits the range of a frequency.
    """
    from augrad.plugins.guarded_calls import guarded

    needs: list[str] = []

    def ranges() -> dict[str, Range]:
        arguments = kind.example_arguments()
        needs.extend(arguments)
        return kind(**arguments).ranges

    # If no instance can be made, the listing shows the declared ranges. `augrad check` says why it cannot be made.
    outcome = guarded(ranges)
    return needs, kind.ranges if outcome.error is not None else outcome.value


def _described(kind: type[Transform]) -> dict[str, Any]:
    needs, ranges = _example(kind)
    return {
        "name": kind.name,
        "modality": kind.modality,
        "parameters": {
            name: {**dataclasses.asdict(declared), "bounds": list(declared.bounds)} for name, declared in ranges.items()
        },
        "needs": needs,
        "gradient": kind.gradient,
        "assumes": kind.assumes,
        "moves_coordinates": kind.moves_coordinates,
        "invertible": kind.invertible,
    }
