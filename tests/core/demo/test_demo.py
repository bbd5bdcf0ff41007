"""Tests of augrad.demo: the task, the rules, what is measured, what is printed and written."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from rich.console import Console
from tests.core.demo_task import LENGTH, SHORT, Pair, load_numbers, pair_demo, tiny_demo
from torch import nn

from augrad.demo import Demo, DemoData, DemoResult, run_demo, run_demos
from augrad.demo.learned import Reach, drawn_totals, equivalent_reach, learned_ranges, reach, reaches
from augrad.demo.results import Run, mean_and_sd
from augrad.demo.rules import RULES, build_loader, build_model, build_transforms, candidates, fitted_arguments
from augrad.demo.run import N_ORBIT_COPIES
from augrad.demo.trial import score, train_rule
from augrad.demo.words import extent, interval, number, policy_rows, rule_rows, score_heading, verdict
from augrad.errors import (
    ArgumentError,
    ArgumentTypeError,
    InputError,
    LayerError,
    MagnitudeError,
    MissingDependencyError,
    StorageError,
    UnknownTransformError,
)
from augrad.learning.leave_one_out.evidence import Evidence
from augrad.model import InvariantModel
from augrad.policies.policy import PolicyRow
from augrad.report.words import percent


def quiet() -> Console:
    return Console(file=io.StringIO(), width=100)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoResult, Path, str]:
    """A demo run once: result, directory, what was printed."""
    directory = tmp_path_factory.mktemp("demo") / "made" / "on the way"
    console = quiet()
    result = run_demo(tiny_demo(), output=directory, console=console)
    return result, directory, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares drawing, which takes longer than the trainings."""
    monkeypatch.setattr("augrad.demo.page.document.render", lambda findings: "")
    monkeypatch.setattr("augrad.demo.page.overview.overview_png", lambda findings: b"")


def run(rule: str, seed: int, score: float, seconds: float = 1.0, policy: tuple[PolicyRow, ...] = ()) -> Run:
    return Run(rule, seed, score, seconds, 0.5, 0.75, (), (), policy)


def result_of(scores: dict[str, tuple[float, ...]], metric: str = "accuracy") -> DemoResult:
    rows = (PolicyRow(0, "demo_test.offset", "level", 1.0, 0.5, -1.0, 1.0, "V"),)
    runs = [
        run(rule, seed, value, 1.0 + seed + 2 * (rule == "augrad"), rows)
        for rule, values in scores.items()
        for seed, value in enumerate(values)
    ]
    demo = tiny_demo(n_layers=1)
    return DemoResult(demo, tuple(runs), metric, build_transforms(demo, SHORT))


def model_of(rule: str, demo: Demo, seed: int = 0, **options: str) -> InvariantModel:
    return build_model(rule, demo, build_transforms(demo, SHORT), seed, **options)


class TestTask:
    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"name": "../up"}, "name must be a letter followed by"),
            ({"epochs": 0}, "epochs must be an int of at least 1, but got 0"),
            ({"copies": True}, "copies must be an int"),
            ({"batch_size": 1.5}, "batch_size must be an int"),
            ({"n_layers": -1}, "n_layers must be an int"),
            ({"transforms": ()}, "transforms must name at least one candidate"),
            ({"oracle": {}}, "oracle must name at least one transform"),
            ({"seeds": ()}, "seeds must hold at least one int and none twice"),
        ],
    )
    def test_rejects(self, changed: dict[str, object], message: str, unchecked: None) -> None:
        with pytest.raises(ArgumentError, match=message):
            tiny_demo(**changed)

    def test_data_must_match(self) -> None:
        x, y = torch.zeros(3, 2), torch.zeros(3, dtype=torch.long)
        with pytest.raises(InputError, match=r"train_x and train_y must hold the same number.* 3 and 2"):
            DemoData(x, y[:2], x, y)
        with pytest.raises(InputError, match="test_x and test_y must hold"):
            DemoData(x, y, x[:0], y[:0])
        with pytest.raises(InputError, match=r"val_x and val_y must hold.* 3 and 0"):
            DemoData(x, y, x, y, val_x=x)

    def test_knows_classes_from_numbers(self) -> None:
        x = torch.zeros(2, 2)
        assert DemoData(x, torch.zeros(2, dtype=torch.long), x, torch.zeros(2, dtype=torch.long)).classifies
        assert not DemoData(x, torch.zeros(2), x, torch.zeros(2)).classifies


