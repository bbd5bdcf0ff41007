"""Tests of the tabular demo: its rows and their light, its network, and that the whole harness runs on it."""

from __future__ import annotations

import dataclasses
import functools
import io
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import augrad
from augrad.demo import DemoData, run_demo
from augrad.demo.rules import RULES, build_model, build_transforms, fitted_arguments
from augrad.demo.run import N_ORBIT_COPIES
from augrad.errors import MissingDependencyError
from augrad.plugins.registry import get_demo
from augrad.transform.transform import Transform
from augrad_tabular import demo
from augrad_tabular.demo import CLASSES, COLUMNS, DEMO, LIGHT, N_TRAIN, N_VAL, TRUE_DOUBLINGS, lit, load_segments

N_ROWS = 2086
HOW_TO_INSTALL = r"river with pandas.*pip install 'augrad-tabular\[demo\]'"


@pytest.fixture(scope="module")
def data() -> DemoData:
    return load_segments(0)


@pytest.fixture(scope="module")
def transforms(data: DemoData) -> dict[str, Transform]:
    return build_transforms(DEMO, fitted_arguments(DEMO, data.train_x))


def column(table: torch.Tensor, name: str) -> torch.Tensor:
    return table[:, COLUMNS.index(name)]


def test_is_registered() -> None:
    assert get_demo("tabular") == DEMO


class TestData:
    def test_sizes_and_values(self, data: DemoData) -> None:
        assert data.train_x.shape == (N_TRAIN, len(COLUMNS))
        assert data.val_x.shape == (N_VAL, len(COLUMNS))
        assert data.test_x.shape == (N_ROWS - N_TRAIN - N_VAL, len(COLUMNS))
        for part in (data.train_x, data.val_x, data.test_x):
            assert part.dtype == torch.float32
            assert part.isfinite().all()

    def test_classes_are_of_similar_size(self, data: DemoData) -> None:
        labels = torch.cat([data.train_y, data.val_y, data.test_y])
        assert len(labels) == N_ROWS
        assert labels.bincount().min() > 0.7 * N_ROWS / len(CLASSES)
        assert len(data.train_y.unique()) == len(CLASSES)

    def test_the_sky_is_up_and_blue(self, data: DemoData) -> None:
        sky = data.test_x[data.test_y == CLASSES.index("sky")]
        grass = data.test_x[data.test_y == CLASSES.index("grass")]
        assert column(sky, "region-centroid-row").mean() < column(grass, "region-centroid-row").mean()
        assert (column(sky, "rawblue-mean") > column(sky, "rawred-mean")).all()
        assert (column(grass, "exgreen-mean") > column(grass, "exred-mean")).float().mean() > 0.9

    def test_seed_changes_the_light_of_training_rows_only(self, data: DemoData) -> None:
        other = load_segments(1)
        for name in ("train_y", "val_x", "val_y", "test_x", "test_y"):
            assert torch.equal(getattr(data, name), getattr(other, name))
        fixed = [name not in LIGHT for name in COLUMNS]
        assert torch.equal(data.train_x[:, fixed], other.train_x[:, fixed])
        assert not torch.equal(data.train_x, other.train_x)
        assert torch.equal(data.train_x, load_segments(0).train_x)

    @pytest.mark.parametrize("found", [None, ModuleSpec("river", None)], ids=["missing", "a single file"])
    def test_missing_river(self, found: ModuleSpec | None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(demo, "find_spec", lambda name: found)
        with pytest.raises(MissingDependencyError, match=HOW_TO_INSTALL):
            load_segments(0)

    def test_missing_pandas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)  # an import then fails
        with pytest.raises(MissingDependencyError, match=HOW_TO_INSTALL):
            load_segments(0)

    def test_river_is_not_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "river", raising=False)
        load_segments(0)
        assert "river" not in sys.modules


