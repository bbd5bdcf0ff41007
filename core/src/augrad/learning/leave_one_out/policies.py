"""`Entry`: a transform of a policy under examination, with its magnitudes. Used by copies.py, judge.py, search.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A transform and its magnitudes.

    Attributes:
        name: name of the transform.
        magnitudes: shares of the declared ranges, in [0, 1]: a single number for all parameters, or one per parameter
            and entry. `(1.0,)` for a transform without parameters.
    """

    name: str
    magnitudes: tuple[float, ...]
