"""Tests of augrad.report: the page is whole and self-contained, the pictures show what they should."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tests.core.demo_task import LENGTH, SHORT, Offset, tiny_demo

from augrad import AugmentationLayer, Policy
from augrad.demo import Demo, DemoResult, Findings, Orbit, Run
from augrad.demo.page.document import render
from augrad.demo.page.evidence import draw_evidence, has_evidence
from augrad.demo.page.orbits import copies_of, draw_copies, draw_original, drawable
from augrad.demo.page.overview import overview_png
from augrad.demo.page.panels import draw_curves, draw_magnitudes, draw_scores, draw_shares, spread_labels
from augrad.demo.page.ranges import draw_distribution, draw_entries, draw_range, entries_height
from augrad.demo.page.traces import traces, training_curve, validation_curve
from augrad.demo.rules import RULES, build_model, build_transforms
from augrad.demo.run import N_ORBIT_COPIES
from augrad.demo.words import EVIDENCE
from augrad.learning.leave_one_out.evidence import Candidate, CandidateRange, Evidence, Facts, Trial
from augrad.report.style import INK, OTHERS, RULE_COLOURS, styled, to_svg, transform_colours
from augrad.training.result import learned
from augrad.transform.drawing import is_image

N_EPOCHS = 3


def made_run(demo: Demo, rule: str, seed: int, score: float) -> Run:
    """A run as it would be had training changed nothing."""
    model = build_model(rule, demo, build_transforms(demo, SHORT), seed)
    history = tuple(
        {"epoch": epoch, "train_accuracy": 0.5 + 0.1 * epoch, "layers": learned(model)}
        for epoch in range(1, N_EPOCHS + 1)
    )
    curve = tuple((epoch, score - 0.1 / epoch) for epoch in range(1, N_EPOCHS + 1))
    return Run(rule, seed, score, 2.0, 0.5, 0.75, curve, history, tuple(model.policy))


def made_result(**changed: object) -> DemoResult:
    demo = tiny_demo(**changed)
    scores = {"none": 0.8, "oracle": 0.9, "augrad": 0.89}
    runs = tuple(made_run(demo, rule, seed, scores[rule] + 0.01 * seed) for seed in (0, 1) for rule in RULES)
    copies = torch.rand(N_ORBIT_COPIES, LENGTH)
    orbit = Orbit(torch.rand(1, LENGTH), (("before training", copies), ("learned", copies), ("oracle", copies)))
    environment = {
        "command": "augrad demo tiny",
        "quick": False,
        "seconds": 12.0,
        "n_threads": 2,
        "platform": "Linux",
        "versions": {"torch": "2.0"},
    }
    return DemoResult(demo, runs, "accuracy", build_transforms(demo, SHORT), orbit, SHORT, environment)


def made_evidence() -> Evidence:
    """Evidence on the candidates of the tiny demo: the offset helps, damping harms, reversing was not measured."""
    trials = tuple(Trial(share, 0.62 + step, step, 0.02) for share, step in ((0.1, -0.1), (0.25, -0.21), (1.0, 0.1)))
    level, damp = CandidateRange("level", -0.5, 0.5, "V", 0.0), CandidateRange("loss", 0.0, 0.5, "", 0.0)
    offset = Candidate("demo_test.offset", "helps", 0.25, (level,), 0.41, 0.62, -0.21, 0.02, step=1, trials=trials)
    damped = Candidate("demo_test.damp", "harms", 1.0, (damp,), 0.82, 0.62, 0.2, 0.03)
    unknown = Candidate("demo_test.reverse", "undecided", 0.0, (), *4 * (float("nan"),))
    facts = Facts(400, False, "2 classes", "inputs of 1 layer", "as initialised", 6, 16, 2.5, complete=False)
    policy = Policy.from_module(AugmentationLayer([Offset], magnitude=0.25))
    return Evidence(policy, (damped, offset, unknown), facts, "demo_test")


@pytest.fixture(scope="module")
def result() -> DemoResult:
    return made_result()


@pytest.fixture(scope="module")
def page(result: DemoResult) -> str:
    return render(Findings((result,)))


@pytest.fixture(scope="module")
def long_page(result: DemoResult) -> str:
    """Of two demos that ran, one that was skipped and one that failed."""
    other = made_result(
        name="other", title="Reversed", oracle={"demo_test.reverse": {}, "demo_test.damp": {"each": 0.2}}
    )
    findings = Findings((result, other), {"lost": "pip install <it>"}, {"broken": "RuntimeError: gone"})
    return render(findings)


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


class Tags(HTMLParser):
    """Collects tags and checks that they are closed in order."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "dd", "dt"):
            while self.open[-1] != tag:
                self.open.pop()
        assert self.open.pop() == tag


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


