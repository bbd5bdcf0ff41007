"""`Task`: a benchmark task, a `Demo` of which it is known what may be learned. Plugins declare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from augrad.demo.task import Demo
from augrad.errors import ArgumentError
from augrad.options import one_of

Kind = Literal["invariance", "limit", "nothing"]
"""What a task is invariant to: what its oracle says; that, and beyond it the target changes; or nothing at all."""


@dataclass(frozen=True)
class Task(Demo):
    """A small real task of which it is known which candidates may be learned, and how far.

    Every candidate that the oracle does not name changes the target, or destroys what tells it. Rules that stack layers
    use their own number of them: `n_layers` is not read.

    Args:
        kind: `"invariance"`: the oracle's transforms leave the target alone, as far as it says or farther. `"limit"`:
            as far as it says, and beyond it the target changes (a 6 turned into a 9). `"nothing"`: every candidate
            changes the target, and the oracle is empty.

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
