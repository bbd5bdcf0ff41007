"""`run_bench`: trains what is missing and writes the results. Uses store.py, pool.py, backends.py, console.py."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from augrad.bench.backends import check_backend, run_on_backend
from augrad.bench.console import Display, print_result
from augrad.bench.pool import run_clusters
from augrad.bench.records import Key, Record, digest_of, modality_of
from augrad.bench.result import BenchResult
from augrad.bench.rules import Rule
from augrad.bench.store import Store
from augrad.bench.task import Task
from augrad.bench.trial import Cluster, Skipped
from augrad.demo.run import versions_of
from augrad.demo.task import check_seeds
from augrad.errors import ArgumentError, ArgumentTypeError, optional
from augrad.files.storage import write_file
from augrad.options import count


def run_bench(
    tasks: Sequence[Task],
    rules: Sequence[Rule],
    *,
    seeds: Sequence[int] | None = None,
    output: str | os.PathLike[str] = "runs/bench",
    jobs: int | None = None,
    backend: str | None = None,
    quick: bool = False,
    console: Console | None = None,
) -> BenchResult:
    """Trains every rule on every task for every seed, and summarises the results.

    A training with a record in `results.jsonl` is not repeated, unless something that decides its result has changed: a
    number of the task, a setting of the rule, or the version of augrad, of the task's plugin or of torch. The same call
    therefore continues an interrupted benchmark. A training that fails is recorded as failed, and the next call tries
    it again. A task is skipped if its optional dependency is not installed.

    The function writes `results.jsonl` (a line for each training, as soon as it ends), `table.md`, `summary.json` and
    `bench.png`. On tasks of kind `"unknown"`, see `own_task`, rules are compared with each other: for these,
    `BenchResult.comparisons` holds scores, standard errors and paired tests, and there is no picture.

    Args:
        tasks: at least one task, with distinct names.
        rules: at least one rule, with distinct names. Gain recovery and relative time need the rules `none` and
            `oracle`; tasks of kind `"unknown"` cannot have `oracle`.
        seeds: seeds of the repetitions; each task's own if None.
        output: directory for the files.
        jobs: worker processes, of one thread each; as many as there are cores if None. 1 trains in this process. A
            script that starts more needs `if __name__ == "__main__":` around its call.
        backend: None trains in augrad's own processes. `"loky"`, `"dask"` or `"ray"` hands the runs to joblib: loky's
            processes on this machine, or the workers of your cluster. Dask's is the current `dask.distributed.Client`,
            else the address in `DASK_SCHEDULER_ADDRESS`; Ray's is the one at `RAY_ADDRESS`. `jobs=None` then means all
            workers of the cluster.
        quick: a single seed, and only the first task of kind `"invariance"` of each modality.
        console: where to print; standard output if None. Progress is animated only on a terminal.

    Returns:
        The results of this call and of earlier calls with the same `output`.

    Raises:
        ArgumentTypeError: `tasks` or `rules` hold something else.
        ArgumentError: there are none, two of one name, or `seeds`, `jobs` or `backend` is not accepted.
        MissingDependencyError: scikit-learn or matplotlib is not installed: pip install "augrad[bench]". Or the package
            of the backend is not installed.
        StorageError: `output` cannot be written to, or holds something else; found out before anything is trained.
    """
    _check("tasks", tasks, Task)
    _check("rules", rules, Rule)
    _check_truth(tasks, rules)
    for module in ("sklearn", "matplotlib"):
        optional(module, "bench", "the benchmark")
    chosen = _quick(tasks) if quick else tuple(tasks)
    n_jobs = _jobs(jobs)
    check_backend(backend)
    by_task = {task.name: _seeds(task, seeds, quick=quick) for task in chosen}
    directory, console = Path(output), Console() if console is None else console
    started = time.perf_counter()
    digests = {(task.name, rule.name): digest_of(task, rule) for task in chosen for rule in rules}
    with Store(directory / "results.jsonl") as store:
        found, missing = _sorted_out(chosen, rules, by_task, digests, store)
        n_stale = sum(store.is_stale(task.name, rule.name, seed, digest) for task, rule, seed, digest in missing)
        where = f"in {n_jobs} process{'es' * (n_jobs > 1)}" if backend is None else f"on {backend}"
        _announce(console, len(found), len(missing), n_stale, where)
        try:
            clusters = _clusters(missing)
            if backend is None:
                outcomes = run_clusters(clusters, n_jobs)
            else:
                outcomes = run_on_backend(clusters, backend, n_jobs if backend == "loky" else jobs)
            skipped = _train(clusters, outcomes, found, store, console)
        except KeyboardInterrupt:
            console.print(
                f"\nInterrupted. {len(found)} runs are kept in {store.path}: the same command goes on from them."
            )
            raise
    order = [(task.name, rule.name, seed) for task in chosen for rule in rules for seed in by_task[task.name]]
    versions = {name: version for task in chosen for name, version in versions_of(task).items()}
    environment = {
        "quick": quick,
        "jobs": n_jobs,
        "backend": backend,
        "seconds": time.perf_counter() - started,
        "n_already_there": len(order) - len(missing),
        "n_stale": n_stale,
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version(), **versions},
    }
    records = tuple(found[key] for key in order if key in found)
    result = BenchResult(chosen, tuple(rules), records, skipped, environment)
    _finish(result, directory, console)
    return result


Wanted = tuple[Task, Rule, int, str]
"""A run that is to be made: task, rule, seed and digest."""


def _sorted_out(
    tasks: Iterable[Task],
    rules: Sequence[Rule],
    seeds: Mapping[str, Sequence[int]],
    digests: Mapping[tuple[str, str], str],
    store: Store,
) -> tuple[dict[Key, Record], list[Wanted]]:
    """What is there already, and what is to be made: seed by seed, so that an early stop leaves whole seeds."""
    found: dict[Key, Record] = {}
    missing: list[Wanted] = []
    for task in tasks:
        for seed in seeds[task.name]:
            for rule in rules:
                digest = digests[task.name, rule.name]
                record = store.standing(task.name, rule.name, seed, digest)
                if record is None:
                    missing.append((task, rule, seed, digest))
                else:
                    found[record.key] = record
    rank = {task.name: {seed: place for place, seed in enumerate(seeds[task.name])} for task in tasks}
    return found, sorted(missing, key=lambda wanted: rank[wanted[0].name][wanted[2]])


def _clusters(missing: Iterable[Wanted]) -> list[Cluster]:
    """The runs of one task and seed together."""
    together: dict[tuple[str, int], list[Wanted]] = {}
    for wanted in missing:
        together.setdefault((wanted[0].name, wanted[2]), []).append(wanted)
    return [
        Cluster(runs[0][0], runs[0][2], tuple(run[1] for run in runs), tuple(run[3] for run in runs))
        for runs in together.values()
    ]


def _train(
    clusters: Sequence[Cluster],
    outcomes: Generator[Record | Skipped],
    found: dict[Key, Record],
    store: Store,
    console: Console,
) -> dict[str, str]:
    """Trains, and stores each record when it is there; returns the tasks that were skipped, and why."""
    skipped: dict[str, str] = {}
    display = Display(sum(len(cluster.rules) for cluster in clusters), console)
    with display:
        try:
            for outcome in outcomes:
                if isinstance(outcome, Record):
                    store.add(outcome)
                    found[outcome.key] = outcome
                    display.end(outcome)
                elif outcome.task not in skipped:
                    skipped[outcome.task] = outcome.reason
                    lost = sum(len(cluster.rules) for cluster in clusters if cluster.task.name == outcome.task)
                    display.drop(lost, f"{outcome.task} is skipped: {outcome.reason}")
        finally:
            outcomes.close()
    return skipped


def _announce(console: Console, n_found: int, n_missing: int, n_stale: int, where: str) -> None:
    line = f"{n_missing} trainings {where}"
    if n_found:
        line += f"; {n_found} are there already"
    if n_stale:
        line += f"; {n_stale} were made under other settings or versions and are made again"
    console.print(f"{line}.", highlight=False)


def _finish(result: BenchResult, directory: Path, console: Console) -> None:
    """Prints what was found and writes the files: the numbers first, so that no drawing error loses them."""
    print_result(result, console)
    if not result.rows and not result.comparisons:
        return
    written = [
        directory / "results.jsonl",
        write_file(directory / "table.md", result.to_markdown().encode()),
        write_file(directory / "summary.json", json.dumps(result.to_json(), indent=1).encode()),
    ]
    if result.rows:
        from augrad.bench.plot import bench_png  # matplotlib loads on first use

        written.append(write_file(directory / "bench.png", bench_png(result)))
    console.print("\nWritten:", *(f"\n  {path}" for path in written), sep="", soft_wrap=True, highlight=False)


def _quick(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Of each modality the first task that has an invariance to learn."""
    first: dict[str, Task] = {}
    for task in tasks:
        if task.kind == "invariance":
            first.setdefault(modality_of(task), task)
    if not first:
        raise ArgumentError(
            "quick needs a task of kind 'invariance', but tasks holds none. Leave quick out.", argument="quick"
        )
    return tuple(first.values())


