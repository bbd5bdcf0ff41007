from __future__ import annotations

import dataclasses
import json
from functools import partial

import pytest
from tests.core.bench.tiny import record, tiny_task

from augrad.bench.records import Candidate, LearnedRange, Record, digest_of, failed
from augrad.errors import StorageError
from augrad.plugins.registry import get_rule

FULL = record(
    "tiny",
    "augrad",
    3,
    0.75,
    learns=True,
    candidates=(Candidate("a.b", True, 0.5, 0.25, (LearnedRange("angle", "deg", 50.0, 60.0),)),),
    policy=({"layer": 0, "transform": "a.b"},),
    history={"epoch": 2},
)


@pytest.mark.parametrize("made", [FULL, failed(tiny_task(), "none", 0, "0f", "KeyError: 'x'")])
def test_a_line_is_read_as_it_was_written(made):
    assert made.to_line().endswith("}\n")
    assert Record.from_line(made.to_line()) == made


def test_what_is_no_number_becomes_null():
    found = json.loads(record("tiny", "none", 0, 0.5, history={"loss": float("nan"), "all": [float("inf")]}).to_line())
    assert found["history"] == {"loss": None, "all": [None]}


@pytest.mark.parametrize("line", ["{", "[]", "3", '{"schema_version": 1}', FULL.to_line().replace('"task"', '"tusk"')])
def test_what_is_no_record_is_refused(line):
    with pytest.raises(StorageError, match=r"no run of a benchmark: \w+Error: "):
        Record.from_line(line)


def test_the_digest_is_the_same_for_the_same():
    assert digest_of(tiny_task(), get_rule("augrad")) == digest_of(tiny_task(), get_rule("augrad"))


@pytest.mark.parametrize(
    "changed",
    [
        {"epochs": 3},
        {"batch_size": 9},
        {"lr": 1e-3},
        {"copies": 3},
        {"oracle": {"demo_test.offset": {"level": 1.5}}},
        {"transforms": ("demo_test.offset",)},
        {"kind": "limit"},
        {"arguments": {"length": 7}},
        {"arguments": dict},
        {"load": partial(tiny_task, name="other")},
    ],
)
def test_the_digest_changes_with_what_decides_the_result(changed):
    rule = get_rule("augrad")
    assert digest_of(tiny_task(**changed), rule) != digest_of(tiny_task(), rule)


def test_the_digest_does_not_change_with_what_does_not():
    rule = get_rule("augrad")
    assert digest_of(tiny_task(title="Other", description="Words", seeds=(7,)), rule) == digest_of(tiny_task(), rule)


def test_the_digest_changes_with_settings_and_versions(monkeypatch):
    rule = get_rule("augrad")
    before = digest_of(tiny_task(), rule)
    assert digest_of(tiny_task(), dataclasses.replace(rule, settings={"n_layers": 4})) != before
    monkeypatch.setattr("augrad.bench.records.versions_of", lambda task: {"torch": "99"})
    assert digest_of(tiny_task(), rule) != before