class TestRules:
    def test_same_trunk_for_one_seed(self) -> None:
        weights = [model_of(rule, tiny_demo(), 3).trunk.state_dict() for rule in RULES]
        assert all(torch.equal(weights[0]["weight"], other["weight"]) for other in weights)
        assert not torch.equal(weights[0]["weight"], model_of("none", tiny_demo(), 4).trunk.state_dict()["weight"])

    def test_global_generator_is_put_back(self) -> None:
        before = torch.get_rng_state()
        model_of("augrad", tiny_demo())
        assert torch.equal(before, torch.get_rng_state())

    def test_none_leaves_the_input_as_it_is(self) -> None:
        model, x = model_of("none", tiny_demo(), aggregation="mean"), torch.rand(5, LENGTH)
        assert torch.equal(model.train()(x), model.trunk(x))
        assert not any(p.requires_grad for p in model.augmentation.parameters())

    def test_oracle_is_the_truth_and_fixed(self) -> None:
        demo = tiny_demo(oracle={"demo_test.offset": {"level": 1.0}, "demo_test.damp": {"loss": 0.25}})
        model = model_of("oracle", demo)
        rows = {(row.transform, row.parameter): row for row in model.policy}
        assert len(model.augmentation) == 2
        assert rows["demo_test.offset", "level"].high == pytest.approx(1.0)
        assert rows["demo_test.damp", "loss"].high == pytest.approx(0.25)
        assert rows["demo_test.damp", "each[a]"].high == 0.0
        assert not any(p.requires_grad for p in model.augmentation.parameters())

    def test_oracle_per_axis_entry(self) -> None:
        each = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
        model = model_of("oracle", tiny_demo(oracle={"demo_test.damp": {"each": each}}))
        found = {row.parameter: row.high for row in model.policy}
        assert found == pytest.approx({"loss": 0.0, **{f"each[{n}]": e for n, e in zip("abcdef", each, strict=True)}})
        with pytest.raises(ArgumentError, match="each has 6 entries, but got 2 values"):
            model_of("oracle", tiny_demo(oracle={"demo_test.damp": {"each": [0.1, 0.2]}}))

    def test_oracle_without_parameters_meets_every_other_sample(self) -> None:
        model = model_of("oracle", tiny_demo(oracle={"demo_test.reverse": {}}))
        x = torch.arange(6.0).expand(400, -1)
        reversed_ = (model.augmentation.eval()(x)[:, 0] == 5).float().mean()
        assert 0.4 < reversed_ < 0.6

    def test_arguments_reach_the_transforms(self) -> None:
        seen = []

        def fitted(train_x: torch.Tensor) -> dict[str, int]:
            seen.append(train_x)
            return {"length": train_x.shape[1]}

        x = torch.zeros(2, 4)
        demo = tiny_demo(arguments=fitted)
        built = build_transforms(demo, fitted_arguments(demo, x))
        assert seen == [x]
        assert list(built) == ["demo_test.offset", "demo_test.damp", "demo_test.reverse"]
        assert built["demo_test.damp"].n_features == 4
        only_oracle = tiny_demo(transforms=("demo_test.offset",), oracle={"demo_test.damp": {"loss": 0.1}})
        assert build_transforms(only_oracle, SHORT)["demo_test.damp"].n_features == LENGTH
        with pytest.raises(ArgumentError, match=r"damp needs length, which was not given"):
            build_transforms(tiny_demo(), {})

    def test_oracle_must_exist_and_fit(self) -> None:
        with pytest.raises(LayerError, match="no parameter 'volume'"):
            model_of("oracle", tiny_demo(oracle={"demo_test.offset": {"volume": 1.0}}))
        with pytest.raises(MagnitudeError, match="level must lie in"):
            model_of("oracle", tiny_demo(oracle={"demo_test.offset": {"level": 9.0}}))

    def test_candidates_stand_in_every_layer(self) -> None:
        demo = tiny_demo(n_layers=3)
        module = candidates(demo, build_transforms(demo, SHORT))
        assert [layer.names for layer in module] == [demo.transforms] * 3
        assert len({id(transform) for layer in module for transform in layer}) == 9

    def test_loader_covers_everything_once(self) -> None:
        x, y = torch.arange(10.0)[:, None], torch.arange(10)
        loader = build_loader(x, y, 4, shuffle_seed=0)
        first, second = list(loader), list(loader)
        assert [len(part) for _, part in first] == [4, 4, 2]
        assert torch.cat([part for _, part in first]).sort().values.tolist() == y.tolist()
        assert all(torch.equal(x_part[:, 0], y_part.float()) for x_part, y_part in first)
        assert not torch.equal(torch.cat([p for _, p in first]), torch.cat([p for _, p in second]))
        assert torch.equal(torch.cat([part for _, part in build_loader(x, y, 4)]), y)


