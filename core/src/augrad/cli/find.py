"""`augrad find`: which transforms help, and how far, before anything is trained. Uses train.py and `find_policy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from augrad.cli.train import demo_arguments, demo_defaults, load_data
from augrad.errors import ArgumentError

if TYPE_CHECKING:
    from augrad.learning.leave_one_out.evidence import Evidence


def run(  # noqa: PLR0917 - the options of a command
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CONFIG.yaml]",
            help="A file as for augrad train; may be left out with --demo. Only transforms, "
            "arguments, layers, batch_size and seed are used.",
        ),
    ] = None,
    demo: Annotated[str | None, typer.Option(metavar="NAME", help="Use the data and trunk of this demo.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CALLABLE",
            help="A function that returns (trunk, train_loader, val_loader), as for augrad train. The validation data "
            "are not used.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for report.html, evidence.json and policy.json; default: runs/find."),
    ] = None,
    features: Annotated[
        str | None, typer.Option(metavar="MODULE", help="A module of the trunk whose output is used alone.")
    ] = None,
    n_samples: Annotated[
        int | None, typer.Option("--n-samples", metavar="N", help="Samples to read at most. Default: 400.")
    ] = None,
    max_transforms: Annotated[
        int | None, typer.Option("--max-transforms", metavar="N", help="Transforms in the policy at most. Default: 3.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option("--max-seconds", metavar="S", help="End after about this time. Default: no limit.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of all draws. Default: that of the file.")] = None,
) -> None:
    """Find the transforms that help, and how far, before anything is trained.

    Prints a verdict for each candidate, and writes a page with plots and pictures, the numbers and the policy. For
    example: `augrad find --demo vision`. The exit status is 0 also if nothing helps.
    """
    from augrad.config import TrainConfig, located, parse_config, read_config
    from augrad.learning.leave_one_out.find import find_policy
    from augrad.plugins.registry import get_demo

    if (demo is None) == (data is None):
        raise ArgumentError(
            "give either --demo NAME or --data module:callable. The trunk and the samples come from there.",
            argument="--data",
        )
    if config is None and demo is None:
        raise ArgumentError(
            "CONFIG.yaml is missing: with --data, the file names the candidates, for example "
            "'transforms: [vision.rotate]'.",
            argument="CONFIG.yaml",
        )
    task = None if demo is None else get_demo(demo)
    defaults = None if task is None else demo_defaults(task)
    settings = (
        parse_config(dict(defaults or {}), kind=TrainConfig)
        if config is None
        else read_config(config, defaults=defaults)
    )
    trunk, loader, _ = load_data(settings, task, data)
    given = {"features": features, "n_samples": n_samples, "max_transforms": max_transforms, "max_seconds": max_seconds}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    arguments = {} if task is None else demo_arguments(task, settings)
    with located(config):
        evidence = find_policy(
            trunk,
            loader,
            settings.transforms,
            arguments={**arguments, **settings.arguments},
            seed=settings.seed if seed is None else seed,
            **options,
        )
    directory = Path("runs", "find") if output is None else output
    written = [
        evidence.save(directory / "report.html"),
        evidence.save(directory / "evidence.json"),
        evidence.policy.to_json(directory / "policy.json"),
    ]
    _print(evidence, written)


def _print(evidence: Evidence, written: list[Path]) -> None:
    console = Console()
    console.print(evidence)
    console.print("Written:", *(f"\n  {path}" for path in written), sep="", soft_wrap=True, highlight=False)
