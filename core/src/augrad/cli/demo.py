"""`augrad demo`: runs the demos that plugins bring, all or those named. Uses registry.py and augrad.demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augrad.errors import ArgumentError, UnknownNameError

if TYPE_CHECKING:
    from augrad.demo import Demo


def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of demos. Default: all installed demos.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="0,1,2", help="Seeds of the repetitions. Default: each demo's own, 0, 1 and 2."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Directory for report.html. Default: runs/demo-NAME for a single demo, runs/demo for several.",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of trainings at the same time, each in its own process.")
    ] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Use a single seed and a tenth of the epochs, to see how the demo works.")
    ] = False,
) -> None:
    """Compare no augmentation, the true augmentation and a learned one on small real tasks. Writes a report.

    Prints a table and the learned policy of each task, and writes report.html, results.json and overview.png. A demo is
    skipped if its optional dependency is not installed. If a demo fails, the others still run. The exit status is 1 if
    a demo failed, or if none could run.
    """
    numbers = None if seeds is None else whole_numbers(seeds)
    chosen = _chosen(list(dict.fromkeys(names or [])))
    from augrad.demo import run_demo, run_demos

    if names and len(chosen) == 1:
        run_demo(chosen[0], seeds=numbers, output=output, jobs=jobs, quick=quick)
        return
    findings = run_demos(chosen, seeds=numbers, output=output, jobs=jobs, quick=quick)
    lines = [] if names else broken("demos")
    for line in lines:
        typer.echo(f"augrad: {line}", err=True)
    if lines or findings.failed or not findings.results:
        raise typer.Exit(1)


def _chosen(names: list[str]) -> list[Demo]:
    from augrad.plugins import registry

    if names:
        return [registry.get_demo(name) for name in names]
    found = list(registry.demos().values())
    if not found:
        raise UnknownNameError("no demos are installed. The first one: pip install augrad-vision")
    return found


def broken(kind: str) -> list[str]:
    """Returns a line for each demo, task, preset or rule of a plugin that could not be imported, with the reason."""
    from augrad.plugins.registry import catalogue

    errors = catalogue.plugin_errors()
    claimed = [(plugin.error, name) for plugin in catalogue.plugins().values() for name in getattr(plugin, kind)]
    return [str(error or errors[name]) for error, name in claimed if error is not None or name in errors]


def whole_numbers(seeds: str) -> tuple[int, ...]:
    """The value of the option `--seeds`, `"0,1,2"`, as numbers."""
    try:
        return tuple(int(part) for part in seeds.split(","))
    except ValueError as error:
        raise ArgumentError(
            f"--seeds must be whole numbers with commas between them, such as 0,1,2, but got {seeds!r}.",
            argument="--seeds",
        ) from error
