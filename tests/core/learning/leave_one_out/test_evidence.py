"""Evidence as tables, frames, JSON and files: exact texts, and what comes back."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from tests.core.evidence_cases import FACTS, JITTER, LEFT_OUT, LEVEL, LOW_PASS, NEGATE, made, shown

from augrad import Evidence
from augrad.errors import ArgumentError, MissingDependencyError, PolicyError, StorageError
from augrad.learning.leave_one_out.evidence import Candidate, CandidateRange, Trial
from augrad.learning.leave_one_out.words import ranges_at, ranges_text, strength_text

TABLE = """\
transform      verdict    range                       error  without       difference  note
case.level     helps      level ±0.5 V, slope ±0.025  0.500    0.625  −0.1250 ±0.0250
case.negate    harmless                               0.501    0.500  +0.0010 ±0.0040
case.low_pass  harms      2050 to 4000 Hz             0.750    0.500  +0.2500 ±0.0600
case.jitter    undecided  0 to 0.5 sd, 3 entries      0.490    0.500  −0.0100 ±0.0400  about 3200 samples would tell

1 of 4 transforms helps: case.level (level ±0.5 V, slope ±0.025). Of the others, 1 is harmless, 1 harms and 1 is undecided.
From 200 samples (the loader has more), 10 classes, in 2.5 s. Errors are leave-one-out errors in units of the targets' \
variance; ± is two standard errors.
Warning: the features of 3 samples are constant"""  # noqa: E501, RUF001

ONE_SIDED = replace(LOW_PASS, transform="case.other", verdict="helps", step=2)


class TestText:
    def test_table(self):
        assert str(made()) == TABLE

    def test_columns_without_contents_are_left_out(self):
        told = str(made(NEGATE)).splitlines()
        assert told[0] == "transform    verdict   error  without       difference"

    def test_early_end_is_said_first(self):
        told = str(made(facts=replace(FACTS, complete=False))).splitlines()
        assert told[-2] == "Warning: The search ended early, because max_seconds had passed."

    @pytest.mark.parametrize(
        ("candidates", "told"),
        [
            ((LEVEL,), "case.level helps (level ±0.5 V, slope ±0.025)."),
            ((replace(LEVEL, ranges=LEVEL.ranges[:1]),), "case.level helps within ±0.5 V."),
            ((replace(NEGATE, verdict="helps", step=1),), "case.negate helps."),
            (
                (ONE_SIDED, replace(LEVEL, ranges=LEVEL.ranges[:1])),
                "All 2 transforms help: case.level within ±0.5 V and case.other (2050 to 4000 Hz).",
            ),
            (
                (replace(NEGATE, verdict="helps", step=1), LOW_PASS, LOW_PASS),
                "1 of 3 transforms helps: case.negate. Of the others, 2 harm.",
            ),
            ((LOW_PASS,), "Nothing helps: case.low_pass harms."),
            ((JITTER,), "Nothing helps: case.jitter is undecided. About 3200 samples would tell."),
            (
                (LOW_PASS, LOW_PASS, JITTER, replace(JITTER, more=500)),
                "Nothing helps: of 4 transforms 2 harm and 2 are undecided. About 3200 samples would tell.",
            ),
            ((NEGATE, replace(JITTER, more=None)), "Nothing helps: of 2 transforms 1 is harmless and 1 is undecided."),
        ],
    )
    def test_headline(self, candidates: tuple[Candidate, ...], told: str):
        evidence = made(*candidates)
        assert evidence.headline == told
        assert told in str(evidence).splitlines()

    def test_headline_names_a_few(self):
        many = [replace(NEGATE, verdict="helps", step=step, transform=f"case.t{step}") for step in range(1, 7)]
        assert made(*many[::-1]).headline == ("All 6 transforms help: case.t1, case.t2, case.t3, case.t4 and 2 more.")

    def test_names_and_numbers_stay_whole_on_a_narrow_terminal(self):
        out = io.StringIO()
        several = [replace(LOW_PASS, transform=f"case.a_long_name_{end}") for end in ("x", "y")]
        Console(file=out, width=80, color_system=None).print(made(*several, JITTER))
        told = out.getvalue()
        for text in ("case.a_long_name_x  harms", "case.a_long_name_y  harms", "+0.2500 ±0.0600", "about 3200"):
            assert text in told
        assert max(map(len, told.splitlines())) <= 80

    def test_rich_shows_the_same_and_reads_no_markup(self):
        out = io.StringIO()
        nasty = replace(JITTER, transform="case.[red]")
        Console(file=out, width=200, color_system=None).print(made(LEVEL, nasty))
        told = out.getvalue()
        assert "case.[red]" in told
        assert "−0.1250 ±0.0250" in told  # noqa: RUF001
        assert "1 of 2 transforms helps" in told


class TestRanges:
    def test_of_signed_one_sided_and_unknown_ranges(self):
        assert strength_text(LEVEL, 1.0) == "level ±2 V, slope ±0.1"
        assert strength_text(LOW_PASS, 1.0) == "100 to 4000 Hz"
        assert strength_text(NEGATE, 1.0) == "applied"
        unknown = replace(LOW_PASS, ranges=(replace(LOW_PASS.ranges[0], identity=None),))
        assert ranges_at(unknown, 1.0) is None
        assert strength_text(unknown, 1.0) == "100 % of the range"
        assert strength_text(unknown, 0.5) == "2050 to 4000 Hz"

    def test_about_another_identity_than_0(self):
        candidate = replace(LEVEL, ranges=(CandidateRange("factor", 0.8, 1.2, "", 1.0),))
        assert strength_text(candidate, 0.5) == "factor 0.6 to 1.4"

    def test_unit_that_repeats_the_name(self):
        assert ranges_text([CandidateRange("fraction", 0.0, 0.1, "fraction")]) == "fraction 0 to 0.1"


class TestFrame:
    def test_columns_and_values(self):
        frame = made().to_frame()
        assert list(frame.columns) == [
            "transform", "parameter", "verdict", "low", "high", "unit", "error", "error_without", "difference",
            "standard_error", "step", "more", "magnitude",
        ]  # fmt: skip
        names = ["case.low_pass"] + 3 * ["case.jitter"] + ["case.negate"] + 2 * ["case.level"]
        assert frame["transform"].tolist() == names
        level = frame.iloc[5]
        assert (level["parameter"], level["low"], level["high"], level["unit"]) == ("level", -0.5, 0.5, "V")
        assert (level["error"], level["error_without"], level["difference"]) == (0.5, 0.625, -0.125)
        assert (level["step"], level["magnitude"]) == (1, 0.25)
        assert frame["more"].dropna().tolist() == [3200, 3200, 3200]
        assert frame.loc[4, ["parameter", "low", "high", "step"]].isna().all()

    def test_needs_pandas(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(MissingDependencyError, match="to_frame needs pandas, which is not installed"):
            made().to_frame()


NUMBERS = st.floats(allow_nan=False)
NAMES = st.text(max_size=3)
# Plain values: the type checks of the classes draw at random, which Hypothesis refuses inside strategies.
TRIALS = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
RANGES = st.tuples(NAMES, NUMBERS, NUMBERS, NAMES, st.none() | NUMBERS)


class TestDocument:
    @settings(max_examples=30)
    @given(st.lists(TRIALS, max_size=2), st.lists(RANGES, max_size=2), TRIALS, NAMES, st.none() | st.integers(1))
    def test_comes_back_exactly(
        self, trials: list[Any], ranges: list[Any], errors: tuple[float, ...], name: str, count: int | None
    ):
        found = Candidate(
            name,
            "undecided",
            0.1,
            tuple(CandidateRange(*each) for each in ranges),
            *errors,
            more=count,
            step=count,
            trials=tuple(Trial(*each) for each in trials),
        )
        facts = replace(FACTS, warnings=(name, name), complete=count is None)
        evidence = made(LEVEL, found, facts=facts, modality=name)
        text = json.dumps(evidence.to_dict(), allow_nan=False)
        assert Evidence.from_dict(json.loads(text)) == evidence

    def test_unknown_numbers_come_back(self):
        evidence = made(replace(JITTER, standard_error=math.nan))
        (read,) = Evidence.from_dict(json.loads(evidence.to_json())).candidates
        assert math.isnan(read.standard_error)

    def test_leaves_out_pictures(self):
        assert made(shown=shown()).to_dict() == made().to_dict()
        assert Evidence.from_dict(made(shown=shown()).to_dict()).shown is None

    @pytest.mark.parametrize("document", [{}, {"schema_version": 2}, []])
    def test_of_another_schema(self, document: Any, unchecked: None):
        with pytest.raises(ArgumentError, match="must be evidence of schema 1, but has schema_version"):
            Evidence.from_dict(document)

    @pytest.mark.parametrize(("part", "value"), [("facts", {}), ("candidates", [{}]), ("candidates", 3)])
    def test_that_is_damaged(self, part: str, value: Any):
        with pytest.raises(ArgumentError, match="document is not evidence as to_dict gives it: "):
            Evidence.from_dict({**made().to_dict(), part: value})

    def test_with_a_transform_that_is_not_registered(self):
        document = json.loads(made().to_json().replace("case.level", "case.absent"))
        with pytest.raises(PolicyError, match=r"case\.absent"):
            Evidence.from_dict(document)

    def test_in_a_file(self, tmp_path):
        path = made().save(tmp_path / "evidence.json")
        assert Evidence.from_json(path) == made()

    def test_in_a_file_that_is_none(self, tmp_path):
        with pytest.raises(StorageError, match="cannot be read"):
            Evidence.from_json(tmp_path / "absent.json")
        (tmp_path / "text.json").write_text("no")
        with pytest.raises(ArgumentError, match="is not JSON"):
            Evidence.from_json(tmp_path / "text.json")


class TestSave:
    def test_rows(self, tmp_path):
        path = made().save(tmp_path / "evidence.csv")
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        assert [row["parameter"] for row in rows] == [
            "cutoff_hz", "std[age]", "std[pay]", "std[[b]]", "", "level", "slope"
        ]  # fmt: skip
        assert (rows[-1]["low"], rows[-1]["step"], rows[4]["low"]) == ("-0.025", "1", "")

    @pytest.mark.parametrize("others", [(), (LEVEL,), (NEGATE, LOW_PASS)])
    def test_a_candidate_that_was_not_examined_has_no_numbers(self, tmp_path, others):
        evidence = made(*others, LEFT_OUT, shown=shown())
        assert "not examined" in evidence.headline
        shown_line = next(line for line in str(evidence).splitlines() if line.startswith("case.swap"))
        assert shown_line.split() == ["case.swap", "undecided", "not", "examined"]
        assert "nan" not in str(evidence)
        page = evidence.save(tmp_path / "evidence.html").read_text("utf-8")
        assert "nan" not in page.partition("</style>")[2]
        assert "It was not examined" in page
        rows = list(csv.DictReader(io.StringIO(evidence.save(tmp_path / "evidence.csv").read_text("utf-8"))))
        assert (rows[-1]["verdict"], rows[-1]["error"], rows[-1]["difference"]) == ("undecided", "", "")
        assert not Evidence.from_json(evidence.save(tmp_path / "evidence.json")).candidates[-1].examined

    def test_page(self, tmp_path):
        assert made(NEGATE).save(tmp_path / "evidence.html").read_text("utf-8").startswith("<!doctype html>")

    def test_another_ending(self, tmp_path):
        with pytest.raises(ArgumentError, match=r"path must end in \.html, \.json or \.csv, but got '.*\.pdf'"):
            made().save(tmp_path / "evidence.pdf")

    def test_page_needs_matplotlib(self, tmp_path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        with pytest.raises(MissingDependencyError, match="the page of evidence needs matplotlib"):
            made().save(tmp_path / "evidence.html")
