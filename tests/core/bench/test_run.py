"""Tests of run_bench: what is run, what is not repeated, what is left behind."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from rich.console import Console
from tests.core.bench.tiny import tiny_task
from tests.core.demo_task import load

from augrad.bench import Rule, run_bench
from augrad.bench.builtin import AUGRAD, NONE, ORACLE
from augrad.bench.records import Record
from augrad.errors import ArgumentError, ArgumentTypeError, MissingDependencyError, StorageError

RULES = (NONE, ORACLE, AUGRAD)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Runs the benchmark in a directory, without the picture; returns the result and what was printed."""
    monkeypatch.setattr("augrad.bench.plot.bench_png", lambda result: b"")

    def run(*tasks, rules=RULES, jobs=1, **options):
        console = Console(file=io.StringIO(), width=120)
        try:
            result = run_bench(tasks, rules, output=tmp_path, jobs=jobs, console=console, **options)
        finally:
            run.printed = console.file.getvalue()
        return result, run.printed

    return run


def lines(folder):
    return (folder / "results.jsonl").read_text().splitlines()


def test_all_that_is_asked_for_is_run_and_written(bench, tmp_path):
    result, printed = bench(tiny_task(), tiny_task(name="empty", kind="nothing", oracle={}))
    assert [record.key for record in result.records] == [
        (task, rule, seed) for task in ("tiny", "empty") for rule in ("none", "oracle", "augrad") for seed in (0, 1)
    ]
    assert "12 trainings in 1 process." in printed
    assert len(lines(tmp_path)) == 12
    assert (tmp_path / "table.md").read_text() == result.to_markdown()
    assert json.loads((tmp_path / "summary.json").read_text())["environment"]["n_already_there"] == 0
    assert (tmp_path / "bench.png").exists()
    assert "augrad" in result.environment["versions"]


def test_what_is_there_is_not_repeated(bench, tmp_path):
    first, _ = bench(tiny_task())
    again, printed = bench(tiny_task())
    assert again.records == first.records
    assert "0 trainings in 1 process; 6 are there already." in printed
    more, printed = bench(tiny_task(), seeds=(1, 2))
    assert "3 trainings in 1 process; 3 are there already." in printed
    assert {record.seed for record in more.records} == {1, 2}
    assert len(lines(tmp_path)) == 9


def test_a_torn_line_is_run_again(bench, tmp_path):
    first, _ = bench(tiny_task())
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    again, printed = bench(tiny_task())
    assert "1 trainings in 1 process; 5 are there already." in printed
    assert [record.score for record in again.records] == [record.score for record in first.records]
    assert len(lines(tmp_path)) == 6


def test_stale_runs_are_run_again_and_counted(bench, tmp_path):
    bench(tiny_task())
    changed = dataclasses.replace(AUGRAD, settings={"n_layers": 7})
    result, printed = bench(tiny_task(), rules=(NONE, ORACLE, changed))
    assert "2 trainings in 1 process; 4 are there already; 2 were made under other settings or versions" in printed
    assert len(result.records) == 6
    assert (result.environment["n_stale"], len(lines(tmp_path))) == (2, 8)
    _, printed = bench(tiny_task(epochs=3), rules=(NONE, ORACLE, changed))
    assert "6 trainings in 1 process; 6 were made under other" in printed


def test_a_failed_run_leaves_the_others_and_is_tried_again(bench):
    broken = []

    def build(task, transforms, seed):
        if broken:
            raise RuntimeError("it broke")
        return NONE.build(task, transforms, seed)

    broken.append(1)
    mine = Rule("mine", "Mine", build)
    result, printed = bench(tiny_task(), rules=(mine, NONE), seeds=(0,))
    assert result.failed == {"tiny, mine, seed 0": "RuntimeError: it broke"}
    assert "[1/2] tiny, seed 0, mine failed: RuntimeError: it broke" in printed
    assert [row.rule for row in result.rows] == ["none"]
    broken.clear()
    result, printed = bench(tiny_task(), rules=(mine, NONE), seeds=(0,))
    assert result.failed == {}
    assert "1 trainings in 1 process; 1 are there already." in printed


def test_a_missing_dependency_skips_the_task(bench, tmp_path):
    def missing(seed):
        raise MissingDependencyError("pip install it")

    result, printed = bench(tiny_task(name="lost", load=missing), tiny_task(), seeds=(0, 1))
    assert result.skipped == {"lost": "pip install it"}
    assert printed.count("lost is skipped: pip install it") == 1
    assert "[6/6] tiny" in printed
    assert len(lines(tmp_path)) == 6