class TestLearned:
    ROWS = (
        PolicyRow(0, "a.turn", "angle", 0.9, 0.5, -54.0, 54.0, "deg"),
        PolicyRow(0, "a.flip", None, 0.1, None, None, None, ""),
        PolicyRow(1, "a.turn", "angle", 0.0, 0.1, -18.0, 18.0, "deg"),
        PolicyRow(1, "a.flip", None, 1.0, None, None, None, ""),
    )

    def test_reach_is_weighted_by_use(self) -> None:
        found = reach(self.ROWS, "a.turn", "angle")
        assert (found.share, found.low, found.high, found.unit) == (0.45, -54.0, 54.0, "deg")
        assert [r.transform for r in reaches(self.ROWS)] == ["a.turn", "a.flip"]
        flip = reach(self.ROWS, "a.flip", None)
        assert (flip.share, flip.low, flip.high) == (0.55, None, None)

    def test_reach_of_what_is_never_drawn(self) -> None:
        rows = [PolicyRow(layer, "a.turn", "angle", 0.0, 0.1, 0.0, high, "deg") for layer, high in ((0, 2.0), (1, 4.0))]
        assert reach(rows, "a.turn", "angle").high == 3.0

    def test_per_feature_counts_with_its_mean(self) -> None:
        rows = [PolicyRow(0, "a.noise", f"std[{i}]", 0.5, 0.1, 0.0, float(i), "V") for i in range(3)]
        ends = {"0": (0.0, 0.0), "1": (0.0, 1.0), "2": (0.0, 2.0)}
        assert reaches(rows) == [Reach("a.noise", "std", "V", 0.5, 0.0, 1.0, ends)]
        assert list(learned_ranges(rows, "a.noise", "std")) == ["0", "1", "2"]

    @given(
        st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 50)), min_size=1, max_size=3),
        st.booleans(),
    )
    def test_range_is_that_of_the_draws(self, layers: list[tuple[float, float]], signed: bool) -> None:
        rows = [
            PolicyRow(index, "a.turn", "angle", weight, 0.1, -high if signed else 0.0, high, "deg")
            for index, (weight, high) in enumerate(layers)
        ]
        drawn = drawn_totals(rows, "a.turn", "angle", n_draws=20_000)
        widest = sum(high for _, high in layers)
        expected = np.sqrt(3 * np.mean(drawn**2))
        assert learned_ranges(rows, "a.turn", "angle") == {"": pytest.approx(expected, abs=0.04 * widest)}

    def test_range_is_measured_from_the_identity(self) -> None:
        rows = [PolicyRow(0, "a.low_pass", "cutoff", 1.0, 0.5, 2000.0, 4000.0, "Hz")]
        assert learned_ranges(rows, "a.low_pass", "cutoff", identity=4000.0)[""] == pytest.approx(2000.0)
        assert drawn_totals(rows, "a.low_pass", "cutoff", identity=4000.0).max() <= 4000.0

    def test_range_without_layers_is_nothing(self) -> None:
        assert learned_ranges([], "a.turn", "angle") == {}
        assert equivalent_reach(np.ones((2, 1)), -np.ones((2, 1)), np.ones((2, 1))).shape == (2,)


def trained(rule: str, demo: Demo, seed: int = 0, **options: Any) -> tuple[Run, InvariantModel]:
    data = demo.load(0)
    return train_rule(rule, demo, data, build_transforms(demo, fitted_arguments(demo, data.train_x)), seed, **options)


