"""The results of a demo in words and table cells, for the console and the report alike. Uses results.py."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from augrad.demo.learned import Reach
from augrad.demo.results import DemoResult
from augrad.demo.rules import RULES
from augrad.report.words import percent

METRICS = {"accuracy": "test accuracy", "r2": "test r2"}
"""What tables call the metrics."""

SMALL_SHARE = 0.02
"""Transforms drawn less often than this are summed up in one line of the policy's table."""

POLICY_HEADINGS = ("transform", "drawn", "per layer", "all layers", "truth")
"""Share of draws, range averaged over layers by weight, range of all layers together, and what is true."""


RULE_HEADINGS = ("gain\nrecovery", "true transform,\nand its range", "time /\ntrunk", "invariance\ntrunk | model")
"""Of `rule_rows`, after the rule and its score."""


_SCORES = ("none", "oracle\n(told)", "augrad\n(learned)")
TASK_HEADINGS = ("task", *_SCORES, "gain\nrecovery", "learned range", "time /\ntrunk")
"""Of `task_row`."""


def task_row(result: DemoResult, *, name_metric: bool = False) -> list[str]:
    """The cells of one demo in the table of several, as text: its scores by rule, and what is behind them.

    Args:
        result: of the demo.
        name_metric: as for `rule_rows`.
    """
    suffix = " r2" if name_metric and result.metric == "r2" else ""
    scores = [f"{result.score(rule)[0]:.3f}{suffix}" for rule in RULES]
    true = result.true_reaches
    ranges = [f"{called(each, true)} {extent(result.learned_range(each))}\n(true: {extent(each)})" for each in true]
    time = f"{result.relative_time('augrad'):.1f} x"
    return [result.demo.name, *scores, percent(result.gain_recovery), "\n".join(ranges), time]


def score_heading(results: Sequence[DemoResult]) -> str:
    """What tables call the scores of these demos."""
    metrics = {result.metric for result in results}
    return METRICS[metrics.pop()] if len(metrics) == 1 else "test score"


def rule_rows(result: DemoResult, *, name_metric: bool = False) -> list[list[str]]:
    """The cells of the table of rules, as text: the rule, its score, and those of `RULE_HEADINGS`.

    Args:
        result: of one demo.
        name_metric: whether r2 is called so in the cell, because the table's other scores are accuracies.
    """
    recovery = {"none": "0 %", "oracle": "100 %", "augrad": percent(result.gain_recovery)}
    true = result.true_reaches
    ranges = {"oracle": true, "augrad": [result.learned_range(each) for each in true]}
    suffix = " r2" if name_metric and result.metric == "r2" else ""
    rows = []
    for rule, label in RULES.items():
        mean, deviation = result.score(rule)
        spread = f" ± {deviation:.3f}" if len(result.seeds) > 1 else ""
        rows.append(
            [
                label,
                f"{mean:.3f}{spread}{suffix}",
                recovery[rule] if result.gain_recovery is not None else "-",
                "\n".join(f"{called(each, true)} {extent(each)}" for each in ranges.get(rule, [])),
                f"{result.relative_time(rule):.2f} x",
                f"{result.mean(rule, 'trunk_invariance'):.2f} | {result.mean(rule, 'model_invariance'):.2f}",
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
    for found in learned:
        key = (found.transform, found.parameter)
        if found.share < SMALL_SHARE and key not in true:
            rest.append(found)
            continue
        truth = [extent(result.learned_range(true[key])), extent(true[key])] if key in true else ["", ""]
        rows.append([called(found, learned), percent(found.share), interval(found), *truth])
    if rest:
        shares = {found.transform: found.share for found in rest}
        names = ", ".join(short(name) for name in shares)
        rows.append([names, f"{percent(sum(shares.values()))} in all", "hardly ever drawn", "", ""])
    return rows


def verdict(result: DemoResult) -> str:
    """What came out, in one or two sentences."""
    if result.gain_recovery is None:
        first = "The oracle gained next to nothing over no augmentation, so there was no gain to recover."
    elif result.gain_recovery < 0:
        first = "augrad did worse than no augmentation: what it learned hurts here."
    else:
        first = f"augrad recovered {percent(result.gain_recovery)} of the gain that knowing the true transform brings."
    parts = []
    for true in result.true_reaches:
        learned = result.learned_range(true)
        name = called(true, result.true_reaches)
        what = "Share" if true.parameter is None else "Range"
        mean = f" (mean over {result.declared(true).per}s, least to most)" if true.entries else ""
        parts.append(f"{what} of {name}{mean}, all layers together: learned {extent(learned)}, true {extent(true)}.")
    return " ".join([first, *parts])


def extent(found: Reach) -> str:
    """How far a parameter goes, or for a transform without any how many samples it changes.

    Example:
        >>> extent(Reach("audio.polarity", None, "", 0.5, None, None))
        '50 % of samples'
    """
    return f"{percent(found.share)} of samples" if found.parameter is None else interval(found)


def interval(found: Reach) -> str:
    """Between which values a parameter is drawn, with its unit: `"±57 deg"`, `"0 to 0.2 std"`.

    For a parameter learned per axis entry how far its entries go on average, and the least and the most of them.

    Example:
        >>> interval(Reach("vision.rotate", "angle", "deg", 1.0, -57.2, 57.2))
        '±57 deg'
        >>> interval(Reach("tabular.noise", "std", "sd", 1.0, 0.0, 0.5, {"a": (0.0, 0.1), "b": (0.0, 0.9)}))
        '0.5 (0.1 to 0.9) sd'
    """
    if found.low is None or found.high is None:
        return "no parameter"
    unit = f" {found.unit}" if found.unit else ""
    sign = "±" if abs(found.low + found.high) < 1e-6 * max(1.0, abs(found.high)) else ""
    if found.entries:
        lows, highs = zip(*found.entries.values(), strict=True)
        ends = highs if max(highs) - min(highs) >= max(lows) - min(lows) else lows
        return f"{sign}{number(statistics.fmean(ends))} ({number(min(ends))} to {number(max(ends))}){unit}"
    return f"±{number(found.high)}{unit}" if sign else f"{number(found.low)} to {number(found.high)}{unit}"


def number(value: float) -> str:
    """Two significant digits, and no more than one digit after the point above 1.

    Example:
        >>> number(57.2), number(3.14159), number(0.0321), number(0.0)
        ('57', '3.1', '0.032', '0')
    """
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def called(found: Reach, among: Sequence[Reach]) -> str:
    """The transform's short name, with the parameter's where there are several of it."""
    several = [other.transform for other in among].count(found.transform) > 1
    return f"{short(found.transform)}, {found.parameter}" if several else short(found.transform)


def short(transform: str) -> str:
    """`"vision.translate_x"` -> `"translate x"`.

    Example:
        >>> short("vision.translate_x")
        'translate x'
    """
    return transform.partition(".")[2].replace("_", " ")
