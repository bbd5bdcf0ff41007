"""Tests of the vision demo: its data, its network, and that the whole harness runs on it."""

from __future__ import annotations

import builtins
import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import augrad
from augrad.demo import DemoData, run_demo
from augrad.demo.rules import RULES, build_model, build_transforms
from augrad.demo.run import N_ORBIT_COPIES
from augrad.errors import MissingDependencyError
from augrad.plugins.registry import get_demo
from augrad_vision.demo import DEMO, IMAGE_SIZE, N_TRAIN, N_VAL, TRUE_ANGLE_DEG, load_digits, small_cnn, turned


@pytest.fixture(scope="module")
def data() -> DemoData:
    return load_digits(0)


def test_is_registered() -> None:
    assert get_demo("vision").name == "vision"


def test_sizes_and_values(data: DemoData) -> None:
    assert data.train_x.shape == (N_TRAIN, 1, IMAGE_SIZE, IMAGE_SIZE)
    assert data.val_x.shape[0] == N_VAL
    assert data.test_x.shape[0] == 1797 - N_TRAIN - N_VAL
    for part in (data.train_x, data.val_x, data.test_x):
        assert part.dtype == torch.float32
        assert 0 <= part.min() < 0.01
        assert 0.9 < part.max() <= 1
    assert data.train_y.unique().tolist() == list(range(10))


def test_seed_turns_training_images_only(data: DemoData) -> None:
    other = load_digits(1)
    assert torch.equal(data.test_x, other.test_x)
    assert torch.equal(data.val_x, other.val_x)
    assert torch.equal(data.train_y, other.train_y)
    assert not torch.equal(data.train_x, other.train_x)
    assert torch.equal(data.train_x, load_digits(0).train_x)


def test_parts_make_up_the_data_set(data: DemoData) -> None:
    labels = torch.cat([data.train_y, data.val_y, data.test_y])
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_turned_within_the_true_angle() -> None:
    bar = torch.zeros(200, 1, 33, 33)
    bar[:, :, 16, 17:] = 1.0
    after = turned(bar, augrad.keyed_generator("test"))
    rows, columns = torch.meshgrid(torch.arange(33.0) - 16, torch.arange(33.0) - 16, indexing="ij")
    mass = after.sum(dim=(1, 2, 3))
    angles = torch.atan2(-(after[:, 0] * rows).sum(dim=(1, 2)) / mass, (after[:, 0] * columns).sum(dim=(1, 2)) / mass)
    degrees = torch.rad2deg(angles)
    assert degrees.abs().max() <= TRUE_ANGLE_DEG + 1
    assert degrees.min() < -50
    assert degrees.max() > 50
    assert abs(degrees.mean()) < 8


def test_network() -> None:
    network = small_cnn()
    assert network(torch.rand(3, 1, IMAGE_SIZE, IMAGE_SIZE)).shape == (3, 10)
    assert sum(p.numel() for p in network.parameters()) < 20_000


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_takes_a_step(rule: str, data: DemoData) -> None:
    model = build_model(rule, DEMO, build_transforms(DEMO, {}), 0).train()
    torch.nn.functional.cross_entropy(model(data.train_x[:16]), data.train_y[:16]).backward()
    assert all(p.grad is not None for p in model.trunk.parameters())


def test_missing_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if name.partition(".")[0] == "sklearn":
            raise ImportError(name)
        return imported(name, globals, locals, fromlist or (), level)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'augrad-vision\[demo\]'"):
        load_digits(0)


def test_runs_through(tmp_path: Path, data: DemoData) -> None:
    small = DemoData(
        data.train_x[:32], data.train_y[:32], data.test_x[:32], data.test_y[:32], data.val_x[:32], data.val_y[:32]
    )
    demo = dataclasses.replace(DEMO, load=lambda seed: small, epochs=1, copies=2, seeds=(0,))
    result = run_demo(demo, output=tmp_path, console=Console(file=io.StringIO()))
    assert [run.rule for run in result.runs] == list(RULES)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<image") == 1 + 3 * N_ORBIT_COPIES
    (true,) = result.true_reaches
    assert (true.transform, true.high, true.unit) == ("vision.rotate", pytest.approx(60.0), "deg")
