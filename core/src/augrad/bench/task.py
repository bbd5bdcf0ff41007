"""`Task`: a benchmark task, which is a `Demo` whose harmless transforms are known. Plugins declare tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from augrad.demo.task import Demo
from augrad.errors import ArgumentError
from augrad.options import one_of

Kind = Literal["invariance", "limit", "nothing"]
"""The kinds of task, see `Task`."""


@dataclass(frozen=True)
class Task(Demo):
    """A small real task for which it is known which candidate transforms are harmless, and over which range.

    Every candidate that the oracle does not name changes the target, or destroys the information that tells it. Rules
    choose their own number of layers, so `n_layers` is ignored.

    Args:
        kind: `"invariance"`: the oracle's transforms leave the target unchanged, over the stated range and possibly
            beyond. `"limit"`: they leave it unchanged within the stated range only, for example because a 6 turns into
            a 9 beyond it. `"nothing"`: every candidate changes the target, and the oracle is empty.

    Raises:
        ArgumentError: a field is empty or out of range, or the oracle does not fit the kind.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    kind: Kind = "invariance"

    def _check_oracle(self) -> None:
        one_of("kind", self.kind, get_args(Kind))
        if (self.kind == "nothing") != (not self.oracle):
            raise ArgumentError(
                f"oracle must be empty for kind='nothing' and for no other, but got {dict(self.oracle)!r} with "
                f"kind={self.kind!r}.",
                argument="oracle",
                value=self.kind,
            )
        missing = [name for name in self.oracle if name not in self.transforms]
        if missing:
            raise ArgumentError(
                f"transforms must hold the true ones too, but lacks {missing[0]!r}.", argument="transforms"
            )