def _seeds(task: Task, seeds: Sequence[int] | None, *, quick: bool) -> tuple[int, ...]:
    chosen = tuple(task.seeds if seeds is None else seeds)
    check_seeds(chosen)
    return chosen[:1] if quick else chosen


def _jobs(jobs: int | None) -> int:
    if jobs is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return count("jobs", jobs)


def _check_truth(tasks: Iterable[Task], rules: Iterable[Rule]) -> None:
    own = [task.name for task in tasks if task.kind == "unknown"]
    if own and any(rule.name == "oracle" for rule in rules):
        raise ArgumentError(
            f"the rule 'oracle' is told the truth, but nobody knows that of {own[0]!r}: leave the rule out.",
            argument="rules",
            value="oracle",
        )


def _check(name: str, given: Sequence[Task] | Sequence[Rule], kind: type[Task | Rule]) -> None:
    for each in given:
        if not isinstance(each, kind):
            raise ArgumentTypeError(
                f"{name} must hold augrad.bench.{kind.__name__}, but got {each!r}. Those installed are in "
                f"augrad.plugins.registry.{name}().",
                argument=name,
            )
    names = [each.name for each in given]
    if not names or len(set(names)) < len(names):
        raise ArgumentError(f"{name} must hold at least one and none twice, but got {names!r}.", argument=name)