class TestPage:
    def test_is_well_formed(self, page: str) -> None:
        tags = [tag for tag, _ in parsed(page).seen]
        assert tags[0] == "html"
        # The original and two strips for each policy; scores and distribution, bars by feature; ranges and three more.
        assert tags.count("svg") == (1 + 3 * 2) + (2 + 1) + (1 + 3)

    def test_says_what_was_confirmed(self, result: DemoResult, page: str) -> None:
        assert "mistakes on new samples" not in page
        rows = (
            {"transforms": ["demo_test.offset", "demo_test.damp"], "lost": 0.25, "seconds": 1.0, "kept": False},
            {"transforms": ["demo_test.offset"], "lost": 0.125, "seconds": 1.0, "kept": True},
            {"transforms": [], "lost": 0.5, "seconds": 1.0, "kept": False},
        )
        runs = tuple(
            replace(run, confirmation=rows if run.seed == 0 else ({**rows[1], "lost": None},))
            if run.rule == "augrad"
            else run
            for run in result.runs
        )
        found = re.sub(r"\s+", " ", render(Findings((replace(result, runs=runs),))))
        assert "<tr><td>offset, damp</td><td>0.250</td><td></td></tr>" in found
        assert '<tr class="main"><td>offset</td><td>0.125</td><td>kept</td></tr>' in found
        assert "<tr><td>nothing</td><td>0.500</td><td></td></tr>" in found
        assert '<tr class="main"><td>offset</td><td>-</td><td>kept</td></tr>' in found

    def test_needs_nothing_beside_it(self, page: str) -> None:
        assert not re.search(r'(?:src|href)="(?!#|data:)', page)
        assert "@import" not in page
        assert not re.search(r"url\((?!#)", page)
        assert "<script" not in page

    def test_ids_are_unique_and_lead_somewhere(self, page: str) -> None:
        ids = [attrs["id"] for _, attrs in parsed(page).seen if "id" in attrs]
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]*)"', page)) | set(re.findall(r"url\(#([^)]*)\)", page)) == set(ids)

    def test_text_is_escaped(self, page: str) -> None:
        assert "Learning &lt;that&gt; levels may shift" in page
        assert "<that>" not in page

    def test_says_what_came_out(self, page: str) -> None:
        assert "90 %" in page
        assert "0.895 ± 0.007" in page
        assert "±1 V" in page
        assert "augrad demo tiny" in page
        assert "the level of the signal carries no information about the target" in page

    def test_every_row_of_the_policies_is_there(self, page: str) -> None:
        assert page.count("<td>demo_test.damp</td><td>each[f]</td>") == 2 * 2

    def test_warns_of_a_quick_run(self, result: DemoResult, page: str) -> None:
        quick = dataclasses.replace(result, environment={**result.environment, "quick": True})
        assert "quick run" in render(Findings((quick,)))
        assert "quick run" not in page

    def test_same_result_same_page(self, result: DemoResult, page: str) -> None:
        assert render(Findings((result,))) == page

    def test_without_pictures_or_validation(self, result: DemoResult) -> None:
        runs = tuple(dataclasses.replace(run, curve=()) for run in result.runs)
        bare = dataclasses.replace(result, runs=runs, orbit=None)
        assert "augmented copies of a test sample" not in render(Findings((bare,)))
        assert overview_png(Findings((bare,))).startswith(b"\x89PNG")
        assert overview_png(Findings((bare, bare))).startswith(b"\x89PNG")

    def test_matplotlib_is_left_as_it_was(self, result: DemoResult) -> None:
        before = dict(mpl.rcParams)
        overview_png(Findings((result,)))
        assert dict(mpl.rcParams) == before


class TestLongPage:
    def test_is_well_formed_and_whole(self, long_page: str) -> None:
        assert parsed(long_page).seen[0][0] == "html"
        assert not re.search(r'(?:src|href)="(?!#|data:)', long_page)

    def test_has_a_table_of_contents(self, long_page: str) -> None:
        ids = [attrs["id"] for _, attrs in parsed(long_page).seen if "id" in attrs]
        assert len(ids) == len(set(ids))
        assert {"tiny", "other"} <= set(ids)
        assert set(re.findall(r'href="#([^"]*)"', long_page)) | set(re.findall(r"url\(#([^)]*)\)", long_page)) == set(
            ids
        )

    def test_begins_with_a_summary(self, long_page: str) -> None:
        summary = long_page[: long_page.index("<section")]
        assert summary.count("oracle (told)") == summary.count("no augmentation") == 2
        assert "reverse 50 % of samples\ndamp 0.2 (0.2 to 0.2)" in summary
        assert "augrad recovered 90 %" in summary
        assert "was skipped: pip install &lt;it&gt;" in summary
        assert "failed: RuntimeError: gone" in summary

    def test_headings_do_not_skip_a_level(self, long_page: str, page: str) -> None:
        for text in (long_page, page):
            levels = [int(tag[1]) for tag, _ in parsed(text).seen if re.fullmatch(r"h\d", tag)]
            assert levels[0] == 1
            assert levels.count(1) == 1
            assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_says_what_words_mean_once(self, long_page: str, page: str) -> None:
        assert long_page.count("<dt>gain recovery</dt>") == page.count("<dt>gain recovery</dt>") == 1


class TestStyle:
    def test_svg_takes_the_colours_of_the_page(self, axes: Axes) -> None:
        with styled():
            figure = Figure(figsize=(2, 2))
            figure.subplots().set_title("Title")
            svg = to_svg(figure, 'a "label"')
        root = ET.fromstring(svg)
        assert not {"width", "height"} & set(root.attrib)
        assert root.attrib["viewBox"]
        assert root.attrib["aria-label"] == 'a "label"'
        assert "var(--ink)" in svg
        assert INK not in svg

    def test_true_transforms_have_the_colour_of_what_is_learned(self) -> None:
        colours = transform_colours(["a", "b", "c"], ["b"])
        assert colours == {"a": OTHERS[0], "b": RULE_COLOURS["augrad"], "c": OTHERS[1]}


class TestTraces:
    def test_start_before_training(self, result: DemoResult) -> None:
        found = {trace.transform: trace for trace in traces(result)}
        offset = found["demo_test.offset"]
        assert offset.share.shape == offset.magnitudes["level"].shape == (2, N_EPOCHS + 1)
        assert offset.share == pytest.approx(np.full((2, N_EPOCHS + 1), 1 / 3))
        assert offset.magnitudes["level"] == pytest.approx(0.3)
        assert offset.met == pytest.approx(np.full((2, N_EPOCHS + 1), (1 - (2 / 3) ** 2) / 2))
        assert offset.reaches["level"] == pytest.approx(0.3 * np.sqrt(2 / 3), rel=1e-5)
        assert found["demo_test.damp"].magnitudes["each"].shape == (2, N_EPOCHS + 1)
        assert found["demo_test.damp"].reaches["each"].shape == (2, N_EPOCHS + 1, LENGTH)
        assert found["demo_test.reverse"].magnitudes == {}

    def test_after_a_search_end_with_what_was_confirmed(self, result: DemoResult) -> None:
        def searched(run: Run) -> Run:
            layers = [
                {**layer, "weights": [1.0] + [0.0] * (len(layer["weights"]) - 1)} for layer in run.history[0]["layers"]
            ]
            return replace(run, search=run.history[:2], history=({**run.history[0], "layers": layers},))

        runs = tuple(searched(run) if run.rule == "augrad" else run for run in result.runs)
        first, *_ = traces(replace(result, runs=runs))
        assert first.share[0] == pytest.approx([1 / 3] * 3 + [1.0])

    def test_curves(self, result: DemoResult) -> None:
        epochs, values = validation_curve(result, "none")
        assert epochs.tolist() == [1, 2, 3]
        assert values[:, 0] == pytest.approx([0.7, 0.71])
        assert training_curve(result, "none")[1].shape == (2, 3)


class TestPanels:
    def test_scores(self, axes: Axes, result: DemoResult) -> None:
        draw_scores(axes, result)
        texts = {text.get_text() for text in axes.texts}
        assert {"no augmentation", "oracle", "augrad", "80.5 %", "90.5 %", "89.5 %"} <= texts
        assert axes.get_title(loc="left") or "90 %" in axes.get_title()

    @pytest.mark.parametrize(("augrad", "title"), [(0.7, "worse"), (0.9, "recovers 100 %")])
    def test_title_tells_a_loss(self, axes: Axes, result: DemoResult, augrad: float, title: str) -> None:
        runs = tuple(
            dataclasses.replace(run, score={"none": 0.8, "oracle": 0.9, "augrad": augrad}[run.rule])
            for run in result.runs
        )
        draw_scores(axes, dataclasses.replace(result, runs=runs))
        assert title in axes.get_title() + axes.get_title(loc="left")

    def test_no_gain(self, axes: Axes, result: DemoResult) -> None:
        runs = tuple(dataclasses.replace(run, score=0.8) for run in result.runs)
        draw_scores(axes, dataclasses.replace(result, runs=runs, metric="r2"))
        assert "gains next to nothing" in axes.get_title() + axes.get_title(loc="left")
        assert "0.800" in {text.get_text() for text in axes.texts}

    def test_distribution_covers_truth_and_draws(self, axes: Axes, result: DemoResult) -> None:
        (true,) = result.true_reaches
        draw_distribution(axes, result, true)
        low, high = axes.get_xlim()
        assert low < -1.0 < 1.0 < high
        legend = axes.get_legend()
        assert legend is not None
        assert "44 %" in legend.get_title().get_text()

    def test_range_shows_the_truth_in_its_unit(self, axes: Axes, result: DemoResult) -> None:
        (true,) = result.true_reaches
        draw_range(axes, result, true)
        heights = [float(np.asarray(line.get_ydata())[0]) for line in axes.lines]
        assert heights[0] == 1.0
        assert heights[-1] == pytest.approx(2.0 * 0.3 * np.sqrt(2 / 3), rel=1e-5)
        assert axes.get_ylabel().endswith("(V)")

    def test_truth_that_is_no_candidate(self, axes: Axes) -> None:
        result = made_result(transforms=("demo_test.reverse", "demo_test.damp"))
        (true,) = result.true_reaches
        draw_range(axes, result, true)
        assert len(axes.lines) == 1
        assert result.learned_range(true).high == 0.0

    def test_shares_fill_the_panel(self, axes: Axes, result: DemoResult) -> None:
        draw_shares(axes, result)
        assert axes.get_ylim() == (0.0, 1.0)
        assert {text.get_text() for text in axes.texts} == {"offset 33 %", "damp 33 %", "reverse 33 %"}

    def test_magnitudes_name_every_parameter(self, axes: Axes, result: DemoResult) -> None:
        draw_magnitudes(axes, result)
        assert len(axes.lines) == 3
        assert [text.get_text() for text in axes.texts].count("damp") == 2

    def test_curves_tell_training_from_validation(self, axes: Axes, result: DemoResult) -> None:
        draw_curves(axes, result)
        assert [line.get_linestyle() for line in axes.lines] == [":", "-"] * 3

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
    def test_labels_keep_their_distance(self, heights: list[float]) -> None:
        placed = spread_labels(heights, gap=0.06)
        order = np.argsort(heights, kind="stable")
        gaps = np.diff(np.asarray(placed)[order])
        assert (gaps >= 0.06 - 1e-9).all()
        assert max(placed) <= 1.0 + 1e-9


class TestAxisEntries:
    EACH = (0.0, 0.0, 0.0, 0.4, 0.4, 0.4)

    @pytest.fixture
    def known(self) -> DemoResult:
        return made_result(oracle={"demo_test.damp": {"each": self.EACH}})

    def test_a_bar_for_each_and_the_truth(self, axes: Axes, known: DemoResult) -> None:
        (true,) = known.true_reaches
        draw_entries(axes, known, true)
        learned = known.learned_range(true).entries
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert sorted(labels) == list("abcdef")
        assert set(labels[:3]) == set("abc")
        assert [bar.get_width() for bar in axes.patches] == pytest.approx([learned[name][1] for name in labels])
        assert [float(np.asarray(line.get_xdata())[0]) for line in axes.lines] == [0.0] * 3 + [0.4] * 3

    def test_no_truth_no_legend(self, axes: Axes, result: DemoResult) -> None:
        found = next(found for found in result.learned_reaches if found.entries)
        draw_entries(axes, result, found)
        assert len(axes.patches) == LENGTH
        assert axes.get_legend() is None
        assert not axes.lines

    def test_height_grows_with_the_entries(self, known: DemoResult) -> None:
        (true,) = known.true_reaches
        many = dataclasses.replace(true, entries={str(index): (0.0, 1.0) for index in range(25)})
        assert entries_height(true, 3.7) == 3.7
        assert entries_height(many, 3.7) > 5

    def test_range_parts_what_moves_from_what_must_not(self, axes: Axes, known: DemoResult) -> None:
        (true,) = known.true_reaches
        draw_range(axes, known, true)
        assert float(np.asarray(axes.lines[0].get_ydata())[0]) == pytest.approx(0.4)
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == [
            "truth",
            "features that must not move",
            "learned (thin: seeds)",
        ]

    def test_share_of_a_transform_without_parameters(self, axes: Axes) -> None:
        result = made_result(oracle={"demo_test.reverse": {}})
        (true,) = result.true_reaches
        draw_range(axes, result, true)
        heights = [float(np.asarray(line.get_ydata())[0]) for line in axes.lines]
        assert heights == pytest.approx([0.5] + [(1 - (2 / 3) ** 2) / 2] * 3)
        assert overview_png(Findings((result,))).startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def evident(result: DemoResult) -> DemoResult:
    runs = (replace(run, evidence=made_evidence()) if run.rule == "augrad" else run for run in result.runs)
    return replace(result, runs=tuple(runs))


@pytest.fixture(scope="module")
def evident_page(evident: DemoResult) -> str:
    return re.sub(r"\s+", " ", render(Findings((evident,))))


class TestEvidence:
    def test_takes_the_place_of_traces_that_stand_still(self, evident_page: str, page: str) -> None:
        assert "Weights and magnitudes are ordinary parameters" not in evident_page
        assert "Weights and magnitudes are ordinary parameters" in page
        assert EVIDENCE in evident_page
        assert EVIDENCE not in re.sub(r"\s+", " ", page)
        tags = [tag for tag, _ in parsed(evident_page).seen]
        # Beside what other pages have: the evidence and the scores by epoch, and a curve for each measured candidate.
        assert tags.count("svg") == (1 + 3 * 2) + (2 + 1) + 2 + 2

    def test_a_verdict_for_each_candidate_and_seed(self, evident_page: str) -> None:
        rows = re.findall(
            r"<tr><td>(\w+)</td><td data-name=\"verdict\">.*?</i>(\w+)</span> *</td>(.*?)</tr>", evident_page
        )
        assert [row[:2] for row in rows] == 2 * [("offset", "helps"), ("damp", "harms"), ("reverse", "undecided")]
        assert ">±0.5 V<" in rows[0][2]
        assert ">\N{MINUS SIGN}0.21 (\N{MINUS SIGN}0.25 to \N{MINUS SIGN}0.17)<" in rows[0][2]
        assert ">not measured<" in rows[2][2]
        assert "Verdicts with seed 1" in evident_page
        assert evident_page.count("The search ended early") == 1
        assert "demo_test.offset within ±0.5 V" in evident_page

    def test_ids_are_unique(self, evident_page: str) -> None:
        ids = [attrs["id"] for _, attrs in parsed(evident_page).seen if "id" in attrs]
        assert len(ids) == len(set(ids))

    def test_a_row_for_each_candidate_and_a_point_for_each_seed(self, axes: Axes, evident: DemoResult) -> None:
        draw_evidence(axes, evident)
        assert [label.get_text() for label in axes.get_yticklabels()] == ["reverse", "damp", "offset"]
        points = [line for line in axes.lines if len(line.get_xdata()) == 1]  # type: ignore[arg-type]
        heights = [round(float(np.asarray(line.get_ydata())[0])) for line in points]
        assert sorted(heights) == [0, 0, 1, 1, 2, 2]
        assert float(np.asarray(points[0].get_xdata())[0]) == -0.21

    def test_a_policy_that_was_learned_without_evidence_keeps_its_traces(self, evident: DemoResult) -> None:
        runs = tuple(replace(run, evidence=None) if run.seed == 1 else run for run in evident.runs)
        mixed = replace(evident, runs=runs)
        assert has_evidence(evident)
        assert not has_evidence(mixed)
        found = render(Findings((mixed,)))
        assert "Weights and magnitudes are ordinary parameters" in found
        assert "demo_test.offset" in found

    def test_overview(self, evident: DemoResult) -> None:
        assert overview_png(Findings((evident,))).startswith(b"\x89PNG")


class TestOrbit:
    def of(self, result: DemoResult, sample: object, copies: object, draw: object = None) -> DemoResult:
        orbit = Orbit(sample, (("before training", copies), ("learned", copies)))
        return dataclasses.replace(result, orbit=orbit, demo=dataclasses.replace(result.demo, draw=draw))

    @pytest.mark.parametrize(
        ("shape", "drawn"), [((1, 8, 8), True), ((3, 8, 8), True), ((2, 50), True), ((7,), True), ((2, 3, 4, 5), False)]
    )
    def test_shapes(self, result: DemoResult, shape: tuple[int, ...], drawn: bool) -> None:
        sample = torch.rand(1, *shape)
        shown = self.of(result, sample, torch.rand(3, *shape))
        orbit = drawable(shown)
        assert (orbit is not None) == drawn
        if orbit is not None:
            figure = Figure()
            draw_original(figure.subplots(), shown, orbit)
            draw_copies(figure, shown, orbit, "learned", copies_of(orbit.rows[1][1]))
            assert len(figure.axes) == 1 + 3
            assert [bool(axes.images) for axes in figure.axes] == [is_image(sample[0])] * 4

    def test_nothing_to_draw(self, result: DemoResult) -> None:
        assert drawable(dataclasses.replace(result, orbit=None)) is None
        assert drawable(self.of(result, {"no": "tensor"}, {})) is None

    def test_own_drawing(self, result: DemoResult) -> None:
        seen = []

        def draw(axes: Axes, sample: object, *, original: object, colour: str, length: int) -> None:
            assert list(axes.get_xticks()) == []
            assert length == LENGTH
            seen.append((sample, original, colour))

        sample, copies = torch.rand(1, 2, 3, 4, 5), torch.rand(2, 2, 3, 4, 5)
        shown = self.of(result, sample, copies, draw)
        orbit = drawable(shown)
        assert orbit is not None
        draw_original(Figure().subplots(), shown, orbit)
        draw_copies(Figure(), shown, orbit, "learned", copies_of(copies))
        assert seen[0] == (sample, None, INK)
        assert [(original is sample, colour) for _, original, colour in seen[1:]] == [
            (True, RULE_COLOURS["augrad"])
        ] * 2
        assert torch.equal(torch.cat([each for each, _, _ in seen[1:]]), copies)

    def test_constant_lines(self, result: DemoResult, axes: Axes) -> None:
        shown = self.of(result, torch.zeros(1, 5), torch.zeros(2, 5))
        draw_original(axes, shown, shown.orbit)
        low, high = axes.get_ylim()
        assert low < 0 < high
