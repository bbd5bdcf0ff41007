"""The common parts of the scripts in this folder: reads arguments, prints a table, writes JSON and a figure."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch

import augrad
from augrad import batch
from augrad.demo import Demo, DemoData


def arguments(argv: Sequence[str] | None, description: str, *, seeds: int) -> argparse.Namespace:
    """`quick`, `seeds` (a list) and `output`; the folder `runs/paper/<name>` unless another one is given.

    Args:
        argv: as `main` got it; None for the command line's.
        description: one line, which begins with the script's name and a colon.
        seeds: how many, unless `--seeds` or `--quick` says otherwise.
    """
    name = description.split(":", maxsplit=1)[0]
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a few epochs of one seed, to see that it runs")
    parser.add_argument("--seeds", type=int, default=None, help=f"how many seeds, from 0 (default: {seeds})")
    parser.add_argument("--output", type=Path, default=Path("runs/paper") / name, help="folder (default: %(default)s)")
    given = parser.parse_args(argv)
    number = given.seeds or (1 if given.quick else seeds)
    given.seeds = list(range(number))
    # Small networks gain nothing from several threads, and results would depend on their number.
    torch.set_num_threads(1)
    return given


def shortened(demo: Demo, *, epochs: int = 1, n_samples: int = 96) -> Demo:
    """The same task with few epochs and only the first samples, to see that it runs."""

    def first(x: Any) -> Any:
        return None if x is None else batch.select(x, torch.arange(min(n_samples, batch.count(x))))

    def load(seed: int) -> DemoData:
        data = vars(demo.load(seed))
        return DemoData(**{name: first(part) for name, part in data.items()})

    return dataclasses.replace(demo, epochs=epochs, load=load)


def show_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints rows under their headings, the first column to the left; floats with three digits."""
    cells = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        first, *rest = (
            cell.ljust(width) if not i else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *rest]).rstrip())


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def save(output: Path, name: str, numbers: dict[str, Any]) -> None:
    """Writes `<name>.json` and the current figure as `<name>.png`, and says where they are."""
    output.mkdir(parents=True, exist_ok=True)
    environment = {"augrad": augrad.__version__, "torch": torch.__version__}
    text = json.dumps({"environment": environment, **rounded(numbers)}, indent=1)
    (output / f"{name}.json").write_text(text + "\n")
    plt.savefig(output / f"{name}.png", dpi=110)
    plt.close()
    print(f"written: {output / name}.json and .png")


def rounded(value: Any) -> Any:
    """The same with every float to four digits: what is shown needs no more."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def policies(result: augrad.FitResult, augmentation: augrad.AugmentationModule) -> list[augrad.Policy]:
    """What had been learned after each epoch that it moved in: those of the search, and last what was confirmed.

    Args:
        result: of `augrad.fit`.
        augmentation: that was learned; unchanged.
    """
    module, found = copy.deepcopy(augmentation), []
    for row in (*result.search, result.history[-1]) if result.search else result.history:
        for layer, state in zip(module, row["layers"], strict=True):
            layer.set_weights(dict(zip(state["names"], state["weights"], strict=True)))
            layer.strength.set(torch.tensor(state["magnitudes"]))
        found.append(augrad.Policy.from_module(module))
    return found
