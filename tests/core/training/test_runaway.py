"""The runaway guard: what alarms it, what must not, and what a run does when it is alarmed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.core.training.conftest import Gain
from torch import Generator, Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad import AugmentationLayer, DisplacementPenalty, InvariantModel, Range, RunawayGuard, Transform
from augrad.errors import ArgumentError, RunawayWarning

PATIENCE = 5
N_EPOCHS = 60


class Noise(Transform):
    """Adds noise, and with enough of it destroys whatever there was to learn."""

    modality = "signal"
    std = Range(4.0, unit="V")

    def draw_noise(self, x: Tensor, generator: Generator | None) -> Tensor:
        return torch.randn(x.shape, generator=generator)

    def forward(self, x: Tensor, *, std: Tensor, noise: Tensor) -> Tensor:
        return x + std[:, None] * noise


def history(
    losses: Sequence[float],
    magnitudes: Sequence[float],
    weights: Sequence[float] | None = None,
    val_losses: Sequence[float] | None = None,
) -> list[dict[str, Any]]:
    """Rows of a layer of two: a noise with this magnitude and weight, and a flip without parameters."""
    rows: list[dict[str, Any]] = []
    for index, (loss, magnitude) in enumerate(zip(losses, magnitudes, strict=True)):
        weight = 0.5 if weights is None else weights[index]
        layer = {"names": ["noise", "flip"], "weights": [weight, 1 - weight], "magnitudes": [magnitude], "owners": [0]}
        rows.append({"epoch": index + 1, "train_loss": loss, "layers": [layer]})
        if val_losses is not None:
            rows[-1]["val_loss"] = val_losses[index]
    return rows


def alarms(guard: RunawayGuard, rows: list[dict[str, Any]]) -> list[int]:
    """After which epochs a run with this history would have been stopped, if it had not been stopped before."""
    return [n for n in range(len(rows) + 1) if guard.find(rows[:n]) is not None]


def opening(index: int, since: int = 0, over: int = 15) -> float:
    """A magnitude that opens from 0.1 towards 1, and never quite stops growing."""
    return 0.1 + 0.85 * (1 - math.exp(-max(0, index - since) / over)) + 1e-4 * index


def learning(index: int) -> float:
    """A loss that falls from 2.3 towards 0.1."""
    return 0.1 + 2.2 * math.exp(-index / 4)


EPOCHS = range(N_EPOCHS)
OPENING = [opening(index) for index in EPOCHS]
RISING = [learning(index) + 0.03 * max(0, index - 15) for index in EPOCHS]


def test_a_loss_that_rises_while_one_range_grows_is_an_alarm() -> None:
    rows = history(RISING, OPENING)
    first = alarms(RunawayGuard(), rows)[0]
    found = RunawayGuard().find(rows[:first])
    assert found is not None
    assert (found.layer, found.transform, found.column) == (0, 0, 0)
    lowest = min(range(first), key=RISING.__getitem__)
    assert (found.then["epoch"], found.now["epoch"]) == (lowest + 1, first)
    # For `patience` epochs a quarter of what was gained had been lost.
    level = RISING[lowest] + 0.25 * (RISING[0] - RISING[lowest])
    assert sum(loss > level for loss in RISING[lowest:first]) == PATIENCE


def test_a_larger_share_and_more_patience_find_it_later() -> None:
    rows = history(RISING, OPENING)
    first = alarms(RunawayGuard(), rows)[0]
    assert alarms(RunawayGuard(rise=0.4), rows)[0] > first
    assert alarms(RunawayGuard(patience=8), rows)[0] == first + 3


WIGGLE = [0.05 * (-1) ** index for index in EPOCHS]
NORMAL: dict[str, list[dict[str, Any]]] = {
    "ranges open while the loss falls": history([learning(index) for index in EPOCHS], OPENING),
    "noise in the last epochs of a cosine schedule": history(
        [learning(index) + WIGGLE[index] for index in EPOCHS],
        [0.5 - 0.4 * math.cos(math.pi * index / N_EPOCHS) for index in EPOCHS],
    ),
    "a penalty warms up, and the plain data had been fitted": history(
        [learning(index) + 0.4 * min(1.0, max(0, index - 10) / 12) for index in EPOCHS],
        [opening(index, since=10) for index in EPOCHS],
    ),
    "the loss rises to a plateau as the range opens, and stays": history(
        [learning(index) + 0.45 * (1 - math.exp(-max(0, index - 12) / 5)) + WIGGLE[index] for index in EPOCHS],
        [opening(index, since=12) for index in EPOCHS],
    ),
    "a high loss that the trunk makes up for": history(
        [learning(index) + 1.2 * math.exp(-abs(index - 15) / 3.5) for index in EPOCHS],
        [opening(index, since=5) for index in EPOCHS],
    ),
    "a loss that rises with no range": history(RISING, [0.3] * N_EPOCHS),
    "a loss that rises with a range that goes to and fro": history(
        RISING, [0.3 + 0.005 * index + 0.01 * (-1) ** index for index in EPOCHS]
    ),
    "a loss that rises while a range is at its end": history(RISING, [1 - 0.01 * 0.8**index for index in EPOCHS]),
    "a transform that nobody draws": history(RISING, OPENING, [1e-4] * N_EPOCHS),
    "validation improves": history(RISING, OPENING, val_losses=[learning(index) for index in EPOCHS]),
    "validation was never a number": history(RISING, OPENING, val_losses=[math.nan] * N_EPOCHS),
    "one epoch": history([1.0], [0.5]),
    "nothing": [],
}


@pytest.mark.parametrize("rows", NORMAL.values(), ids=NORMAL)
def test_normal_training_is_no_alarm(rows: list[dict[str, Any]]) -> None:
    assert alarms(RunawayGuard(), rows) == []


def test_a_validation_loss_that_rises_too_is_an_alarm() -> None:
    rows = history(RISING, OPENING, val_losses=[loss + 0.1 for loss in RISING])
    assert alarms(RunawayGuard(), rows)


def test_what_counts_is_how_often_a_range_is_drawn() -> None:
    # The noise grows, but is drawn ever less; it is the flip, which has no parameter, that takes over.
    rows = history(RISING, OPENING, [0.8 * 0.95**index for index in EPOCHS])
    found = RunawayGuard().find(rows[: alarms(RunawayGuard(), rows)[0]])
    assert found is not None
    assert (found.transform, found.column) == (1, None)


def test_of_several_the_one_that_grew_most_is_named() -> None:
    rows = history(RISING, OPENING)
    for index, row in enumerate(rows):
        layer = {"names": ["a", "b"], "weights": [0.5, 0.5], "owners": [0, 1, 1]}
        row["layers"] = [
            {**layer, "magnitudes": [0.5, 0.5, 0.5]},
            {**layer, "magnitudes": [0.2 + 0.002 * index, 0.3 + 0.001 * index, 0.1 + 0.01 * index]},
        ]
    found = RunawayGuard().find(rows[: alarms(RunawayGuard(), rows)[0]])
    assert found is not None
    assert (found.layer, found.transform, found.column) == (1, 1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience must be an int of at least 1, but got 0. It counts epochs"),
        ({"patience": True}, "patience must be an int of at least 1"),
        ({"patience": 2.0}, "patience must be an int of at least 1"),
        ({"rise": 0}, "rise must be a finite number above 0"),
        ({"rise": math.inf}, "rise must be a finite number above 0"),
        ({"rise": "much"}, "rise must be a finite number above 0, but got 'much'"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        RunawayGuard(**options)


def trained(kind: type[Transform], strength: float, **options: Any) -> Any:
    """A run on a task that can be learned, and that noise destroys; the augmentation is slow enough to watch."""
    torch.manual_seed(0)
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] > x[:, 1]).long() + (x[:, 2] > x[:, 3]).long()
    trunk = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
    model = InvariantModel(trunk, AugmentationLayer([kind], magnitude=0.05), copies=2)
    loader = DataLoader(TensorDataset(x, y), batch_size=20, shuffle=True)
    # The joint objective: the cross-fitted one does not let a trunk learn what is paid for with its own loss.
    rule = {
        "objective": "joint",
        "penalty": DisplacementPenalty(strength, variety=0.05),
        "lr": 0.01,
        "augmentation_lr": 0.03,
    }
    return augrad.fit(model, loader, **{"max_epochs": 20, **rule, **options})


def test_what_destroys_and_is_paid_for_is_stopped_and_named() -> None:
    with pytest.warns(RunawayWarning, match="a range ran away") as caught:
        result = trained(Noise, 20.0)
    assert result.stopped == "runaway"
    assert 2 * PATIENCE <= len(result.history) < 20
    (warning,) = caught
    said = warning.message
    assert isinstance(said, RunawayWarning)
    since = said.facts["since"]
    expected = {"layer": 0, "transform": "signal.noise", "parameter": "std", "epoch": len(result.history)}
    assert said.facts == {**expected, "since": since, "checkpoint": None}
    last = result.history[-1]
    assert result.history[since - 1]["train_loss"] == min(row["train_loss"] for row in result.history)
    reach = 4 * last["layers"][0]["magnitudes"][0]
    assert f"to 0..{reach:.3g} V (weight 1.00), while" in str(said)
    assert f"to {last['train_loss']:.3g}: what" in str(said)
    weaker = "Weaken the penalty (DisplacementPenalty(strength=20, variety=0.05))"
    for way in (weaker, "augmentation_lr", "runaway=None"):
        assert way in str(said)
    assert "pass directory= to keep some" in str(said)
    # Nothing is clipped: the model is as the last epoch left it.
    assert result.policy[0].high == pytest.approx(reach)


def test_what_is_harmless_runs_to_the_end() -> None:
    result = trained(Gain, 1.0)
    assert (result.stopped, len(result.history)) == ("max_epochs", 20)


def test_without_a_guard_it_goes_on() -> None:
    result = trained(Noise, 20.0, runaway=None)
    assert (result.stopped, len(result.history)) == ("max_epochs", 20)
    assert RunawayGuard().find(result.history) is not None


def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_a_resumed_run_decides_alike_and_goes_on_where_it_is_told_to(tmp_path: Path) -> None:
    with pytest.warns(RunawayWarning) as caught:
        unbroken = trained(Noise, 20.0)
    n_epochs = len(unbroken.history)
    trained(Noise, 20.0, max_epochs=n_epochs - 3, directory=tmp_path)
    with pytest.warns(RunawayWarning, match=r"the best train_loss, of epoch") as again:
        resumed = trained(Noise, 20.0, directory=tmp_path, resume=True)
    assert timeless(resumed.history) == timeless(unbroken.history)
    (first, second) = (each[0].message for each in (caught, again))
    assert isinstance(first, RunawayWarning)
    assert isinstance(second, RunawayWarning)
    assert second.facts == {**first.facts, "checkpoint": resumed.best["checkpoint"]}
    assert resumed.best["epoch"] == second.facts["since"]
    assert str(resumed.best["checkpoint"]) in str(second)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it has been said already
        over = trained(Noise, 20.0, directory=tmp_path, resume=True)
        assert (over.stopped, len(over.history)) == ("runaway", n_epochs)
        longer = trained(Noise, 20.0, directory=tmp_path, resume=True, runaway=None)
    assert (longer.stopped, len(longer.history)) == ("max_epochs", 20)


def test_a_run_stopped_in_its_last_epoch_does_not_outlive_it(tmp_path: Path) -> None:
    guard = RunawayGuard(patience=2)
    with pytest.warns(RunawayWarning):
        stopped = trained(Noise, 20.0, directory=tmp_path, runaway=guard)
    n_epochs = len(stopped.history)
    over = trained(Noise, 20.0, directory=tmp_path, runaway=None, resume=True, max_epochs=n_epochs)
    assert (over.stopped, len(over.history)) == ("max_epochs", n_epochs)
