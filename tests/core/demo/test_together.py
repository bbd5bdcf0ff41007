"""Trainings in several processes: the same results as one after the other, and the estimate of the time left."""

from __future__ import annotations

import io
import os

import pytest
from rich.console import Console
from tests.core.demo_task import tiny_demo

from augrad.demo import run_demos
from augrad.demo.console import SHARES, TimeLeft
from augrad.demo.rules import RULES
from augrad.demo.together import _train
from augrad.errors import MissingDependencyError


def missing(seed):
    raise MissingDependencyError("pip install it")


def test_processes_find_the_same_and_say_how_long_it_still_takes(tmp_path, monkeypatch):
    monkeypatch.setattr("augrad.demo.page.document.render", lambda findings: "")
    monkeypatch.setattr("augrad.demo.page.overview.overview_png", lambda findings: b"")
    demos = [tiny_demo(seeds=(0,)), tiny_demo(name="lost", load=missing, seeds=(0,))]
    consoles = [Console(file=io.StringIO(), width=100) for _ in range(2)]
    alone, together = (
        run_demos(demos, output=tmp_path, jobs=jobs, console=console)
        for jobs, console in zip((1, 2), consoles, strict=True)
    )
    for one, other in zip(alone.results[0].runs, together.results[0].runs, strict=True):
        assert (one.rule, one.score, one.policy, one.curve) == (other.rule, other.score, other.policy, other.curve)
    assert together.skipped == {"lost": "pip install it"}
    assert " left" in consoles[1].file.getvalue()


def test_the_time_left_counts_down_and_is_corrected_by_what_has_ended(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    left = TimeLeft([tiny_demo(name="a", seconds=100.0, seeds=(0,)), tiny_demo(name="b", seconds=100.0, seeds=(0,))], 2)
    assert left.seconds == pytest.approx(100.0)
    assert str(left) == "about 2 min left"
    now[0] = 30.0
    assert left.seconds == pytest.approx(70.0)
    now[0] = 80.0
    left.end("a", "augrad")
    left.end("b", "augrad")  # 160 guessed seconds took 80, so 40 more take 20
    assert left.seconds == pytest.approx(20.0)
    now[0] = 85.0
    assert str(left) == "about 15 s left"
    left.drop("b")
    assert left.seconds == pytest.approx(5.0)


def test_each_rule_has_its_share():
    assert set(SHARES) == set(RULES)
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_a_training_in_this_process_is_the_same_and_an_error_comes_back():
    trained = _train(tiny_demo(seeds=(0,)), 0, "none", os.getpid())
    assert (trained.rule, trained.seed, trained.error) == ("none", 0, None)
    assert trained.run.score > 0
    lost = _train(tiny_demo(name="lost", load=missing, seeds=(0,)), 0, "none", os.getpid())
    assert str(lost.error) == "pip install it"
