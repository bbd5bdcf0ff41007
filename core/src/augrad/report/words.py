"""Parameter names and shares as text. Used by the pages of audits and demos, and by the benchmark's tables."""

from __future__ import annotations


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
