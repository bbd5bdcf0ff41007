"""The benchmark of the demos runs, and what it prints adds up."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "bench_demos.py"
    spec = importlib.util.spec_from_file_location("bench_demos", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_table_for_a_demo(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--demo", "tabular", "--rounds", "1"]) == 0
    head, titles, *rows, last = capsys.readouterr().out.splitlines()
    assert head.startswith("tabular: 50 samples, 6 candidates, 2 layers")
    assert titles.split() == ["ms", "ratio", *bench.PARTS]
    times = {re.split(r"\s{2,}", row.strip())[0]: [float(cell) for cell in row.split()[-7:]] for row in rows}
    assert list(times) == ["trunk alone", "none", "oracle", "augrad"]
    for total, ratio, *parts in times.values():
        assert total == pytest.approx(sum(parts), abs=0.03)
        assert ratio == pytest.approx(total / times["trunk alone"][0], rel=0.02)
    assert times["augrad"][2 + bench.PARTS.index("penalty")] > 0.05
    assert last.split()[:6] == ["augrad", "/", "trunk", "alone,", "tabular", f"{times['augrad'][1]:.2f}"]


def test_parts_are_timed_one_by_one(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.time, "perf_counter", iter([10.0, 11.0, 13.0, 16.0]).__next__)
    assert bench.seconds_of(lambda: iter([None] * 3)) == [1.0, 2.0, 3.0]


def test_every_step_trains(bench: ModuleType) -> None:
    trunk = nn.Linear(3, 2)
    before = trunk.weight.clone()
    taken = bench.seconds_of(bench.plain_step(trunk, torch.rand(4, 3), torch.tensor([0, 1, 0, 1]), 0.1))
    assert len(taken) == len(bench.PARTS)
    assert not torch.equal(trunk.weight, before)
