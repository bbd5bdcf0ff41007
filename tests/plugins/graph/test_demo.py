"""Tests of the graph demo: molecules as formulas, their turning, the network, and that the whole harness runs."""

from __future__ import annotations

import dataclasses
import functools
import io
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from augrad import batch, keyed_generator
from augrad.demo import DemoData, run_demo
from augrad.demo.rules import RULES, build_model, build_transforms
from augrad.demo.run import N_ORBIT_COPIES
from augrad.errors import MissingDependencyError
from augrad.plugins.registry import get_demo
from augrad_graph import demo
from augrad_graph.backend import Batch, Data
from augrad_graph.demo import (
    DEMO,
    ELEMENTS,
    N_FEATURES,
    N_TEST,
    N_TRAIN,
    N_VAL,
    formula,
    load_molecules,
    read_molecules,
    turned,
)

PARTS = {"train": N_TRAIN, "val": N_VAL, "test": N_TEST}


@pytest.fixture(scope="module")
def molecules() -> tuple[Batch, Tensor]:
    return read_molecules(sum(PARTS.values()))


@pytest.fixture(scope="module", autouse=True)
def _read_once(molecules: tuple[Batch, Tensor]) -> Iterator[None]:
    """RDKit draws the molecules once for all tests of `load_molecules`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "read_molecules", {sum(PARTS.values()): molecules}.__getitem__)
        yield


@pytest.fixture(scope="module")
def data(_read_once: None) -> DemoData:
    return load_molecules(0)


def angles(before: Batch, after: Batch) -> np.ndarray:
    """By how much each graph was turned, in degrees, from x towards y."""
    old, new = (torch.view_as_complex(each.pos.double()) for each in (before, after))
    products = torch.zeros(batch.count(before), dtype=old.dtype).index_add_(0, before.batch, new * old.conj())
    return np.rad2deg(products.angle().numpy())


def test_is_registered() -> None:
    assert get_demo("graph") == DEMO


class TestData:
    @pytest.mark.parametrize(("part", "n_molecules"), PARTS.items())
    def test_sizes_and_values(self, part: str, n_molecules: int, data: DemoData) -> None:
        x, y = getattr(data, f"{part}_x"), getattr(data, f"{part}_y")
        assert batch.count(x) == len(y) == n_molecules
        assert (x.x.dtype, x.pos.dtype, x.edge_weight.dtype, y.dtype) == (*[torch.float32] * 3, torch.long)
        assert (x.x.shape[1], x.pos.shape[1]) == (N_FEATURES, 2)
        assert all(values.isfinite().all() for values in (x.x, x.pos, x.edge_weight))
        assert (x.ptr.diff() >= 4).all()
        assert set(x.edge_weight.unique().tolist()) <= {1.0, 1.5, 2.0, 3.0}
        assert 0.55 < y.float().mean() < 0.75

    def test_no_test_formula_is_in_training(self, molecules: tuple[Batch, Tensor]) -> None:
        # Mirror images are molecules of their own in the table, but drawn alike.
        drawn = [(tuple(g.x.flatten().tolist()), tuple(g.pos.flatten().tolist())) for g in molecules[0].to_data_list()]
        known = set(drawn[:N_TRAIN])
        assert not any(each in known for each in drawn[-N_TEST:])

    def test_seed_turns_training_formulas_only(self, data: DemoData) -> None:
        other = load_molecules(1)
        for name in ("train_y", "val_y", "test_y"):
            assert torch.equal(getattr(data, name), getattr(other, name))
        assert torch.equal(data.test_x.pos, other.test_x.pos)
        assert torch.equal(data.val_x.pos, other.val_x.pos)
        assert not torch.equal(data.train_x.pos, other.train_x.pos)
        assert torch.equal(data.train_x.x, other.train_x.x)
        assert torch.equal(data.train_x.pos, load_molecules(0).train_x.pos)

    def test_formulas_are_turned_by_any_angle(self, data: DemoData, molecules: tuple[Batch, Tensor]) -> None:
        before = batch.select(molecules[0], torch.arange(N_TRAIN))
        found = angles(before, data.train_x)
        assert torch.allclose(data.train_x.pos.norm(dim=1), before.pos.norm(dim=1), atol=1e-4)
        quarters, _ = np.histogram(found, bins=4, range=(-180, 180))
        assert quarters.sum() == N_TRAIN
        assert quarters.min() > 0.7 * N_TRAIN / 4

    def test_turning_leaves_the_rest(self, molecules: tuple[Batch, Tensor]) -> None:
        before = batch.select(molecules[0], torch.arange(5))
        after = turned(before, keyed_generator("test"))
        for name in ("x", "edge_index", "edge_weight", "batch"):
            assert torch.equal(after[name], before[name])

    def test_b3db_is_not_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(sys.modules, "B3DB", raising=False)
        read_molecules(1)
        assert "B3DB" not in sys.modules

    @pytest.mark.parametrize("missing", ["B3DB", "rdkit"])
    def test_missing_packages(self, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
        there = ModuleSpec("B3DB", None, is_package=True)
        there.submodule_search_locations = ["somewhere"]
        monkeypatch.setattr(demo, "find_spec", lambda name: None if name == missing else there)
        with pytest.raises(MissingDependencyError, match=r"B3DB.*RDKit.*pip install 'augrad-graph\[demo\]'"):
            read_molecules(1)


class TestFormula:
    def test_phenol(self) -> None:
        _, graph = formula("Oc1ccccc1")
        assert isinstance(graph, Data)
        assert graph.x.shape == (7, N_FEATURES)
        assert graph.x[:, ELEMENTS.index("O")].tolist() == [1, 0, 0, 0, 0, 0, 0]
        assert graph.x[:, ELEMENTS.index("C")].tolist() == [0, 1, 1, 1, 1, 1, 1]
        other, aromatic, hydrogens, charge, in_ring = graph.x[:, len(ELEMENTS) :].T.tolist()
        assert other == charge == [0.0] * 7
        assert aromatic == in_ring == [0, 1, 1, 1, 1, 1, 1]
        assert hydrogens == [0.5, 0, 0.5, 0.5, 0.5, 0.5, 0.5]
        assert sorted(graph.edge_weight.tolist()) == [1.0] * 2 + [1.5] * 12

    def test_bonds_run_both_ways_with_their_order(self) -> None:
        _, graph = formula("C=CC#N")
        assert graph is not None
        ends, orders = graph.edge_index.T.tolist(), graph.edge_weight.tolist()
        weights = {tuple(pair): order for pair, order in zip(ends, orders, strict=True)}
        assert weights == {(0, 1): 2, (1, 0): 2, (1, 2): 1, (2, 1): 1, (2, 3): 3, (3, 2): 3}

    def test_places_are_those_of_a_page(self) -> None:
        _, graph = formula("CCCCCC")
        assert graph is not None
        lengths = (graph.pos[graph.edge_index[0]] - graph.pos[graph.edge_index[1]]).norm(dim=1)
        assert torch.allclose(lengths, torch.full_like(lengths, 1.5), atol=0.01)
        assert graph.pos.mean(dim=0).abs().max() < 1e-5

    def test_rare_elements_and_charges(self) -> None:
        _, graph = formula("C[Si](C)(C)C[O-]")
        assert graph is not None
        assert graph.x[:, len(ELEMENTS)].tolist() == [0, 1, 0, 0, 0, 0]
        assert graph.x[:, len(ELEMENTS) + 3].tolist() == [0, 0, 0, 0, 0, -1]

    def test_atoms_without_a_bond(self) -> None:
        _, graph = formula("[Na+].[Na+].[Cl-].[Cl-]")
        assert graph is not None
        assert graph.edge_index.shape == (2, 0)
        assert graph.edge_weight.shape == (0,)

    @pytest.mark.parametrize("smiles", ["no molecule", "C1CC", "C(C)(C)(C)(C)(C)C", "", "CCO"])
    def test_what_cannot_be_read_or_is_too_small_is_left_out(
        self, smiles: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert formula(smiles)[1] is None
        assert capfd.readouterr().err == ""

    def test_the_table_is_read_past_such_rows(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = ["no molecule\tBBB+", "CCCC\tBBB+", "CCO\tBBB-", "CCCO\tBBB-"]
        table = "\n".join(["SMILES\tBBB+/BBB-", *rows])
        (tmp_path / "B3DB_classification.tsv").write_text(table)
        there = ModuleSpec("B3DB", None, is_package=True)
        there.submodule_search_locations = [str(tmp_path)]
        monkeypatch.setattr(demo, "find_spec", lambda name: there)
        graphs, crosses = read_molecules(4)
        oxygens = [int(graph.x[:, ELEMENTS.index("O")].sum()) for graph in graphs.to_data_list()]
        assert sorted(zip(oxygens, crosses.tolist(), strict=True)) == [(0, 1), (1, 0)]


class TestTask:
    def test_truth_lies_in_the_ranges(self) -> None:
        transforms = build_transforms(DEMO, DEMO.arguments)
        assert set(transforms) == set(DEMO.transforms)
        assert {*DEMO.oracle} <= {*DEMO.transforms}
        for name, parameters in DEMO.oracle.items():
            assert parameters.keys() == transforms[name].ranges.keys()
            assert all(value in transforms[name].ranges[key] for key, value in parameters.items())

    def test_network(self, data: DemoData) -> None:
        network = DEMO.trunk().eval()
        three = batch.select(data.test_x, torch.arange(3))
        assert network(three).shape == (3, 2)
        assert torch.allclose(network(three)[1:2], network(batch.select(three, torch.tensor([1]))), atol=1e-5)

    def test_network_sees_places_and_bonds(self, data: DemoData) -> None:
        network = DEMO.trunk().eval()
        three = batch.select(data.test_x, torch.arange(3))
        before = network(three)
        for name in ("pos", "edge_weight"):
            changed = three.clone()
            changed[name] = -changed[name]
            assert (network(changed) - before).abs().max() > 1e-3

    @pytest.mark.parametrize("rule", RULES)
    def test_every_rule_takes_a_step(self, rule: str, data: DemoData) -> None:
        model = build_model(rule, DEMO, build_transforms(DEMO, {}), 0).train()
        eight = batch.select(data.train_x, torch.arange(8))
        torch.nn.functional.cross_entropy(model(eight), data.train_y[:8]).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.trunk.parameters())


def test_runs_through(tmp_path: Path, data: DemoData) -> None:
    some = torch.arange(24)
    x = {name: batch.select(getattr(data, f"{name}_x"), some) for name in PARTS}
    y = {name: getattr(data, f"{name}_y")[some] for name in PARTS}
    small = DemoData(x["train"], y["train"], x["test"], y["test"], x["val"], y["val"])
    drawn: list[bool] = []

    @functools.wraps(DEMO.draw)
    def draw(axes: Any, *args: Any, original: Any = None, **kwargs: Any) -> None:
        DEMO.draw(axes, *args, original=original, **kwargs)
        assert axes.collections
        drawn.append(original is not None)

    short = dataclasses.replace(DEMO, load=lambda seed: small, epochs=20, copies=2, draw=draw)
    result = run_demo(short, quick=True, output=tmp_path, console=Console(file=io.StringIO()))
    assert [(run.rule, len(run.history)) for run in result.runs] == [(rule, 2) for rule in RULES]
    originals, copies = drawn.count(False), drawn.count(True)
    assert copies == 3 * N_ORBIT_COPIES * originals > 0
    assert "<svg" in (tmp_path / "report.html").read_text()
    (true,) = result.true_reaches
    assert (true.transform, true.low, true.high, true.unit) == ("graph.position_rotate", -180.0, 180.0, "deg")
