"""The runaway guard: a range that keeps growing while the training loss does. Pure functions of the history.

Used by loop.py and persistence.py; runaway_notice.py puts its findings into words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augrad.options import count, number

ROUNDING = 1e-6
"""Growth of a reach from one epoch to the next, relative to itself, that float32 arithmetic may feign."""

GROWTH = 1e-2
"""Least growth of a reach over the window, relative to itself: less is the end of a range, approached for ever."""

DRAWN = 1e-3
"""Least growth over the window as a part of the declared range: a transform that nobody draws does no harm."""

History = Sequence[Mapping[str, Any]]
Part = tuple[int, int, int | None]
"""Layer, transform, and the position among the layer's magnitudes; None for a transform without parameters."""


@dataclass(frozen=True)
class Runaway:
    """A range that ran away.

    Attributes:
        layer: position of the layer.
        transform: position of the transform in it.
        column: which of the layer's magnitudes; None for a transform without parameters, which is drawn ever more.
        then: the history row of the lowest training loss since the range began to grow.
        now: the last history row.
    """

    layer: int
    transform: int
    column: int | None
    then: Mapping[str, Any]
    now: Mapping[str, Any]


@dataclass(frozen=True)
class RunawayGuard:
    r"""Finds a range that keeps growing while the training loss does: the penalty pays for it, and learning is lost.

    The *reach* of a parameter is its magnitude times the selection weight of its transform, so that a transform that
    nobody draws raises no alarm; for a transform without parameters it is the weight. With `L` the training loss of
    each epoch (the criterion, without the penalty), a parameter has run away if

    1. its reach grew from each epoch to the next, `patience` times in a row and by a hundredth in all;
    2. in each of these `patience` epochs `L > low + rise * max(L_first - low, |low|)`: with `L_first` the loss of the
       first epoch and `low` the lowest since that reach began to grow, a share `rise` of the gain is lost
       again, and the loss is higher by that share of itself;
    3. the last of these losses is not below the first: the trunk is not making up for it;
    4. the same is true of the validation loss, if there is one.

    Why so. A range that opens is no alarm, nor is a loss that rises with it: a training loss with augmentation is
    higher than one without. It is normal while a range opens, while a penalty warms up, and when the trunk had fitted
    the plain data first; then the loss rises by a small part of the gain, stays there or falls again. A penalty
    that pays too much shows in a lasting loss, measured as a share of the earlier gain. The noise of an
    epoch, small steps late in a schedule, or a step of the learning rate do not lift `patience` epochs in a row while
    one and the same range grows through all of them.

    What it cannot see: a range that runs away within the first epochs, before anything is learned; a task of which
    hardly anything was learned, where there is little to lose; and it may raise a false alarm if the trunk
    comes trained for the task already, whose loss in the first epoch is that of a trained one. Validation data help
    there.

    Args:
        patience: how many epochs in a row, at least 1.
        rise: the share, above 0. More makes the guard less sensitive.

    Raises:
        ArgumentError: an argument is not accepted.

    Example:
        >>> from augrad import RunawayGuard
        >>> layer = {"names": ["signal.noise"], "weights": [1.0], "owners": [0]}
        >>> losses, magnitudes = [1.0, 0.2, 0.5, 0.8], [0.1, 0.2, 0.4, 0.7]
        >>> history = [
        ...     {"epoch": epoch, "train_loss": loss, "layers": [{**layer, "magnitudes": [magnitude]}]}
        ...     for epoch, (loss, magnitude) in enumerate(zip(losses, magnitudes), 1)
        ... ]
        >>> runaway = RunawayGuard(patience=2).find(history)
        >>> runaway.layer, runaway.transform, runaway.then["epoch"], runaway.now["epoch"]
        (0, 0, 2, 4)
        >>> RunawayGuard(patience=3).find(history) is None
        True
    """

    patience: int = 5
    rise: float = 0.25

    def __post_init__(self) -> None:
        count("patience", self.patience, hint="It counts epochs.")
        number("rise", self.rise, above=0, hint="It is a share of the gain.")

    def find(self, history: History) -> Runaway | None:
        """What has run away by the end of the history: of several the one that has grown most; None for nothing.

        Args:
            history: rows as in `FitResult.history`; of each `train_loss`, `layers`, and `val_loss` where there is one.
        """
        watched = ["train_loss", "val_loss"] if all("val_loss" in row for row in history) else ["train_loss"]
        found: list[tuple[float, Runaway]] = []
        for part in _parts(history):
            start = _growing_since(history, part)
            if not self._grew(history, part, start) or not all(self._risen(history, start, name) for name in watched):
                continue
            then, now = history[self._lowest(history, start, "train_loss")], history[-1]
            found.append((_reach(now, part) - _reach(then, part), Runaway(*part, then, now)))
        return max(found, key=lambda entry: entry[0])[1] if found else None

    def _grew(self, history: History, part: Part, start: int) -> bool:
        if len(history) - 1 - start < self.patience:
            return False
        before, now = (_reach(row, part) for row in (history[-1 - self.patience], history[-1]))
        return now - before >= max(DRAWN, GROWTH * before)

    def _lowest(self, history: History, start: int, name: str) -> int:
        """The epoch of the lowest loss since `start` and before the last `patience` epochs."""
        return min(range(start, len(history) - self.patience), key=lambda index: history[index][name])

    def _risen(self, history: History, start: int, name: str) -> bool:
        first, low = history[0][name], history[self._lowest(history, start, name)][name]
        level = low + self.rise * max(first - low, abs(low))
        last = [row[name] for row in history[-self.patience :]]
        return all(loss > level for loss in last) and last[-1] >= last[0]


def _parts(history: History) -> Iterator[Part]:
    """What can grow: each magnitude, and each transform that has none."""
    for layer, entry in enumerate(history[-1]["layers"] if history else ()):
        yield from ((layer, owner, column) for column, owner in enumerate(entry["owners"]))
        yield from ((layer, index, None) for index in range(len(entry["names"])) if index not in entry["owners"])


def _reach(row: Mapping[str, Any], part: Part) -> float:
    layer, transform, column = part
    entry = row["layers"][layer]
    magnitude = 1.0 if column is None else entry["magnitudes"][column]
    return float(entry["weights"][transform] * magnitude)


def _growing_since(history: History, part: Part) -> int:
    """The epoch from which on a reach grew from each to the next; the last if it does not grow."""
    start, reach = len(history) - 1, _reach(history[-1], part)
    while start > 0:
        before = _reach(history[start - 1], part)
        if reach - before <= ROUNDING * before:
            break
        start, reach = start - 1, before
    return start
