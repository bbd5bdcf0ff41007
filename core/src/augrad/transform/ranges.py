"""`Range`: the physical range of a learnable parameter. Used by transform.py and layer.py."""

from __future__ import annotations

from dataclasses import dataclass

from augrad.errors import RangeError
from augrad.options import number


@dataclass(frozen=True)
class Range:
    """The physical range of a learnable parameter.

    For example, `Range(180.0, unit="deg", signed=True)` allows angles between -180 and 180 degrees. The layer learns a
    magnitude in [0, 1] and draws `value = identity + draw * magnitude * span`, with `draw` in [-1, 1] if `signed`, else
    in [0, 1]. A magnitude of 0.25 therefore gives angles between -45 and 45 degrees.

    Args:
        high: the upper end, in `unit`.
        low: the lower end, in `unit`. Only for unsigned ranges; a signed range is symmetric about `identity`.
        unit: the physical unit, such as `"deg"`, `"ms"`, `"dB"`; empty for a pure number.
        signed: whether values are drawn on both sides of `identity`.
        identity: the value at which the transform changes nothing. In an unsigned range it must be either end: a
            low-pass filter, for example, is neutral at its *highest* cut-off.
        per: `None` for a single learned magnitude. The name of an axis (`"feature"`, `"channel"`) gives a magnitude for
            each entry of this axis; the transform then sets their number as `n_features` or `n_channels`.

    Raises:
        RangeError: the numbers are not a valid range.

    Example:
        >>> angle = Range(180.0, unit="deg", signed=True)
        >>> angle.span, angle.interval(0.25)
        (180.0, (-45.0, 45.0))
        >>> Range(4000.0, low=100.0, unit="Hz", identity=4000.0).interval(0.5)
        (2050.0, 4000.0)
    """

    high: float
    low: float = 0.0
    unit: str = ""
    signed: bool = False
    identity: float = 0.0
    per: str | None = None

    def __post_init__(self) -> None:
        for name in ("high", "low", "identity"):
            number(name, getattr(self, name), owner="Range", error=RangeError, wrong_type=RangeError)
        if self.signed:
            if self.low != 0.0:
                raise RangeError(
                    f"a signed Range is symmetric about its identity: leave low unset, but got low={self.low:g}.",
                    argument="low",
                    value=self.low,
                )
            if self.high <= self.identity:
                raise RangeError(
                    f"a signed Range needs high above identity, but got high={self.high:g}, "
                    f"identity={self.identity:g}.",
                    argument="high",
                    value=self.high,
                )
        elif self.low >= self.high:
            raise RangeError(
                f"Range needs low below high, but got low={self.low:g}, high={self.high:g}.",
                argument="low",
                value=self.low,
            )
        elif self.identity not in (self.low, self.high):
            raise RangeError(
                f"an unsigned Range starts at its identity: identity must be low ({self.low:g}) or high "
                f"({self.high:g}), but got {self.identity:g}. Pass signed=True to draw on both sides of it.",
                argument="identity",
                value=self.identity,
            )
        if self.per is not None and not self.per.isidentifier():
            raise RangeError(
                f"Range(per=...) must be None or the singular name of an axis, such as 'feature', but got "
                f"{self.per!r}.",
                argument="per",
                value=self.per,
            )

    @property
    def span(self) -> float:
        """Signed distance from `identity` to the far end, in `unit`."""
        return (self.high if self.signed or self.identity == self.low else self.low) - self.identity

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value of the parameter, in `unit`."""
        return self.interval(1.0)

    def interval(self, magnitude: float) -> tuple[float, float]:
        """Lowest and highest value drawn at `magnitude` in [0, 1], in `unit`.

        Example:
            >>> Range(10.0, unit="deg", signed=True).interval(0.5)
            (-5.0, 5.0)
        """
        reach = magnitude * self.span
        ends = (self.identity - reach if self.signed else self.identity, self.identity + reach)
        return (min(ends), max(ends))

    def __contains__(self, value: float) -> bool:
        low, high = self.bounds
        return low <= value <= high
