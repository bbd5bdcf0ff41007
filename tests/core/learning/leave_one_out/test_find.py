"""`find_policy` on small tasks whose truth is known: verdicts, options, and what it leaves untouched."""

from __future__ import annotations

import functools
import random
from typing import Any

import numpy as np
import pytest
import torch
from tests.core.learning.leave_one_out.toys import (
    WIDTH,
    Exchange,
    FlipBack,
    FlipFront,
    Level,
    Noise,
    Stir,
    flipped,
    signals,
    trained,
    trunk,
    verdicts,
)
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from augrad import AugmentationLayer, Evidence, InvariantModel, find_policy

CANDIDATES = [Noise, Level, Exchange]


def found(**options: Any) -> Evidence:
    return find_policy(trunk(), [signals()], options.pop("transforms", CANDIDATES), **options)


@functools.cache
def plain() -> Evidence:
    return found()


def entries(evidence: Evidence) -> dict[str, list[float]]:
    """The transforms of the policy, and their magnitudes."""
    return {layer.names[0]: layer.magnitudes.tolist() for layer in evidence.policy.as_module()}


def numbers(evidence: Evidence) -> dict[str, Any]:
    """All that the evidence says, but for its duration."""
    document = evidence.to_dict()
    del document["facts"]["seconds"]
    return document


class TestVerdicts:
    def test_the_truth_helps_and_is_the_policy(self):
        evidence = plain()
        assert verdicts(evidence) == {"noise": "harms", "level": "helps", "exchange": "harms"}
        (name, (magnitude,)) = next(iter(entries(evidence).items()))
        assert (name, len(entries(evidence))) == ("toy.level", 1)
        level = evidence.candidates[1]
        assert level.magnitude == pytest.approx(magnitude)
        assert level.ranges[0].high == pytest.approx(6 * magnitude)
        assert 2 < level.ranges[0].high < 5.9  # 4 V in the data, of 6 V that are declared
        assert level.difference < -level.standard_error
        assert level.error == pytest.approx(level.error_without + level.difference)
        assert (level.step, level.ranges[0].unit) == (1, "V")

    def test_what_harms_raises_the_error(self):
        for each in plain().candidates[::2]:
            assert each.difference > 2 * each.standard_error
            assert (each.step, each.more) == (None, None)

    def test_nothing_helps_where_nothing_varies(self):
        evidence = find_policy(trunk(), [signals(level=0.0)], CANDIDATES)
        assert verdicts(evidence) == {"noise": "harms", "level": "harms", "exchange": "harms"}
        assert evidence.headline == "Nothing helps: of 3 transforms 3 harm."
        assert entries(evidence) == {"any.unchanged": []}
        x, _ = signals(5)
        torch.testing.assert_close(evidence.policy.as_module()(x), x, rtol=0, atol=0)

    def test_two_truths(self):
        evidence = find_policy(trunk(1), [flipped(seed=1)], [FlipFront, Noise, FlipBack])
        assert verdicts(evidence) == {"flip_front": "helps", "noise": "harms", "flip_back": "helps"}
        order = sorted((each for each in evidence.candidates if each.step), key=lambda each: each.step or 0)
        assert [each.step for each in order] == [1, 2]
        assert list(entries(evidence)) == [each.transform for each in order]
        assert order[1].error < order[0].error  # found beside the first

    def test_max_transforms_ends_the_search(self):
        evidence = find_policy(trunk(1), [flipped(seed=1)], [FlipFront, Noise, FlipBack], max_transforms=1)
        assert sorted(verdicts(evidence).values()) == ["harms", "helps", "undecided"]
        assert len(entries(evidence)) == 1

    @pytest.mark.parametrize("kind", ["numbers", "2 numbers", "2 labels", "2 classes"])
    def test_of_every_kind_of_target(self, kind: str):
        x, y = signals()
        target = {
            "numbers": x[:, 0] - x[:, 4],
            "2 numbers": torch.stack([x[:, 0] - x[:, 4], x[:, 3] - x[:, 7]], 1),
            "2 labels": torch.stack([y, 1 - y], 1),
            "2 classes": y[:, None],
        }[kind]
        evidence = find_policy(trunk(), [(x, target)], CANDIDATES)
        assert verdicts(evidence) == {"noise": "harms", "level": "helps", "exchange": "harms"}
        assert evidence.facts.targets == kind

    def test_samples_without_a_class_are_left_out(self):
        x, y = signals(120)
        x[::6], y[::6] = torch.nan, -100
        evidence = find_policy(trunk(), [(x, y)], CANDIDATES)
        assert verdicts(evidence)["level"] == "helps"
        assert evidence.facts.n_samples == 100
        assert evidence.facts.warnings == ("20 samples with a negative class were left out",)

    def test_a_trained_trunk_uses_its_own_features(self):
        inner = trained(*signals(200))
        evidence = find_policy(inner, [signals(seed=1)], CANDIDATES)
        assert evidence.facts.trunk == "trained before"
        assert plain().facts.trunk == "as initialised"
        assert evidence.candidates[0].error_without < plain().candidates[0].error_without
        assert verdicts(evidence)["noise"] == "harms"


