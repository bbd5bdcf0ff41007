"""Trainings of demos in several processes at once, through joblib's loky. Uses trial.py; driven by run.py."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from augrad.demo.results import Run
from augrad.demo.rules import RULES
from augrad.demo.task import Demo
from augrad.demo.trial import prepared, train_rule
from augrad.errors import TrainingError
from augrad.layers.module import AugmentationModule


@dataclass(frozen=True)
class Trained:
    """One training of a demo.

    Attributes:
        demo, seed, rule: name of the demo, the seed and the rule.
        run: what was measured; None if it failed.
        augmentation: the augmentation after training; None if it failed.
        error: why it failed, or None.
    """

    demo: str
    seed: int
    rule: str
    run: Run | None = None
    augmentation: AugmentationModule | None = None
    error: Exception | None = None


def train_together(demos: Sequence[Demo], jobs: int) -> Iterator[Trained]:
    """Trains every rule of every demo for every seed, and yields each when it is there; the longest are begun first.

    Args:
        demos: the demos; they are pickled.
        jobs: processes, at least 2.

    Raises:
        TrainingError: a process died.
    """
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # Learning takes by far the longest: begun last, it would keep a single process busy at the end.
    units = [(demo, seed, rule) for rule in reversed(RULES) for demo in demos for seed in demo.seeds]
    units.sort(key=lambda unit: (unit[2] != "augrad", -unit[0].seconds))
    calls = (joblib.delayed(_train)(demo, seed, rule, os.getpid()) for demo, seed, rule in units)
    with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, max_nbytes=None)
        try:
            with warnings.catch_warnings():
                # loky replaces a process whose memory has grown, and says so; nothing is lost by it.
                warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
                yield from parallel(calls)
        except TerminatedWorkerError as error:
            raise TrainingError(
                f"a process of the demo died ({error.__class__.__name__}): short of memory, or a crash. Run it with "
                "--jobs 1, which takes longer and less memory."
            ) from error


def _train(demo: Demo, seed: int, rule: str, parent: int) -> Trained:
    if os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends the workers
    try:
        with threads(demo.n_threads):
            data, _, transforms = prepared(demo, seed)
            run, model = train_rule(rule, demo, data, transforms, seed)
    except Exception as error:  # noqa: BLE001 - a demo is a plugin's code: whatever it raises, the others run
        return Trained(demo.name, seed, rule, error=error)
    return Trained(demo.name, seed, rule, run, model.augmentation)


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """A context in which torch computes in so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
