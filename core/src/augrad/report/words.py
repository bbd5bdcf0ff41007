"""Parameter names, numbers, shares, intervals and policies as text. Used by all pages and the benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augrad.report.estimate import Estimate
from augrad.report.scale import axis_number

NO_BREAK = "\N{NO-BREAK SPACE}"
PERCENT = f"{NO_BREAK}%"


def words(parameter: str | None, unit: str = "") -> str:
    """Returns a parameter's name as words, without the unit at its end.

    Example:
        >>> words("gain_db", "dB"), words("log_size")
        ('gain', 'log size')
    """
    text = str(parameter).replace("_", " ")
    return text.removesuffix(f" {unit.lower()}") if unit else text


def percent(share: float | None) -> str:
    """`0.94` -> `"94 %"`; `"-"` for None.

    Example:
        >>> percent(0.937), percent(None)
        ('94 %', '-')
    """
    return "-" if share is None else f"{share:.0%}".replace("%", " %").replace("-", "\N{MINUS SIGN}")


def counted(number: int, noun: str) -> str:
    """Returns a number with a noun.

    Example:
        >>> counted(1, "transform"), counted(2, "transform")
        ('1 transform', '2 transforms')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def share(value: float) -> str:
    """Returns a share of samples as a percentage.

    Example:
        >>> share(0.314).split(), share(-0.0001).split(), share(0.004).split()  # no line breaks before the sign
        (['31', '%'], ['0', '%'], ['0.4', '%'])
    """
    percent = 100 * value
    return f"{_signed(f'{percent:.1f}' if 0 < abs(percent) < 0.95 else f'{percent:.0f}')}{PERCENT}"


def number(value: float) -> str:
    """Returns a number that is not a share as text.

    Example:
        >>> number(0.123), number(12.34), number(0.0031), number(25000.0)
        ('0.12', '12.3', '0.0031', '25000')
    """
    size = abs(value)
    if value == round(value) and size < 1e6:
        return _signed(f"{value:.0f}")
    if size < 0.1:
        return _signed(f"{float(f'{value:.2g}'):.4f}".rstrip("0"))
    return _signed(
        f"{value:.2f}"
        if size < 10
        else f"{value:.1f}"
        if size < 100
        else f"{value:.0f}"
        if size < 1e6
        else f"{value:.2e}"
    )


def interval(estimate: Estimate, *, as_share: bool) -> tuple[str, str]:
    """Returns the value, and the interval without the unit.

    Example:
        >>> interval(Estimate(0.5, 0.4, 0.6), as_share=False)
        ('0.50', '0.40 to 0.60')
    """
    told = share if as_share else number
    return told(estimate.value), " to ".join(told(end).removesuffix(PERCENT) for end in (estimate.low, estimate.high))


def in_words(estimate: Estimate | None, *, as_share: bool = True) -> str:
    """Returns value and interval, joined by spaces that do not break between lines; empty for None.

    Example:
        >>> in_words(Estimate(0.5, 0.4, 0.6), as_share=False).split(), in_words(None)
        (['0.50', '(0.40', 'to', '0.60)'], '')
    """
    if estimate is None:
        return ""
    value, ends = interval(estimate, as_share=as_share)
    return f"{value} ({ends.replace(' ', NO_BREAK)})"


def sentence(text: str) -> str:
    """Returns the text with a capital letter and a full stop.

    Example:
        >>> sentence("at 3 deg it breaks")
        'At 3 deg it breaks.'
    """
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""


def policy_rows(policy: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Returns the cells of a learned policy: layer, transform, weight, and the interval of its values.

    A parameter that is learned for several entries, such as the columns of a table, has a single row from the smallest
    to the largest value.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in policy:
        name = None if row["parameter"] is None else row["parameter"].partition("[")[0]
        groups.setdefault((row["layer"], row["transform"], name), []).append(row)
    found = []
    for (layer, transform, name), rows in groups.items():
        named = transform if name is None else f"{transform}, {words(name, rows[0]['unit'])}"
        told = f"{named} ({len(rows)} entries)" if len(rows) > 1 else named
        found.append([str(layer), told, f"{rows[0]['weight']:.2f}", "" if name is None else drawn_between(rows)])
    return found


def drawn_between(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the interval from the smallest `low` to the largest `high`, with the unit.

    Example:
        >>> drawn_between([{"low": -54.0, "high": 54.0, "unit": "deg"}])
        '±54 deg'
        >>> drawn_between([{"low": 0.0, "high": 0.1, "unit": ""}, {"low": 0.0, "high": 0.25, "unit": ""}])
        '0 to 0.25'
    """
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    if abs(low + high) <= 0.005 * (high - low):
        ends = f"±{axis_number(high)}"
    else:
        ends = " to ".join(map(axis_number, (low, high)))
    return f"{ends} {rows[0]['unit']}".rstrip()


def _signed(text: str) -> str:
    """Returns the number with a typographic minus; a zero without sign or digits."""
    return text.replace("-", "\N{MINUS SIGN}") if text.strip("-0.") else "0"
