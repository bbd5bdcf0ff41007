"""`run_demo`, `run_demos`: train every rule for every seed, print and write. Uses trial.py, together.py, console.py."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from augrad import batch
from augrad.demo.console import Display, print_findings
from augrad.demo.results import DemoResult, Findings, Orbit, Run
from augrad.demo.rules import RULES, candidates
from augrad.demo.task import Demo, DemoData, check_seeds
from augrad.demo.together import Trained, threads, train_together
from augrad.demo.trial import prepared, train_rule
from augrad.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, optional
from augrad.files.manifest import installed_versions
from augrad.files.storage import write_file
from augrad.layers.module import AugmentationModule
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

N_ORBIT_COPIES = 8
QUICK_FRACTION = 10

Output = str | os.PathLike[str] | None


def run_demo(
    demo: Demo,
    *,
    seeds: Sequence[int] | None = None,
    output: Output = None,
    jobs: int = 1,
    quick: bool = False,
    console: Console | None = None,
) -> DemoResult:
    """Trains without augmentation, with the oracle and with augrad, and reports the results.

    Prints a table and the learned policy, and writes `report.html`, `results.json` and `overview.png`. With the same
    seed, all rules get the same data, initial weights, order of batches and number of epochs.

    Args:
        demo: the task.
        seeds: seeds of the repetitions; the demo's own if None.
        output: directory for the files; `runs/demo-<name>` if None. Files of an earlier run are replaced.
        jobs: trainings at the same time, each in a process of its own; 1 trains in this process. A script that passes
            more needs `if __name__ == "__main__":` around its call.
        quick: a single seed and a tenth of the epochs. This only shows that the demo works; the numbers mean little.
        console: where to print; standard output if None. Progress is animated only on a terminal.

    Returns:
        The results of all trainings.

    Raises:
        ArgumentTypeError: `demo` is no `Demo`.
        ArgumentError: `seeds` is empty or holds one twice.
        StorageError: `output` cannot be written to; found out before anything is trained.
        MissingDependencyError: matplotlib, or the package that reads the data, is not installed.
        UnknownTransformError: a candidate is not registered.
    """
    task = _settled(demo, seeds, quick=quick)
    directory = _writable(Path("runs", f"demo-{task.name}") if output is None else Path(output))
    console = Console() if console is None else console
    with Display([task], console, jobs) as display:
        result = next(iter(_outcomes([task], jobs, display, quick=quick)))
    if isinstance(result, Exception):
        raise result
    _finish(Findings((result,)), directory, console)
    return result


def run_demos(
    demos: Sequence[Demo],
    *,
    seeds: Sequence[int] | None = None,
    output: Output = None,
    jobs: int = 1,
    quick: bool = False,
    console: Console | None = None,
) -> Findings:
    """Runs several demos as `run_demo` does, and shows them in a single table and a single report.

    A demo is skipped if its optional dependency is not installed. If a demo fails, the others still run and are
    reported.

    Args:
        demos: the tasks, at least one.
        seeds: seeds of the repetitions; each demo's own if None.
        output: directory for the files; `runs/demo` if None. Files of an earlier run are replaced.
        jobs: trainings at the same time, as for `run_demo`.
        quick: a single seed and a tenth of the epochs.
        console: where to print; standard output if None. Progress is animated only on a terminal.

    Returns:
        The results, and which demos were skipped or failed, and why. If all failed, no report is written.

    Raises:
        ArgumentTypeError: `demos` holds something that is no `Demo`.
        ArgumentError: there are no demos, two of one name, or `seeds` is empty or holds one twice.
        StorageError: `output` cannot be written to; found out before anything is trained.
    """
    tasks = [_settled(demo, seeds, quick=quick) for demo in demos]
    names = [task.name for task in tasks]
    if not names or len(set(names)) < len(names):
        raise ArgumentError(f"demos must hold at least one and none twice, but got {names!r}.", argument="demos")
    directory = _writable(Path("runs", "demo") if output is None else Path(output))
    console = Console() if console is None else console
    results: list[DemoResult] = []
    skipped: dict[str, str] = {}
    failed: dict[str, str] = {}
    with Display(tasks, console, jobs) as display:
        for task, outcome in zip(tasks, _outcomes(tasks, jobs, display, quick=quick), strict=True):
            if isinstance(outcome, MissingDependencyError):
                skipped[task.name] = str(outcome)
            elif isinstance(outcome, Exception):
                failed[task.name] = f"{type(outcome).__name__}: {outcome}"
            else:
                results.append(outcome)
    findings = Findings(tuple(results), skipped, failed)
    if results:
        _finish(findings, directory, console)
    return findings


def _settled(demo: Demo, seeds: Sequence[int] | None, *, quick: bool) -> Demo:
    """Returns the demo with the seeds and epochs of this run."""
    if not isinstance(demo, Demo):
        raise ArgumentTypeError(
            f"demo must be an augrad.demo.Demo, but got {demo!r}. Those installed: augrad.plugins.registry.demos().",
            argument="demo",
        )
    chosen = tuple(demo.seeds if seeds is None else seeds)
    check_seeds(chosen)
    if not quick:
        return dataclasses.replace(demo, seeds=chosen)
    epochs, seconds = max(1, demo.epochs // QUICK_FRACTION), demo.seconds / QUICK_FRACTION
    return dataclasses.replace(demo, seeds=chosen[:1], epochs=epochs, seconds=seconds)


def _outcomes(demos: Sequence[Demo], jobs: int, display: Display, *, quick: bool) -> list[DemoResult | Exception]:
    """Returns the result of each demo, or its error."""
    together = _trained_together(demos, jobs, display) if jobs > 1 else {}
    outcomes: list[DemoResult | Exception] = []
    for demo in demos:
        try:
            outcomes.append(_run(demo, together.get(demo.name), display, quick=quick))
        except Exception as error:  # noqa: BLE001 - a demo is a plugin's code: whatever it raises, the others run
            outcomes.append(error)
            lacks = isinstance(error, MissingDependencyError)
            display.drop(f"{demo.name} is skipped: {error}" if lacks else f"{demo.name} failed: {_said(error)}")
    return outcomes


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _trained_together(demos: Sequence[Demo], jobs: int, display: Display) -> dict[str, list[Trained]]:
    """All trainings of all demos by name, several at a time."""
    found: dict[str, list[Trained]] = {demo.name: [] for demo in demos}
    trainings = train_together(demos, jobs)
    for each in trainings:
        found[each.demo].append(each)
        if each.run is not None:
            display.end(each.run, each.demo)
    return found


def _run(demo: Demo, trained: Sequence[Trained] | None, display: Display, *, quick: bool) -> DemoResult:
    """Every rule for every seed, trained now unless `trained` has it; transforms and pictures are the first seed's."""
    started = time.perf_counter()
    display.begin_demo(demo)
    with threads(demo.n_threads):
        by_seed = [_run_seed(demo, seed, trained, display) for seed in demo.seeds]
    runs = tuple(run for result in by_seed for run in result.runs)
    seconds = time.perf_counter() - started if trained is None else sum(run.seconds for run in runs)
    return dataclasses.replace(by_seed[0], runs=runs, environment=_environment(demo, seconds, quick=quick))