class TestTransforms:
    def test_of_a_modality(self):
        evidence = found(transforms="whole_toy")
        told = "1 transform was left out: whole_toy.tuned; whole_toy.tuned needs factor, which was not given"
        assert (verdicts(evidence), evidence.facts.warnings) == ({"lift": "helps", "drown": "harms"}, (told,))
        assert evidence.modality == "whole_toy"

    def test_of_a_modality_with_arguments(self):
        evidence = found(transforms="whole_toy", arguments={"factor": 0.5, "whole_toy.lift": {"level": 3.0}})
        assert verdicts(evidence).keys() == {"lift", "drown", "tuned"}
        assert evidence.facts.warnings == ()
        lift = next(each for each in evidence.candidates if each.transform == "whole_toy.lift")
        assert max(each.magnitude for each in lift.trials) * 3.0 == pytest.approx(3.0)
        assert lift.ranges[0].high <= 3.0

    def test_by_name_class_and_instance(self):
        evidence = found(transforms=["whole_toy.drown", Level, Exchange()])
        names = [each.transform for each in evidence.candidates]
        assert names == ["whole_toy.drown", "toy.level", "toy.exchange"]
        assert verdicts(evidence)["level"] == "helps"

    def test_an_instance_is_left_as_it_is(self):
        level = Level(level=5.0)
        found(transforms=[level])
        assert level.ranges["level"].high == 5.0
        assert level.training

    def test_what_mixes_samples_is_not_examined(self, tmp_path):
        evidence = found(transforms=[Stir, Level])
        stir, level = evidence.candidates
        assert (stir.verdict, stir.examined, stir.trials, level.verdict) == ("undecided", False, (), "helps")
        assert evidence.facts.warnings[0].startswith("not examined: toy.stir, because values of other samples")
        assert numbers(Evidence.from_dict(evidence.to_dict(), policy=evidence.policy)) == numbers(evidence)
        frame = evidence.to_frame()
        assert frame.loc[0, ["low", "high", "error", "error_without", "difference", "step", "more"]].isna().all()
        assert frame["transform"].tolist() == ["toy.stir", "toy.level"]
        rows = evidence.save(tmp_path / "evidence.csv").read_text("utf-8").splitlines()
        assert rows[1] == "toy.stir,,undecided,,,,,,,,,,0.0"
        assert '"nan"' in evidence.save(tmp_path / "evidence.json").read_text("utf-8")
        page = evidence.save(tmp_path / "evidence.html").read_text("utf-8")
        assert "It was not examined" in page
        assert "nan" not in page.split("<body")[1].lower()


class TestFeatures:
    def test_of_a_module(self):
        evidence = found(features="1")
        assert (evidence.facts.features, evidence.facts.n_features) == ("output of the module 1", 32)
        assert verdicts(evidence)["exchange"] == "harms"

    def test_of_a_function(self):
        def centred(inner: nn.Module, x: Tensor) -> Tensor:
            assert not inner.training
            return x - x.mean(dim=1, keepdim=True)

        evidence = found(features=centred)
        assert evidence.facts.n_features == WIDTH
        assert evidence.facts.features.endswith("centred")
        level = evidence.candidates[1]
        assert level.verdict == "harmless"  # these features do not see the level
        assert abs(level.difference) < 1e-6

    def test_of_all_layers(self):
        facts = plain().facts
        assert (facts.features, facts.n_features) == ("inputs of 2 layers: 0, 2", WIDTH + 32)


