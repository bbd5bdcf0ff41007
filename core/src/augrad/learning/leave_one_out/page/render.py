"""Renders evidence as a self-contained page. Uses curves.py and examples.py; see evidence.html."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from augrad.learning.leave_one_out.findings import Candidate
from augrad.learning.leave_one_out.page.curves import curve_of, interval_of, trials_of
from augrad.learning.leave_one_out.page.examples import strip_of
from augrad.learning.leave_one_out.verdicts import HARMLESS, HARMS, HELPS, MARKS, MEANINGS, VERDICTS
from augrad.learning.leave_one_out.words import (
    cautions,
    duration,
    headline_parts,
    more_text,
    ordered,
    ranges_text,
    strength_text,
)
from augrad.report.page import filled
from augrad.report.words import in_words, interval, number, policy_rows, sentence

if TYPE_CHECKING:
    from augrad.learning.leave_one_out.evidence import Evidence

COLUMNS = ("range", "error", "without it", "difference")


def render_evidence(evidence: Evidence) -> str:
    """Returns the evidence as self-contained HTML, without links to files or addresses.

    Args:
        evidence: the result of a search. Evidence that was read from a file has no pictures.
    """
    candidates = ordered(evidence.candidates)
    found, rest = headline_parts(evidence)
    helps = any(each.verdict == HELPS for each in candidates)
    return filled(
        "augrad.learning.leave_one_out.page",
        "evidence.html",
        modality=evidence.modality,
        headline=found,
        rest=rest,
        warnings=[sentence(each) for each in cautions(evidence)],
        columns=COLUMNS,
        sections=[_section(evidence, each, place) for place, each in enumerate(candidates, 1)],
        facts=_facts(evidence),
        policy=policy_rows(evidence.policy.to_rows()) if helps else [],
        meanings=[(f"{MARKS[verdict]} {verdict}", MEANINGS[verdict]) for verdict in VERDICTS],
    )


def _section(evidence: Evidence, candidate: Candidate, place: int) -> dict[str, Any]:
    """Returns the template's values for a candidate."""
    label = f"c{place}: {candidate.transform}"
    note, examined = more_text(candidate), candidate.examined
    return {
        "id": f"c{place}",
        "transform": candidate.transform,
        "badge": {"kind": candidate.verdict, "mark": MARKS[candidate.verdict], "word": candidate.verdict, "rest": note},
        "cells": [
            ranges_text(candidate.ranges),
            *(
                (
                    number(candidate.error),
                    number(candidate.error_without),
                    in_words(interval_of(candidate), as_share=False),
                )
                if examined
                else ("", "", "")
            ),
        ],
        "because": _because(candidate),
        "numbers": _numbers(candidate) if examined else [],
        "single": len(trials_of(candidate)) == 1,
        "curve": curve_of(candidate, f"{label}, difference of the error") if examined else None,
        "helps": candidate.verdict == HELPS,
        "strip": strip_of(candidate, evidence.shown, label) if examined else None,
        "trials": [
            (
                strength_text(candidate, each.magnitude),
                number(each.error),
                *interval(interval_of(each), as_share=False),
            )
            for each in (trials_of(candidate) if examined else ())
        ],
    }


def _because(candidate: Candidate) -> str:
    """Returns the reason for the verdict."""
    if not candidate.examined:
        return "It was not examined; the reason is among the remarks at the top of the page."
    change = (
        f"by {number(abs(candidate.difference))}, from {number(candidate.error_without)} to {number(candidate.error)}"
    )
    if candidate.verdict == HELPS:
        place = "" if candidate.step is None else f" It is number {candidate.step} in the policy."
        return f"It lowers the error {change}.{place}"
    if candidate.verdict == HARMS:
        weak = list(takewhile(lambda trial: trial.difference <= 0, trials_of(candidate)))
        limit = f" Within {strength_text(candidate, weak[-1].magnitude)} it does not." if weak else ""
        return f"It raises the error {change}: the targets depend on something that it changes.{limit}"
    if candidate.verdict == HARMLESS:
        return f"{sentence(MEANINGS[HARMLESS])}"
    if interval_of(candidate).high < 0:
        return f"Alone it lowers the error {change}, but it gains too little to join the policy."
    note = more_text(candidate)
    return f"There are too few samples to tell{f'; {note}' if note else ''}."


def _numbers(candidate: Candidate) -> list[tuple[str, str]]:
    """Returns the numbers beside the curve, with their names."""
    name = "range" if candidate.verdict == HELPS else "numbers are for"
    found = [(name, ranges_text(candidate.ranges))] if candidate.ranges else []
    if candidate.ranges:
        found.append(("share of the declared range", f"{100 * candidate.magnitude:.0f} %"))
    return [*found, ("difference", in_words(interval_of(candidate), as_share=False))]


def _facts(evidence: Evidence) -> list[tuple[str, str]]:
    """Returns how the evidence was obtained, with names."""
    facts = evidence.facts
    return [
        ("samples", f"{facts.n_samples}{' (the loader has more)' if facts.more_samples else ''}"),
        ("targets", facts.targets),
        ("features", f"{facts.n_features} per sample: {facts.features}"),
        ("trunk", facts.trunk),
        ("copies", f"{facts.n_copies} augmented copies of each sample"),
        ("search", "complete" if facts.complete else "ended early"),
        ("took", duration(facts.seconds)),
        ("seed", str(facts.seed)),
        ("modality", evidence.modality),
    ]
