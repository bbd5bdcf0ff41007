"""A run interrupted anywhere and resumed is the unbroken run; a run that does not fit is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, nn

import augrad
from augrad import InvariantModel
from augrad.errors import CheckpointError, StorageError
from augrad.training import EarlyStopping, fit

OPTIONS: dict[str, Any] = {
    "objective": "joint",
    "max_epochs": 3,
    "lr": 0.02,
    "accumulation_steps": 2,
    "gradient_clip": 1.0,
    "penalty_schedule": "warm_up",
    "scheduler": partial(torch.optim.lr_scheduler.MultiStepLR, milestones=[2, 5], gamma=0.5),
    "scheduler_interval": "step",
    "early_stopping": EarlyStopping("val_loss", patience=3),
}
N_CALLS = 3 * (6 + 6)  # of the criterion: 6 batches of training and 6 of validation per epoch


class Interrupted(Exception):
    """What stops a run in these tests."""


class Criterion:
    """Cross-entropy that raises when it has been called `limit` times."""

    def __init__(self, limit: int = 10**9) -> None:
        self.left = limit

    def __repr__(self) -> str:
        return "Criterion()"

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0:
            raise Interrupted
        return nn.functional.cross_entropy(output, target)


def timeless(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def same(a: InvariantModel, b: InvariantModel) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.fixture
def unbroken(make_parts: Callable[[], Any]) -> tuple[InvariantModel, Any]:
    parts = make_parts()
    return parts[0], fit(*parts, criterion=Criterion(), **OPTIONS)


@settings(max_examples=7, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, N_CALLS - 1), min_size=1, max_size=3), st.sampled_from([None, 1, 2]))
def test_interrupted_anywhere_and_resumed_it_is_the_unbroken_run(
    make_parts: Callable[[], Any], unbroken: Any, moments: list[int], checkpoint_every: int | None
) -> None:
    with TemporaryDirectory() as directory:
        options = {**OPTIONS, "directory": directory, "checkpoint_every": checkpoint_every, "resume": True}
        for moment in moments:
            torch.rand(moment)  # whatever happened in between
            with pytest.raises(Interrupted):
                fit(*make_parts(), criterion=Criterion(min(moment, 5)), **options)
        parts = make_parts()
        result = fit(*parts, criterion=Criterion(), **options)
    assert same(parts[0], unbroken[0])
    assert timeless(result.history) == timeless(unbroken[1].history)
    assert result.best["epoch"] == unbroken[1].best["epoch"]


@pytest.mark.parametrize("moment", [3, 13, 20, 31])
def test_interrupted_late_too(make_parts: Callable[[], Any], unbroken: Any, moment: int, tmp_path: Path) -> None:
    options = {**OPTIONS, "directory": tmp_path, "checkpoint_every": 2}
    with pytest.raises(Interrupted):
        fit(*make_parts(), criterion=Criterion(moment), **options)
    parts = make_parts()
    result = fit(*parts, criterion=Criterion(), resume=True, **options)
    assert same(parts[0], unbroken[0])
    assert timeless(result.history) == timeless(unbroken[1].history)


def test_a_finished_run_returns_its_result_at_once(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    parts = make_parts()
    first = fit(*parts, directory=tmp_path, **OPTIONS)
    others = make_parts()
    with torch.no_grad():
        others[0].trunk[0].weight.zero_()
    second = fit(*others, directory=tmp_path, resume=True, callbacks=[lambda row, model: 1 / 0], **OPTIONS)
    assert second.history == first.history
    assert second.stopped == first.stopped == "max_epochs"
    assert second.checkpoint == first.checkpoint
    assert same(parts[0], others[0])


def test_a_run_can_be_prolonged_and_is_then_the_longer_run(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    fit(*make_parts(), objective="joint", max_epochs=1, directory=tmp_path)
    prolonged, longer = make_parts(), make_parts()
    fit(*prolonged, objective="joint", max_epochs=3, directory=tmp_path, resume=True)
    fit(*longer, objective="joint", max_epochs=3)
    assert same(prolonged[0], longer[0])


def test_a_run_that_depends_on_its_end_is_not_prolonged(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    fit(*make_parts(), objective="cross_fitted", max_epochs=1, directory=tmp_path)
    with pytest.raises(CheckpointError, match="max_epochs was 1 and is 3"):
        fit(*make_parts(), objective="cross_fitted", max_epochs=3, directory=tmp_path, resume=True)


def test_another_objective_is_refused_even_if_the_task_chose_it(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    fit(*make_parts(), max_epochs=1, directory=tmp_path)
    parts = make_parts()
    parts[0].augmentation.requires_grad_(False)  # nothing to learn: fit takes the joint loss
    with pytest.raises(CheckpointError, match=r"objective was 'LeaveOneOut\(n_samples=400, .*\)' and is 'joint'"):
        fit(*parts, max_epochs=1, directory=tmp_path, resume=True)


def test_the_last_and_the_best_checkpoint_are_kept_and_hold_the_weights(
    make_parts: Callable[[], Any], tmp_path: Path
) -> None:
    scores = iter([3.0, 1.0, 2.0, 4.0])
    score = [next(scores)]
    weights: list[Tensor] = []

    def advance(row: dict[str, Any], model: InvariantModel) -> None:
        weights.append(model.trunk[0].weight.detach().clone())
        score[0] = next(scores, 0.0)

    options: dict[str, Any] = {"metrics": {"score": lambda output, target: score[0]}, "callbacks": [advance]}
    options |= {"directory": tmp_path, "early_stopping": EarlyStopping("val_score", 9)}
    result = fit(*make_parts(), max_epochs=4, objective="cross_fitted", **options)
    kept = ["best", "judges", "latest", "search", "stages.json", "step-00000012", "step-00000024"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
    assert (result.best["epoch"], result.best["value"]) == (2, 1.0)
    for path, weight in ((result.best["checkpoint"], weights[1]), (result.checkpoint, weights[3])):
        assert path is not None
        assert torch.equal(load_file(path / "model.safetensors")["trunk.0.weight"], weight)


def test_a_directory_with_a_run_is_not_overwritten(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    fit(*make_parts(), max_epochs=1, directory=tmp_path)
    with pytest.raises(CheckpointError, match=r"holds a run already .*step-00000006.* Pass resume=True"):
        fit(*make_parts(), max_epochs=1, directory=tmp_path)


DIFFERENT: list[tuple[dict[str, Any], str]] = [
    ({"lr": 0.5}, r"lr was 0\.02 and is 0\.5"),
    ({"seed": 3}, "seed was 0 and is 3"),
    ({"optimizer": torch.optim.SGD}, "optimizer was 'Adam' and is 'SGD'"),
    ({"penalty": None}, r"penalty was 'DisplacementPenalty\(strength=.*\)' and is None"),
    ({"max_epochs": 5}, "max_epochs was 3 and is 5"),
    ({"config": {"note": "b"}}, "config was None and is absent; config.note was absent and is 'b'"),
]


@pytest.mark.parametrize(("change", "message"), DIFFERENT, ids=[message for _, message in DIFFERENT])
def test_other_arguments_are_refused_before_anything_changes(
    make_parts: Callable[[], Any], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    fit(*make_parts(), directory=tmp_path, **OPTIONS)
    parts = make_parts()
    before = {name: value.clone() for name, value in parts[0].state_dict().items()}
    with pytest.raises(CheckpointError, match=rf"cannot resume from .*: .*{message}"):
        fit(*parts, directory=tmp_path, resume=True, **{**OPTIONS, **change})
    assert all(torch.equal(value, before[name]) for name, value in parts[0].state_dict().items())
    assert parts[0].training


def test_another_model_is_refused(make_parts: Callable[[], Any], make_model: Any, tmp_path: Path) -> None:
    _, train, val = make_parts()
    fit(*make_parts(), directory=tmp_path, max_epochs=1)
    wider = make_model(nn.Sequential(nn.Linear(4, 9), nn.Linear(9, 3)))
    with pytest.raises(
        CheckpointError, match=r"tensors\.trunk\.0\.weight was 'torch\.float32 \(8, 4\)' and is .*\(9, 4\)"
    ):
        fit(wider, train, val, directory=tmp_path, resume=True, max_epochs=1)
    with pytest.raises(CheckpointError, match=r"copies\.0 was 2 and is 5"):
        fit(make_model(copies=5), train, val, directory=tmp_path, resume=True, max_epochs=1)


def test_a_damaged_checkpoint_is_refused(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    result = fit(*make_parts(), directory=tmp_path, max_epochs=1)
    assert result.checkpoint is not None
    file = result.checkpoint / "optimizer.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match=r"optimizer.safetensors was changed since it was written"):
        fit(*make_parts(), directory=tmp_path, resume=True, max_epochs=1)


def test_a_full_disk_leaves_the_previous_checkpoint_to_go_on_from(
    make_parts: Callable[[], Any], unbroken: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, left = os.fsync, [30]

    def full(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, os.strerror(28))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    options = {**OPTIONS, "directory": tmp_path, "checkpoint_every": 1, "criterion": Criterion()}
    with pytest.raises(StorageError, match=r"could not write .* No space left on device\. .* untouched"):
        fit(*make_parts(), **options)
    monkeypatch.undo()
    parts = make_parts()
    fit(*parts, resume=True, **options)
    assert same(parts[0], unbroken[0])


def test_a_scheduler_that_cannot_be_stored_is_refused_at_the_start(
    make_parts: Callable[[], Any], tmp_path: Path
) -> None:
    class Odd(torch.optim.lr_scheduler.ExponentialLR):
        """Keeps something that is neither number nor tensor."""

        def __init__(self, optimizer: torch.optim.Optimizer) -> None:
            self.odd = object()
            super().__init__(optimizer, 0.5)

    parts = make_parts()
    before = parts[0].trunk[0].weight.detach().clone()
    with pytest.raises(StorageError, match=r"scheduler\.odd is object, which cannot be stored"):
        fit(*parts, scheduler=Odd, directory=tmp_path)
    assert torch.equal(parts[0].trunk[0].weight, before)


def test_a_checkpoint_is_a_saved_model_too(tmp_path: Path) -> None:
    @augrad.register
    class Rise(augrad.Transform):
        """Adds an offset."""

        modality = "checkpoint_test"
        rise = augrad.Range(1.0)

        def forward(self, x: Tensor, *, rise: Tensor) -> Tensor:
            return x + rise[:, None]

    x = torch.randn(24, 2)
    model = InvariantModel(nn.Linear(2, 2), augrad.AugmentationLayer([Rise]))
    fit(model, [(x, torch.tensor([0, 1] * 12))], max_epochs=2, directory=tmp_path)
    again = augrad.load(tmp_path / "latest", nn.Linear(2, 2))
    assert torch.equal(again(x), model(x))


def test_what_a_file_cannot_hold_is_refused_before_training(make_loader: Any, tmp_path: Path) -> None:
    class Closed(augrad.Transform):
        """Takes an argument that is not JSON."""

        modality = "checkpoint_test"

        def __init__(self, function: Any) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return x

    trunk = nn.Linear(4, 3)
    before = trunk.weight.detach().clone()
    model = InvariantModel(trunk, augrad.AugmentationLayer([Closed(lambda x: x), augrad.Unchanged]))
    with pytest.raises(augrad.AugradError, match=r"checkpoint_test\.closed"):
        fit(model, make_loader(), directory=tmp_path)
    assert torch.equal(trunk.weight, before)
