"""Worker processes that train clusters, one training at a time each. Uses trial.py; driven by run.py."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from augrad.bench.records import Record, failed
from augrad.bench.rules import Rule
from augrad.bench.task import Task
from augrad.bench.trial import Cluster, Skipped, run_cluster
from augrad.demo.together import threads
from augrad.errors import ArgumentError, UnknownNameError
from augrad.plugins import registry

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""Environment variables that limit other libraries to a thread: several per worker would fight for the cores."""


def run_clusters(clusters: Iterable[Cluster], jobs: int) -> Generator[Record | Skipped]:
    """Trains clusters, in any order between workers, and yields the outcome of each run when it is there.

    If a worker dies, its current run is recorded as failed, and a new worker goes on with the rest. Closing the
    iterator, as an interruption does, ends the workers.

    Args:
        clusters: the runs.
        jobs: worker processes; 1 trains in this process.

    Raises:
        ArgumentError: a task or rule that no plugin brings cannot be sent to a worker.
    """
    waiting = deque(clusters)
    if jobs == 1:
        with threads(1):
            for cluster in waiting:
                yield from run_cluster(cluster)
        return
    crew = _Crew(waiting)
    try:
        for _ in range(min(jobs, len(waiting))):
            crew.hire()
        while crew.workers:
            yield from crew.outcomes()
    finally:
        crew.dismiss()


@dataclass
class _Worker:
    process: Any
    cluster: Cluster
    n_done: int = 0


class _Crew:
    """The worker processes, and the clusters that wait for one."""

    def __init__(self, waiting: deque[Cluster]) -> None:
        self.workers: dict[Connection, _Worker] = {}
        self._waiting = waiting
        self._context = multiprocessing.get_context("spawn")

    def hire(self) -> None:
        """Starts a worker on the next cluster."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs,), daemon=True)
        with _environment(ONE_THREAD):
            process.start()
        theirs.close()
        cluster = self._waiting.popleft()
        self.workers[ours] = _Worker(process, cluster)
        _send(ours, cluster)

    def outcomes(self) -> Iterator[Record | Skipped]:
        """Waits until at least one worker says something, and gives those that are ready the next cluster."""
        ready = wait(list(self.workers))
        for connection, worker in [(each, self.workers[each]) for each in self.workers if each in ready]:
            try:
                outcome = connection.recv()
            except (EOFError, ConnectionResetError):
                yield from self._lost(connection, worker)
                continue
            if outcome is not None:
                worker.n_done += 1
                yield outcome
            elif self._waiting:
                worker.cluster, worker.n_done = self._waiting.popleft(), 0
                _send(connection, worker.cluster)
            else:
                connection.close()
                del self.workers[connection]

    def _lost(self, connection: Connection, worker: _Worker) -> Iterator[Record]:
        """Fails the run at which a worker died, and gives what is left of its cluster to a new one."""
        connection.close()
        del self.workers[connection]
        worker.process.join()
        cluster, rest = worker.cluster, slice(worker.n_done + 1, None)
        if cluster.rules[rest]:
            self._waiting.appendleft(replace(cluster, rules=cluster.rules[rest], digests=cluster.digests[rest]))
        why = f"its worker process died (exit code {worker.process.exitcode}): short of memory, or a crash"
        for rule, digest in list(zip(cluster.rules, cluster.digests, strict=True))[worker.n_done : worker.n_done + 1]:
            yield failed(cluster.task, rule.name, cluster.seed, digest, why)
        if self._waiting:
            self.hire()

    def dismiss(self) -> None:
        """Ends all workers, whatever they are at."""
        for connection, worker in self.workers.items():
            connection.close()
            worker.process.terminate()
        for worker in self.workers.values():
            worker.process.join()
        self.workers.clear()


def _work(connection: Connection) -> None:
    """Trains clusters in a worker process, one after the other, until the parent has no more or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends the workers
    torch.set_num_threads(1)
    try:
        while True:
            task, rules, seed, digests = connection.recv()
            named = tuple(found_by("rules", rule) for rule in rules)
            for outcome in run_cluster(Cluster(found_by("tasks", task), seed, named, digests)):
                connection.send(outcome)
            connection.send(None)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _send(connection: Connection, cluster: Cluster) -> None:
    """Sends what plugins bring by name: a task of lambdas cannot be pickled."""
    rules = [reference_to("rules", rule) for rule in cluster.rules]
    try:
        connection.send((reference_to("tasks", cluster.task), rules, cluster.seed, cluster.digests))
    except (AttributeError, TypeError, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError | ConnectionResetError):
            return  # it died; `outcomes` will say so
        raise ArgumentError(
            f"the task {cluster.task.name!r} or one of the rules cannot be sent to a worker process: {error}. Let a "
            "plugin bring it, define its functions at the top of a module, or pass jobs=1.",
            argument="jobs",
        ) from error


def reference_to(kind: str, wanted: Task | Rule) -> Any:
    """The name of a task or rule that a plugin brings, to be looked up in a worker; any other as it is."""
    try:
        return wanted.name if registry.catalogue.get_named(kind, wanted.name) is wanted else wanted
    except UnknownNameError:
        return wanted


def found_by(kind: str, reference: Task | Rule | str) -> Any:
    """The task or rule that `reference_to` referred to."""
    return registry.catalogue.get_named(kind, reference) if isinstance(reference, str) else reference


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """A context with these environment variables, unless they are set already."""
    missing = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]