class TestTrial:
    def test_classes(self) -> None:
        epochs = []
        demo = tiny_demo(epochs=3)
        found, model = trained("augrad", demo, on_epoch=lambda: epochs.append(1))
        assert len(epochs) == len(found.history) == 3
        assert [epoch for epoch, _ in found.curve] == [1, 2, 3]
        assert 0 <= found.score <= 1
        assert found.seconds > 0
        assert found.trunk_invariance <= 1
        assert {row.transform for row in found.policy} == set(demo.transforms)
        assert model.trunk.weight.requires_grad

    def test_numbers(self) -> None:
        demo = tiny_demo(load=load_numbers, trunk=lambda: nn.Linear(LENGTH, 1))
        found, model = trained("oracle", demo)
        assert model.aggregation == "mean"
        assert "train_r2" in found.history[0]
        assert found.curve == ()
        assert found.score <= 1

    @pytest.mark.parametrize("oracle", [{"demo_test.reverse": {}}, {"demo_test.damp": {"each": [0.0, 0.1] * 3}}])
    def test_truth_of_every_kind(self, oracle: dict[str, Any]) -> None:
        found, _ = trained("none", tiny_demo(oracle=oracle, epochs=1))
        assert found.trunk_invariance == pytest.approx(found.model_invariance)
        assert found.trunk_invariance < 1

    def test_repeats_to_the_bit(self) -> None:
        demo = tiny_demo()
        (_, first), (_, second) = (trained("augrad", demo, 5) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))

    def test_only_augrad_learns_a_policy(self) -> None:
        demo = tiny_demo()
        for rule in RULES:
            before = model_of(rule, demo).policy.to_rows()
            found, _ = trained(rule, demo)
            assert ([vars(row) for row in found.policy] != before) == (rule == "augrad")

    def test_score(self) -> None:
        x, y = torch.eye(3), torch.tensor([0, 1, 0])
        assert score(nn.Identity(), x, y, 2) == pytest.approx(2 / 3)
        numbers = torch.tensor([[1.0], [2.0], [3.0]])
        assert score(nn.Identity(), numbers, numbers, 2) == 1.0
        assert score(nn.Identity(), torch.full((3, 1), 2.0), numbers, 2) == pytest.approx(0.0)
        assert score(nn.Identity(), numbers, numbers[:, 0], 2) == 1.0


