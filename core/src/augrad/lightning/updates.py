"""The key and the penalty's factor of each update under a Lightning Trainer, as `fit` has them.

Uses randomness.py; used by joint_module.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator

from augrad.errors import InputTypeError
from augrad.randomness import keyed_generator, preserved_generators, seed_global_generators


class Update:
    """An update, and the draws that its batches share; it has several batches if gradients accumulate.

    Args:
        seed, step, rank: the key of its draws.
        progress: share of the training that is done, in [0, 1].
        factor: on the penalty.
        device: where the draws are made.
    """

    def __init__(
        self, seed: int, step: int, rank: int, *, progress: float, factor: float, device: torch.device
    ) -> None:
        self.step = step
        self.progress = progress
        self.factor = factor
        self._key = (seed, "step", step, rank)
        self._generator = keyed_generator(seed, step, rank, device=device)
        self._n_batches = 0

    @contextmanager
    def drawing(self) -> Iterator[Generator]:
        """The generator of the augmentation; the global ones are seeded for the next batch and given back after it."""
        # The first batch of an update has the key that it has in fit.
        position = (self._n_batches,) if self._n_batches else ()
        self._n_batches += 1
        with preserved_generators():
            seed_global_generators(*self._key, *position)
            yield self._generator


class Updates:
    """Which update a batch belongs to.

    Args:
        seed: of all keys.
        schedule: maps progress in [0, 1] to the factor on the penalty.
    """

    def __init__(self, seed: int, schedule: Callable[[float], float]) -> None:
        self._seed = seed
        self._schedule = schedule
        self._update: Update | None = None

    def of(self, trainer: Any, batch_idx: int, device: torch.device) -> Update:
        """The update that the Trainer makes next, begun by this batch or by one before it."""
        step = trainer.global_step
        if self._update is None or self._update.step != step:
            done = progress(trainer, batch_idx)
            factor = float(self._schedule(done))
            self._update = Update(self._seed, step, trainer.global_rank, progress=done, factor=factor, device=device)
        return self._update

    @property
    def begun(self) -> bool:
        """Whether a batch has been trained on."""
        return self._update is not None

    @property
    def progress(self) -> float:
        """Share of the training that was done when the current update began, in [0, 1]."""
        return 0.0 if self._update is None else self._update.progress


def ends(trainer: Any) -> tuple[int | None, int | None]:
    """Epochs and steps after which a Trainer stops; None where it does not."""
    epochs, steps = trainer.max_epochs, trainer.max_steps
    return (epochs if epochs and epochs > 0 else None), (steps if steps > 0 else None)


def progress(trainer: Any, batch_idx: int) -> float:
    """How much of training is done, in [0, 1]: by epochs as in `fit`, or by steps if these end it earlier."""
    epochs, steps = ends(trainer)
    by_epochs = (trainer.current_epoch + batch_idx / trainer.num_training_batches) / epochs if epochs else 0.0
    by_steps = trainer.global_step / steps if steps else 0.0
    return min(1.0, max(by_epochs, by_steps))


def pair_of(batch: Any) -> tuple[Any, Any]:
    """Returns input and target of a batch.

    Raises:
        InputTypeError: the batch is not a pair.
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        got = f"{len(batch)} entries" if isinstance(batch, tuple | list) else type(batch).__name__
        raise InputTypeError(
            f"batches must be pairs (x, target), but the loader yields {got}. Change its collate_fn.", argument="batch"
        )
    return batch[0], batch[1]