class Counted(Dataset[tuple[Tensor, Tensor]]):
    """Notes which samples are read."""

    def __init__(self, n: int) -> None:
        self.x, self.y = signals(n)
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self.read.append(index)
        return self.x[index], self.y[index]


class TestReading:
    @pytest.mark.parametrize("shuffle", [False, True])
    def test_each_sample_once_and_no_more_than_asked(self, shuffle: bool):
        data = Counted(1000)
        evidence = find_policy(trunk(), DataLoader(data, 16, shuffle=shuffle), CANDIDATES, n_samples=50)
        assert len(data.read) == len(set(data.read)) == 50
        assert max(data.read) > 500  # from all of the data
        assert (evidence.facts.n_samples, evidence.facts.more_samples) == (50, True)

    def test_a_stream_is_read_no_further_than_needed(self):
        n_read = 0

        def stream() -> Any:
            nonlocal n_read
            for each in zip(*(part.split(20) for part in signals(400)), strict=True):
                n_read += 1
                yield each

        evidence = find_policy(trunk(), stream(), CANDIDATES, n_samples=50)
        assert n_read == 3
        assert evidence.facts.n_samples == 50

    def test_fewer_samples_than_asked(self):
        facts = found(n_samples=500).facts
        assert (facts.n_samples, facts.more_samples) == (100, False)

    def test_of_a_model_the_trunk_is_used(self):
        model = InvariantModel(trunk(), AugmentationLayer([Noise]))
        evidence = find_policy(model, [signals()], CANDIDATES)
        assert numbers(evidence) == numbers(plain())


class TestReproducible:
    def test_the_same_seed_gives_the_same_to_the_bit(self):
        data = TensorDataset(*signals(300))
        first, again, other = (
            find_policy(trunk(), DataLoader(data, 32, shuffle=True), CANDIDATES, n_samples=100, seed=seed)
            for seed in (3, 3, 4)
        )
        assert numbers(first) == numbers(again)
        assert numbers(first)["candidates"] != numbers(other)["candidates"]
        assert first.facts.seed == 3

    def test_the_state_of_the_global_generators_does_not_matter_and_stays(self, unchecked: None):
        first = numbers(plain())
        inner = trunk()
        torch.manual_seed(7)
        random.seed(7)
        np.random.seed(7)  # noqa: NPY002
        before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
        assert numbers(find_policy(inner, [signals()], CANDIDATES)) == first
        assert torch.equal(torch.get_rng_state(), before[0])
        assert random.getstate() == before[1]
        assert np.random.get_state()[1].tolist() == before[2]  # noqa: NPY002

    def test_the_trunk_stays_as_it_is(self):
        inner = nn.Sequential(nn.Linear(WIDTH, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 2))
        inner[0].requires_grad_(False)
        inner[2].eval()
        before = {name: value.clone() for name, value in inner.state_dict().items()}
        modes = [module.training for module in inner.modules()]
        evidence = find_policy(inner, [signals()], CANDIDATES)
        assert verdicts(evidence)["noise"] == "harms"
        for name, value in inner.state_dict().items():
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
        assert [module.training for module in inner.modules()] == modes
        assert [parameter.requires_grad for parameter in inner.parameters()][:3] == [False, False, True]
        assert not any(module._forward_pre_hooks or module._forward_hooks for module in inner.modules())

    def test_a_lazy_trunk_stays_lazy(self):
        inner, before = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(2)), torch.get_rng_state()
        assert verdicts(find_policy(inner, [signals()], CANDIDATES))["noise"] == "harms"
        assert inner[0].has_uninitialized_params()
        assert torch.equal(torch.get_rng_state(), before)


class TestTime:
    def test_max_seconds_ends_the_search(self):
        evidence = found(max_seconds=1e-6)
        assert not evidence.facts.complete
        assert [each.examined for each in evidence.candidates] == [False, False, False]
        assert evidence.headline == "Nothing helps: of 3 transforms 3 were not examined."
        assert "Warning: The search ended early, because max_seconds had passed." in str(evidence)

    def test_time_enough_changes_nothing(self):
        assert numbers(found(max_seconds=600.0)) == numbers(plain())

    def test_progress(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
        found()  # no terminal
        monkeypatch.setenv("FORCE_COLOR", "1")  # as if it were one
        found(progress=False)
        assert capsys.readouterr() == ("", "")
        found()
        assert "evidence: " in capsys.readouterr().err
