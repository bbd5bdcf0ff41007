"""fit as a whole: it learns, on every kind of task, and leaves the world as it was."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from augrad import AugmentationLayer, InvariantModel
from augrad.errors import ArgumentError, EvidenceWarning, InputError
from augrad.training import EarlyStopping, FitResult, fit


def test_it_learns_and_reports_every_epoch(make_model: Callable[..., Any], make_loader: Callable[..., Any]) -> None:
    trunk = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    model = make_model(trunk)
    loaders = make_loader(), make_loader(shuffle=False)
    result = fit(model, *loaders, max_epochs=15, lr=0.02, objective="cross_fitted")
    history = result.history
    assert history[-1]["val_loss"] < 0.7 * history[0]["val_loss"]
    assert history[-1]["val_accuracy"] > 0.7  # of three classes
    assert [row["epoch"] for row in history] == list(range(1, 16))
    assert list(history[0]) == [
        *("epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "penalty", "seconds", "layers"),
    ]
    for row in history:
        (layer,) = row["layers"]
        assert layer["names"] == ["signal.offset", "signal.gain"]
        assert sum(layer["weights"]) == pytest.approx(1.0)
        assert len(layer["magnitudes"]) == 2
    assert history[0]["layers"] == history[-1]["layers"]
    assert result.search[0]["layers"] != result.search[-1]["layers"]
    assert history[-1]["layers"][0]["weights"] == model.augmentation.state().layers[0].weights.tolist()
    assert result.best["value"] == min(row["val_loss"] for row in history)
    assert result.best["metric"] == "val_loss"
    assert result.checkpoint is None
    assert result.best["checkpoint"] is None
    assert result.stopped == "max_epochs"


def test_by_default_evidence_comes_before_the_training(make_parts: Callable[[], Any]) -> None:
    model, train, val = make_parts()
    result = fit(model, train, val, max_epochs=2)
    assert [stage.label for stage in result.stages] == ["evidence", "training"]
    evidence = result.evidence
    assert [each.transform for each in evidence.candidates] == ["signal.offset", "signal.gain"]
    assert (evidence.facts.n_samples, evidence.facts.targets, evidence.facts.more_samples) == (22, "3 classes", False)
    assert result.search == result.confirmation == []
    (layer,) = result.history[0]["layers"]
    assert result.history[1]["layers"] == [layer], "the policy stands still while the trunk learns"
    used = {each.transform for each in evidence.candidates if each.step is not None}
    drawn = {name for name, weight in zip(layer["names"], layer["weights"], strict=True) if weight > 0.5}
    assert drawn == used if used else not any(layer["magnitudes"])
    assert result.seconds == sum(stage.seconds for stage in result.stages)


def test_from_few_samples_the_loss_is_joint_and_a_warning_says_so(make_model: Callable[..., Any]) -> None:
    pairs = [(torch.randn(19, 4), torch.arange(19) % 3)]
    model = make_model()
    before = model.augmentation.state().layers[0].magnitudes.tolist()
    with pytest.warns(EvidenceWarning, match="can be had: loader yields 19 samples .*, too few .*: 20 are the least"):
        result = fit(model, pairs, max_epochs=2)
    assert result.evidence is None
    assert [stage.label for stage in result.stages] == ["evidence", "training"]
    assert result.history[-1]["penalty"] < 0
    assert model.augmentation.state().layers[0].magnitudes.tolist() != before


def test_named_where_it_does_not_suit_the_loss_is_joint_too(make_model: Callable[..., Any]) -> None:
    x = torch.randn(4, 2, 3, 3)
    pairs = [(x, (x[:, 0] > x[:, 1]).long())]
    model = make_model(nn.Conv2d(2, 2, 1), aggregation="equivariant")
    with pytest.warns(EvidenceWarning, match="can be had: outputs are equivariant"):
        result = fit(model, pairs, max_epochs=1, objective="leave_one_out")
    assert [stage.label for stage in result.stages] == ["training"]
    assert result.history[-1]["penalty"] < 0


def test_the_model_is_left_in_eval_mode_without_the_last_pass(make_parts: Callable[[], Any]) -> None:
    parts = make_parts()
    fit(*parts, max_epochs=1)
    assert not parts[0].training
    assert parts[0].augmentation.state().before is None


@pytest.mark.usefixtures("unchecked")  # beartype draws from random
def test_the_world_is_left_as_it_was(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    parts = make_parts()
    own = torch.Generator().manual_seed(5)
    loader = DataLoader(parts[1].dataset, batch_size=4, shuffle=True, generator=own)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist(), own.get_state()  # noqa: NPY002
    fit(parts[0], loader, max_epochs=1, directory=tmp_path)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]  # noqa: NPY002
    assert torch.equal(own.get_state(), states[3])


def test_callers_accelerator_is_left_as_it_was(make_parts: Callable[[], Any]) -> None:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(), GradientState._reset_state()
    mine = Accelerator(mixed_precision="no", cpu=True, gradient_accumulation_steps=3)
    fit(*make_parts(), max_epochs=1, mixed_precision="bf16")
    assert mine.mixed_precision == "no"
    assert mine.gradient_accumulation_steps == 3
    AcceleratorState._reset_state(), GradientState._reset_state()


Pair = tuple[torch.Tensor, torch.Tensor]


def _task(kind: str) -> tuple[nn.Module, Pair, str, str]:
    x = torch.randn(24, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    pixels = nn.Conv2d(2, 2, 1)
    if kind == "regression":
        return nn.Sequential(nn.Flatten(), nn.Linear(18, 1)), (x, x.mean((1, 2, 3))[:, None]), "mean", "r2"
    if kind == "segmentation":
        return pixels, (x, (x[:, 0] > x[:, 1]).long()), "log_prob", "accuracy"
    return pixels, (x, x.flip(1)), "mean", "r2"


@pytest.mark.parametrize("kind", ["regression", "segmentation", "dense regression"])
def test_every_kind_of_task_has_its_default_criterion_and_metric(make_model: Callable[..., Any], kind: str) -> None:
    trunk, data, aggregation, metric = _task(kind)
    loader = DataLoader(TensorDataset(*data), batch_size=8)
    result = fit(make_model(trunk, aggregation=aggregation), loader, loader, max_epochs=8, lr=0.05, penalty=None)
    first, last = result.history[0], result.history[-1]
    assert last["val_loss"] < first["val_loss"]
    assert last[f"val_{metric}"] > max(0.5, first[f"val_{metric}"] - 0.05)


def test_shapes_that_would_broadcast_are_refused(make_model: Callable[..., Any]) -> None:
    model = make_model(nn.Linear(4, 1), aggregation="mean")
    with pytest.raises(InputError, match=r"returned \(5, 1\) for a target of shape \(5,\)"):
        fit(model, [(torch.zeros(5, 4), torch.zeros(5))], max_epochs=1, objective="joint")


def test_lazy_weights_are_refused_by_name(make_model: Callable[..., Any], make_loader: Callable[..., Any]) -> None:
    model = InvariantModel(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), make_model().augmentation)
    with pytest.raises(ArgumentError, match=r"trunk\.1\.weight is still lazy\. Pass a first batch through the trunk"):
        fit(model, make_loader(), max_epochs=1)
    with torch.no_grad():
        model.trunk(next(iter(make_loader()))[0])
    assert fit(model, make_loader(), max_epochs=1, objective="joint").history


def test_a_list_of_batches_is_a_loader(make_model: Callable[..., Any], make_loader: Callable[..., Any]) -> None:
    batches = list(make_loader(shuffle=False))
    assert fit(make_model(), batches, max_epochs=2).history[-1]["step"] == 2 * len(batches)


def test_an_unknown_metric_for_early_stopping_names_those_logged(make_parts: Callable[[], Any]) -> None:
    model, train, _ = make_parts()
    with pytest.raises(ArgumentError, match="logged are: train_loss, train_accuracy, penalty"):
        fit(model, train, early_stopping=EarlyStopping("val_loss"))


def test_nothing_is_shown_where_standard_output_is_no_terminal(
    make_parts: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fit(*make_parts(), max_epochs=1)
    assert capsys.readouterr() == ("", "")


def test_the_result_holds_what_was_learned(make_model: Callable[..., Any], make_loader: Callable[..., Any]) -> None:
    model = make_model()
    result = fit(model, make_loader(), max_epochs=1)
    assert isinstance(result, FitResult)
    assert list(result.policy) == list(model.policy)
    assert result.best["metric"] == "train_loss"


def test_frozen_augmentation_leaves_the_trunk_to_train(make_loader: Callable[..., Any], make_model: Any) -> None:
    model = make_model()
    model.augmentation.requires_grad_(False)
    before = model.augmentation.state().layers[0].weights
    weight = model.trunk[0].weight.detach().clone()
    fit(model, make_loader(), max_epochs=1)
    assert torch.equal(model.augmentation.state().layers[0].weights, before)
    assert not torch.equal(model.trunk[0].weight, weight)


def test_importing_the_trainer_loads_neither_accelerate_nor_rich_nor_safetensors() -> None:
    probe = (
        "import sys, augrad.training; print(*(m for m in ('accelerate', 'rich', 'safetensors') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_plain_layers_work_too() -> None:
    from augrad import Range, Transform

    class Lift(Transform):
        """Adds an offset."""

        modality = "signal"
        lift = Range(1.0)

        def forward(self, x: torch.Tensor, *, lift: torch.Tensor) -> torch.Tensor:
            return x + lift[:, None]

    model = InvariantModel(nn.Linear(2, 2), AugmentationLayer([Lift], selection="mixture"))
    pairs = [(torch.randn(24, 2), torch.tensor([0, 1] * 12))]
    assert fit(model, pairs, max_epochs=1).history[0]["step"] == 1