def _run_seed(demo: Demo, seed: int, trained: Sequence[Trained] | None, display: Display) -> DemoResult:
    there = {each.rule: each for each in trained or () if each.seed == seed}
    for each in there.values():
        if each.error is not None:
            raise each.error
    data, arguments, transforms = prepared(demo, seed)
    runs: list[Run] = []
    modules: dict[str, AugmentationModule] = {}
    for rule in RULES:
        found = there.get(rule)
        if found is not None and found.run is not None and found.augmentation is not None:
            run, modules[rule] = found.run, found.augmentation
        else:
            display.begin(rule, seed)
            run, model = train_rule(rule, demo, data, transforms, seed, on_epoch=display.advance)
            modules[rule] = model.augmentation
            display.end(run, demo.name)
        runs.append(run)
    metric = "accuracy" if data.classifies else "r2"
    orbit = _orbit(demo, data, transforms, modules)
    return DemoResult(demo, tuple(runs), metric, transforms, orbit, arguments=arguments)


@torch.no_grad()
def _orbit(
    demo: Demo, data: DemoData, transforms: Mapping[str, Transform], augmentations: Mapping[str, AugmentationModule]
) -> Orbit:
    """Copies of the first test sample under the policy at the start, the learned and the true one."""
    sample = batch.select(data.test_x, torch.zeros(1, dtype=torch.long, device=batch.device(data.test_x)))
    copies = batch.repeat(sample, N_ORBIT_COPIES)
    modules = {
        "before training": candidates(demo, transforms),
        "learned": augmentations["augrad"],
        "oracle": augmentations["oracle"],
    }
    rows = [
        (label, module.eval()(copies, generator=keyed_generator("demo", "orbit"))) for label, module in modules.items()
    ]
    return Orbit(sample, tuple(rows))


def _environment(demo: Demo, seconds: float, *, quick: bool) -> dict[str, Any]:
    return {
        "command": f"augrad demo {demo.name}" + (" --quick" if quick else ""),
        "quick": quick,
        "seconds": seconds,
        "n_threads": demo.n_threads,
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version(), **versions_of(demo)},
    }


def versions_of(demo: Demo) -> dict[str, str]:
    """Returns the versions of augrad, of the plugin of the demo's modality, and of torch, by distribution."""
    return installed_versions(demo.transforms[0].partition(".")[0])


def _writable(directory: Path) -> Path:
    """Creates the directory, and checks that it is writable and that matplotlib is there, before any training.

    Raises:
        StorageError: no file can be written there.
        MissingDependencyError: matplotlib is not installed.
    """
    optional("matplotlib", "report", "the report of a demo")
    write_file(directory / ".augrad-demo", b"").unlink()
    return directory


def _finish(findings: Findings, directory: Path, console: Console) -> None:
    """Prints the results and writes the files, numbers first, so that an error in a drawing does not lose them."""
    print_findings(findings, console)
    written = [write_file(directory / "results.json", json.dumps(findings.to_json(), indent=1).encode())]
    from augrad.demo.page.document import render  # matplotlib loads on first use
    from augrad.demo.page.overview import overview_png

    written.append(write_file(directory / "overview.png", overview_png(findings)))
    written.append(write_file(directory / "report.html", render(findings).encode()))
    console.print("\nWritten:", *(f"\n  {path}" for path in written), sep="", soft_wrap=True, highlight=False)
