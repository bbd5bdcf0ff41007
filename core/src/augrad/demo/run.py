"""`run_demo`: trains every rule for every seed, prints and writes. Uses trial.py, console.py and report/."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from augrad.demo.console import Display, print_result
from augrad.demo.results import DemoResult, Orbit, Run
from augrad.demo.rules import RULES, candidates
from augrad.demo.task import Demo, check_seeds
from augrad.demo.trial import train_rule
from augrad.draws import keyed_generator
from augrad.errors import ArgumentTypeError
from augrad.model import InvariantModel
from augrad.registry import get_transform
from augrad.storage import write_file

N_ORBIT_COPIES = 10
QUICK_FRACTION = 10


def run_demo(
    demo: Demo,
    *,
    seeds: Sequence[int] | None = None,
    output: str | os.PathLike[str] | None = None,
    quick: bool = False,
    console: Console | None = None,
) -> DemoResult:
    """Trains with no augmentation, with the oracle and with augrad, and shows what came out.

    Prints one table and the learned policy, and writes `report.html`, `results.json` and `overview.png`. For one seed
    all rules get the same data, initial weights, order of batches and number of epochs.

    Args:
        demo: the task.
        seeds: what is repeated over; the demo's own if None.
        output: directory for the files; `runs/demo-<name>` if None. Files of an earlier run are replaced.
        quick: one seed and a tenth of the epochs: a look at the machinery, not at the result.
        console: where to print; standard output if None. Progress is animated only on a terminal.

    Returns:
        All that was found.

    Raises:
        ArgumentTypeError: `demo` is no `Demo`.
        ArgumentError: `seeds` is empty or holds one twice.
        StorageError: `output` cannot be written to; found out before anything is trained.
        UnknownTransformError: a candidate is not registered.
    """
    if not isinstance(demo, Demo):
        raise ArgumentTypeError(
            f"demo must be an augrad.demo.Demo, but got {demo!r}. augrad.registry.demos() holds those installed.",
            argument="demo",
        )
    chosen = tuple(demo.seeds if seeds is None else seeds)
    check_seeds(chosen)
    demo = dataclasses.replace(demo, seeds=chosen)
    if quick:
        demo = dataclasses.replace(demo, seeds=chosen[:1], epochs=max(1, demo.epochs // QUICK_FRACTION))
    directory = _writable(Path("runs", f"demo-{demo.name}") if output is None else Path(output))
    for name in (*demo.transforms, *demo.oracle):
        get_transform(name)
    console = Console() if console is None else console
    started = time.perf_counter()
    with _threads(demo.n_threads):
        runs, models = _trained(demo, console)
    result = DemoResult(
        demo=demo,
        runs=tuple(runs),
        metric="accuracy" if demo.load(demo.seeds[0]).classifies else "r2",
        orbit=_orbit(demo, models),
        environment=_environment(demo, time.perf_counter() - started, quick=quick),
    )
    print_result(result, console)
    written = _write(result, directory)
    console.print("\nWritten:", *(f"\n  {path}" for path in written), sep="", soft_wrap=True, highlight=False)
    return result


def _trained(demo: Demo, console: Console) -> tuple[list[Run], dict[str, InvariantModel]]:
    """All runs, and the models of the first seed."""
    runs: list[Run] = []
    models: dict[str, InvariantModel] = {}
    with Display(demo, console) as display:
        for seed in demo.seeds:
            data = demo.load(seed)
            for rule in RULES:
                display.begin(rule, seed)
                run, model = train_rule(rule, demo, data, seed, on_epoch=display.advance)
                display.end(run)
                runs.append(run)
                models.setdefault(rule, model)
    return runs, models


@torch.no_grad()
def _orbit(demo: Demo, models: dict[str, InvariantModel]) -> Orbit | None:
    """Copies of the first test sample under the policy at the start, the learned and the true one."""
    samples = demo.load(demo.seeds[0]).test_x
    if not isinstance(samples, Tensor):
        return None
    modules = {
        "before training": candidates(demo),
        "learned": models["augrad"].augmentation,
        "oracle": models["oracle"].augmentation,
    }
    copies = samples[:1].repeat(N_ORBIT_COPIES, *[1] * (samples.ndim - 1))
    rows = [
        (label, module.eval()(copies, generator=keyed_generator("demo", "orbit"))) for label, module in modules.items()
    ]
    return Orbit(samples[0], tuple(rows))


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _environment(demo: Demo, seconds: float, *, quick: bool) -> dict[str, Any]:
    modality = demo.transforms[0].partition(".")[0]
    versions = {"python": platform.python_version()}
    for distribution in ("augrad", f"augrad-{modality}", "torch"):
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:  # transforms of a module that is not packaged
            continue
    return {
        "command": f"augrad demo {demo.name}" + (" --quick" if quick else ""),
        "quick": quick,
        "seconds": seconds,
        "n_threads": demo.n_threads,
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": versions,
    }


def _writable(directory: Path) -> Path:
    """The directory, made if need be and seen to accept files; `StorageError` if it does not."""
    write_file(directory / ".augrad-demo", b"").unlink()
    return directory


def _write(result: DemoResult, directory: Path) -> list[Path]:
    """Writes the files of a demo; returns their paths."""
    from augrad.report import overview_png, render  # matplotlib loads on first use

    files = {
        "report.html": render(result).encode(),
        "overview.png": overview_png(result),
        "results.json": json.dumps(result.to_json(), indent=1).encode(),
    }
    return [write_file(directory / name, content) for name, content in files.items()]