class TestResults:
    def test_gain_recovery(self) -> None:
        result = result_of({"none": (0.8, 0.9), "oracle": (0.9, 1.0), "augrad": (0.85, 0.99)})
        assert result.gain_recovery == pytest.approx(0.7)
        assert result.score("none") == (pytest.approx(0.85), pytest.approx(0.0707, abs=1e-4))
        assert mean_and_sd([0.5]) == (0.5, 0.0)

    def test_no_gain_to_recover(self) -> None:
        result = result_of({"none": (0.9,), "oracle": (0.904,), "augrad": (0.95,)})
        assert result.gain_recovery is None
        assert "no gain to recover" in verdict(result)
        assert [cells[2] for cells in rule_rows(result)] == ["-", "-", "-"]
        assert score_heading([result]) == "test accuracy"

    def test_metrics_that_differ_are_named(self) -> None:
        scores = {"none": (0.8,), "oracle": (0.9,), "augrad": (0.85,)}
        numbers, classes = result_of(scores, "r2"), result_of(scores)
        assert score_heading([numbers, classes]) == "test score"
        assert rule_rows(numbers, name_metric=True)[0][1] == "0.800 r2"
        assert rule_rows(classes, name_metric=True)[0][1] == "0.800"

    def test_a_loss_is_called_one(self) -> None:
        result = result_of({"none": (0.8,), "oracle": (0.9,), "augrad": (0.7,)})
        assert "did worse than no augmentation" in verdict(result)
        assert rule_rows(result)[2][2] == "\N{MINUS SIGN}100 %"

    def test_time_is_paired_by_seed(self) -> None:
        result = result_of({"none": (0.8, 0.8), "oracle": (0.9, 0.9), "augrad": (0.7, 0.7)})
        assert result.relative_time("none") == result.relative_time("oracle") == 1.0
        assert result.relative_time("augrad") == pytest.approx((3 / 1 + 4 / 2) / 2)

    def test_truth_and_what_was_learned(self) -> None:
        result = result_of({"none": (0.8, 0.8), "oracle": (0.9, 0.9), "augrad": (0.7, 0.7)})
        (true,) = result.true_reaches
        assert (true.low, true.high, true.unit) == (-1.0, 1.0, "V")
        learned = result.learned_range(true)
        assert (learned.share, learned.low, learned.high) == (1.0, pytest.approx(-1.0), pytest.approx(1.0))
        assert abs(result.drawn(true)).max() <= 1.0
        assert [cells[3] for cells in rule_rows(result)] == ["", "offset ±1 V", "offset ±1 V"]

    def test_truth_per_axis_entry(self) -> None:
        demo = tiny_demo(n_layers=1, oracle={"demo_test.damp": {"each": (0.0, 0.0, 0.0, 0.4, 0.4, 0.4)}})
        rows = tuple(PolicyRow(0, "demo_test.damp", f"each[{n}]", 1.0, 0.1, 0.0, 0.3, "") for n in "abcdef")
        result = DemoResult(demo, (run("augrad", 0, 0.9, policy=rows),), "accuracy", build_transforms(demo, SHORT))
        (true,) = result.true_reaches
        assert true.entries == {**dict.fromkeys("abc", (0.0, 0.0)), **dict.fromkeys("def", (0.0, 0.4))}
        learned = result.learned_range(true)
        assert learned.high == pytest.approx(0.3)
        assert set(learned.entries) == set("abcdef")
        assert interval(true) == "0.2 (0 to 0.4)"

    def test_truth_without_parameters(self) -> None:
        demo = tiny_demo(oracle={"demo_test.reverse": {}})
        rows = tuple(PolicyRow(layer, "demo_test.reverse", None, 0.5, None, None, None, "") for layer in (0, 1))
        result = DemoResult(demo, (run("augrad", 0, 0.9, policy=rows),), "accuracy", build_transforms(demo, SHORT))
        (true,) = result.true_reaches
        assert extent(true) == "50 % of samples"
        assert extent(result.learned_range(true)) == "38 % of samples"


class TestWords:
    def test_intervals(self) -> None:
        def of(low: float | None, high: float | None, unit: str = "") -> str:
            return interval(Reach("a.b", "c", unit, 1.0, low, high))

        assert of(-57.3, 57.3, "deg") == "±57 deg"
        assert of(0.0, 0.25) == "0 to 0.25"
        assert of(0.0, 0.0) == "±0"
        assert of(None, None) == "no parameter"

    def test_numbers(self) -> None:
        assert [number(value) for value in (123.4, 9.87, 0.0123, -0.5)] == ["123", "9.9", "0.012", "-0.5"]
        assert percent(-1.55) == "\N{MINUS SIGN}155 %"

    def test_rare_transforms_share_a_row(self) -> None:
        rows = tuple(
            PolicyRow(0, f"demo_test.{name}", parameter, weight, 0.1, 0.0, 0.1, "")
            for name, parameter, weight in (
                ("offset", "level", 0.001),
                ("damp", "loss", 0.98),
                ("damp", "each", 0.98),
                ("reverse", "x", 0.01),
                ("odd", "y", 0.009),
            )
        )
        result = result_of({"none": (0.8,), "oracle": (0.9,), "augrad": (0.7,)})
        result = DemoResult(
            result.demo, (*result.runs[:2], run("augrad", 0, 0.7, policy=rows)), "accuracy", result.transforms
        )
        found = policy_rows(result)
        assert [cells[0] for cells in found] == ["damp, loss", "damp, each", "offset", "reverse, odd"]
        assert found[2][4] == "±1 V"
        assert found[3][1:3] == ["2 % in all", "hardly ever drawn"]


