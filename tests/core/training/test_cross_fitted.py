"""fit by the cross-fitted objective: when it is chosen, how it resumes, and what it learns."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.core.signal_transforms import Noise, Shift
from tests.core.training.conftest import small_data, small_model
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from augrad import AugmentationLayer, CrossFitted, DisplacementPenalty, InvariantModel, MagnitudePenalty
from augrad.errors import ArgumentError, CheckpointError, EvidenceWarning
from augrad.training import fit


def names(model: InvariantModel, loader: Any, **options: Any) -> list[str]:
    """The parameter groups that a run trains: judges are there if its objective is the cross-fitted one."""
    found: list[str] = []

    def factory(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        found.extend(group["name"] for group in groups)
        return torch.optim.SGD(groups)

    fit(model, loader, max_epochs=1, optimizer=factory, **options)
    return list(dict.fromkeys(found))


MADE_FOR_IT = {"penalty": DisplacementPenalty()}
"""Arguments of `fit` with which the cross-fitted objective is chosen where it suits."""

ALL = ["trunk", "augmentation", "judges"]
"""For the training, for the search, which is made when nothing stands against either, and for its confirmations."""

JOINT = ALL[:2]


class Plain:
    """A penalty that says nothing of an objective."""

    def __call__(self, state: Any) -> Tensor:
        return -state.layers[0].magnitudes.sum()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"penalty": DisplacementPenalty(0.1)}, ALL),
        ({"objective": "cross_fitted"}, ALL),
        ({"penalty": MagnitudePenalty()}, JOINT),
        ({"penalty": Plain()}, JOINT),
        ({"penalty": None}, JOINT),
        ({"objective": "joint"}, JOINT),
        ({"objective": "cross_fitted", "penalty": MagnitudePenalty()}, ALL),
        ({"objective": "cross_fitted", "penalty": Plain()}, ALL),
    ],
)
def test_the_penalty_decides_unless_told_otherwise(
    make_parts: Callable[[], Any], options: dict[str, Any], expected: list[str]
) -> None:
    assert names(*make_parts()[:2], **options) == expected


def test_where_nothing_is_learned_the_trunk_is_trained_alone(make_parts: Callable[[], Any]) -> None:
    model, loader, _ = make_parts()
    model.augmentation.requires_grad_(False)
    assert names(model, loader) == ["trunk"]
    assert names(model, loader, **MADE_FOR_IT) == ["trunk"]


def test_where_the_trunk_is_frozen_there_is_nothing_for_judges_to_learn(make_parts: Callable[[], Any]) -> None:
    model, loader, _ = make_parts()
    model.trunk.requires_grad_(False)
    assert names(model, loader, **MADE_FOR_IT) == ["augmentation"]
    with pytest.warns(EvidenceWarning, match=r"can be had: the trunk does not learn\."):
        assert names(model, loader) == ["augmentation"]
    with pytest.raises(ArgumentError, match=r"the trunk is frozen\. Pass judge, or use objective='joint'"):
        fit(model, loader, objective="cross_fitted")


def test_where_targets_are_not_one_per_sample_the_loss_is_joint(make_model: Callable[..., Any]) -> None:
    x, target = torch.randn(4, 4), torch.tensor([0, 1, 2, 0])
    assert names(make_model(), [(x, target)], **MADE_FOR_IT) == ALL

    def criterion(output: Tensor, target: Any) -> Tensor:
        return nn.functional.cross_entropy(output, target["class"])

    named = {"class": target}
    own: dict[str, Any] = {"criterion": criterion, "metrics": {}}
    assert names(make_model(), [(x, named)], **own, **MADE_FOR_IT) == JOINT
    with pytest.warns(EvidenceWarning, match=r"can be had: targets are of type dict\."):
        assert names(make_model(), [(x, named)], **own) == JOINT
    # Asked for, it takes them too, as long as outputs are one per sample.
    assert names(make_model(), [(x, named)], **own, objective="cross_fitted") == ALL


def test_batches_of_one_cannot_be_compared(make_model: Callable[..., Any]) -> None:
    pairs = [(torch.randn(1, 4), torch.tensor([0]))]
    assert names(make_model(nn.Linear(4, 3)), pairs, **MADE_FOR_IT) == JOINT


def test_where_outputs_move_with_the_input_the_loss_is_joint(make_model: Callable[..., Any]) -> None:
    x = torch.randn(4, 2, 3, 3)
    pairs = [(x, (x[:, 0] > x[:, 1]).long())]
    assert names(make_model(nn.Conv2d(2, 2, 1), aggregation="equivariant"), pairs, **MADE_FOR_IT) == JOINT
    assert names(make_model(nn.Conv2d(2, 2, 1)), pairs, **MADE_FOR_IT) == ALL
    with pytest.warns(EvidenceWarning, match=r"can be had: outputs are equivariant\."):
        assert names(make_model(nn.Conv2d(2, 2, 1), aggregation="equivariant"), pairs) == JOINT
    with pytest.warns(EvidenceWarning, match=r"targets have the shape \(4, 3, 3\) for 4 samples"):
        assert names(make_model(nn.Conv2d(2, 2, 1)), pairs) == JOINT
    with pytest.raises(ArgumentError, match=r"aggregation='equivariant' .* Use objective='joint'"):
        fit(make_model(nn.Conv2d(2, 2, 1), aggregation="equivariant"), pairs, objective="cross_fitted")


def test_without_a_penalty_there_would_be_nothing_to_gain(make_parts: Callable[[], Any]) -> None:
    with pytest.raises(ArgumentError, match=r"needs a penalty, or the augmentation would have nothing") as caught:
        fit(*make_parts(), objective="cross_fitted", penalty=None)
    assert caught.value.argument == "penalty"


class Recorded(torch.optim.Adam):
    """Adam that notes the rates it is stepped with, and which groups have gradients."""

    seen: list[dict[str, tuple[float, bool]]]

    def step(self, closure: Any = None) -> None:
        learns = {group["name"]: any(p.grad is not None for p in group["params"]) for group in self.param_groups}
        self.seen.append({group["name"]: (group["lr"], learns[group["name"]]) for group in self.param_groups})
        super().step()


def recorded(parts: Any, **options: Any) -> list[dict[str, tuple[float, bool]]]:
    seen: list[dict[str, tuple[float, bool]]] = []

    def factory(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        optimizer = Recorded(groups)
        optimizer.seen = seen
        return optimizer

    rates = {"lr": 0.01, "augmentation_lr": 0.1}
    fit(*parts, objective="cross_fitted", optimizer=factory, **rates, **{"max_epochs": 5, **options})
    return seen


def test_each_group_learns_in_its_time(make_model: Callable[..., Any], make_loader: Callable[..., Any]) -> None:
    seen = recorded((make_model(), make_loader(batch_size=11)), max_epochs=15)
    groups = ("judges", "augmentation", "trunk")
    learned = [tuple(name for name in groups if name in step and step[name][1]) for step in seen]
    confirming = learned[60:-30]
    assert learned[:60] == [("judges",)] * 30 + [("augmentation",)] * 30
    assert confirming == [("judges",)] * len(confirming)
    assert len(confirming) % 18 == 0, "so many updates for each policy: three fifths of the epochs"
    assert 36 <= len(confirming) <= 72, "for all, for nothing, and for each of two if there are two"
    assert learned[-30:] == [("trunk",)] * 30
    assert all(step["judges"][0] == 0.01 for step in seen[:30])
    assert all(step["trunk"][0] == 0.01 for step in seen[-30:])
    rates = [step["augmentation"][0] for step in seen[30:60]]
    assert rates[0] == pytest.approx(0.1)
    assert rates[15] == pytest.approx(0.05)
    assert all(earlier > later for earlier, later in pairwise(rates))


def test_a_scheduler_leaves_the_augmentations_rate_alone(make_parts: Callable[[], Any]) -> None:
    def warm_up(optimizer: torch.optim.Optimizer) -> Any:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 30)

    plain = recorded(make_parts())
    seen = recorded(make_parts(), scheduler=warm_up, scheduler_interval="step")
    n_steps = 30
    augmentation = slice(n_steps, 2 * n_steps)
    assert [step["augmentation"] for step in seen[augmentation]] == [
        step["augmentation"] for step in plain[augmentation]
    ]
    expected = pytest.approx([0.01 * index / 30 for index in range(n_steps)])
    assert [step["judges"][0] for step in seen[:n_steps]] == expected
    assert [step["trunk"][0] for step in seen[-n_steps:]] == expected


def test_what_does_not_learn_now_stands_still(make_parts: Callable[[], Any]) -> None:
    model, *loaders = make_parts()
    trunk = {name: value.clone() for name, value in model.trunk.state_dict().items()}
    found: list[bool] = []

    def same(row: dict[str, Any], model: InvariantModel) -> None:
        found.append(all(torch.equal(value, trunk[name]) for name, value in model.trunk.state_dict().items()))

    options: dict[str, Any] = {"max_epochs": 10, "lr": 0.01, "weight_decay": 0.1, "callbacks": [same]}
    result = fit(model, *loaders, objective="cross_fitted", **options)
    fresh = make_parts()[0].augmentation.state().layers[0]
    layers = [row["layers"] for row in result.search]
    assert len(layers) == 20
    for row in layers[:10]:
        assert row[0]["weights"] == pytest.approx(fresh.weights.tolist())
        assert row[0]["magnitudes"] == pytest.approx(fresh.magnitudes.tolist())
    assert all(earlier != later for earlier, later in pairwise(layers[9:]))
    assert [row["penalty"] < 0 for row in result.search] == [False] * 10 + [True] * 10
    assert all(row["layers"] == result.history[0]["layers"] for row in result.history)
    assert not any(found), "the trunk learns from the first epoch that a callback sees"
    assert result.seconds == sum(row["seconds"] for row in result.search + result.confirmation + result.history)


def test_what_is_learned_may_be_learned_further(make_parts: Callable[[], Any]) -> None:
    model, *loaders = make_parts()
    fit(model, *loaders, max_epochs=1, objective="cross_fitted")
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_search_has_no_metrics_callbacks_or_guard_of_the_trunks(make_parts: Callable[[], Any]) -> None:
    epochs: list[int] = []
    options: dict[str, Any] = {"max_epochs": 2, "callbacks": [lambda row, model: epochs.append(row["epoch"])]}
    result = fit(*make_parts(), objective="cross_fitted", **options)
    assert epochs == [1, 2]
    assert not any("accuracy" in name for name in result.search[0])
    assert "train_accuracy" in result.history[0]


@pytest.mark.parametrize("objective", ["leave_one_out", "joint"])
def test_of_other_objectives_there_is_no_search(make_parts: Callable[[], Any], objective: str) -> None:
    result = fit(*make_parts(), max_epochs=1, objective=objective)
    assert result.search == result.confirmation == []


class Interrupted(Exception):
    """What stops a run in these tests."""


class Until:
    """A constant schedule that ends the run after so many updates, of search and training together."""

    def __init__(self, n_steps: float = math.inf) -> None:
        self.n_steps = n_steps
        self.made = 0

    def __call__(self, progress: float) -> float:
        if self.made >= self.n_steps:
            raise Interrupted
        self.made += 1
        return 1.0

    def __repr__(self) -> str:
        return "Until"


def resumable(parts: Any, directory: Path, until: Until, **options: Any) -> InvariantModel:
    rule = {"lr": 0.01, "max_epochs": 5, "checkpoint_every": 1, "accumulation_steps": 2, "gradient_clip": 1.0}
    fit(*parts, objective="cross_fitted", directory=directory, resume=True, penalty_schedule=until, **rule, **options)
    model: InvariantModel = parts[0]
    return model


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Where a whole run lies, and its number of updates."""
    directory = tmp_path_factory.mktemp("unbroken")
    data = small_data()
    parts = small_model(), DataLoader(data, batch_size=4, shuffle=True), DataLoader(data, batch_size=4)
    until = Until()
    resumable(parts, directory, until)
    return directory, until.made


