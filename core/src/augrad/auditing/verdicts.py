"""The verdict on each transform: compares the model's behaviour with the data. Reads measurements.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from augrad.auditing.measurements import Measurement
from augrad.options import number
from augrad.report.estimate import Estimate

Kind = Literal["over-invariant", "missed", "invariant", "sensitive", "harmful", "allowed", "undecided"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Verdicts, the most serious first. `harmful` and `allowed` are verdicts on a pipeline, which has no model."""

EPSILON = 0.1
"""Share of labels that may be lost, and of predictions that may change, before a transform counts as harmful or as not
ignored."""

_IGNORED = 0.02
"""A model is called over-invariant if more than this share of the samples moved among samples of another class while
its prediction did not change."""

_FAR = 0.2
"""A strength is marked if more than this share of the samples lies off the manifold."""

_LEAST_GAIN = 0.05
"""A transform is called a shortcut if more than this share of the labels can be read off its side effects."""


@dataclass(frozen=True)
class Verdict:
    """The verdict of an audit on a transform.

    Attributes:
        transform: name of the transform.
        kind: `"over-invariant"` (the model ignores it although it changes labels), `"missed"` (the model reacts
            although labels survive, so the transform is worth augmenting with), `"invariant"` (ignored, and allowed),
            `"sensitive"` (the model reacts, and should), `"undecided"`. For a pipeline: `"harmful"`, `"allowed"` or
            `"undecided"`.
        title: the same in words.
        because: the evidence in a sentence.
        safe_strength: the largest strength up to which at least `1 - epsilon` of the labels survive; 0 if there is no
            such strength, None without labels.
        safe: the same in physical units; "not even" the weakest measured strength if that is not safe.
        expected_gain: for a missed transform, the share of correctly predicted samples that the model loses to it.
        off_manifold_from: the strength from which many samples lie farther from the data than clean samples; None if no
            strength does.
        knee: the strength at which the distance from the data begins to rise; None if it does not rise.
        shortcut_from: the strength from which labels can be read off side effects; None if no strength does.
        warnings: further cautions, as sentences.
        assumes: the invariance that the transform assumes, in its own words.
    """

    transform: str
    kind: Kind
    title: str
    because: str
    safe_strength: float | None
    safe: str
    expected_gain: Estimate | None
    off_manifold_from: float | None
    knee: float | None
    shortcut_from: float | None
    warnings: tuple[str, ...]
    assumes: str


TITLES: dict[Kind, str] = {
    "over-invariant": "over-invariant: ignored, although labels change",
    "missed": "worth augmenting: labels survive, the model does not",
    "invariant": "invariant, and allowed",
    "sensitive": "sensitive, rightly so",
    "harmful": "changes labels",
    "allowed": "labels survive",
    "undecided": "undecided",
}


def judge(rows: Sequence[Measurement], *, assumes: str = "", epsilon: float = EPSILON, known: bool = True) -> Verdict:
    """Returns the verdict on a transform.

    It uses intervals at a level at which all verdicts of the audit hold at the same time. A model is called
    over-invariant only if the data contradict it: samples move close to samples of another label, and the model's
    prediction stays the same for most of them. If a transform moves samples off the data, a label that the reference
    loses is not such evidence.

    Args:
        rows: measurements of the transform, at rising strengths.
        assumes: the invariance that it assumes.
        epsilon: share of labels, and of predictions, that may change.
        known: whether the reference knows more than chance.
    """
    kind, because, gain = _kind(rows, epsilon, known)
    safe = _safe_strength(rows, epsilon) if known else None
    far = _first_from(rows, "off_manifold", _FAR)
    shortcut = _first_from(rows, "shortcut", _LEAST_GAIN)
    warnings = []
    if far is not None:
        where = f"from {_at(far)} on" if far.reaches else "applied"
        warnings.append(
            f"{where}, {_percent(far.off_manifold)} of the samples or more are farther from the data than 95 % of them "
            "were"
        )
    if shortcut is not None:
        warnings.append(
            f"at {_at(shortcut)} borders, padding or clipping give away the label of {_percent(shortcut.shortcut)} "
            "more samples than before: a shortcut"
        )
    return Verdict(
        transform=rows[0].transform,
        kind=kind,
        title=TITLES[kind],
        because=because,
        safe_strength=safe,
        safe=_safe_text(rows, safe),
        expected_gain=gain,
        off_manifold_from=None if far is None else far.strength,
        knee=knee_of(rows),
        shortcut_from=None if shortcut is None else shortcut.strength,
        warnings=tuple(warnings),
        assumes=assumes,
    )


def check_epsilon(epsilon: float) -> None:
    """Raises `ArgumentError` unless `epsilon`, the share of labels that may change, is between 0 and 0.5."""
    number("epsilon", epsilon, above=0, below=0.5, noun="a share of the labels")


