"""penalty_strength: gain recovery when the penalty is 0.1 to 10 times as strong as by default.

Trains a benchmark task for each modality with augrad's penalty and with the paper's, and everything else at its
default. Gain recovery is (learned - none) / (oracle - none) of the test scores' means over seeds. Uses reporting.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from reporting import arguments, mean, save, shortened, show_table

import augrad
from augrad.bench import Configuration, Rule, Task
from augrad.bench.records import modality_of
from augrad.bench.trial import run_trial
from augrad.demo.rules import candidates
from augrad.demo.trial import prepared
from augrad.plugins.registry import get_rule, tasks

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Factors on the default strength of each penalty, over two orders of magnitude."""

DEFAULT = augrad.DisplacementPenalty()
PENALTIES: dict[str, Callable[[float], Any]] = {
    "augrad": lambda factor: type(DEFAULT)(strength=factor * DEFAULT.strength),
    "AugNet": lambda factor: augrad.MagnitudePenalty(strength=factor * augrad.MagnitudePenalty().strength),
}
"""Penalties by origin: each is called with a factor on its default strength."""


def rule(name: str, factor: float) -> Rule:
    """augrad's defaults but for the penalty."""

    def build(task: Task, transforms: Mapping[str, Any], seed: int) -> Configuration:
        return Configuration(candidates(task, transforms, n_layers=2), {"penalty": PENALTIES[name](factor)})

    return Rule(f"{name}-{factor}", f"{name} x {factor:g}", build)


def one_per_modality() -> list[Task]:
    """The first benchmark task of each modality that has an invariance to be learned."""
    first: dict[str, Task] = {}
    for task in tasks().values():
        if task.kind == "invariance":
            first.setdefault(modality_of(task), task)
    return list(first.values())


def scores(task: Task, seed: int) -> dict[str, float]:
    """The test score of every rule: `"none"`, `"oracle"`, and one per penalty and factor."""
    data, _, transforms = prepared(task, seed)
    rules = [get_rule("none"), get_rule("oracle"), *(rule(name, factor) for name in PENALTIES for factor in FACTORS)]
    return {each.name: run_trial(task, each, seed, data, transforms).score for each in rules}


def recoveries(runs: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Gain recovery by penalty, for each factor; not a number where the oracle gains nothing."""
    means = {name: mean([run[name] for run in runs]) for name in runs[0]}
    none, gain = means["none"], means["oracle"] - means["none"]
    return {
        name: [(means[f"{name}-{factor}"] - none) / gain if gain else math.nan for factor in FACTORS]
        for name in PENALTIES
    }


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(argv, str(__doc__).splitlines()[0], seeds=3)
    chosen = one_per_modality()
    if given.quick:
        chosen = [shortened(task) for task in chosen[-1:]]
    runs = {task.name: [scores(task, seed) for seed in given.seeds] for task in chosen}
    found = {task: recoveries(each) for task, each in runs.items()}
    rows = [(task, name, *values, min(values)) for task, each in found.items() for name, values in each.items()]
    show_table(("task", "penalty", *(f"x {factor:g}" for factor in FACTORS), "least"), rows)
    draw(found)
    numbers = {"seeds": given.seeds, "factors": FACTORS, "default": repr(DEFAULT), "recovery": found, "scores": runs}
    save(given.output, "penalty_strength", numbers)


def draw(found: dict[str, dict[str, list[float]]]) -> None:
    """Gain recovery against the strength, a panel for each task."""
    _, panels = plt.subplots(
        1, len(found), figsize=(2.2 * len(found) + 1, 2.8), sharey=True, layout="constrained", squeeze=False
    )
    for panel, (task, each) in zip(panels[0], found.items(), strict=True):
        for name, values in each.items():
            panel.plot(FACTORS, values, "o-", label=name)
        panel.axhline(1.0, color="0.5", linestyle="--", linewidth=0.8)
        panel.set(xscale="log", xlabel="times the default strength", title=task, ylim=(-1.5, 1.5))
        panel.set_xlim(FACTORS[0] / 1.3, FACTORS[-1] * 1.3)
        panel.title.set_fontsize(8)
    panels[0][0].set_ylabel("gain recovery")
    panels[0][0].legend(fontsize=8)


if __name__ == "__main__":
    main()