@pytest.mark.parametrize(
    ("n_steps", "where", "left"),
    [(4, "judges", 4), (20, "search", 5), (30, "search", 15), (34, "search", 15), (-8, "", 7)],
    ids=["while judges learn", "while the augmentation does", "between", "while judges learn on", "the trunk"],
)
def test_interrupted_and_resumed_it_is_the_unbroken_run(
    make_parts: Callable[[], Any], unbroken: tuple[Path, int], n_steps: int, where: str, left: int, tmp_path: Path
) -> None:
    whole, in_all = unbroken
    broken = tmp_path / "broken"
    with pytest.raises(Interrupted):
        resumable(make_parts(), broken, Until(n_steps % in_all))
    assert (broken / where / "latest").read_text().strip() == f"step-{left:08d}"
    resumable(make_parts(), broken, Until())
    for part in ("step-00000015/model", "search/step-00000015/objective"):
        first, second = (load_file(run / f"{part}.safetensors") for run in (whole, broken))
        assert first.keys() == second.keys()
        assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert {"whole._clean", "whole._chance", "whole._seen", "whole.judges.0.0.weight"} <= first.keys()
    assert first["whole._seen"] > 0


def test_what_was_searched_for_is_known_after_a_resume(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_epochs": 2, "directory": tmp_path, "objective": "cross_fitted"}
    first = fit(*make_parts(), **options)
    again = fit(*make_parts(), **options, resume=True)
    assert again.search == first.search != []
    assert again.policy.to_rows() == first.policy.to_rows()
    with pytest.raises(CheckpointError):
        fit(*make_parts(), **options)
    with pytest.raises(CheckpointError):
        fit(*make_parts(), **{**options, "objective": "joint"}, resume=True)


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "options", "n_judges"),
    [
        (500, 250, {"objective": "cross_fitted"}, 5),
        (502, 251, {"objective": "cross_fitted"}, 2),
        (24, 6, {"objective": CrossFitted(n_folds=3, confirm=False)}, 3),
    ],
    ids=["few samples", "more", "as asked"],
)
def test_more_judges_learn_where_samples_are_few(
    n_samples: int, batch_size: int, options: dict[str, Any], n_judges: int, make_model: Any, tmp_path: Path
) -> None:
    loader = DataLoader(waves(n_samples, 0), batch_size=batch_size)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    fit(make_model(trunk), loader, max_epochs=1, directory=tmp_path, **options)
    (stored, *_) = (tmp_path / "search").glob("step-*/objective.safetensors")
    tensors = load_file(stored)
    assert {name.split(".")[2] for name in tensors if name.startswith("whole.judges.")} == set(
        map(str, range(n_judges))
    )