class TestLight:
    def test_acts_on_columns_by_their_powers(self) -> None:
        bright = lit(torch.ones(500, len(COLUMNS)), augrad.keyed_generator("test"))
        doublings = column(bright, "intensity-mean").log2()
        assert doublings.abs().max() <= TRUE_DOUBLINGS
        assert doublings.min() < -0.95 * TRUE_DOUBLINGS
        assert doublings.max() > 0.95 * TRUE_DOUBLINGS
        assert abs(doublings.mean()) < 0.15
        for name in COLUMNS:
            torch.testing.assert_close(column(bright, name).log2(), LIGHT.get(name, 0.0) * doublings)

    def test_every_column_it_names_is_there(self) -> None:
        assert LIGHT.keys() <= set(COLUMNS)

    def test_measurements_still_agree_with_one_another(self, data: DemoData) -> None:
        # What the data set says of these columns holds under any light, if light acts on all of them alike.
        red, green, blue = (column(data.test_x, f"raw{name}-mean") for name in ("red", "green", "blue"))
        torch.testing.assert_close(column(data.test_x, "intensity-mean"), (red + green + blue) / 3)
        torch.testing.assert_close(column(data.test_x, "exred-mean"), 2 * red - green - blue, atol=1e-3, rtol=1e-4)


class TestTask:
    def test_transforms_get_the_schema(self, transforms: dict[str, Transform]) -> None:
        assert set(transforms) == set(DEMO.transforms)
        assert transforms["tabular.feature_noise"].labels("std") == COLUMNS

    def test_truth_lies_in_the_ranges(self, transforms: dict[str, Transform]) -> None:
        assert {*DEMO.oracle} <= {*DEMO.transforms}
        for name, parameters in DEMO.oracle.items():
            assert parameters.keys() == transforms[name].ranges.keys()
            assert all(value in transforms[name].ranges[key] for key, value in parameters.items())

    def test_truth_is_the_light(self, transforms: dict[str, Transform]) -> None:
        table = torch.rand(50, len(COLUMNS))
        bright = lit(torch.ones(50, len(COLUMNS)), augrad.keyed_generator("test"))
        doublings = column(bright, "intensity-mean").log2()
        found = transforms["tabular.power_scale"](table, log2_factor=doublings)
        torch.testing.assert_close(found, lit(table, augrad.keyed_generator("test")))

    def test_network(self, data: DemoData) -> None:
        network = DEMO.trunk()
        assert network(data.test_x[:5]).shape == (5, len(CLASSES))
        assert network(1e6 * data.test_x[:5]).isfinite().all()

    @pytest.mark.parametrize("rule", RULES)
    def test_every_rule_takes_a_step(self, rule: str, data: DemoData, transforms: dict[str, Transform]) -> None:
        model = build_model(rule, DEMO, transforms, 0).train()
        torch.nn.functional.cross_entropy(model(data.train_x[:16]), data.train_y[:16]).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.trunk.parameters())


def test_runs_through(tmp_path: Path, data: DemoData) -> None:
    small = DemoData(
        data.train_x[:48], data.train_y[:48], data.test_x[:32], data.test_y[:32], data.val_x[:32], data.val_y[:32]
    )
    drawn: list[bool] = []

    @functools.wraps(DEMO.draw)
    def draw(axes: Any, *args: Any, original: Any = None, **kwargs: Any) -> None:
        DEMO.draw(axes, *args, original=original, **kwargs)
        assert axes.lines or axes.patches or axes.collections
        drawn.append(original is not None)

    short = dataclasses.replace(DEMO, load=lambda seed: small, epochs=20, copies=2, draw=draw)
    result = run_demo(short, quick=True, output=tmp_path, console=Console(file=io.StringIO()))
    assert [(run.rule, len(run.history)) for run in result.runs] == [(rule, 2) for rule in RULES]
    originals, copies = drawn.count(False), drawn.count(True)
    assert copies == 3 * N_ORBIT_COPIES * originals > 0
    assert "<svg" in (tmp_path / "report.html").read_text()
    (true,) = result.true_reaches
    assert (true.transform, true.low, true.high, true.unit) == ("tabular.power_scale", -2.0, 2.0, "doublings")
