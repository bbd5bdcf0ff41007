"""Tests of the pages of audits: whole, self-contained, escaped, and right in what they say; see test_audit_page.py."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tests.core.audit_task import (
    STRENGTHS,
    Blind,
    Lift,
    Negate,
    Sharp,
    Turn,
    data,
    made_audit,
    made_pipeline_audit,
    renamed,
)
from tests.core.demo.page.test_page import Tags
from torch import Tensor

from augrad import Transform, audit
from augrad.auditing import AuditReport, Estimate, Measurement
from augrad.auditing.measurements import MEASURES, Version
from augrad.auditing.page.examples import artist, strip_of, telling
from augrad.auditing.page.measures import MEASURE_WORDS
from augrad.auditing.page.questions import panels_of
from augrad.auditing.page.render import MOST_COLUMNS, render_audit, render_comparison
from augrad.auditing.page.scale import alike, scale_of
from augrad.auditing.page.words import MARKS, comparison_summary, has_model, short_warnings, summary, where
from augrad.auditing.probing import Reach
from augrad.auditing.verdicts import KINDS, TITLES
from augrad.report.panel_drawing import MOST_LINEAR, drawn
from augrad.report.panels import BLUE, LOWEST, Curve, Look, Panel, Plot, page_svg, plain
from augrad.report.scale import Scale
from augrad.report.style import styled
from augrad.report.words import number, policy_rows, sentence, share

NASTY = "<script>alert('$x$ & \"y\"')</script>"


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return made_audit(layers=["layer"])


@pytest.fixture(scope="module")
def sharp() -> AuditReport:
    return made_audit(Sharp)


@pytest.fixture(scope="module")
def unlabelled() -> AuditReport:
    return made_audit(loader=[x for x, _ in data()])


@pytest.fixture(scope="module")
def pipeline() -> AuditReport:
    return made_pipeline_audit()


@pytest.fixture(scope="module")
def page(report: AuditReport) -> str:
    return render_audit(report)


@pytest.fixture(scope="module")
def comparison(report: AuditReport, sharp: AuditReport) -> str:
    return render_comparison(report.compare(sharp))


class AuditTags(Tags):
    VOID = (*Tags.VOID, "wbr")


def parsed(page: str) -> AuditTags:
    tags = AuditTags()
    tags.feed(page)
    assert tags.open == []
    return tags


def alone(report: AuditReport, transform: str = "audit_page.lift") -> AuditReport:
    """The audit of one transform: a page that is made in less time."""
    return replace(report, verdicts=(report.verdict(transform),), measurements=report.of(transform))


def text_of(page: str) -> str:
    """What a reader sees of a page, without pictures."""
    body = re.sub(r"<svg.*?</svg>|<style.*?</style>", "", page[page.index("<body") :], flags=re.DOTALL)
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body.replace("<wbr>", "").replace("\N{NO-BREAK SPACE}", " ")))
    return re.sub(r" (?=[.,;:)])", "", told)


def measured(strength: float, *reaches: Reach, **measures: Any) -> Measurement:
    some = Estimate(0.5, 0.4, 0.6)
    given = {"displacement": some, "distance_ratio": some, "off_manifold": some, "detectable": some, **measures}
    return Measurement("any.thing", strength, reaches, **given)


class TestPage:
    def test_is_well_formed(self, page: str, report: AuditReport) -> None:
        tags = parsed(page).seen
        assert tags[0][0] == "html"
        pictures = [attrs for tag, attrs in tags if tag == "svg" and attrs.get("role") == "img"]
        assert len(pictures) == 3 * 4 + 2 * (1 + len(STRENGTHS)) + 2
        assert len({attrs["aria-label"] for attrs in pictures}) == len(pictures)

    def test_needs_nothing_beside_it(self, page: str, comparison: str) -> None:
        for each in (page, comparison):
            assert not re.search(r'(?:src|href)="(?!#|data:)', each)
            assert not re.search(r"url\((?!#)", each)
            for word in ("@import", "<script", "<link", "<iframe", "@font-face"):
                assert word not in each
            assert set(re.findall(r"https?://[^\"' <]*", each)) <= {
                "http://www.w3.org/2000/svg",
                "http://www.w3.org/1999/xlink",
            }

    def test_ids_are_unique_and_lead_somewhere(self, page: str, comparison: str) -> None:
        for each in (page, comparison):
            ids = [attrs["id"] for _, attrs in parsed(each).seen if "id" in attrs]
            assert len(ids) == len(set(ids))
            assert set(re.findall(r'href="#([^"]*)"', each)) | set(re.findall(r"url\(#([^)]*)\)", each)) <= set(ids)

    def test_headings_do_not_skip_a_level(self, page: str, comparison: str) -> None:
        for each in (page, comparison):
            levels = [int(tag[1]) for tag, _ in parsed(each).seen if re.fullmatch(r"h\d", tag)]
            assert levels[0] == 1
            assert levels.count(1) == 1
            assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_begins_with_the_answer(self, page: str, report: AuditReport) -> None:
        first = page[: page.index("<section")]
        assert [tag for tag, _ in parsed(page).seen if tag in ("h1", "table", "section")][:3] == [
            "h1",
            "table",
            "section",
        ]
        told = text_of(first + "</main></body></html>")
        assert "1 of 3 transforms is ignored although it changes labels; 1 is worth augmenting with; 1 is as it" in told
        names = re.findall(r"audit_page\.\w+", told)
        assert (
            names
            == [verdict.transform for verdict in report.verdicts]
            == [f"audit_page.{n}" for n in ("turn", "lift", "negate")]
        )
        assert "! over-invariant ignored, although labels change" in told
        assert "+ worth augmenting" in told
        assert "level ±4 V" in told

    def test_tells_what_it_was_made_with(self, page: str, report: AuditReport) -> None:
        told = text_of(page)
        assert "samples 160" in told
        assert report.facts.data[:12] in told
        assert report.facts.data not in told
        assert "reference for the labels 5 nearest neighbours, right for 100 % (98 to 100)" in told
        assert "epsilon 10 % of labels" in told
        assert "seed 0" in told
        assert "torch " in told

    def test_each_transform_has_its_evidence(self, page: str, report: AuditReport) -> None:
        told = text_of(page)
        for verdict in report.verdicts:
            assert sentence(verdict.because) in told
            assert verdict.assumes in told
            for warning in verdict.warnings:
                assert sentence(warning) in told

    def test_numbers_are_there_with_their_intervals(self, page: str, report: AuditReport) -> None:
        found = report.of("audit_page.lift")[-1].flip_rate
        assert found is not None
        assert f"{share(found.value)} <small>{100 * found.low:.0f} to {100 * found.high:.0f}</small>" in page
        assert page.count("<details><summary>All numbers") == 3
        for measure in MEASURES:
            named = MEASURE_WORDS[measure].title
            assert (f"<td>{named}</td>" in page or f'<span class="whole">{named}</span>' in page) == (
                measure != "equivariance_error"
            )

    def test_long_scales_have_several_tables(self) -> None:
        steps = tuple(0.1 * step for step in range(1, 9))
        assert len(steps) > MOST_COLUMNS
        found = render_audit(made_audit(transforms=[Lift], strengths=steps))
        assert found.count('class="table numbers') == 2

    def test_same_report_same_page(self, page: str, report: AuditReport) -> None:
        assert render_audit(report) == page

    def test_matplotlib_is_left_as_it_was(self, report: AuditReport) -> None:
        before = dict(mpl.rcParams)
        render_audit(alone(report))
        assert dict(mpl.rcParams) == before

    def test_can_be_saved(
        self, report: AuditReport, sharp: AuditReport, page: str, comparison: str, tmp_path: Path
    ) -> None:
        assert report.save(tmp_path / "audit.html").read_text(encoding="utf-8") == page
        assert report.compare(sharp).save(tmp_path / "both.html").read_text(encoding="utf-8") == comparison


class TestText:
    """What users name is text, whatever they name it."""

    def test_names_of_transforms(self, report: AuditReport) -> None:
        parts = renamed(alone(report), "audit_page.lift", NASTY)
        for found in (render_audit(parts), render_comparison(parts.compare(parts))):
            assert "<script" not in found
            assert "&lt;script&gt;" in found
            parsed(found)

    def test_everything_else(self, report: AuditReport) -> None:
        facts = replace(
            report.facts,
            subject=NASTY,
            reference=NASTY,
            layers=(NASTY,),
            skipped={NASTY: NASTY},
            versions={NASTY: NASTY},
        )
        verdicts = tuple(
            replace(each, because=NASTY, warnings=(NASTY,), assumes=NASTY, safe=NASTY, title=NASTY)
            for each in report.verdicts
        )
        rows = tuple(
            replace(
                each,
                layers={NASTY: Estimate(0.5, 0.4, 0.6)},
                reaches=tuple(replace(reach, parameter=NASTY, unit=NASTY) for reach in each.reaches),
            )
            for each in report.measurements
        )
        policy = (
            {
                "layer": 0,
                "transform": NASTY,
                "parameter": NASTY,
                "weight": 0.5,
                "magnitude": 0.5,
                "low": 0.0,
                "high": 1.0,
                "unit": NASTY,
            },
        )
        with_all = replace(report, facts=facts, verdicts=verdicts, measurements=rows, policy=policy)
        found = render_audit(alone(with_all, report.verdicts[0].transform))
        assert "<script" not in found
        parsed(found)

    def test_names_of_pipelines(self) -> None:
        found = renamed(made_pipeline_audit(), "twist", NASTY)
        assert "<script" not in render_audit(replace(found, facts=replace(found.facts, subject=NASTY)))

    def test_letters_that_matplotlib_lacks(self, report: AuditReport) -> None:
        rows = tuple(
            replace(each, reaches=tuple(replace(reach, unit="\u4e2d\u6587") for reach in each.reaches))
            for each in report.measurements
        )
        assert "\u4e2d\u6587" in render_audit(alone(replace(report, measurements=rows)))

    def test_dollars_are_no_formula(self) -> None:
        with styled():
            figure = Figure(figsize=(2, 2))
            figure.text(0.5, 0.5, plain("$a$ and $b"))
            assert "$a$ and $b" in page_svg(figure, "dollars")


class TestWhatIsMissing:
    def test_without_labels(self, unlabelled: AuditReport) -> None:
        found = render_audit(unlabelled)
        told = text_of(found)
        assert "There are no labels, so it is unknown which of these 3 transforms the model should ignore." in told
        assert "Do labels survive?" not in told
        assert "Does the model ignore it?" in told
        assert "predictions that change" in text_of(found[: found.index("<section")] + "</main></body></html>")
        assert "Left out" in told
        assert "the loader has no labels" in told
        assert "another label near" not in told

    def test_a_reference_that_knows_nothing(self) -> None:
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(80, 8, generator=generator)
        found = made_audit(loader=[(x, torch.randint(2, (80,), generator=generator))])
        told = text_of(render_audit(found))
        assert "The reference is no better than chance, so it is unknown" in told
        assert "so this panel says little" in told
        assert "which is no better than chance" in told

    def test_of_a_pipeline(self, pipeline: AuditReport) -> None:
        assert not has_model(pipeline)
        found = render_audit(pipeline)
        parsed(found)
        told = text_of(found)
        assert "the effects of the pipeline on the data" in told
        assert "The pipeline changes labels" in told
        assert "model" not in told.replace("the model ignores", "")
        assert "Does the model ignore it?" not in told
        assert "Sensitivity" not in told
        assert "labels that survive" in told
        assert "One sample, before and after" in told
        assert "the order carries no information about the target" in told

    def test_of_a_pipeline_without_labels(self) -> None:
        found = render_audit(made_pipeline_audit([x for x, _ in data()]))
        assert "Whether labels survive the pipeline is undecided" in text_of(found)
        assert "Do labels survive?" not in found

    def test_read_from_json(self, report: AuditReport, tmp_path: Path) -> None:
        report.to_json(tmp_path / "audit.json")
        found = render_audit(AuditReport.from_json(tmp_path / "audit.json"))
        assert "One sample at each strength" not in found
        pictures = [attrs for tag, attrs in parsed(found).seen if tag == "svg" and attrs.get("role") == "img"]
        assert len(pictures) == 3 * 4

    def test_nothing_to_gain(self, report: AuditReport) -> None:
        found = text_of(render_audit(report))
        assert "expected gain" in found[: found.index("samples:")]
        settled = tuple(replace(verdict, expected_gain=None) for verdict in report.verdicts)
        found = text_of(render_audit(replace(report, verdicts=settled)))
        assert "safe up to" in found[: found.index("samples:")]
        assert "expected gain" not in found[: found.index("samples:")]

    def test_single_measures(self, report: AuditReport) -> None:
        rows = tuple(
            replace(each, invariance=None, shortcut=None, agreement=None, loss_change=None)
            for each in report.measurements
        )
        told = text_of(render_audit(alone(replace(report, measurements=rows, sensitivities={}))))
        assert "predictions that change" in told
        assert "change of the loss" not in told
        assert "Sensitivity" not in told

    def test_one_strength_missing(self, report: AuditReport) -> None:
        first, *rest = report.measurements
        holes = replace(report, measurements=(replace(first, preservation=None, layers={}), *rest))
        parsed(render_audit(alone(holes, "audit_page.turn")))

    def test_no_learned_policy(self, page: str) -> None:
        assert "Learned augmentation" not in page

    def test_a_learned_policy(self, report: AuditReport) -> None:
        rows = (
            {
                "layer": 0,
                "transform": "audit_page.lift",
                "parameter": "level",
                "weight": 0.25,
                "magnitude": 0.5,
                "low": -2.0,
                "high": 2.0,
                "unit": "V",
            },
        )
        told = text_of(render_audit(alone(replace(report, policy=rows))))
        assert "Learned augmentation" in told
        assert "0 audit_page.lift, level 0.25 ±2 V" in told


class TestComparison:
    def test_is_well_formed(self, comparison: str) -> None:
        tags = parsed(comparison).seen
        assert len([tag for tag, attrs in tags if tag == "svg" and attrs.get("role") == "img"]) == 3

    def test_tells_both(self, comparison: str) -> None:
        told = text_of(comparison)
        assert "1: Blind and 2: Sharp" in told
        assert "The verdicts differ on 2 of 3 transforms: audit_page.turn, audit_page.lift." in told
        assert "predictions that change, 1" in told
        assert re.search(
            r"audit_page\.negate ≠ sensitive, rightly so ≠ sensitive, rightly so 100 % \(\d+ to 100\) 100 %", told
        )

    def test_same_verdicts(self, report: AuditReport) -> None:
        assert comparison_summary(report.compare(report)) == "Both get the same verdict on all 3 transforms."

    def test_of_pipelines(self, pipeline: AuditReport) -> None:
        told = text_of(render_comparison(pipeline.compare(pipeline)))
        assert "labels that survive, 1" in told
        assert "Both get the same verdict on 1 transform." in told

    def test_of_other_ranges(self, report: AuditReport) -> None:
        narrow = made_audit(transforms=[Lift(level=1.0)])
        assert not alike(report.of("audit_page.lift"), narrow.of("audit_page.lift"))
        found = render_comparison(report.compare(narrow))
        assert "share of each audit&#39;s own ranges" in found or "share of each audit's own ranges" in found

    def test_of_other_strengths(self, report: AuditReport) -> None:
        other = made_audit(strengths=(0.5, 1.0))
        assert alike(report.of("audit_page.turn"), other.of("audit_page.turn"))
        assert "own ranges" not in render_comparison(report.compare(other))


class TestPanels:
    def test_four_questions(self, report: AuditReport) -> None:
        name = "audit_page.turn"
        panels = panels_of(report.of(name), report.verdict(name), 0.1)
        assert [panel.title[-14:] for panel in panels] == [
            "del ignore it?",
            "abels survive?",
            "mong the data?",
            " leave traces?",
        ]
        ignored, survives, among, traces = panels
        assert [label for _, label in ignored.key] == [
            "invariance",
            "invariance of layer",
            "predictions that change",
            "change of the loss, below",
        ]
        assert [label for _, label in survives.key][-1] == "90\N{NO-BREAK SPACE}%"
        assert survives.safe == report.verdict(name).safe_strength == 0.25
        assert "share 0.5, gain 1.5 dB" in survives.note
        knee = report.verdict(name).knee
        assert among.mark == (None if knee is None else (knee, "knee"))
        assert [value for plot in traces.plots for value, _ in plot.marks] == [0.5]

    def test_ignored_samples_are_shown_where_the_verdict_rests_on_them(self, report: AuditReport) -> None:
        for name, expected in (("audit_page.turn", True), ("audit_page.lift", False)):
            survives = panels_of(report.of(name), report.verdict(name), 0.1)[1]
            assert ("among another label, ignored" in [label for _, label in survives.key]) == expected

    def test_knee_is_told(self, report: AuditReport) -> None:
        verdict = replace(report.verdict("audit_page.lift"), knee=0.5)
        among = panels_of(report.of("audit_page.lift"), verdict, 0.1)[2]
        assert "at ±2 V" in among.note
        assert "knee" in drawn(among, scale_of(report.of("audit_page.lift")), "knee")

    def test_low_invariance_is_said_to_be_cut_off(self, report: AuditReport) -> None:
        rows = [replace(each, invariance=Estimate(-7.0, -8.0, -6.0)) for each in report.of("audit_page.lift")]
        panel = panels_of(rows, report.verdict("audit_page.lift"), 0.1)[0]
        assert f"Below {number(LOWEST)} it is cut off." in panel.note

    @pytest.mark.parametrize("n_strengths", [1, 3])
    def test_large_numbers_have_room(self, n_strengths: int) -> None:
        strengths = (0.2, 0.6, 1.0)[:n_strengths]
        estimates = tuple(Estimate(MOST_LINEAR * 10**power, 1.0, 1e6) for power in range(n_strengths))
        panel = Panel("", "", (Plot((Curve("far", strengths, estimates, Look(BLUE), 1.0),), "free"),))
        assert "<svg" in drawn(panel, Scale(((0.0, "0"), (1.0, "1")), "", 1.0), f"large {n_strengths}")

    def test_points_tell_their_numbers(self, report: AuditReport) -> None:
        rows = report.of("audit_page.negate")
        panel = panels_of(rows, report.verdict("audit_page.negate"), 0.1)[0]
        found = drawn(panel, scale_of(rows), "points")
        assert ">predictions that change<" in found
        assert f">{number(1.0)}<" in found or ">1.00<" in found

    def test_a_measure_missing_at_the_only_strength(self) -> None:
        curves = tuple(
            Curve(name, (1.0,), (each,), Look(BLUE)) for name, each in (("a", None), ("b", Estimate(0.5, 0.4, 0.6)))
        )
        found = drawn(Panel("", "", (Plot(curves),)), Scale(((1.0, "1"),), "", 1.0), "one of two")
        assert ">b<" in found
        assert ">a<" not in found


class TestScale:
    def test_physical_values(self) -> None:
        rows = [measured(step, Reach("angle_deg", 180 * step, True, "deg")) for step in (0.5, 1.0)]
        assert scale_of(rows) == Scale(((0.0, "0"), (0.5, "±90"), (1.0, "±180")), "angle (deg)", 1.0)

    def test_of_a_parameter_that_begins_elsewhere(self) -> None:
        rows = [measured(step, Reach("snr_db", 30 - 30 * step, False, "dB")) for step in (0.5, 1.0)]
        assert [label for _, label in scale_of(rows).ticks] == ["30", "15", "0"]

    def test_thousands_without_exponent(self) -> None:
        rows = [measured(step, Reach("cutoff_hz", 20000 * step, False, "Hz")) for step in (0.1, 1.0)]
        assert [label for _, label in scale_of(rows).ticks][-1] == "20000"

    def test_two_parameters_below_each_other(self) -> None:
        rows = [measured(step, Reach("a", step, False, ""), Reach("b", 2 * step, True, "V")) for step in (0.5, 1.0)]
        found = scale_of(rows)
        assert found.ticks[-1] == (1.0, "1\n±2")
        assert found.label == "a, b (V)"
        assert found.n_lines == 2

    def test_many_parameters_are_told_as_strength(self) -> None:
        rows = [measured(step, *(Reach(name, step, False, "") for name in "abc")) for step in (0.5, 1.0)]
        assert scale_of(rows).label == "share of the declared ranges"

    def test_labels_keep_their_distance(self) -> None:
        rows = [measured(step / 50, Reach("a", float(step), False, "")) for step in range(1, 51)]
        places = [place for place, _ in scale_of(rows).ticks]
        assert places[0] == 0.0
        assert places[-1] == 1.0
        assert min(np.diff(places)) > 0.17

    def test_one_strength(self) -> None:
        assert scale_of([measured(1.0, Reach("a", 1.0, False, "V"))]).ticks[0] == (0.0, "")
        assert scale_of([measured(1.0)]).label == "share of the declared ranges"


class TestExamples:
    def test_shows_what_goes_wrong(self, report: AuditReport) -> None:
        name = "audit_page.turn"
        shown, rows = report.shown[name], report.of(name)
        index, reason = telling(shown, rows)
        changed, flipped = shown.versions[-1].changed, shown.versions[-1].flipped
        assert changed is not None
        assert flipped is not None
        assert changed[index]
        assert not flipped[index]
        assert reason.startswith("at share 2, gain 3 dB it lies among samples of another label, but the model")

    def test_then_what_changes_the_answer(self, report: AuditReport) -> None:
        whole = report.shown["audit_page.lift"]
        shown = replace(whole, versions=tuple(replace(version, changed=None) for version in whole.versions))
        index, reason = telling(shown, report.of("audit_page.lift"))
        flipped = shown.versions[-1].flipped
        assert flipped is not None
        assert flipped[index]
        assert reason == "at ±4 V the model's prediction for it changes"

    def test_else_the_first(self, report: AuditReport) -> None:
        whole = report.shown["audit_page.lift"]
        blank = tuple(replace(version, changed=None, flipped=None) for version in whole.versions)
        shown = replace(whole, versions=blank)
        assert telling(shown, report.of("audit_page.lift")) == (0, "")

    def test_captions(self, report: AuditReport) -> None:
        name = "audit_page.turn"
        strip = strip_of(report.shown[name], report.of(name), "audit_page", "some label")
        assert strip is not None
        assert [picture.where for picture in strip.pictures][::4] == ["as it is", "share 2, gain 3 dB"]
        assert strip.pictures[0].told == ()
        assert strip.pictures[-1].told == (("=", "same answer"), ("!", "another label near"))

    def test_what_cannot_be_drawn_is_left_out(self, report: AuditReport) -> None:
        name = "audit_page.lift"
        odd = torch.zeros(3, 2, 2, 2, 2)
        shown = replace(report.shown[name], clean=odd, versions=(Version(1.0, odd, None, None),))
        assert strip_of(shown, report.of(name), "audit_page", "odd") is None
        assert strip_of(None, report.of(name), "audit_page", "none") is None
        without = replace(report, shown={name: shown})
        assert "One sample at each strength" not in render_audit(alone(without))

    def test_drawn_by_the_modality(self, monkeypatch: pytest.MonkeyPatch, report: AuditReport) -> None:
        class Own(Transform):
            modality = "audit_page"

            def forward(self, x: Tensor) -> Tensor:
                return x

            @classmethod
            def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = "") -> None:
                axes.text(0.5, 0.5, "drawn by its own")

        assert artist("audit_page.lift", "audit_page") is Transform
        monkeypatch.setattr("augrad.auditing.page.examples.transforms", lambda modality: {"audit_page.own": Own})
        assert artist("audit_page.lift", "audit_page") is Own
        monkeypatch.setattr("augrad.auditing.page.examples.get_transform", lambda name: Lift)
        assert artist("audit_page.lift", "audit_page") is Lift
        monkeypatch.setattr("augrad.auditing.page.examples.get_transform", lambda name: Own)
        assert "drawn by its own" in render_audit(alone(report))


class TestWords:
    def test_every_measure_and_verdict_has_words(self) -> None:
        assert tuple(MEASURE_WORDS) == MEASURES
        assert set(MARKS) == set(KINDS)

    @pytest.mark.parametrize("kind", ["invariant", "undecided"])
    def test_all_alike(self, report: AuditReport, kind: Any) -> None:
        verdicts = tuple(replace(each, kind=kind, title=TITLES[kind]) for each in report.verdicts)
        told = {"invariant": "All 3 transforms are as they should be.", "undecided": "All 3 transforms are undecided."}
        assert summary(replace(report, verdicts=verdicts)) == told[kind]

    def test_of_a_single_transform(self, report: AuditReport) -> None:
        assert summary(replace(report, verdicts=report.verdicts[:1])) == f"audit_page.turn: {TITLES['over-invariant']}."

    def test_of_several_pipelines(self, pipeline: AuditReport) -> None:
        (verdict,) = pipeline.verdicts
        both = (verdict, replace(verdict, kind="allowed"))
        assert summary(replace(pipeline, verdicts=both)) == "Changes labels: 1; labels survive: 1."

    def test_warnings_are_short(self, report: AuditReport) -> None:
        rows, verdict = report.of("audit_page.lift"), report.verdict("audit_page.lift")
        given = replace(verdict, off_manifold_from=0.5, shortcut_from=1.0, warnings=("a", "b", "c"))
        assert short_warnings(given, rows) == ["off the data from ±2 V", "a shortcut from ±4 V", "1 more below"]
        applied = report.of("audit_page.negate")
        assert short_warnings(replace(given, off_manifold_from=1.0, shortcut_from=None, warnings=("a",)), applied) == [
            "off the data"
        ]

    def test_where(self) -> None:
        assert where(measured(1.0, Reach("angle", 30.0, True, "deg"))) == "±30 deg"
        assert where(measured(1.0, Reach("keep_share", 0.5, False, ""))) == "keep share 0.5"
        assert where(measured(1.0)) == "applied"

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.0, "0"),
            (-0.00001, "0"),
            (0.0042, "0.0042"),
            (-1.0, "\N{MINUS SIGN}1"),
            (0.5, "0.50"),
            (15.25, "15.2"),
            (1234.5, "1234"),
            (2.5e7 + 0.5, "2.50e+07"),
        ],
    )
    def test_numbers(self, value: float, text: str) -> None:
        assert number(value) == text

    def test_policies_per_entry_have_one_row(self) -> None:
        row = {"layer": 1, "transform": "any.noise", "weight": 0.5, "magnitude": 0.5, "unit": "sd", "low": 0.0}
        rows = [{**row, "parameter": f"std[{name}]", "high": high} for name, high in (("a", 0.25), ("b", 0.75))]
        flip = {**row, "transform": "any.flip", "parameter": None, "magnitude": None, "low": None, "high": None}
        assert policy_rows([*rows, flip]) == [
            ["1", "any.noise, std (2 entries)", "0.50", "0 to 0.75 sd"],
            ["1", "any.flip", "0.50", ""],
        ]


def test_a_model_trained_by_augrad_tells_its_policy() -> None:
    import augrad

    torch.manual_seed(0)
    layer = augrad.AugmentationLayer([Lift(), Turn(), Negate()], magnitude=0.5)
    model = augrad.InvariantModel(Blind(), augrad.AugmentationModule([layer]), copies=2, train_copies=1)
    found = audit(model, data(80), [Lift], strengths=(1.0,))
    assert "Learned augmentation" in render_audit(found)
