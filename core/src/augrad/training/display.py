"""What a run shows while it trains: a rich display on a terminal, nothing elsewhere.

Reads policy.py; driven by loop.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from augrad.model import InvariantModel

REFRESH_SECONDS = 0.5
"""How often the running loss is read: reading waits for the device."""


class Display:
    """Shows nothing; the rich one overrides it."""

    def begin_epoch(self, epoch: int, done: int) -> None:
        """An epoch begins, with some of its steps done already after a resume."""

    def step(self, running_loss: Callable[[], float]) -> None:
        """An update was made; `running_loss` waits for the device."""

    def end_epoch(self, row: dict[str, Any], model: InvariantModel) -> None:
        """An epoch is complete: its history row, and the model as it stands."""

    def say(self, line: str) -> None:
        """A line that stays: why training ends before its time, or what was found."""

    def close(self) -> None:
        """Training is over, for good or bad."""


class RichDisplay(Display):
    """A bar per epoch with the running loss, and a line for each epoch done.

    Args:
        max_epochs: in all.
        n_steps: per epoch, or None if the loader does not know.
        console: a `rich.console.Console`; the terminal's if None.
        label: what an epoch is called.
        lines: whether an epoch that is done leaves a line.
    """

    def __init__(
        self,
        max_epochs: int,
        n_steps: int | None,
        console: Any = None,
        label: str = "epoch",
        *,
        lines: bool = True,
    ) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        description, loss = TextColumn("{task.description}"), TextColumn("{task.fields[loss]}")
        columns = (description, BarColumn(), MofNCompleteColumn(), loss, TimeRemainingColumn())
        self._max_epochs, self._n_steps, self._label, self._lines = max_epochs, n_steps, label, lines
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("", total=n_steps, loss="")
        self._read_at = time.monotonic()

    def begin_epoch(self, epoch: int, done: int) -> None:
        if self._bar.console.is_interactive:  # elsewhere a bar is but an empty line
            self._bar.start()
        description = f"{self._label} {epoch}/{self._max_epochs}"
        self._bar.reset(self._task, completed=done, total=self._n_steps, description=description, loss="")

    def step(self, running_loss: Callable[[], float]) -> None:
        self._bar.advance(self._task)
        if time.monotonic() - self._read_at >= REFRESH_SECONDS:
            self._read_at = time.monotonic()
            self._bar.update(self._task, loss=f"loss {running_loss():.4f}")

    def end_epoch(self, row: dict[str, Any], model: InvariantModel) -> None:
        if not self._lines:
            return
        line = epoch_line(row, self._max_epochs, leading_transform(model.policy), self._label)
        self._bar.console.print(line, highlight=False, markup=False)

    def say(self, line: str) -> None:
        self._bar.console.print(line, highlight=False, markup=False)

    def close(self) -> None:
        if self._bar.live.is_started:
            self._bar.stop()


def make_display(
    shown: bool, max_epochs: int, n_steps: int | None, label: str = "epoch", *, lines: bool = True
) -> Display:
    """The rich display, or one that shows nothing."""
    return RichDisplay(max_epochs, n_steps, label=label, lines=lines) if shown else Display()


def is_shown(progress: bool | None) -> bool:
    """Whether to show progress: as asked, or if standard output is a terminal."""
    return sys.stdout.isatty() if progress is None else progress


def epoch_line(row: dict[str, Any], max_epochs: int, leading: str, label: str = "epoch") -> str:
    """One epoch as a line of text.

    Example:
        >>> row = {"epoch": 2, "step": 8, "train_loss": 0.5, "seconds": 1.0, "layers": []}
        >>> epoch_line(row, 10, "vision.rotate ±40 deg")
        'epoch  2/10  train_loss 0.5000  vision.rotate ±40 deg'
    """
    hidden = ("epoch", "step", "seconds", "layers", "penalty")
    numbers = "  ".join(f"{name} {value:.4f}" for name, value in row.items() if name not in hidden)
    return f"{label} {row['epoch']:>{len(str(max_epochs))}}/{max_epochs}  {numbers}  {leading}".rstrip()


def leading_transform(policy: Iterable[Any]) -> str:
    """The transform with the largest weight in any layer, with what was learned about it, in physical units.

    `"nothing"` if all that is drawn rests.

    Args:
        policy: rows with `layer`, `transform`, `parameter`, `weight`, `low`, `high`, `unit`.

    Example:
        >>> from types import SimpleNamespace as Row
        >>> angle = {"parameter": "angle", "low": -40.0, "high": 40.0, "unit": "deg"}
        >>> leading_transform([Row(layer=0, transform="vision.rotate", weight=0.5, **angle)])
        'vision.rotate angle ±40 deg (weight 0.50)'
    """
    rows = list(policy)
    if not rows:
        return ""
    moving = [row for row in rows if row.parameter is None or row.low != row.high]
    first = max(moving, key=lambda row: row.weight, default=None)
    if first is None or first.weight == 0:
        return "nothing"
    same = [row for row in rows if (row.layer, row.transform) == (first.layer, first.transform)]
    reaches = [_reach(row) for row in same if row.parameter is not None]
    return " ".join([first.transform, ", ".join(reaches), f"(weight {first.weight:.2f})"]).replace("  ", " ")


def _reach(row: Any) -> str:
    ends = f"±{row.high:.3g}" if row.low == -row.high else f"{row.low:.3g}..{row.high:.3g}"
    return f"{row.parameter} {ends} {row.unit}".rstrip()
