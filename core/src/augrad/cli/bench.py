"""`augrad bench`: compares ways to augment on the tasks that plugins bring. Uses registry.py and augrad.bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from augrad.cli.demo import broken, whole_numbers
from augrad.errors import UnknownNameError, suggestion

if TYPE_CHECKING:
    from augrad.bench import Rule, Task


def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", help="Which tasks; all that are installed if left out.")
    ] = None,
    *,
    rules: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Which rules, or groups of rules; all if left out. Gain recovery and time need none and oracle.",
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="0,1,2", help="What to repeat over; each task's own if left out.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Worker processes; as many as there are cores if left out.")
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="loky|dask|ray",
            help="Hand the runs to joblib: loky here, or the workers of your Dask or Ray cluster.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where results and tables go.")] = Path("runs/bench"),
    quick: Annotated[
        bool,
        typer.Option("--quick", help="One seed, and of each modality the first task that has an invariance to learn."),
    ] = False,
    list_only: Annotated[bool, typer.Option("--list", help="List tasks and rules, and train nothing.")] = False,
) -> None:
    """Compare ways to augment: told, fixed, learned, on tasks of which it is known what may be learned.

    Trains every rule on every task for every seed. results.jsonl gets a line per training when it is there; table.md,
    summary.json and bench.png sum up. Runs that are there already are not repeated unless a number of the task, a
    setting of the rule, or the version of augrad, of the task's plugin or of torch has changed: an interrupted
    benchmark goes on where it was. Code that changes without its version is not seen: then choose another --output.

    A task that lacks an optional dependency is skipped. A run that fails is recorded, the others go on, and the next
    call tries it again; the exit status is then 1, as it is if no run went through.
    """
    numbers = None if seeds is None else whole_numbers(seeds)
    tasks, chosen = _tasks(list(dict.fromkeys(names or []))), _rules(rules)
    lines = [] if names else broken("tasks")
    if list_only:
        _show(tasks, chosen)
    else:
        from augrad.bench import run_bench

        result = run_bench(tasks, chosen, seeds=numbers, output=output, jobs=jobs, backend=backend, quick=quick)
        if result.failed:
            lines.append(f"{len(result.failed)} of {len(result.records)} runs failed: what they say is above.")
        elif not result.rows:
            lines.append("no run went through.")
    for line in lines:
        typer.echo(f"augrad: {line}", err=True)
    if lines:
        raise typer.Exit(1)


def _tasks(names: list[str]) -> list[Task]:
    from augrad.plugins import registry

    if names:
        return [registry.get_task(name) for name in names]
    found = list(registry.tasks().values())
    if not found:
        raise UnknownNameError("no benchmark tasks are installed. The first ones: pip install augrad-vision")
    return found


def _rules(wanted: str | None) -> list[Rule]:
    from augrad.plugins import registry

    known = registry.rules()
    if wanted is None:
        return list(known.values())
    from augrad.bench.preset_rules import find_rule

    chosen: dict[str, Rule] = {}
    for name in (part.strip() for part in wanted.split(",")):
        found = {rule.name: rule for rule in known.values() if name in (rule.name, rule.group)}
        presets = registry.presets() if not found else {}
        if name in presets:
            found = {name: find_rule(name)}
        elif not found:
            raise UnknownNameError(
                f"no rule, group of rules or preset is named {name!r}; rules: {', '.join(known)}."
                + suggestion(name, [*known, *presets]),
                name=name,
            )
        chosen.update(found)
    return list(chosen.values())


def _show(tasks: list[Task], rules: list[Rule]) -> None:
    listed = Table("task", "kind", "what it is", title="Tasks", title_justify="left")
    for task in tasks:
        listed.add_row(escape(task.name), task.kind, escape(task.title))
    named = Table("rule", "what it is", "from", title="Rules", title_justify="left")
    for rule in rules:
        named.add_row(escape(rule.name), escape(rule.label), escape(rule.citation))
    console = Console()
    console.print(listed)
    console.print(named)
