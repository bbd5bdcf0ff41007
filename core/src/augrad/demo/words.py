"""The results of a demo as words and table cells, for the console and for the report. Uses results.py."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from augrad.demo.learned import Reach
from augrad.demo.results import DemoResult
from augrad.demo.rules import RULES
from augrad.report.words import percent

METRICS = {"accuracy": "test accuracy", "r2": "test r2"}
"""Names of the metrics in tables."""

SMALL_SHARE = 0.02
"""Transforms that are drawn less often share one line in the policy's table."""

LEAST_CHANGE = 1e-6
"""Smaller ranges, as a part of the declared range, change nothing."""

POLICY_HEADINGS = ("transform", "drawn", "per layer", "all layers", "truth")
"""Share of draws, range averaged over layers by weight, range of all layers together, and true range."""


EVIDENCE = (
    "Before the training, augrad changes the samples with one transformation at a time, and measures whether a linear "
    "model on the features of the untrained network then predicts samples that were left out with a smaller error. "
    "The transformation that lowers the error most is kept, and the others are tried again beside it, until none "
    "helps clearly."
)
"""What evidence is, for newcomers."""

RULE_HEADINGS = ("gain\nrecovery", "true transform,\nand its range", "time /\ntrunk", "invariance\ntrunk | model")
"""Headings of `rule_rows`, after the rule and its score."""


_SCORES = ("none", "oracle\n(told)", "augrad\n(learned)")
TASK_HEADINGS = ("task", *_SCORES, "gain\nrecovery", "learned range", "time /\ntrunk")
"""Headings of `task_row`."""


def task_row(result: DemoResult, *, name_metric: bool = False) -> list[str]:
    """Returns the cells of a demo in the table of several demos, as text: its scores by rule, then the other numbers.

    Args:
        result: result of the demo.
        name_metric: as for `rule_rows`.
    """
    suffix = " r2" if name_metric and result.metric == "r2" else ""
    scores = [f"{result.score(rule)[0]:.3f}{suffix}" for rule in RULES]
    true = result.true_reaches
    ranges = [f"{called(each, true)} {extent(result.learned_range(each))}\n(true: {extent(each)})" for each in true]
    time = f"{result.relative_time('augrad'):.1f} x"
    return [result.demo.name, *scores, percent(result.gain_recovery), "\n".join(ranges), time]


def score_heading(results: Sequence[DemoResult]) -> str:
    """Returns the name of the scores of these demos."""
    metrics = {result.metric for result in results}
    return METRICS[metrics.pop()] if len(metrics) == 1 else "test score"


def rule_rows(result: DemoResult, *, name_metric: bool = False) -> list[list[str]]:
    """Returns the cells of the table of rules, as text: the rule, its score, and the cells of `RULE_HEADINGS`.

    Args:
        result: result of a demo.
        name_metric: whether cells with r2 say so, because the other scores of the table are accuracies.
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
    """Returns the cells of the policy's table, as text, for `POLICY_HEADINGS`.

    Transforms that change nothing share a row, and so do those that are rarely drawn, unless they are true.
    """
    true = {(found.transform, found.parameter): found for found in result.true_reaches}
    rows, rest, still = [], [], []
    learned = result.learned_reaches
    for found in learned:
        key = (found.transform, found.parameter)
        if found.share < SMALL_SHARE and key not in true:
            rest.append(found)
            continue
        if key not in true and _changes_nothing(result, found):
            still.append(found)
            continue
        truth = [extent(result.learned_range(true[key])), extent(true[key])] if key in true else ["", ""]
        rows.append([called(found, learned), percent(found.share), interval(found), *truth])
    for several, told in ((still, "changes nothing"), (rest, "hardly ever drawn")):
        shares = {found.transform: found.share for found in several}
        if shares:
            names = ", ".join(short(name) for name in shares)
            rows.append([names, f"{percent(sum(shares.values()))} in all", told, "", ""])
    return rows


def _changes_nothing(result: DemoResult, found: Reach) -> bool:
    """Returns whether all values that are drawn are the identity, as in a layer that rests."""
    if found.parameter is None or found.low is None or found.high is None:
        return False
    identity = result.declared(found).identity
    ends = [end for pair in (found.entries or {"": (found.low, found.high)}).values() for end in pair]
    return all(abs(end - identity) < LEAST_CHANGE * abs(result.declared(found).span) for end in ends)


def verdict(result: DemoResult) -> str:
    """Returns the result in one or two sentences."""
    if result.gain_recovery is None:
        first = "The oracle gained next to nothing over no augmentation, so there was no gain to recover."
    elif result.gain_recovery < 0:
        first = "augrad did worse than no augmentation: the learned augmentation hurts here."
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
    """Returns the range of a parameter, or the share of changed samples for a transform without parameters.

    Example:
        >>> extent(Reach("audio.polarity", None, "", 0.5, None, None))
        '50 % of samples'
    """
    return f"{percent(found.share)} of samples" if found.parameter is None else interval(found)


def interval(found: Reach) -> str:
    """Returns the range of a parameter with its unit, such as `"±57 deg"` or `"0 to 0.2 std"`.

    For a parameter that is learned for each entry of an axis: the mean range of its entries, with the smallest and the
    largest.

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
    """Returns two significant digits, and above 1 at most one digit after the point.

    Example:
        >>> number(57.2), number(3.14159), number(0.0321), number(0.0)
        ('57', '3.1', '0.032', '0')
    """
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def called(found: Reach, among: Sequence[Reach]) -> str:
    """Returns the transform's short name, with the parameter's name if several of its parameters are listed."""
    several = [other.transform for other in among].count(found.transform) > 1
    return f"{short(found.transform)}, {found.parameter}" if several else short(found.transform)


def short(transform: str) -> str:
    """`"vision.translate_x"` -> `"translate x"`.

    Example:
        >>> short("vision.translate_x")
        'translate x'
    """
    return transform.partition(".")[2].replace("_", " ")
