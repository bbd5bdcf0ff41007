"""Watches the loss under a Lightning Trainer: raises the errors of `fit`, and names Lightning's checkpoint.

Uses backend.py, training/step.py; used by joint_module.py.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from augrad.errors import NonFiniteLossError
from augrad.lightning.backend import ModelCheckpoint
from augrad.lightning.measures import Processes
from augrad.model import InvariantModel
from augrad.training.step import FiniteWatch, non_finite


class LossWatch:
    """Stops training on the first loss that is not finite: on the CPU at once, else when it is asked.

    Args:
        trainer: Lightning's.
        model: the model that it trains.
        device: where.
    """

    def __init__(self, trainer: Any, model: InvariantModel, device: torch.device) -> None:
        self._trainer = trainer
        self._model = model
        self._watch = FiniteWatch(device)

    def note(self, loss: Tensor, x: Any) -> None:
        """Looks at the loss of a batch.

        Raises:
            NonFiniteLossError: it is known to be bad.
        """
        if self._watch.note(self._trainer.global_step, loss, x) is not None:
            raise self._error(self._watch.state())

    def check(self) -> None:
        """Asks for all losses so far, in all processes; waits for the device.

        Raises:
            NonFiniteLossError: one was bad.
        """
        state = Processes(self._trainer).reduce(self._watch.state(), "max")
        if int(state[0]) >= 0:
            raise self._error(state)

    def _error(self, state: Tensor) -> NonFiniteLossError:
        step, bad_input = state.tolist()
        kept = last_checkpoint(self._trainer)
        return non_finite(
            step, bool(bad_input), self._model, kept, keep="give the Trainer a ModelCheckpoint(every_n_train_steps=...)"
        )


def last_checkpoint(trainer: Any) -> str | None:
    """Returns the last checkpoint of a Trainer's callbacks, else the best; None if they saved nothing."""
    callbacks = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
    paths = [callback.last_model_path for callback in callbacks] + [callback.best_model_path for callback in callbacks]
    return next((path for path in paths if path), None)
