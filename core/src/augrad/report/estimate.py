"""`Estimate`: a measured number with its interval. Made by audits and by `find_policy`, drawn by panel_drawing.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A measured number with its confidence interval.

    Attributes:
        value: the number, measured on the given samples.
        low, high: ends of the interval, at the confidence of the audit.

    Example:
        >>> str(Estimate(0.5, 0.4, 0.625))
        '0.5 [0.4, 0.625]'
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"