def test_nothing_is_summed_up_where_nothing_ran(bench, tmp_path):
    def missing(seed):
        raise MissingDependencyError("pip install it")

    result, _ = bench(tiny_task(load=missing))
    assert result.rows == []
    assert not (tmp_path / "table.md").exists()


def test_an_interruption_keeps_what_is_there(bench, tmp_path):
    def interrupt(task, transforms, seed):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench(tiny_task(), rules=(NONE, Rule("stop", "Stop", interrupt), AUGRAD))
    assert "Interrupted. 1 runs are kept in " in bench.printed
    assert len(lines(tmp_path)) == 1
    _, printed = bench(tiny_task(), rules=(NONE, AUGRAD))
    assert "3 trainings in 1 process; 1 are there already." in printed


def test_seed_by_seed_so_that_an_early_stop_leaves_whole_seeds(bench, tmp_path):
    bench(tiny_task(), tiny_task(name="other"), rules=(NONE,))
    found = [Record.from_line(line) for line in lines(tmp_path)]
    assert [(record.seed, record.task) for record in found] == [
        *((0, "tiny"), (0, "other")),
        *((1, "tiny"), (1, "other")),
    ]


def test_data_are_loaded_once_for_all_rules(bench):
    seeds = []

    def counted(seed):
        seeds.append(seed)
        return load(seed)

    bench(tiny_task(load=counted))
    assert seeds == [0, 1]


def test_rules_are_compared_where_the_truth_is_unknown(bench, tmp_path):
    own = tiny_task(name="own", kind="unknown", oracle={})
    result, printed = bench(own, rules=(NONE, AUGRAD))
    assert "own: 10 validation samples, 2 seeds" in printed
    assert [each.rule for each in result.comparisons[0].standings] == ["none", "augrad"]
    assert json.loads((tmp_path / "summary.json").read_text())["comparisons"][0]["pairs"][0]["first"] == "augrad"
    assert not (tmp_path / "bench.png").exists()
    again, printed = bench(own, rules=(NONE, AUGRAD))
    assert "0 trainings in 1 process; 4 are there already." in printed
    assert again.comparisons == result.comparisons


def test_quick_takes_one_seed_and_one_task_of_each_modality(bench):
    other = tiny_task(name="other")
    limit = tiny_task(name="limit", kind="limit")
    result, _ = bench(limit, tiny_task(), other, rules=(NONE,), seeds=(4, 5), quick=True)
    assert [record.key for record in result.records] == [("tiny", "none", 4)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tasks": []}, ArgumentError, r"tasks must hold at least one and none twice, but got \[\]"),
        ({"tasks": [tiny_task(), tiny_task()]}, ArgumentError, "tasks must hold at least one and none twice"),
        ({"tasks": ["tiny"]}, ArgumentTypeError, r"tasks must hold augrad.bench.Task, but got 'tiny'. .*\.tasks\(\)"),
        ({"tasks": ["tiny"], "quick": True}, ArgumentTypeError, r"tasks must hold augrad.bench.Task, but got 'tiny'"),
        (
            {"tasks": [tiny_task(kind="limit")], "quick": True},
            ArgumentError,
            "quick needs a task of kind 'invariance', but tasks holds none. Leave quick out.",
        ),
        ({"rules": []}, ArgumentError, "rules must hold at least one and none twice"),
        (
            {"tasks": [tiny_task(kind="unknown", oracle={})], "rules": [NONE, ORACLE]},
            ArgumentError,
            "the rule 'oracle' is told the truth, but nobody knows that of 'tiny': leave the rule out.",
        ),
        ({"rules": [print]}, ArgumentTypeError, "rules must hold augrad.bench.Rule, but got <built-in function print>"),
        ({"seeds": [1, 1]}, ArgumentError, "seeds must hold at least one int and none twice"),
        ({"jobs": 0}, ArgumentError, "jobs must be an int of at least 1, but got 0"),
        ({"jobs": True}, ArgumentError, "jobs must be an int of at least 1, but got True"),
    ],
)
def test_rejects(tmp_path, arguments, error, message, unchecked):
    given = {"tasks": [tiny_task()], "rules": [NONE], **arguments}
    with pytest.raises(error, match=message):
        run_bench(given.pop("tasks"), given.pop("rules"), output=tmp_path / "made", **given)
    assert not (tmp_path / "made").exists()


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*results.jsonl"):
        run_bench([tiny_task(load=None)], [NONE], output=tmp_path / "file")
