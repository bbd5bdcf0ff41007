"""All tasks of the tabular plugin: rows, splits, candidates, truth; what is special to each is tested beside this."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from augrad.bench import Task
from augrad.demo.rules import build_model, build_transforms, fitted_arguments
from augrad.demo.trial import train
from augrad.plugins.registry import get_task
from augrad_tabular.plugin import augrad_tasks

SIZES = {
    "tabular-digits-light": (100, 1697, 64, 10),
    "tabular-digits-ink": (200, 1597, 64, 3),
    "tabular-cells-magnification": (60, 509, 29, 1),
    "tabular-wine-instruments": (40, 4 * 138, 13, 3),
    "tabular-penguins-sizes": (60, 2 * 282, 4, 6),
}
"""Rows to train on and to test on, columns, outputs."""

KINDS = {"tabular-penguins-sizes": "limit", "tabular-digits-ink": "nothing"}
NAMES = tuple(SIZES)
NOTHING = tuple(name for name, kind in KINDS.items() if kind == "nothing")


@pytest.fixture(params=NAMES)
def task(request: pytest.FixtureRequest) -> Task:
    return get_task(request.param)


def test_are_those_that_the_plugin_declares() -> None:
    assert set(augrad_tasks()) == set(NAMES)


def test_kind_and_name(task: Task) -> None:
    assert task.name in NAMES
    assert task.kind == KINDS.get(task.name, "invariance")
    assert task.draw is not None


def test_sizes_and_values(task: Task) -> None:
    n_train, n_test, n_columns, n_outputs = SIZES[task.name]
    data = task.load(0)
    assert data.train_x.shape == (n_train, n_columns)
    assert data.test_x.shape == (n_test, n_columns)
    for part in (data.train_x, data.test_x):
        assert part.dtype == torch.float32
        assert part.isfinite().all()
    if data.classifies:
        assert set(data.train_y.tolist()) == set(data.test_y.tolist()) == set(range(n_outputs))
    else:
        assert data.train_y.shape == (n_train, n_outputs)


def test_seed_changes_the_nuisance_of_training_rows_only(task: Task) -> None:
    data, again, other = task.load(0), task.load(0), task.load(1)
    for name in ("train_y", "test_x", "test_y"):
        assert torch.equal(getattr(data, name), getattr(other, name))
    assert torch.equal(data.train_x, again.train_x)
    assert torch.equal(data.train_x, other.train_x) == (task.kind == "nothing")


def test_transforms_are_built_and_act(task: Task) -> None:
    data = task.load(0)
    transforms = build_transforms(task, fitted_arguments(task, data.train_x))
    assert set(transforms) == set(task.transforms)
    for transform in transforms.values():
        transform.validate(data.test_x)


def test_truth_lies_within_the_declared_range_and_the_range_beyond_it(task: Task) -> None:
    transforms = build_transforms(task, fitted_arguments(task, task.load(0).train_x))
    for name, parameters in task.oracle.items():
        assert parameters.keys() == transforms[name].ranges.keys()
        for key, value in parameters.items():
            farthest = torch.as_tensor(value).max().item()
            assert 0 < farthest <= transforms[name].ranges[key].high / 1.5


def test_network_takes_far_values(task: Task) -> None:
    _, _, n_columns, n_outputs = SIZES[task.name]
    outputs = task.trunk()(1e4 * torch.rand(5, n_columns))
    assert outputs.shape == (5, n_outputs)
    assert outputs.isfinite().all()


@pytest.mark.parametrize(
    ("name", "rule"),
    [(name, rule) for name in NAMES for rule in ("none", "oracle") if rule == "none" or name not in NOTHING],
)
def test_trains(name: str, rule: str) -> None:
    task = get_task(name)
    data = task.load(0)
    transforms = build_transforms(task, fitted_arguments(task, data.train_x))
    model = build_model(rule, task, transforms, 0, aggregation="log_prob" if data.classifies else "mean")
    history = train(model, dataclasses.replace(task, epochs=8), data, 0, penalty=None).history
    assert history[-1]["train_loss"] < history[0]["train_loss"]
