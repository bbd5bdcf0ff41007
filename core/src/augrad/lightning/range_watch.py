"""The runaway guard under a Lightning Trainer: keeps the history that it reads, stops the Trainer, and warns.

Uses loss_watch.py, training/runaway.py, training/runaway_notice.py; used by joint_module.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from augrad.learning.stage import Row
from augrad.lightning.backend import ModelCheckpoint
from augrad.lightning.loss_watch import last_checkpoint
from augrad.model import InvariantModel
from augrad.training.result import learned
from augrad.training.runaway import Runaway, RunawayGuard
from augrad.training.runaway_notice import notice

KEY = "augrad"
"""Where Lightning's checkpoint holds the history."""


class RangeWatch:
    """Stops a Trainer when a range keeps growing while the training loss does.

    Args:
        guard: says when; None never does.
        penalty: how the penalty describes itself, for the warning; None for none.
    """

    def __init__(self, guard: RunawayGuard | None, penalty: str | None) -> None:
        self._guard = guard
        self._penalty = penalty
        self._history: list[Row] = []
        self._found: Runaway | None = None

    def note(self, trainer: Any, model: InvariantModel, values: Mapping[str, float]) -> None:
        """Looks at an epoch that is complete.

        Args:
            trainer: Lightning's; its `val_loss` is read if it has one.
            model: the model that it trains.
            values: the values of the training epoch; empty if the epoch was trained before a resume.
        """
        if self._guard is None or "train_loss" not in values:
            return
        epoch = trainer.current_epoch + 1
        row: Row = {"epoch": epoch, "train_loss": values["train_loss"], "layers": learned(model)}
        # A resume in the middle of an epoch trains it again.
        self._history = [*(kept for kept in self._history if kept["epoch"] < epoch), row]
        if "val_loss" in trainer.callback_metrics:
            # The first validation may come after several epochs, and stands for those before it too.
            for kept in self._history:
                kept.setdefault("val_loss", float(trainer.callback_metrics["val_loss"]))
        if self._found is None:
            self._found = self._guard.find(self._history)
        if self._found is not None:
            trainer.should_stop = True

    def warn(self, trainer: Any, model: InvariantModel) -> None:
        """Warns of its finding, once training is over and its checkpoints are written."""
        if self._found is None or not trainer.is_global_zero:
            return
        best = _best_checkpoint(trainer)
        kept = "There is no checkpoint: give the Trainer a ModelCheckpoint." if best is None else f"Kept: {best}."
        kept = f"Or go on with runaway=None. {kept}"
        warnings.warn(notice(self._found, model, penalty=self._penalty, kept=kept, checkpoint=best), stacklevel=2)

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Adds the history to Lightning's checkpoint."""
        checkpoint[KEY] = {"history": self._history}

    def load(self, checkpoint: Mapping[str, Any]) -> None:
        """Takes the history from Lightning's checkpoint; one that an earlier augrad wrote has none."""
        self._history = list(checkpoint.get(KEY, {}).get("history", ()))


def _best_checkpoint(trainer: Any) -> str | None:
    """Returns the best checkpoint of a Trainer's callbacks, else the last; None if they saved nothing."""
    callbacks = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
    monitored = [callback.best_model_path for callback in callbacks if callback.monitor is not None]
    return next((path for path in monitored if path), None) or last_checkpoint(trainer)