def test_a_run_goes_on_with_as_many_judges(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    fit(*make_parts(), max_epochs=1, directory=tmp_path, objective="cross_fitted")
    with pytest.raises(CheckpointError, match="n_folds"):
        fit(*make_parts(), max_epochs=1, directory=tmp_path, objective=CrossFitted(n_folds=2), resume=True)


def waves(n_samples: int, seed: int) -> TensorDataset:
    """A wave that rises faster than it falls, or falls faster than it rises, wherever it begins."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 2, (n_samples,), generator=generator)
    begins = torch.rand(n_samples, generator=generator)
    angle = 2 * torch.pi * (torch.arange(16) / 16 - begins[:, None])
    x = torch.sin(angle) + 0.5 * (2 * target - 1)[:, None] * torch.sin(2 * angle)
    return TensorDataset((x + 0.2 * torch.randn(n_samples, 16, generator=generator))[:, None], target)


def learned(**options: Any) -> tuple[dict[str, float], dict[str, float]]:
    """What was learned of a harmless and of a destructive transform: weights and magnitudes."""
    torch.manual_seed(0)
    convolution = nn.Conv1d(1, 8, 3, padding=1, padding_mode="circular")
    trunk = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(8, 2))
    layer = AugmentationLayer([Shift, Noise(std=3.0)], magnitude=0.1)
    model = InvariantModel(trunk, layer, copies=4)
    loader = DataLoader(waves(192, 1), batch_size=64, shuffle=True)
    result = fit(model, loader, DataLoader(waves(192, 2), 192), max_epochs=40, lr=0.02, **options)
    assert result.history[-1]["val_accuracy"] > 0.85
    (state,) = model.augmentation.state().layers
    return (
        dict(zip(state.names, state.weights.tolist(), strict=True)),
        dict(zip(state.names, state.magnitudes.tolist(), strict=True)),
    )


def test_it_learns_what_is_harmless_and_leaves_what_destroys() -> None:
    weights, magnitudes = learned(objective="cross_fitted")
    assert weights["signal.shift"] > 0.6
    assert magnitudes["signal.shift"] > 0.5
    assert weights["signal.noise"] * magnitudes["signal.noise"] < 0.1
