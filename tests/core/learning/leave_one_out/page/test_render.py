"""The page of evidence: texts, curves in physical units, pictures, escaping, and how a browser shows it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tests.core.auditing.page.test_page import CHROMIUM, LONG, SIZES, looked_at
from tests.core.auditing.test_result import NASTY, parsed, text_of
from tests.core.evidence_cases import FACTS, JITTER, LEVEL, LOW_PASS, NEGATE, made, shown
from tests.core.policy_cases import Level

from augrad.learning.leave_one_out.evidence import CandidateRange, Shown
from augrad.learning.leave_one_out.page.curves import axis_of, curve_of, interval_of, trials_of
from augrad.learning.leave_one_out.page.examples import strip_of
from augrad.learning.leave_one_out.page.render import render_evidence
from augrad.report import panel_drawing
from augrad.report.scale import Scale


@pytest.fixture(scope="module")
def page() -> str:
    return render_evidence(made(shown=shown()))


class TestPage:
    def test_is_whole_and_self_contained(self, page: str) -> None:
        parsed(page)
        ids = re.findall(r' id="([^"]*)"', page)
        assert len(set(ids)) == len(ids)
        assert not re.search(r'(src|href)="(?!#)', page)

    def test_tells_findings_in_order(self, page: str) -> None:
        told = text_of(page)
        assert "1 of 4 transforms helps: case.level (level ±0.5 V, slope ±0.025)." in told
        assert "Of the others, 1 is harmless, 1 harms and 1 is undecided." in told
        assert re.findall(r"<h2>(case\.\w+)</h2>", page) == [
            "case.level",
            "case.negate",
            "case.low_pass",
            "case.jitter",
        ]
        assert "It lowers the error by 0.12, from 0.62 to 0.50. It is number 1 in the policy." in told
        assert "It raises the error by 0.25, from 0.50 to 0.75" in told
        assert "There are too few samples to tell; about 3200 samples would tell." in told
        assert "The error hardly changes: the targets do not depend on it, but it teaches nothing either." in told

    def test_tells_facts_warnings_and_policy(self, page: str) -> None:
        told = text_of(page)
        for fact in (
            "samples 200 (the loader has more)",
            "targets 10 classes",
            "features 64 per sample: inputs of 2 layers: 0, 2",
            "trunk as initialised",
            "copies 16 augmented copies of each sample",
            "took 2.5 s",
            "The features of 3 samples are constant.",
            "0 case.level, level 1.00 ±0.5 V",
        ):
            assert fact in told

    def test_nothing_helps(self) -> None:
        told = text_of(render_evidence(made(LOW_PASS, facts=replace(FACTS, complete=False))))
        assert "Nothing helps: case.low_pass harms." in told
        assert "Nothing helps, so the policy leaves samples as they are." in told
        assert "The search ended early, because max_seconds had passed." in told
        assert "search ended early" in told

    def test_what_lowers_the_error_may_be_too_little_for_the_policy(self) -> None:
        clear = replace(JITTER, difference=-0.05, error=0.45, more=None)
        told = text_of(render_evidence(made(clear)))
        assert (
            "Alone it lowers the error by 0.05, from 0.50 to 0.45, but it gains too little to join the policy." in told
        )
        assert "too few samples" not in told

    def test_what_harms_when_strong_may_be_harmless_when_weak(self) -> None:
        assert "it does not." not in text_of(render_evidence(made(LOW_PASS)))
        first, *others = LOW_PASS.trials
        told = text_of(render_evidence(made(replace(LOW_PASS, trials=(replace(first, difference=-0.02), *others)))))
        assert "the targets depend on something that it changes. Within 3020 to 4000 Hz it does not." in told

    def test_escapes_names(self) -> None:
        nasty = replace(
            LEVEL, transform=NASTY, ranges=(CandidateRange(NASTY, -1.0, 1.0, "$V$"), CandidateRange("b", 0.0, 1.0, ""))
        )
        evidence = made(nasty, modality=NASTY, facts=replace(FACTS, targets=NASTY, warnings=(NASTY,)))
        page = render_evidence(evidence)
        assert "<script" not in page
        assert page.count("&lt;script&gt;") > 5
        parsed(page)


class TestCurve:
    def test_axis_shows_the_far_ends(self) -> None:
        strengths = (0.25, 0.5, 1.0)
        axis = axis_of(LEVEL, strengths)
        assert axis.label == "level (V), slope"
        assert axis.ticks[0] == (0.0, "0\n0")
        assert axis.ticks[-1] == (1.0, "±2\n±0.1")
        assert axis_of(LOW_PASS, strengths) == Scale(
            ((0.0, "4000"), (0.25, "3020"), (0.5, "2050"), (1.0, "100")), "cutoff (Hz)", 1.0
        )
        assert axis_of(JITTER, strengths).ticks[-1] == (1.0, "1")

    @pytest.mark.parametrize(
        "ranges",
        [
            (replace(LOW_PASS.ranges[0], identity=None),),
            (CandidateRange("std[a]", 0.0, 0.5, ""), CandidateRange("std[b]", 0.0, 0.6, "")),
            tuple(CandidateRange(name, 0.0, 0.5, "") for name in "abc"),
        ],
        ids=["identity unknown", "entries differ", "three parameters"],
    )
    def test_axis_of_shares_otherwise(self, ranges: tuple[CandidateRange, ...]) -> None:
        axis = axis_of(replace(LOW_PASS, ranges=ranges), (0.5, 1.0))
        assert axis.label == "share of the declared range"
        assert [label.replace("\N{NO-BREAK SPACE}", " ") for _, label in axis.ticks] == ["0 %", "50 %", "100 %"]

    def test_trials_rise_and_leave_out_no_change(self) -> None:
        found = LEVEL.trials
        mixed = (replace(found[0], magnitude=0.0), *found[::-1])
        assert trials_of(replace(LEVEL, trials=mixed)) == found
        (only,) = trials_of(NEGATE)
        assert (only.magnitude, only.difference) == (1.0, NEGATE.difference)

    def test_interval_is_two_standard_errors(self) -> None:
        assert interval_of(LEVEL).low == pytest.approx(-0.15)
        assert interval_of(LEVEL).high == pytest.approx(-0.1)

    def test_labels_of_small_differences_are_not_cut(self, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn: list[Any] = []
        monkeypatch.setattr(panel_drawing, "page_svg", lambda figure, _: drawn.append(figure) or Markup())
        small = [replace(each, difference=-0.0077, standard_error=0.0003) for each in LEVEL.trials]
        curve_of(replace(LEVEL, trials=tuple(small)), "small differences")
        FigureCanvasAgg(drawn[0]).draw()
        labels = drawn[0].axes[0].get_yticklabels()
        assert max(len(label.get_text()) for label in labels) >= len("-0.0075")
        assert min(label.get_window_extent().x0 for label in labels) >= 0

    def test_marks_the_chosen_strength(self, page: str) -> None:
        parts = page.split('<section class="transform" id="c')
        assert [">chosen</text>" in part for part in parts[1:]] == [True, False, False, False]
        assert "without it</text>" in parts[2]


class TestPictures:
    def test_helping_at_the_chosen_strength_and_harming_at_the_largest(self) -> None:
        strips = {each.transform: strip_of(each, shown(), each.transform) for each in (LEVEL, LOW_PASS, NEGATE)}
        told = {name: (strip.title, strip.where) for name, strip in strips.items() if strip is not None}
        assert told == {
            "case.level": ("Samples at the chosen strength", "level ±0.5 V, slope ±0.025"),
            "case.low_pass": ("Samples at the largest strength that was tried", "100 to 4000 Hz"),
            "case.negate": ("Samples before and after", "applied"),
        }

    def test_draws_each_sample_before_and_after_at_the_end_of_the_range(self, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn: list[tuple[Any, Any]] = []
        original = Level.draw.__func__

        def draw(cls: Any, axes: Any, sample: Any, **options: Any) -> None:
            drawn.append((sample, options["original"]))
            original(cls, axes, sample, **options)

        monkeypatch.setattr(Level, "draw", classmethod(draw))
        state, kept = torch.get_rng_state(), shown()
        first = strip_of(LEVEL, kept, "a")
        assert strip_of(LEVEL, kept, "a") == first
        assert torch.equal(torch.get_rng_state(), state)
        assert first is not None
        assert len(first.pictures) == 2
        for (before, _), (after, clean) in zip(drawn[0:4:2], drawn[1:4:2], strict=True):
            assert torch.equal(before, clean)
            torch.testing.assert_close((after - clean)[0, 0].abs(), torch.tensor(0.5))

    def test_absent_without_samples(self, page: str) -> None:
        assert page.count('<ul class="pairs">') == 3  # case.jitter is not among the shown transforms
        assert '<ul class="pairs">' not in render_evidence(made(LEVEL))

    def test_left_out_if_a_sample_cannot_be_drawn(self) -> None:
        assert strip_of(LEVEL, Shown(torch.zeros(1, 8, 2, 2, 2), {"case.level": Level()}), "a") is None
        assert strip_of(LEVEL, Shown(torch.zeros(0, 8), {"case.level": Level()}), "a") is None


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: looked for chromium, chromium-browser, google-chrome")
@pytest.mark.parametrize(
    ("size", "scheme", "name"),
    [("desktop", "light", ""), ("tablet", "light", ""), ("desktop", "dark", LONG), ("small", "dark", LONG)],
)
def test_fits_and_can_be_read(tmp_path: Path, size: str, scheme: str, name: str) -> None:
    candidates = [replace(each, transform=each.transform + name) for each in (LEVEL, LOW_PASS, JITTER, NEGATE)]
    page = render_evidence(made(*candidates, shown=shown()))
    found = looked_at(page, tmp_path, size, scheme)
    assert found["dark"] == (scheme == "dark")
    assert found["whole"] <= found["width"] == SIZES[size][0]
    assert {name: found[name] for name in ("scrolls", "out", "cramped", "faint")} == {
        "scrolls": [],
        "out": [],
        "cramped": [],
        "faint": [],
    }
