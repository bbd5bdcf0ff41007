"""Tests of every benchmark task on graphs: its data, what lies on them, its candidates, its trunk."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from augrad import batch
from augrad.bench import Task
from augrad.demo import DemoData
from augrad.demo.rules import build_transforms, fitted_arguments
from augrad.plugins.registry import get_task
from augrad_graph.backend import Batch
from augrad_graph.plugin import augrad_tasks
from augrad_graph.tasks.network import PlaceNetwork
from augrad_graph.trunks import check_trunk

SIZES = {
    "graph-digits-direction": (160, 383, 8),
    "graph-digits-limit": (120, 781, 5),
    "graph-digits-size": (120, 776, 5),
    "graph-leaves-rotation": (150, 292, 6),
    "graph-vowels-loss": (120, 520, 9),
}
DISTURBED = sorted(set(SIZES) - {"graph-digits-direction"})


class Tasks:
    """Each task's data, loaded once: as they are, and as they would be without the nuisance, or turns."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, int, bool], DemoData] = {}

    def load(self, name: str, seed: int = 0, *, clean: bool = False) -> DemoData:
        key = (name, seed, clean)
        if key not in self._loaded:
            with pytest.MonkeyPatch.context() as patch:
                module: Any = importlib.import_module(augrad_tasks()[name].partition(":")[0])
                if clean and name not in DISTURBED:
                    patch.setattr(module, "placement", lambda label: torch.eye(3).expand(len(label), 3, 3))
                elif clean:
                    patch.setattr(module, "disturbed_data", lambda name, seed, data, transform, **reach: data)
                self._loaded[key] = get_task(name).load(seed)
        return self._loaded[key]


@pytest.fixture(scope="module")
def tasks() -> Tasks:
    return Tasks()


def tensors(graphs: Batch) -> list[torch.Tensor]:
    return [graphs[key] for key in ("x", "pos", "edge_index", "edge_weight", "batch") if key in graphs]


def same(first: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(other), strict=True))


def samples(graphs: Batch) -> list[tuple[float, ...]]:
    return [
        tuple(torch.cat([each.x, each.get("pos", each.x)], dim=1).flatten().tolist()) for each in graphs.to_data_list()
    ]


def test_these_are_the_tasks() -> None:
    assert set(augrad_tasks()) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
class TestData:
    def test_sizes_and_values(self, name: str, tasks: Tasks) -> None:
        data = tasks.load(name)
        n_train, n_test, n_classes = SIZES[name]
        for x, y, n_samples in ((data.train_x, data.train_y, n_train), (data.test_x, data.test_y, n_test)):
            assert batch.count(x) == len(y) == n_samples
            assert y.unique().tolist() == list(range(n_classes))
            assert x.x.dtype == x.edge_weight.dtype == torch.float32
            assert all(part.isfinite().all() for part in tensors(x))
            assert x.ptr.diff().float().mean() < 30

    def test_graphs_are_undirected_and_without_loops(self, name: str, tasks: Tasks) -> None:
        index = tasks.load(name).test_x.edge_index
        pairs = set(map(tuple, index.T.tolist()))
        assert len(pairs) == index.shape[1]
        assert all((b, a) in pairs and a != b for a, b in pairs)

    def test_no_sample_is_in_both_splits(self, name: str, tasks: Tasks) -> None:
        clean = tasks.load(name, clean=True)
        known = set(samples(clean.train_x))
        assert len(known) == SIZES[name][0]
        assert not any(each in known for each in samples(clean.test_x))

    def test_is_the_same_each_time(self, name: str, tasks: Tasks) -> None:
        data, again = tasks.load(name), get_task(name).load(0)
        assert same(data.train_x, again.train_x)
        assert same(data.test_x, again.test_x)
        assert torch.equal(data.train_y, again.train_y)
        assert torch.equal(data.test_y, again.test_y)

    def test_split_and_test_samples_are_those_of_every_seed(self, name: str, tasks: Tasks) -> None:
        data, other = tasks.load(name), tasks.load(name, 1)
        assert same(data.test_x, other.test_x)
        assert torch.equal(data.train_y, other.train_y)
        assert same(data.train_x, other.train_x) == (name not in DISTURBED)


@pytest.mark.parametrize("name", DISTURBED)
def test_nuisance_lies_on_training_and_test_alike(name: str, tasks: Tasks) -> None:
    data, clean = tasks.load(name), tasks.load(name, clean=True)
    for part in ("train_x", "test_x"):
        before, after = samples(getattr(clean, part)), samples(getattr(data, part))
        changed = sum(a != b for a, b in zip(before, after, strict=True))
        assert changed > 0.85 * len(before)


@pytest.mark.parametrize("name", SIZES)
class TestTask:
    def test_builds_its_transforms_around_the_truth(self, name: str, tasks: Tasks) -> None:
        task = get_task(name)
        assert isinstance(task, Task)
        assert task.name == name
        transforms = build_transforms(task, fitted_arguments(task, tasks.load(name).train_x))
        assert list(transforms) == list(task.transforms)
        assert 3 <= len(transforms) <= 6
        for true, parameters in task.oracle.items():
            assert parameters.keys() == transforms[true].ranges.keys()
            assert all(value in transforms[true].ranges[key] for key, value in parameters.items())
            # A full turn is all there is.
            if name != "graph-leaves-rotation":
                assert all(value < transforms[true].ranges[key].high for key, value in parameters.items())

    def test_trunk_takes_a_step_on_what_every_candidate_makes(self, name: str, tasks: Tasks) -> None:
        task, data = get_task(name), tasks.load(name)
        trunk = task.trunk()
        assert isinstance(trunk, PlaceNetwork)
        eight = batch.select(data.train_x, torch.arange(8))
        generator = torch.Generator().manual_seed(0)
        for transform in build_transforms(task, task.arguments).values():
            values = {key: torch.full((8,), own.identity + own.span / 2) for key, own in transform.ranges.items()}
            noise = transform.draw_noise(eight, generator)
            after = transform(eight, **values, **({} if noise is None else {"noise": noise}))
            check_trunk(trunk, transform, eight)
            logits = trunk(after)
            assert logits.shape == (8, SIZES[name][2])
            torch.nn.functional.cross_entropy(logits, data.train_y[:8]).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in trunk.parameters())


def test_kinds() -> None:
    kinds = {name: get_task(name).kind for name in SIZES}
    assert sorted(kinds.values()) == ["invariance"] * 3 + ["limit", "nothing"]
    assert kinds["graph-digits-limit"] == "limit"
    assert kinds["graph-digits-direction"] == "nothing"
    true = [set(get_task(name).oracle) for name, kind in kinds.items() if kind == "invariance"]
    assert len(set.union(*true)) == 3
