"""Tests of the audio demo: its outlines, its network, and that the whole harness runs on it."""

from __future__ import annotations

import dataclasses
import functools
import io
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from augrad.demo import DemoData, run_demo
from augrad.demo.rules import RULES, build_model, build_transforms
from augrad.demo.run import N_ORBIT_COPIES
from augrad.plugins.registry import get_demo
from augrad.transform.transform import Transform
from augrad_audio.demo import DEMO, LENGTH, N_VAL, SPECIES, load_outlines, position_aware_cnn


@pytest.fixture(scope="module")
def data() -> DemoData:
    return load_outlines(0)


@pytest.fixture(scope="module")
def transforms() -> dict[str, Transform]:
    return build_transforms(DEMO, DEMO.arguments)


def test_is_registered() -> None:
    assert get_demo("audio") == DEMO


class TestData:
    def test_sizes_and_values(self, data: DemoData) -> None:
        assert data.train_x.shape == (200, 1, LENGTH)
        assert data.val_x.shape == (N_VAL, 1, LENGTH)
        assert data.test_x.shape == (182, 1, LENGTH)
        for part in (data.train_x, data.val_x, data.test_x):
            assert part.dtype == torch.float32
            assert part.isfinite().all()
            # The archive standardises each series.
            assert part.mean(dim=-1).abs().max() < 1e-4
            assert part.std(dim=-1).sub(1).abs().max() < 1e-2

    def test_species(self, data: DemoData) -> None:
        assert data.train_y.bincount().tolist() == [34, 29, 33, 53, 36, 15]
        assert torch.cat([data.val_y, data.test_y]).bincount().tolist() == [32, 55, 42, 44, 46, 23]

    def test_no_outline_is_in_two_parts(self, data: DemoData) -> None:
        outlines = torch.cat([data.train_x, data.val_x, data.test_x]).flatten(1)
        assert len(outlines.unique(dim=0)) == len(outlines)

    def test_outlines_are_closed(self, data: DemoData) -> None:
        steps = data.train_x.diff(dim=-1).abs().amax(dim=-1)
        closing = (data.train_x[..., 0] - data.train_x[..., -1]).abs()
        assert (closing <= steps).float().mean() > 0.95

    def test_only_where_training_outlines_begin_depends_on_the_seed(self, data: DemoData) -> None:
        other = load_outlines(1)
        for part in dataclasses.fields(DemoData):
            same = torch.equal(getattr(data, part.name), getattr(other, part.name))
            assert same is (part.name != "train_x")
        torch.testing.assert_close(data.train_x.sort().values, other.train_x.sort().values)

    def test_sktime_is_not_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "sktime", raising=False)
        load_outlines(0)
        assert "sktime" not in sys.modules


class TestTask:
    def test_transforms_get_the_arguments(self, transforms: dict[str, Transform]) -> None:
        assert set(transforms) == set(DEMO.transforms)
        assert transforms["audio.time_shift"].ranges["offset"].unit == "samples"
        assert transforms["audio.low_pass"].ranges["cutoff_hz"].bounds[1] == LENGTH / 2

    def test_truth_lies_in_the_ranges(self, transforms: dict[str, Transform]) -> None:
        assert {*DEMO.oracle} <= {*DEMO.transforms}
        for name, parameters in DEMO.oracle.items():
            assert parameters.keys() == transforms[name].ranges.keys()
            assert all(value in transforms[name].ranges[key] for key, value in parameters.items())

    def test_truth_is_the_whole_circle(self, transforms: dict[str, Transform], data: DemoData) -> None:
        shift = transforms["audio.time_shift"]
        low, high = shift.ranges["offset"].bounds
        assert high - low == LENGTH
        outlines = data.test_x[:3]
        shifted = shift(outlines, offset=torch.tensor([-150.0, 40.0, 213.0]))
        expected = torch.stack([o.roll(n, dims=-1) for o, n in zip(outlines, (-150, 40, 213), strict=True)])
        assert torch.allclose(shifted, expected, atol=1e-4)

    def test_network(self, data: DemoData) -> None:
        network = position_aware_cnn().eval()
        assert network(data.test_x[:3]).shape == (3, SPECIES)
        assert sum(p.numel() for p in network.parameters()) < 30_000

    def test_network_sees_where_an_outline_begins(self, data: DemoData) -> None:
        network = position_aware_cnn().eval()
        there, elsewhere = network(data.test_x[:3]), network(data.test_x[:3].roll(LENGTH // 2, dims=-1))
        assert (there - elsewhere).abs().max() > 1e-3

    @pytest.mark.parametrize("rule", RULES)
    def test_every_rule_takes_a_step(self, rule: str, data: DemoData, transforms: dict[str, Transform]) -> None:
        model = build_model(rule, DEMO, transforms, 0).train()
        torch.nn.functional.cross_entropy(model(data.train_x[:8]), data.train_y[:8]).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.trunk.parameters())


def test_runs_through(tmp_path: Path, data: DemoData) -> None:
    small = DemoData(
        data.train_x[:32], data.train_y[:32], data.test_x[:16], data.test_y[:16], data.val_x[:16], data.val_y[:16]
    )
    drawn: list[bool] = []

    @functools.wraps(DEMO.draw)
    def draw(axes: Any, *args: Any, original: Any = None, **kwargs: Any) -> None:
        DEMO.draw(axes, *args, original=original, **kwargs)
        assert axes.lines
        drawn.append(original is not None)

    short = dataclasses.replace(DEMO, load=lambda seed: small, epochs=20, copies=2, draw=draw)
    result = run_demo(short, quick=True, output=tmp_path, console=Console(file=io.StringIO()))
    assert [(run.rule, len(run.history)) for run in result.runs] == [(rule, 2) for rule in RULES]
    originals, copies = drawn.count(False), drawn.count(True)
    assert copies == 3 * N_ORBIT_COPIES * originals > 0
    assert "<svg" in (tmp_path / "report.html").read_text()
    (true,) = result.true_reaches
    assert (true.transform, true.low, true.high, true.unit) == ("audio.time_shift", -213.5, 213.5, "samples")
