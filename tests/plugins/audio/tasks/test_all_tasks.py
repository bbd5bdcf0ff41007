"""What holds for every benchmark task on signals: its data, its truth, its candidates, its trunk."""

from __future__ import annotations

import sys

import pytest
import torch
from torch.nn.functional import cross_entropy

from augrad.bench import Task
from augrad.demo import DemoData
from augrad.demo.rules import build_transforms, build_trunk, fitted_arguments
from augrad.plugins.registry import get_task
from augrad_audio.plugin import augrad_tasks
from augrad_audio.tasks import appliances, digits, power, vowels

SIZES = {
    "audio-digits-gain": ((100, 1, 2000), 960, 10),
    "audio-appliances-shift": ((200, 1, 200), 859, 11),
    "audio-vowels-offset": ((54, 12, 16), 586, 9),
    "audio-power-limit": ((100, 1, 24), 996, 8),
    "audio-switches-nothing": ((200, 1, 200), 610, 8),
}
"""Training signals, number of test signals, classes."""

_TASKS = (digits.GAIN, appliances.SHIFT, vowels.OFFSET, power.LIMIT, appliances.NOTHING)


@pytest.fixture(params=_TASKS, ids=lambda task: task.name, scope="module")
def task(request: pytest.FixtureRequest) -> Task:
    found: Task = request.param
    return found


@pytest.fixture(scope="module")
def data(task: Task) -> DemoData:
    return task.load(0)


def test_are_registered(task: Task) -> None:
    assert get_task(task.name) == task
    assert task.name in augrad_tasks()


def test_three_kinds_of_truth() -> None:
    assert len(augrad_tasks()) == len(_TASKS)
    assert sorted(task.kind for task in _TASKS) == ["invariance", "invariance", "invariance", "limit", "nothing"]
    assert len({name for task in _TASKS for name in task.oracle if task.kind == "invariance"}) == 3


def test_sizes_and_values(task: Task, data: DemoData) -> None:
    shape, n_test, n_classes = SIZES[task.name]
    assert data.train_x.shape == shape
    assert data.test_x.shape == (n_test, *shape[1:])
    assert data.train_x.isfinite().all()
    assert data.test_x.isfinite().all()
    for y in (data.train_y, data.test_y):
        assert (y.bincount(minlength=n_classes) > 0).all()
        assert y.max() == n_classes - 1


def test_seed_changes_the_training_nuisance_alone(task: Task, data: DemoData) -> None:
    again, other = task.load(0), task.load(1)
    for part in ("train_x", "train_y", "test_x", "test_y"):
        assert torch.equal(getattr(again, part), getattr(data, part))
        assert torch.equal(getattr(other, part), getattr(data, part)) == (part != "train_x")


def test_no_signal_is_in_both_parts(data: DemoData) -> None:
    signals = torch.cat([data.train_x, data.test_x]).flatten(1)
    assert len(signals.unique(dim=0)) == len(signals)


def test_truth_lies_in_the_ranges_and_ends_before_them(task: Task, data: DemoData) -> None:
    transforms = build_transforms(task, fitted_arguments(task, data.train_x))
    assert tuple(transforms) == task.transforms
    for name, parameters in task.oracle.items():
        assert parameters.keys() == transforms[name].ranges.keys()
        assert all(value < transforms[name].ranges[key].bounds[1] for key, value in parameters.items())


def test_candidates_change_signals_and_keep_their_shape(task: Task, data: DemoData) -> None:
    x = data.train_x[:4]
    for transform in build_transforms(task, fitted_arguments(task, data.train_x)).values():
        noise = transform.draw_noise(x, torch.Generator().manual_seed(0))
        far = {key: torch.full((4,), _far(each.bounds, each.identity)) for key, each in transform.ranges.items()}
        if transform.name == "audio.channel_gain":
            far = {key: value[:, None].expand(-1, x.shape[1]) for key, value in far.items()}
        changed = transform.eval()(x, **far) if noise is None else transform.eval()(x, **far, noise=noise)
        assert changed.shape == x.shape
        assert changed.isfinite().all()
        assert not torch.allclose(changed, x, atol=1e-2)


def test_trunk_takes_a_step(task: Task, data: DemoData) -> None:
    trunk = build_trunk(task, 0)
    output = trunk(data.train_x[:16])
    assert output.shape == (16, SIZES[task.name][2])
    cross_entropy(output, data.train_y[:16]).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trunk.parameters())


@pytest.mark.parametrize("task", [task for task in _TASKS if task.oracle], ids=lambda task: task.name)
def test_trunk_sees_the_nuisance(task: Task) -> None:
    data = task.load(0)
    transforms = build_transforms(task, fitted_arguments(task, data.train_x))
    x, trunk = data.test_x[:8], build_trunk(task, 0).eval()
    for name, true in task.oracle.items():
        moved = transforms[name](x, **{key: torch.full((8,), value) for key, value in true.items()})
        assert (trunk(moved) - trunk(x)).abs().max() > 1e-2


def test_packages_are_not_imported(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sktime", "espeakng_loader"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    task.load(2)
    assert not {"sktime", "espeakng_loader"} & {*sys.modules}


def _far(bounds: tuple[float, float], identity: float) -> float:
    """The end of a range that is farther from the identity."""
    return max(bounds, key=lambda value: abs(value - identity))
