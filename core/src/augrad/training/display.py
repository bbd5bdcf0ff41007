"""The display of a run: a bar on a terminal, lines elsewhere.

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

SHARES = 1000
"""The steps in which the display counts a computation."""


class Display:
    """Shows nothing; `RichDisplay` overrides it."""

    def begin_epoch(self, epoch: int, done: int) -> None:
        """An epoch begins, with some of its steps done already after a resume."""

    def step(self, running_loss: Callable[[], float]) -> None:
        """An update was made; `running_loss` waits for the device."""

    def report(self, share: float, text: str) -> None:
        """A share of a computation is done, in [0, 1]; the text says what it does now."""

    def end_epoch(self, row: dict[str, Any], model: InvariantModel) -> None:
        """An epoch is complete: its history row, and the model as it stands."""

    def say(self, line: str) -> None:
        """Prints a line that stays: the reason why training ends early, or a finding."""

    def close(self) -> None:
        """Training is over, for good or bad."""


class RichDisplay(Display):
    """A bar for each stage, with the epoch, the running loss and the time left in all; and a line for each epoch.

    A stage that writes no checkpoints leaves no lines.

    Args:
        max_epochs: of the stage.
        n_steps: updates per epoch, or None if the loader does not know.
        stage: a `Stage` or a `Computation`; that one reports shares of `SHARES` steps.
        place: the number of the stage, and the number of stages.
        console: a `rich.console.Console`; the terminal's if None.
    """

    def __init__(
        self,
        max_epochs: int,
        n_steps: int | None,
        stage: Any,
        place: tuple[int, int] = (1, 1),
        console: Any = None,
    ) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        fields = ("description", "fields[loss]", "fields[left]")
        # A computation may say anything, square brackets too.
        columns = [TextColumn(f"{{task.{field}}}", markup=False) for field in fields]
        self._max_epochs, self._n_steps, self._label = max_epochs, n_steps, stage.label
        self._later, self._lines = stage.later, getattr(stage, "keeps", False)
        self._name = stage.label if place[1] == 1 else f"stage {place[0]} of {place[1]}: {stage.label}"
        self._bar = Progress(columns[0], BarColumn(), *columns[1:], console=console, transient=True)
        total = None if n_steps is None else n_steps * max_epochs
        self._task = self._bar.add_task("", total=total, loss="", left="")
        self._began: tuple[float, float] | None = None
        self._read_at = time.monotonic()

    def begin_epoch(self, epoch: int, done: int) -> None:
        completed = (epoch - 1) * (self._n_steps or 0) + done
        self._began = self._began or (time.monotonic(), completed)
        description = f"{self._name}, epoch {epoch}/{self._max_epochs}"
        self._bar.update(self._task, completed=completed, description=description, loss="")
        if self._bar.console.is_interactive:  # elsewhere a bar is but an empty line
            self._bar.start()

    def step(self, running_loss: Callable[[], float]) -> None:
        self._bar.advance(self._task)
        now = time.monotonic()
        if now - self._read_at >= REFRESH_SECONDS:
            self._read_at = now
            self._bar.update(self._task, loss=f"loss {running_loss():.4f}", left=self._left(now), refresh=True)

    def report(self, share: float, text: str) -> None:
        now, completed = time.monotonic(), min(max(share, 0.0), 1.0) * SHARES
        self._began = self._began or (now, completed)
        self._bar.update(self._task, completed=completed, description=f"{self._name}{', ' if text else ''}{text}")
        if now - self._read_at >= REFRESH_SECONDS:
            self._read_at = now
            self._bar.update(self._task, left=self._left(now), refresh=True)
        if self._bar.console.is_interactive:
            self._bar.start()

    def _left(self, now: float) -> str:
        task = self._bar.tasks[0]
        if self._began is None or task.total is None:
            return ""
        started, before = self._began
        elapsed, done, total = now - started, float(task.completed - before), float(task.total)
        left = seconds_left(elapsed, done, total - float(task.completed))
        return f"{duration(left + self._later * seconds_left(elapsed, done, total))} left in all"

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


def seconds_left(elapsed: float, done: float, left: float) -> float:
    """The time that the updates left will take at the pace of those done.

    Example:
        >>> seconds_left(elapsed=10.0, done=5.0, left=20.0)
        40.0
    """
    return elapsed / done * left if done else 0.0


def duration(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> duration(42.4), duration(135.0), duration(7300.0)
        ('42 s', '2 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def make_display(
    shown: bool, max_epochs: int, n_steps: int | None, stage: Any, place: tuple[int, int] = (1, 1)
) -> Display:
    """Returns the rich display, or a display that shows nothing."""
    return RichDisplay(max_epochs, n_steps, stage, place) if shown else Display()


def is_shown(progress: bool | None) -> bool:
    """Whether to show progress: as asked, or if standard output is a terminal."""
    return sys.stdout.isatty() if progress is None else progress


def epoch_line(row: dict[str, Any], max_epochs: int, leading: str, label: str = "epoch") -> str:
    """An epoch as a line of text.

    Example:
        >>> row = {"epoch": 2, "step": 8, "train_loss": 0.5, "seconds": 1.0, "layers": []}
        >>> epoch_line(row, 10, "vision.rotate ±40 deg")
        'epoch  2/10  train_loss 0.5000  vision.rotate ±40 deg'
    """
    hidden = ("epoch", "step", "seconds", "layers", "penalty")
    numbers = "  ".join(f"{name} {value:.4f}" for name, value in row.items() if name not in hidden)
    return f"{label} {row['epoch']:>{len(str(max_epochs))}}/{max_epochs}  {numbers}  {leading}".rstrip()


def leading_transform(policy: Iterable[Any]) -> str:
    """The transform with the largest weight in any layer, with its learned ranges, in physical units.

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
