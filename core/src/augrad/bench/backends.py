"""Runs of the benchmark through joblib: on this machine with loky, on a cluster with Dask or Ray. Uses trial.py.

Each job of joblib is a single run, so that its record can be stored as soon as it ends.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from augrad.bench.pool import found_by, reference_to
from augrad.bench.records import Record, digest_of, failed
from augrad.bench.rules import Rule
from augrad.bench.task import Task
from augrad.bench.trial import Cluster, Skipped, run_cluster
from augrad.demo.together import threads
from augrad.errors import ArgumentError, MissingDependencyError, suggestion

PACKAGES = {"loky": ("joblib", "joblib"), "dask": ("distributed", "dask[distributed]"), "ray": ("ray", "ray")}
"""Each backend's module, and what to install for it."""

_ONE_AT_A_TIME = threading.Lock()
"""Held while training: a worker of Dask may have several threads, but torch has a single default generator."""

Outcome = Record | Skipped


def check_backend(backend: str | None) -> None:
    """Raises unless `backend` is None or the name of a backend that is installed.

    Raises:
        ArgumentError: no backend has that name.
        MissingDependencyError: the package that it needs is not installed.
    """
    if backend is None:
        return
    if backend not in PACKAGES:
        raise ArgumentError(
            f"backend must be one of {', '.join(map(repr, PACKAGES))}, or None for augrad's own processes, but got "
            f"{backend!r}." + suggestion(str(backend), PACKAGES),
            argument="backend",
            value=backend,
        )
    module, package = PACKAGES[backend]
    if find_spec(module) is None or find_spec("joblib") is None:
        missing = package if find_spec(module) is None else "joblib"
        raise MissingDependencyError(
            f"backend={backend!r} needs the package {missing}, which is not installed: pip install '{missing}'",
            dependency=missing,
        )


def run_on_backend(clusters: Iterable[Cluster], backend: str, jobs: int | None) -> Generator[Outcome]:
    """Trains clusters through joblib, and yields the outcome of each run when it is there.

    A run that raises is a failed record. If a worker dies, joblib gives up all runs that were in progress, and does not
    say which of them was the cause. They are tried once more, one at a time: a run that fails again is recorded as
    failed, the others go on. Closing the iterator, as Ctrl-C does, cancels the runs in progress.

    Args:
        clusters: the runs.
        backend: name of a backend, see `check_backend`.
        jobs: workers; None for all that the backend has.

    Raises:
        ArgumentError: there is no cluster to connect to.
    """
    waiting = [single for cluster in clusters for single in _singles(cluster)]
    n_jobs = -1 if jobs is None else jobs
    configured = _connected(backend)
    while waiting:
        started: list[Cluster] = []
        done: set[int] = set()
        outcomes = _parallel(waiting, started, backend, n_jobs, configured)
        broken = False
        try:
            for position, outcome in outcomes:
                done.add(position)
                yield outcome
        except Exception:  # noqa: BLE001 - a run's own errors are records: this is the backend's
            broken = True
        finally:
            outcomes.close()
        suspects = [each for position, each in enumerate(started) if position not in done] if broken else []
        waiting = waiting[len(started) :]
        for suspect in suspects:
            yield _again(suspect, backend, configured)


def _parallel(
    waiting: Sequence[Cluster], started: list[Cluster], backend: str, n_jobs: int, configured: dict[str, Any]
) -> Generator[tuple[int, Outcome]]:
    """Outcomes with the position of their run; `started` grows by each run that is handed out."""
    import joblib

    def handed_out() -> Iterator[Any]:
        for position, single in enumerate(waiting):
            started.append(single)
            yield joblib.delayed(_work)(position, _sent(single), os.getpid() if backend == "loky" else None)

    with joblib.parallel_config(backend=backend, n_jobs=n_jobs, **configured):
        # No run is handed out before a worker is free, so that a dead worker takes few with it.
        options: dict[str, Any] = {"batch_size": 1, "pre_dispatch": "n_jobs", "max_nbytes": None}
        if backend != "ray":
            yield from joblib.Parallel(return_as="generator_unordered", **options)(handed_out())
            return
        # Ray's backend returns lists alone: one wave after the other, as many runs as there are workers.
        calls, parallel = handed_out(), joblib.Parallel(**options)
        size = max(1, joblib.effective_n_jobs(n_jobs))
        while wave := [call for _, call in zip(range(size), calls, strict=False)]:
            yield from parallel(wave)


def _again(single: Cluster, backend: str, configured: dict[str, Any]) -> Outcome:
    """Tries a run again by itself; whatever its worker dies of is then its own."""
    outcomes = _parallel([single], [], backend, 2, configured)  # with one job joblib would train in this process
    try:
        ((_, outcome),) = outcomes
    except Exception as error:  # noqa: BLE001 - the backend's, as above
        why = f"its worker was lost ({type(error).__name__}): short of memory, or a crash"
        return failed(single.task, single.rules[0].name, single.seed, single.digests[0], why)
    return outcome


def _work(position: int, sent: tuple[Task | str, Rule | str, int, str], parent: int | None) -> tuple[int, Outcome]:
    """One run in a worker; `parent` is the process that Ctrl-C must end, if it is on this machine."""
    task, rule, seed, digest = sent
    if parent not in (None, os.getpid()):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends the workers
    with _ONE_AT_A_TIME, threads(1):
        found: tuple[Task, Rule] = (found_by("tasks", task), found_by("rules", rule))
        if digest_of(*found) != digest:
            why = "its worker has other versions of augrad, of the task's plugin or of torch: install the same on all"
            return position, failed(found[0], found[1].name, seed, digest, why)
        (outcome,) = run_cluster(Cluster(found[0], seed, (found[1],), (digest,)))
    return position, outcome


def _singles(cluster: Cluster) -> list[Cluster]:
    runs = zip(cluster.rules, cluster.digests, strict=True)
    return [Cluster(cluster.task, cluster.seed, (rule,), (digest,)) for rule, digest in runs]


def _sent(single: Cluster) -> tuple[Task | str, Rule | str, int, str]:
    (rule,), (digest,) = single.rules, single.digests
    return reference_to("tasks", single.task), reference_to("rules", rule), single.seed, digest


def _connected(backend: str) -> dict[str, Any]:
    """The arguments of `joblib.parallel_config` that connect to the user's cluster."""
    if backend == "loky":
        return {"inner_max_num_threads": 1}
    if backend == "ray":
        from ray.util.joblib import register_ray  # connects to RAY_ADDRESS, or starts Ray on this machine

        register_ray()
        return {}
    import dask.config
    from distributed import Client

    try:
        return {"client": Client.current()}
    except ValueError:
        pass
    address = dask.config.get("scheduler-address", None)
    if address is None:
        raise ArgumentError(
            "backend='dask' found no cluster. Set DASK_SCHEDULER_ADDRESS, such as tcp://host:8786, or make a "
            "dask.distributed.Client before the call.",
            argument="backend",
        )
    return {"client": Client(address, set_as_default=False)}
