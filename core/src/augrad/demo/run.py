"""`run_demo`: trains every rule for every seed, measures, prints and writes. Uses rules.py and training/; console.py and report/ show it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from augrad import batch
from augrad.demo.console import Display, print_result
from augrad.demo.results import DemoResult, Orbit, Run
from augrad.demo.rules import RULES, build_loader, build_model, candidates
from augrad.demo.task import Demo, DemoData, check_seeds
from augrad.draws import keyed_generator
from augrad.errors import ArgumentTypeError
from augrad.invariance import invariance
from augrad.model import InvariantModel
from augrad.registry import get_transform
from augrad.storage import write_file
from augrad.training import fit

N_CURVE_POINTS = 40
N_INVARIANCE_SAMPLES = 128
N_INVARIANCE_VALUES = 9
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


def train_rule(
    rule: str, demo: Demo, data: DemoData, seed: int, *, on_epoch: Callable[[], None] = lambda: None
) -> tuple[Run, InvariantModel]:
    """Trains one rule for one seed and measures it.

    Args:
        rule: a key of `RULES`.
        demo: the task.
        data: as `demo.load(seed)` returned it.
        seed: of initial weights, order of batches and draws.
        on_epoch: called after each epoch.
    """
    model = build_model(rule, demo, seed, aggregation="log_prob" if data.classifies else "mean")
    every = max(1, demo.epochs // N_CURVE_POINTS)
    curve: list[tuple[int, float]] = []

    def record(row: dict[str, Any], model: InvariantModel) -> None:
        # Not as fit's val_loader: `seconds` of the history is then training alone, which is what the table compares.
        if data.val_x is not None and data.val_y is not None and (row["epoch"] % every == 0 or row["epoch"] == 1):
            curve.append((row["epoch"], score(model, data.val_x, data.val_y, demo.batch_size)))
        on_epoch()

    # augrad learns with the library's defaults: nothing that is passed here is for it alone.
    fitted = fit(
        model,
        build_loader(data.train_x, data.train_y, demo.batch_size, shuffle_seed=seed),
        max_epochs=demo.epochs,
        lr=demo.lr,
        # Without it the score of the last epoch is a lottery: on the digits, 0.014 against 0.003 between seeds.
        scheduler=partial(CosineAnnealingLR, T_max=demo.epochs),
        callbacks=(record,),
        progress=False,
        seed=seed,
        **({} if rule == "augrad" else {"penalty": None}),
    )
    trunk, whole = _invariances(model, demo, data)
    run = Run(
        rule=rule,
        seed=seed,
        score=score(model, data.test_x, data.test_y, demo.batch_size),
        seconds=sum(row["seconds"] for row in fitted.history),
        trunk_invariance=trunk,
        model_invariance=whole,
        curve=tuple(curve),
        history=tuple(fitted.history),
        policy=tuple(fitted.policy),
    )
    return run, model


@torch.no_grad()
def score(model: torch.nn.Module, x: Any, y: Tensor, batch_size: int) -> float:
    """Accuracy for integer targets, r2 for floating-point ones, of the model in eval mode.

    Args:
        model: left in eval mode.
        x: all samples.
        y: their targets.
        batch_size: how many to predict at a time.
    """
    model.eval()
    predicted = torch.cat([model(part) for part, _ in build_loader(x, y, batch_size)])
    if not y.is_floating_point():
        return (predicted.argmax(dim=1) == y).float().mean().item()
    residual = (predicted.reshape(y.shape) - y).square().sum()
    return (1 - residual / (y - y.mean(dim=0)).square().sum()).item()


def _invariances(model: InvariantModel, demo: Demo, data: DemoData) -> tuple[float, float]:
    """Median invariance of the trunk and of the whole model under the true parameters, over their true ranges."""
    index = torch.arange(min(N_INVARIANCE_SAMPLES, batch.count(data.test_x)))
    samples = batch.select(data.test_x, index)
    found: dict[str, list[Tensor]] = {"trunk": [], "model": []}
    model.eval()
    for transform, parameter, value in demo.truths:
        declared = get_transform(transform).ranges[parameter]
        low = 2 * declared.identity - value if declared.signed else declared.identity
        measured = invariance(model, samples, transform, torch.linspace(low, value, N_INVARIANCE_VALUES))
        for part, values in found.items():
            values.append(getattr(measured, part).flatten())
    trunk, whole = (torch.cat(values).median().item() for values in found.values())
    return trunk, whole


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
        "n_threads": torch.get_num_threads(),
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
