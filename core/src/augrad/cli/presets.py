"""`augrad presets`: lists the published ways to augment that are installed. Uses registry.py and augrad.presets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from augrad.cli.demo import broken
from augrad.cli.listing import AsJson
from augrad.plugins.guarded_calls import cause_of, guarded

if TYPE_CHECKING:
    from augrad.presets import Preset


def run(as_json: AsJson = False) -> None:
    """List the presets: published ways to augment, with what each learns, by which objective, and the paper.

    In Python `augrad.presets.get(NAME)` returns the function that makes it. To compare it with other ways to augment:
    augrad bench --rules none,oracle,NAME.
    """
    from augrad.plugins import registry

    rows = [_row(name, make) for name, make in registry.presets().items()]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        table = Table("preset", "learns", "objective", "paper", show_lines=True)
        for row in rows:
            table.add_row(*(escape(row[key]) for key in ("name", "learns", "objective", "citation")))
        Console().print(table)
    lines = broken("presets")
    for line in lines:
        typer.echo(f"augrad: {line}", err=True)
    if lines:
        raise typer.Exit(1)


def _row(name: str, make: Callable[..., Preset]) -> dict[str, str]:
    """The cells of a preset, read from a preset that is made for a single example transform."""
    outcome = guarded(lambda: _described(make))
    if outcome.error is not None:
        # A preset may accept only transforms of its own modality.
        why = f"cannot be made for an example transform: it {cause_of(outcome.error)}"
        return {"name": name, "learns": "?", "objective": "?", "citation": why}
    return {"name": name, **outcome.value}


def _described(make: Callable[..., Preset]) -> dict[str, str]:
    preset: Any = make([_example()])
    parameters = {key: each for key, each in preset.module.named_parameters() if each.requires_grad and each.numel()}
    kinds = {"raw_weights": "weights", "raw_magnitudes": "magnitudes"}
    learned = dict.fromkeys(kinds.get(key.rpartition(".")[2], "parameters of its own") for key in parameters)
    objective = preset.objective or getattr(preset.penalty, "objective", None)
    if not learned and preset.objective is None:
        objective = "-"
    return {
        "learns": " and ".join(learned) or "nothing",
        "objective": objective if isinstance(objective, str) else _called(objective),
        "citation": preset.citation,
    }


def _called(objective: Any) -> str:
    return "the default" if objective is None else str(getattr(objective, "__name__", type(objective).__name__))


def _example() -> Any:
    from torch import Tensor

    from augrad.transform.ranges import Range
    from augrad.transform.transform import Transform

    class Example(Transform):
        modality = "example"
        level = Range(1.0, signed=True)

        def forward(self, x: Tensor, *, level: Tensor) -> Tensor:
            return x + level.reshape(-1, *[1] * (x.ndim - 1))

    return Example()
