"""`augrad demo`: runs a demo that a plugin brings, or lists them. Uses registry.py and augrad.demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augrad.errors import ArgumentError, UnknownNameError

if TYPE_CHECKING:
    from augrad.demo import Demo


def run(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Which one. If left out: the one there is, or a list of several."),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="0,1,2", help="What to repeat over; the demo's own if left out.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where report.html goes; runs/demo-NAME if left out.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed and a tenth of the epochs: a look at the machinery.")
    ] = False,
) -> None:
    """Run a small real task: with no augmentation, with the right one, with what augrad learns. Writes a report.

    Prints one table and the learned policy, and writes report.html, results.json and overview.png.
    """
    chosen = _chosen(name)
    numbers = None if seeds is None else _numbers(seeds)
    if chosen is not None:
        from augrad.demo import run_demo

        run_demo(chosen, seeds=numbers, output=output, quick=quick)


def _chosen(name: str | None) -> Demo | None:
    """The demo to run, or None once they have been listed."""
    from augrad import registry

    if name is not None:
        return registry.get_demo(name)
    found = registry.demos()
    if not found:
        raise UnknownNameError("no demos are installed. The first one: pip install augrad-vision")
    if len(found) == 1:
        return next(iter(found.values()))
    typer.echo("Demos, to be run with `augrad demo NAME`:")
    for key, demo in found.items():
        typer.echo(f"  {key}: {demo.title}")
    return None


def _numbers(seeds: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in seeds.split(","))
    except ValueError as error:
        raise ArgumentError(
            f"--seeds must be whole numbers with commas between them, such as 0,1,2, but got {seeds!r}.",
            argument="--seeds",
        ) from error
