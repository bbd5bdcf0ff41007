"""`Task`: a benchmark task, which is a `Demo` whose harmless transforms are known. Plugins declare tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from augrad.demo.task import Demo, check_name
from augrad.errors import ArgumentError
from augrad.options import one_of

Kind = Literal["invariance", "limit", "nothing", "unknown"]
"""The kinds of task, see `Task`."""


STANDARD = "standard"
"""The group of the tasks that `augrad bench` runs if none is named, and that published tables show."""


@dataclass(frozen=True)
class Task(Demo):
    """A small real task for which it is known which candidate transforms are harmless, and over which range.

    Every candidate that the oracle does not name changes the target, or destroys the information that tells it. Rules
    choose their own number of layers, so `n_layers` is ignored.

    Args:
        kind: `"invariance"`: the oracle's transforms leave the target unchanged, over the stated range and possibly
            beyond. `"limit"`: they leave it unchanged within the stated range only, for example because a 6 turns into
            a 9 beyond it. `"nothing"`: every candidate changes the target, and the oracle is empty. `"unknown"`: nobody
            knows, and the oracle is empty: rules are compared by their scores alone.
        group: tasks that are run together: `augrad bench --group NAME` runs those of a group, and without a group or
            the name of a task it runs the group `"standard"`. A letter, then letters, digits, `_` or `-`.

    Raises:
        ArgumentError: a field is empty or out of range, or the oracle does not fit the kind.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    kind: Kind = "invariance"
    group: str = STANDARD

    def _check_oracle(self) -> None:
        one_of("kind", self.kind, get_args(Kind))
        check_name("group", self.group)
        if (self.kind in ("nothing", "unknown")) != (not self.oracle):
            raise ArgumentError(
                f"oracle must be empty for kind='nothing' or 'unknown' and for no other, but got "
                f"{dict(self.oracle)!r} with kind={self.kind!r}.",
                argument="oracle",
                value=self.kind,
            )
        missing = [name for name in self.oracle if name not in self.transforms]
        if missing:
            raise ArgumentError(
                f"transforms must hold the true ones too, but lacks {missing[0]!r}.", argument="transforms"
            )