class TestRunDemo:
    def test_runs_every_rule_for_every_seed(self, ran: tuple[DemoResult, Path, str]) -> None:
        result, _, _ = ran
        assert [(found.seed, found.rule) for found in result.runs] == [(s, rule) for s in (0, 1) for rule in RULES]
        assert result.metric == "accuracy"
        assert result.orbit is not None
        assert [label for label, _ in result.orbit.rows] == ["before training", "learned", "oracle"]

    def test_prints_lines_and_one_table(self, ran: tuple[DemoResult, Path, str]) -> None:
        result, _, text = ran
        assert "[6/6] tiny, seed 1, augrad:" in text
        assert "no augmentation" in text
        assert "Learned policy" in text
        assert verdict(result).split(".")[0] in text.replace("\n", " ")
        assert "report.html" in text
        assert "\x1b" not in text

    def test_writes_three_files(self, ran: tuple[DemoResult, Path, str]) -> None:
        result, directory, _ = ran
        assert sorted(path.name for path in directory.iterdir()) == ["overview.png", "report.html", "results.json"]
        stored = json.loads((directory / "results.json").read_text())
        assert stored["schema_version"] == 3
        assert stored["skipped"] == stored["failed"] == {}
        (stored,) = stored["demos"]
        assert stored["summary"]["gain_recovery"] == result.gain_recovery
        assert stored["summary"]["learned"][0]["transform"] == "demo_test.offset"
        assert len(stored["runs"]) == 6
        assert len(stored["runs"][0]["history"]) == 2
        evidence = {run["rule"]: run["evidence"] for run in stored["runs"]}
        assert evidence["none"] is evidence["oracle"] is None
        assert Evidence.from_dict(evidence["augrad"]) == result.runs[-1].evidence
        assert "How it got there" in (page := (directory / "report.html").read_text())
        assert "Verdicts with seed 1" in page
        assert stored["environment"]["versions"]["torch"]
        assert (directory / "overview.png").read_bytes().startswith(b"\x89PNG")

    def test_quick_is_one_seed_and_few_epochs(self, tmp_path: Path, undrawn: None) -> None:
        console = quiet()
        result = run_demo(tiny_demo(epochs=20), output=tmp_path, quick=True, console=console)
        assert "A quick run: the numbers mean little." in console.file.getvalue()  # type: ignore[attr-defined]
        assert result.seeds == [0]
        assert len(result.runs[0].history) == 2
        assert result.environment["command"] == "augrad demo tiny --quick"

    def test_shows_a_bar_on_a_terminal(self, tmp_path: Path, undrawn: None) -> None:
        console = Console(file=io.StringIO(), force_terminal=True, width=100)
        run_demo(tiny_demo(), seeds=[7], output=tmp_path, console=console)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert "\x1b" in text
        assert "[1/3]" not in text

    def test_default_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undrawn: None) -> None:
        monkeypatch.chdir(tmp_path)
        run_demo(tiny_demo(epochs=1), seeds=(0,), console=quiet())
        assert (tmp_path / "runs" / "demo-tiny" / "report.html").exists()

    def test_threads_are_put_back(self, tmp_path: Path, undrawn: None) -> None:
        seen, before = [], torch.get_num_threads()

        def trunk() -> nn.Module:
            seen.append(torch.get_num_threads())
            return nn.Linear(LENGTH, 2)

        run_demo(tiny_demo(epochs=1, seeds=(0,), n_threads=2, trunk=trunk), output=tmp_path, console=quiet())
        assert set(seen) == {2}
        assert torch.get_num_threads() == before

    def test_refuses_before_training(self, tmp_path: Path) -> None:
        def trunk() -> nn.Module:
            raise AssertionError("trained")

        demo = tiny_demo(trunk=trunk)
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StorageError, match="file"):
            run_demo(demo, output=tmp_path / "file", console=quiet())
        with pytest.raises(ArgumentError, match="seeds must hold at least one int and none twice"):
            run_demo(demo, seeds=[1, 1], output=tmp_path, console=quiet())
        with pytest.raises(UnknownTransformError, match=r"demo_test\.ofset"):
            run_demo(tiny_demo(trunk=trunk, transforms=("demo_test.ofset",)), output=tmp_path, console=quiet())

    def test_refuses_a_name(self, tmp_path: Path, unchecked: None) -> None:
        with pytest.raises(ArgumentTypeError, match=r"demo must be an augrad\.demo\.Demo, but got 'vision'"):
            run_demo("vision", output=tmp_path)  # type: ignore[arg-type]

    def test_batches_that_are_no_tensors(self, tmp_path: Path) -> None:
        seen: list[Pair | None] = []

        def draw(axes: Axes, sample: Pair, *, original: Pair | None, colour: str) -> None:
            axes.plot(sample.left[0], color=colour)
            seen.append(original)

        result = run_demo(pair_demo(draw=draw, seeds=(0,), epochs=1), output=tmp_path, console=quiet())
        assert isinstance(result.orbit.sample, Pair)
        assert seen.count(None) == 2  # large, in the report and in the overview
        assert {len(original.left) for original in seen if original is not None} == {1}
        assert len(seen) == 2 * (1 + 3 * N_ORBIT_COPIES)
        assert "before training" in (tmp_path / "report.html").read_text()


