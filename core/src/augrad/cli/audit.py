"""`augrad audit`: what a finished model is invariant to, and whether the data allow it.

Uses config.py and auditing/.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from augrad.cli.usercode import import_callable
from augrad.errors import ArgumentError
from augrad.options import one_of

if TYPE_CHECKING:
    from augrad.auditing import AuditReport
    from augrad.config import AuditConfig

COLOURS = {"over-invariant": "red", "missed": "yellow", "invariant": "green", "sensitive": "green"}


def run(  # noqa: PLR0917 - the options of a command
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CONFIG.yaml]", help="A file with the keys of augrad.config.AuditConfig; default: no file."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CALLABLE",
            help="A function that returns (model, loader). It is called with the configuration, for batch_size and "
            "seed. The model may be a torch module, a scikit-learn estimator or a function; the loader yields "
            "(x, target), or x alone.",
        ),
    ] = None,
    demo: Annotated[
        str | None, typer.Option(metavar="NAME", help="Train the model of this demo, then audit it.")
    ] = None,
    rule: Annotated[
        str, typer.Option(metavar="RULE", help="How the demo's model is trained: none, oracle or augrad.")
    ] = "augrad",
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for report.html, audit.json and card.md; default: runs/audit."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VERDICT",
            help="Exit with status 1 if a transform gets this verdict: over-invariant, missed, sensitive, undecided or "
            "invariant. Can be given several times.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="AUDIT.json", help="Also compare with an earlier audit of the same data, in comparison.html."
        ),
    ] = None,
) -> None:
    """Audit a finished model: what it is invariant to, how far, and whether that is right for its data.

    Prints a line for each transform, and writes a page, the numbers and an invariance card. With --fail-on it can guard
    a pipeline, for example: `augrad audit --data mine:make --fail-on over-invariant`.
    """
    from augrad.auditing import AuditReport, audit
    from augrad.auditing.verdicts import KINDS
    from augrad.config import AuditConfig, located, parse_config, read_config

    if (demo is None) == (data is None):
        raise ArgumentError(
            "give either --data module:callable or --demo NAME. The model and the samples come from there.",
            argument="--data",
        )
    for verdict in fail_on or ():
        one_of("--fail-on", verdict, KINDS)
    settings = parse_config({}, kind=AuditConfig) if config is None else read_config(config, kind=AuditConfig)
    earlier = None if against is None else AuditReport.from_json(against)
    if demo is not None:
        model, loader, known = _of_demo(demo, rule, settings)
    else:
        model, loader = _made(data or "", settings)
        known = {}
    with located(config):
        report = audit(
            model,
            loader,
            known.get("transforms") if settings.transforms is None else settings.transforms,
            strengths=settings.strengths,
            arguments=settings.arguments,
            layers=settings.layers,
            output=settings.output,
            epsilon=settings.epsilon,
            max_samples=settings.max_samples,
            seed=settings.seed,
            name=known.get("name"),
        )
    directory = Path("runs", "audit") if output is None else output
    written = [report.save(directory / name) for name in ("audit.json", "card.md", "report.html")]
    if earlier is not None:
        written.append(earlier.compare(report).save(directory / "comparison.html"))
    _print(report, written)
    wanted = {*settings.fail_on, *(fail_on or ())}
    failing = [verdict for verdict in report if verdict.kind in wanted]
    if failing:
        typer.echo(
            f"augrad: {failing[0].transform} is {failing[0].kind}: {failing[0].because}."
            + (f" ({len(failing) - 1} more.)" if len(failing) > 1 else ""),
            err=True,
        )
        raise typer.Exit(1)


def _made(data: str, settings: AuditConfig) -> tuple[Any, Iterable[Any]]:
    """Returns the model and the loader of the user's callable. torch's generators are restored."""
    import torch

    make = import_callable(data, "--data")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        made = make(settings)
    if not isinstance(made, tuple) or len(made) != 2:
        got = f"a tuple of {len(made)}" if isinstance(made, tuple) else type(made).__name__
        raise ArgumentError(f"--data {data!r} must return (model, loader), but returned {got}.", argument="--data")
    return made


def _of_demo(name: str, rule: str, settings: AuditConfig) -> tuple[Any, Iterable[Any], dict[str, Any]]:
    """Trains a demo's model. Returns the model, the test data, and the demo's transforms and name."""
    from augrad.demo.rules import RULES, build_loader
    from augrad.demo.together import threads
    from augrad.demo.trial import prepared, train_rule
    from augrad.plugins.registry import get_demo

    one_of("--rule", rule, RULES)
    task = get_demo(name)
    typer.echo(f"Training the model of the demo {name!r} with the rule {rule!r} ...", err=True)
    with threads(task.n_threads):
        parts, _, transforms = prepared(task, settings.seed)
        _, model = train_rule(rule, task, parts, transforms, settings.seed)
    loader = build_loader(parts.test_x, parts.test_y, settings.batch_size)
    known = {"transforms": [transforms[each] for each in task.transforms], "name": f"demo {name}, trained by {rule}"}
    return model, loader, known


def _print(report: AuditReport, written: list[Path]) -> None:
    console = Console()
    table = Table("transform", "verdict", "safe up to", box=None, pad_edge=False, header_style="bold")
    for verdict in report:
        colour = COLOURS.get(verdict.kind, "default")
        table.add_row(escape(verdict.transform), f"[{colour}]{verdict.title}[/]", escape(verdict.safe))
    console.print(table)
    for warning in report.warnings:
        console.print(f"[yellow]Mind:[/] {escape(warning)}.", highlight=False, soft_wrap=True)
    for name, reason in report.facts.skipped.items():
        console.print(f"Left out: {escape(name)}: {escape(reason)}", highlight=False, soft_wrap=True)
    console.print("Written:", *(f"\n  {path}" for path in written), sep="", soft_wrap=True, highlight=False)
