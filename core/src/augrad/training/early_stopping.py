"""Early stopping and the best epoch: pure functions of the history, so that a resumed run decides alike.

Used by loop.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augrad.errors import ArgumentError, suggestion
from augrad.options import count, number, one_of

MODES = ("min", "max")


@dataclass(frozen=True)
class EarlyStopping:
    """Stops training when a logged metric has not improved for a while.

    Args:
        metric: any metric in the history, such as `"val_loss"` or `"val_accuracy"`.
        patience: how many epochs in a row may pass without improvement, at least 1.
        mode: `"min"` if smaller is better, `"max"` if larger.
        min_delta: how much better counts as an improvement, at least 0, in the metric's unit.

    Raises:
        ArgumentError: an argument is not accepted.

    Example:
        >>> rule = EarlyStopping("val_loss", patience=2)
        >>> rule.exhausted([{"val_loss": 1.0}, {"val_loss": 1.1}])
        False
        >>> rule.exhausted([{"val_loss": 1.0}, {"val_loss": 1.1}, {"val_loss": 1.0}])
        True
    """

    metric: str = "val_loss"
    patience: int = 5
    mode: str = "min"
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str) or not self.metric:
            raise ArgumentError(
                f"metric must be the name of a logged metric, but got {self.metric!r}.",
                argument="metric",
                value=self.metric,
            )
        count("patience", self.patience, hint="It counts epochs.")
        one_of("mode", self.mode, MODES)
        number("min_delta", self.min_delta, least=0)

    def exhausted(self, history: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the last `patience` epochs of the history brought no improvement."""
        stale = 0
        best = math.nan
        for row in history:
            if is_better(row[self.metric], best, self.mode, self.min_delta):
                best, stale = row[self.metric], 0
            else:
                stale += 1
        return stale >= self.patience


def is_better(value: float, best: float, mode: str, min_delta: float = 0.0) -> bool:
    """Whether `value` improves on `best` by more than `min_delta`; NaN never does, and anything improves on NaN.

    Example:
        >>> is_better(0.5, 0.6, "min"), is_better(0.5, 0.6, "max"), is_better(math.nan, 0.6, "min")
        (True, False, False)
    """
    if math.isnan(value) or math.isnan(best):
        return not math.isnan(value)
    gain = best - value if mode == "min" else value - best
    return gain > min_delta


def best_row(history: Sequence[Mapping[str, Any]], metric: str, mode: str) -> Mapping[str, Any] | None:
    """The first row of the history with the best value of a metric, or None if there is none that is a number.

    Example:
        >>> best_row([{"epoch": 1, "val_loss": 2.0}, {"epoch": 2, "val_loss": 1.0}], "val_loss", "min")["epoch"]
        2
    """
    best: Mapping[str, Any] | None = None
    for row in history:
        if is_better(row[metric], math.nan if best is None else best[metric], mode):
            best = row
    return best


def check_logged(metric: str, logged: Sequence[str]) -> None:
    """Raises `ArgumentError` unless `metric` is among the logged ones."""
    if metric not in logged:
        raise ArgumentError(
            f"early_stopping watches {metric!r}, which is not logged; logged are: {', '.join(logged)}."
            + suggestion(metric, logged)
            + (" Pass val_loader to log val_* metrics." if metric.startswith("val_") else ""),
            argument="early_stopping",
            value=metric,
        )
