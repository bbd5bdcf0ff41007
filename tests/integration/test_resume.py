"""A run killed with SIGKILL and resumed ends with the weights of the unbroken run, to the bit."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import pytest


def _bench() -> Any:
    path = Path(__file__).parents[1] / "benchmarks" / "bench_resume.py"
    spec = importlib.util.spec_from_file_location("bench_resume", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_killed_twice_it_ends_as_if_unbroken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    bench = _bench()
    expected = bench.weights_of(tmp_path / "unbroken")
    assert expected is not None
    directory = tmp_path / "killed"
    clock = random.Random()
    moments = [clock.uniform(0, 0.1) for _ in range(2)]
    found = [bench.weights_of(directory, kill_after=moment) for moment in moments]
    assert found[0] is None, "the run was over before it could be killed"
    assert bench.weights_of(directory) == expected, f"killed after {moments} s"
    assert not list(directory.glob(".*.tmp-*"))


def test_the_benchmark_counts_runs_that_end_alike(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _bench()
    ends = iter([b"same", None, b"same", None, b"other"])
    monkeypatch.setattr(bench, "weights_of", lambda directory, kill_after=None: next(ends))
    assert bench.main(["--trials", "2"]) == 1
    assert capsys.readouterr().out == "1 of 2\n"