def _kind(rows: Sequence[Measurement], epsilon: float, known: bool) -> tuple[Kind, str, Estimate | None]:
    if rows[0].flip_rate is None:
        return (*_of_data(rows, epsilon, known), None)
    over = [row for row in rows if _exceeds(row, "ignored", _IGNORED) and _mostly_ignored(row)]
    if over:
        worst = max(over, key=lambda row: row.strict["ignored"].value)
        because = (
            f"at {_at(worst)}, {_percent(worst.ignored)} of the samples come to lie among samples of another label, "
            f"and the model still says the same (it changes its mind on {_percent(worst.flip_rate)} of all)"
        )
        return "over-invariant", because, None
    ignored = [_below(row.strict.get("flip_rate"), epsilon) for row in rows]
    survives = [_above(row.strict.get("preservation") if known else None, 1 - epsilon) for row in rows]
    states = list(zip(rows, ignored, survives, strict=True))
    missed = [row for row, ignores, surviving in states if ignores is False and surviving]
    if missed:
        worst = max(missed, key=lambda row: row.strict["flip_rate"].value)
        because = (
            f"at {_at(worst)} the model changes its mind on {_percent(worst.flip_rate)} of the samples, while "
            f"{_percent(worst.preservation)} of the labels survive"
        )
        return "missed", because, worst.lost
    both = [row for row, ignores, surviving in states if ignores and surviving]
    rightly = [row for row, ignores, surviving in states if ignores is False and surviving is False]
    if rightly:
        first = rightly[0]
        upto = f"up to {_at(both[-1])} it is ignored, and labels survive; " if both else ""
        because = (
            f"{upto}at {_at(first)} {_percent(first.preservation)} of the labels survive, as far as these data tell, "
            f"and the model changes its mind on {_percent(first.flip_rate)} of the samples"
        )
        return "sensitive", because, None
    if both and both[-1] is rows[-1]:
        last = rows[-1]
        because = (
            f"up to {_at(last)} the model changes its mind on {_percent(last.flip_rate)} of the samples at most, and "
            f"{_percent(last.preservation)} of the labels survive"
        )
        return "invariant", because, None
    return "undecided", _open(rows[-1], ignored[-1], survives[-1], known), None


def _of_data(rows: Sequence[Measurement], epsilon: float, known: bool) -> tuple[Kind, str]:
    last = rows[-1]
    survives = _above(last.strict.get("preservation") if known else None, 1 - epsilon)
    if known and _exceeds(last, "changed", _IGNORED):
        return "harmful", f"{_percent(last.changed)} of the samples come to lie among samples of another label"
    if survives:
        return "allowed", f"{_percent(last.preservation)} of the labels survive"
    if survives is False:
        because = (
            f"{_percent(last.preservation)} of the labels survive, as far as these data tell "
            f"({_percent(last.off_manifold)} of the samples are off them)"
        )
        return "harmful", because
    return "undecided", _open(last, None, survives, known)


def _open(last: Measurement, ignored: bool | None, survives: bool | None, known: bool) -> str:
    if not known or last.preservation is None:
        return "it is unknown whether labels survive: there are no labels, or the reference is no better than chance"
    if ignored and survives is False:
        return (
            f"at {_at(last)} the model ignores it, and the reference loses labels, but no samples of another label are "
            "near, so the data do not decide it"
        )
    predictions = f", predictions that change {last.strict['flip_rate']}" if "flip_rate" in last.strict else ""
    return (
        f"at {_at(last)} the intervals do not decide: labels that survive {last.strict['preservation']}{predictions}; "
        "more samples would help"
    )


def _exceeds(row: Measurement, measure: str, bound: float) -> bool:
    """Whether a share is above a bound, and not by chance."""
    return measure in row.strict and row.strict[measure].low > bound


def _mostly_ignored(row: Measurement) -> bool:
    """Whether the prediction stays the same for most samples that move among another label.

    No model is always right.
    """
    return row.ignored is None or row.changed is None or row.ignored.value >= 0.5 * row.changed.value


def _percent(estimate: Estimate | None) -> str:
    return "an unknown share" if estimate is None else f"{100 * max(0.0, estimate.value):.0f} %"


def _below(estimate: Estimate | None, bound: float) -> bool | None:
    """Whether an estimate is at most the bound; None if the interval contains the bound."""
    if estimate is None:
        return None
    return True if estimate.high <= bound else False if estimate.low > bound else None


def _above(estimate: Estimate | None, bound: float) -> bool | None:
    """Whether an estimate is at least the bound; None if the interval contains the bound."""
    if estimate is None:
        return None
    return True if estimate.low >= bound else False if estimate.high < bound else None


def _first_from(rows: Sequence[Measurement], measure: str, bound: float) -> Measurement | None:
    return next((row for row in rows if _exceeds(row, measure, bound)), None)


def _safe_strength(rows: Sequence[Measurement], epsilon: float) -> float | None:
    if rows[0].preservation is None:
        return None
    safe = 0.0
    for row in rows:
        if row.preservation is None or row.preservation.value < 1 - epsilon:
            break
        safe = row.strength
    return safe


def _safe_text(rows: Sequence[Measurement], safe: float | None) -> str:
    if safe is None:
        return "not known"
    row = next((row for row in rows if row.strength == safe), None)
    if row is None:
        # Weaker strengths were not measured. Not "below": a noise ratio or a cutoff falls as strength grows.
        return f"not even {', '.join(map(str, rows[0].reaches))}" if rows[0].reaches else "no"
    return ", ".join(map(str, row.reaches)) or "yes"


def knee_of(rows: Sequence[Measurement]) -> float | None:
    """Returns where the distance from the data begins to rise: there its curve is lowest under the chord.

    References:
        Satopaa, Albrecht, Irwin, Raghavan: Finding a "kneedle" in a haystack, ICDCS workshops 2011.
    """
    strengths = [0.0, *(row.strength for row in rows)]
    ratios = [1.0, *(row.distance_ratio.value for row in rows)]
    rise = ratios[-1] - ratios[0]
    if len(rows) < 2 or rows[-1].distance_ratio.low <= 1.0 or rise <= 0.1:
        return None
    span = strengths[-1]
    below = [s / span - (r - ratios[0]) / rise for s, r in zip(strengths, ratios, strict=True)]
    best = max(range(len(below)), key=lambda index: below[index])
    return strengths[best] if 0 < best < len(rows) and below[best] > 0.05 else None


def _at(row: Measurement) -> str:
    named = len(row.reaches) > 1
    return ", ".join(str(reach) if named or not reach.unit else reach.short for reach in row.reaches) or "full strength"
