"""The results of a demo in words and table cells, for the console and the report alike. Uses results.py."""

from __future__ import annotations

from augrad.demo.learned import Reach
from augrad.demo.results import DemoResult
from augrad.demo.rules import RULES

METRICS = {"accuracy": "test accuracy", "r2": "test r2"}
"""What tables call the metrics."""

SMALL_SHARE = 0.02
"""Transforms drawn less often than this are summed up in one line of the policy's table."""

POLICY_HEADINGS = ("transform", "drawn", "per layer", "all layers", "truth")
"""Share of draws, range averaged over layers by weight, range of all layers together, and what is true."""


def rule_rows(result: DemoResult) -> list[list[str]]:
    """The cells of the table of rules, as text."""
    recovery = {"none": "0 %", "oracle": "100 %", "augrad": percent(result.gain_recovery)}
    rows = []
    for rule, label in RULES.items():
        mean, deviation = result.score(rule)
        rows.append(
            [
                label,
                f"{mean:.3f} ± {deviation:.3f}" if len(result.seeds) > 1 else f"{mean:.3f}",
                recovery[rule] if result.gain_recovery is not None else "-",
                f"{result.relative_time(rule):.2f} x",
                f"{result.mean(rule, 'trunk_invariance'):.2f}",
                f"{result.mean(rule, 'model_invariance'):.2f}",
            ]
        )
    return rows


def policy_rows(result: DemoResult) -> list[list[str]]:
    """The cells of the policy's table, as text: those of `POLICY_HEADINGS`.

    Transforms that are hardly ever drawn share the last row, unless they are true.
    """
    true = {(found.transform, found.parameter): found for found in result.true_reaches}
    rows, rest = [], []
    learned = result.learned_reaches
    transforms = [found.transform for found in learned]
    for found in learned:
        key = (found.transform, found.parameter)
        several = transforms.count(found.transform) > 1
        name = f"{short(found.transform)}, {found.parameter}" if several else short(found.transform)
        if found.share < SMALL_SHARE and key not in true:
            rest.append(found)
            continue
        truth = [interval(result.learned_range(true[key])), interval(true[key])] if key in true else ["", ""]
        rows.append([name, percent(found.share), interval(found), *truth])
    if rest:
        shares = {found.transform: found.share for found in rest}
        names = ", ".join(short(name) for name in shares)
        rows.append([names, f"{percent(sum(shares.values()))} in all", "hardly ever drawn", "", ""])
    return rows


def verdict(result: DemoResult) -> str:
    """What came out, in one or two sentences."""
    if result.gain_recovery is None:
        first = "The oracle gained nothing over no augmentation, so there was no gain to recover."
    elif result.gain_recovery < 0:
        first = "augrad did worse than no augmentation: what it learned hurts here."
    else:
        first = f"augrad recovered {percent(result.gain_recovery)} of the gain that knowing the true transform brings."
    parts = []
    for true in result.true_reaches:
        learned = result.learned_range(true)
        name = short(true.transform)
        parts.append(f"Learned range of {name}, all layers together: {interval(learned)}; true: {interval(true)}.")
    return " ".join([first, *parts])


def interval(found: Reach) -> str:
    """Between which values a parameter is drawn, with its unit: `"±57 deg"`, `"0 to 0.2 std"`.

    Example:
        >>> interval(Reach("vision.rotate", "angle", "deg", 1.0, -57.2, 57.2))
        '±57 deg'
    """
    if found.low is None or found.high is None:
        return "no parameter"
    unit = f" {found.unit}" if found.unit else ""
    if abs(found.low + found.high) < 1e-6 * max(1.0, abs(found.high)):
        return f"±{number(found.high)}{unit}"
    return f"{number(found.low)} to {number(found.high)}{unit}"


def number(value: float) -> str:
    """Two significant digits, and no more than one digit after the point above 1.

    Example:
        >>> number(57.2), number(3.14159), number(0.0321), number(0.0)
        ('57', '3.1', '0.032', '0')
    """
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def percent(share: float | None) -> str:
    """`0.94` -> `"94 %"`; `"-"` for None.

    Example:
        >>> percent(0.937), percent(None)
        ('94 %', '-')
    """
    return "-" if share is None else f"{share:.0%}".replace("%", " %").replace("-", "\N{MINUS SIGN}")


def short(transform: str) -> str:
    """`"vision.translate_x"` -> `"translate x"`.

    Example:
        >>> short("vision.translate_x")
        'translate x'
    """
    return transform.partition(".")[2].replace("_", " ")