def broken(error: Exception) -> Any:
    def load(seed: int) -> DemoData:
        raise error

    return load


class TestRunDemos:
    MISSING = MissingDependencyError("no data here: pip install 'augrad-lost[demo]'", dependency="lost")

    def test_shows_all_in_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        demos = [
            tiny_demo(seeds=(0,), epochs=1),
            tiny_demo(name="lost", load=broken(self.MISSING)),
            tiny_demo(name="broken", load=broken(RuntimeError("no such <file>"))),
            pair_demo(seeds=(0,), epochs=1),
        ]
        console = quiet()
        findings = run_demos(demos, console=console)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert [result.demo.name for result in findings.results] == ["tiny", "pair"]
        assert findings.skipped == {"lost": str(self.MISSING)}
        assert findings.failed == {"broken": "RuntimeError: no such <file>"}
        assert "[3/18] tiny, seed 0, augrad:" in text
        assert "[6/6] pair, seed 0, augrad:" in text
        assert "lost is skipped: no data here: pip install 'augrad-lost[demo]'" in text
        assert "broken failed: RuntimeError: no such <file>" in text
        assert text.count("What it is worth to learn the augmentation") == 1
        assert text.count("(true: ") == 2
        assert max(len(line) for line in text.splitlines() if "│" in line) <= 100
        assert all(f"Learned policy: {name}" in text for name in ("tiny", "pair"))
        directory = tmp_path / "runs" / "demo"
        assert sorted(path.name for path in directory.iterdir()) == ["overview.png", "report.html", "results.json"]
        stored = json.loads((directory / "results.json").read_text())
        assert [each["demo"] for each in stored["demos"]] == ["tiny", "pair"]
        assert list(stored["skipped"]) == ["lost"]

    def test_progress_forgets_what_is_dropped(self, tmp_path: Path, undrawn: None) -> None:
        console = Console(file=io.StringIO(), force_terminal=True, width=100)
        demos = [tiny_demo(name="lost", load=broken(self.MISSING)), tiny_demo(seeds=(0,), epochs=1)]
        run_demos(demos, output=tmp_path, console=console)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert "/3" in text
        assert "lost is skipped" in text

    def test_quick_and_seeds_are_for_all(self, tmp_path: Path, undrawn: None) -> None:
        demos = [tiny_demo(epochs=20), tiny_demo(name="other", epochs=10)]
        findings = run_demos(demos, seeds=(5, 6), quick=True, output=tmp_path, console=quiet())
        assert [(result.seeds, len(result.runs[0].history)) for result in findings.results] == [([5], 2), ([5], 1)]

    def test_nothing_ran(self, tmp_path: Path) -> None:
        console = quiet()
        findings = run_demos([tiny_demo(load=broken(self.MISSING))], output=tmp_path, console=console)
        assert findings.results == ()
        assert list(tmp_path.iterdir()) == []
        assert "tiny is skipped" in console.file.getvalue()  # type: ignore[attr-defined]

    def test_refuses(self, tmp_path: Path, unchecked: None) -> None:
        with pytest.raises(ArgumentError, match=r"demos must hold at least one and none twice, but got \[\]"):
            run_demos([], output=tmp_path)
        with pytest.raises(ArgumentError, match=r"none twice, but got \['tiny', 'tiny'\]"):
            run_demos([tiny_demo(), tiny_demo()], output=tmp_path)
        with pytest.raises(ArgumentTypeError, match="but got 'vision'"):
            run_demos(["vision"], output=tmp_path)  # type: ignore[list-item]
