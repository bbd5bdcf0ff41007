"""`augrad bench`: compares ways to augment on the tasks that plugins bring, or on a user's own data.

Uses registry.py, own_data.py and augrad.bench.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from augrad.cli.demo import broken, whole_numbers
from augrad.cli.own_data import own_data
from augrad.errors import ArgumentError, UnknownNameError, suggestion

if TYPE_CHECKING:
    from augrad.bench import Rule, Task


def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[TASK]...", help="Names of tasks. Default: the standard tasks.")
    ] = None,
    *,
    group: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Run the tasks of this group, see --list. Default: the group standard."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG.yaml",
            help="Compare rules on your own data, of which nobody knows the truth: a file as for augrad train.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CALLABLE",
            help="With --config: a function that returns (trunk, train_loader, val_loader), as for augrad train.",
        ),
    ] = None,
    rules: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Names of rules, groups of rules or presets. Default: all rules. Gain recovery and time need "
            "the rules none and oracle.",
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="0,1,2", help="Seeds of the repetitions. Default: each task's own.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of worker processes. Default: the number of cores.")
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="loky|dask|ray",
            help="Train through joblib: with loky on this machine, or on the workers of your Dask or Ray cluster.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Directory for results and tables.")] = Path("runs/bench"),
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Use a single seed, and for each modality only its first task that has an invariance."
        ),
    ] = False,
    list_only: Annotated[bool, typer.Option("--list", help="List tasks and rules without training.")] = False,
) -> None:
    """Compare learned and fixed ways to augment on tasks whose true invariances are known.

    Trains every rule on every task for every seed, for example: augrad bench --rules none,oracle,augrad --seeds 0,1.
    Each training adds a line to results.jsonl when it ends. Summaries are in table.md, summary.json and bench.png.

    Run the same command again to continue an interrupted benchmark. A finished training is repeated only if a number of
    the task, a setting of the rule, or the version of augrad, of the task's plugin or of torch has changed. Code that
    changed without a new version is not noticed; in that case, choose another --output.

    With --config and --data, rules are compared on your own data by their scores on a validation split, with standard
    errors and paired tests.

    A task is skipped if its optional dependency is not installed. A training that fails is recorded, the others go on,
    and the next call tries it again. The exit status is 1 if a training failed or if there are no results.
    """
    numbers = None if seeds is None else whole_numbers(seeds)
    own = config is not None or data is not None
    if own and (names or group or quick or list_only):
        raise ArgumentError(
            "--config compares rules on your own data: leave out names of tasks, --group, --quick and --list.",
            argument="--config",
        )
    chosen = _rules(rules, own=own)
    tasks: list[Task]
    if own:
        tasks = [own_data(config, data, numbers[0] if numbers else 0)]
    else:
        tasks = _tasks(list(dict.fromkeys(names or [])), group, everything=list_only)
    lines = [] if names or own else broken("tasks")
    if list_only:
        _show(tasks, chosen)
    else:
        from augrad.bench import run_bench

        result = run_bench(tasks, chosen, seeds=numbers, output=output, jobs=jobs, backend=backend, quick=quick)
        if result.failed:
            lines.append(f"{len(result.failed)} of {len(result.records)} runs failed: what they say is above.")
        elif not result.rows and not result.comparisons:
            lines.append("no run went through.")
    for line in lines:
        typer.echo(f"augrad: {line}", err=True)
    if lines:
        raise typer.Exit(1)


def _tasks(names: list[str], group: str | None, *, everything: bool) -> list[Task]:
    """The tasks of these names; without names those of a group, the standard ones by default, or `everything`."""
    from augrad.bench.task import STANDARD
    from augrad.plugins import registry

    if names and group:
        raise ArgumentError("give either names of tasks or --group NAME, not both.", argument="--group")
    if names:
        return [registry.get_task(name) for name in names]
    found = list(registry.tasks().values())
    if not found:
        raise UnknownNameError("no benchmark tasks are installed. The first ones: pip install augrad-vision")
    if everything and group is None:
        return found
    wanted = STANDARD if group is None else group
    chosen = [task for task in found if task.group == wanted]
    if not chosen:
        groups = list(dict.fromkeys(task.group for task in found))
        raise UnknownNameError(
            f"no task is in the group {wanted!r}; groups: {', '.join(groups)}." + suggestion(wanted, groups),
            name=wanted,
        )
    return chosen


def _rules(wanted: str | None, *, own: bool) -> list[Rule]:
    """The rules of these names; without names all, but on a user's `own` data none that is told the truth."""
    from augrad.plugins import registry

    known = registry.rules()
    if wanted is None:
        return [rule for rule in known.values() if not (own and rule.name == "oracle")]
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
    listed = Table("task", "kind", "group", "what it is", title="Tasks", title_justify="left")
    for task in tasks:
        listed.add_row(escape(task.name), task.kind, escape(task.group), escape(task.title))
    named = Table("rule", "what it is", "from", title="Rules", title_justify="left")
    for rule in rules:
        named.add_row(escape(rule.name), escape(rule.label), escape(rule.citation))
    console = Console()
    console.print(listed)
    console.print(named)
