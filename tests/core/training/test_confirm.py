"""fit confirms what its search found: the proposals, the one that is kept, and what a resume knows of them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.core.signal_transforms import Flip, Gain, Noise, Shift
from tests.core.training.test_cross_fitted import Interrupted, Until, resumable, waves
from torch import nn
from torch.utils.data import DataLoader

import augrad.learning.cross_fitted.confirmation
from augrad import AugmentationLayer, AugmentationModule, CrossFitted, DisplacementPenalty, InvariantModel
from augrad.errors import CheckpointError
from augrad.learning.cross_fitted.plan import best_policy
from augrad.training import fit
from augrad.training.records import RECORD
from augrad.training.result import FitResult


def fitted(*kinds: Any, n_samples: int = 48, penalty: Any = None, seed: int = 0) -> FitResult:
    """A network that knows nothing of time, on waves that begin anywhere, behind a layer for each transform."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))
    model = InvariantModel(trunk, AugmentationModule([AugmentationLayer([kind]) for kind in kinds]), copies=4)
    loader = DataLoader(waves(n_samples, 1), batch_size=16, shuffle=True)
    return fit(model, loader, max_epochs=30, lr=0.02, penalty=penalty or DisplacementPenalty(), seed=seed)


def test_what_helps_on_new_samples_is_kept() -> None:
    result = fitted(Shift, Gain, n_samples=64)
    rows = {tuple(row["transforms"]): row for row in result.confirmation}
    assert list(rows) == [("signal.shift", "signal.gain"), ("signal.shift",), ("signal.gain",), ()]
    assert [row["kept"] for row in result.confirmation].count(True) == 1
    assert rows["signal.shift",]["lost"] < rows[()]["lost"] / 2
    assert rows["signal.shift",]["lost"] < rows["signal.gain",]["lost"] / 2
    (kept,) = (names for names, row in rows.items() if row["kept"])
    assert "signal.shift" in kept
    assert {row.transform for row in result.policy if row.magnitude} == set(kept)
    reaches = [layer["magnitudes"][0] > 0 for layer in result.history[0]["layers"]]
    assert reaches == [name in kept for name in ("signal.shift", "signal.gain")]


def test_where_nothing_helps_nothing_is_kept() -> None:
    result = fitted(Noise(std=3.0), penalty=DisplacementPenalty(3.0), seed=1)
    assert [(row["transforms"], row["kept"]) for row in result.confirmation] == [(["signal.noise"], False), ([], True)]
    assert all(row.low == row.high == 0 for row in result.policy)


def test_where_there_is_no_choice_nothing_is_tried() -> None:
    result = fitted(Flip)
    assert result.confirmation == [{"transforms": ["signal.flip"], "lost": None, "seconds": 0.0, "kept": True}]


def test_unconfirmed_all_that_was_found_stays(make_parts: Callable[[], Any]) -> None:
    result = fit(*make_parts(), max_epochs=2, objective=CrossFitted(confirm=False))
    assert result.search
    assert result.confirmation == []
    weights = [row.weight for row in result.policy]
    assert all(weight == 0 or weight > 0.8 / len(weights) for weight in weights)
    assert any(row.magnitude for row in result.policy)


class Overflowing(Gain):
    """Spares what is examined, but once it is armed spoils what is learned from."""

    armed = False

    def forward(self, x: torch.Tensor, *, gain_db: torch.Tensor) -> torch.Tensor:
        spoiled = (gain_db != 0) & (type(self).armed and self.training)
        return torch.where(spoiled[:, None, None], torch.nan, x + 0 * gain_db[:, None, None])


class Armed(augrad.learning.cross_fitted.confirmation.ConfirmationLoss):
    """Confirmation, from which on the transform overflows."""

    def begin(self) -> None:
        Overflowing.armed = True
        super().begin()


def test_a_policy_that_judges_cannot_learn_with_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Overflowing, "armed", False)
    monkeypatch.setattr("augrad.learning.cross_fitted.plan.ConfirmationLoss", Armed)
    result = fitted(Overflowing, n_samples=24)
    spoiled, none = result.confirmation
    assert (spoiled["lost"], spoiled["kept"]) == (None, False)
    assert (none["transforms"], none["kept"]) == ([], True)
    assert 0 < none["lost"] < 1
    assert all(math.isfinite(row["train_loss"]) for row in result.history)


def test_a_tie_goes_to_the_whole_policy() -> None:
    whole, part, none = ({"transforms": list(names), "lost": 0.3} for names in ("ab", "a", ""))
    assert best_policy([whole, part, none]) is whole
    assert best_policy([whole, {**part, "lost": 0.2905}, none]) is whole
    better = {**part, "lost": 0.2895}
    assert best_policy([whole, better, none]) is better
    refused = {**whole, "lost": None}
    assert best_policy([refused, part, none]) is part


def test_what_was_tried_is_not_tried_again(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        resumable(make_parts(), tmp_path, Until(30 + 9 + 2))
    record = tmp_path / RECORD
    content = json.loads(record.read_bytes())
    ((label, first),) = content["stages"].items()
    changed = {**first, "measured": {"lost": 0.0}}
    record.write_text(json.dumps({**content, "stages": {label: changed}}))
    resumable(make_parts(), tmp_path, Until())
    stages = json.loads(record.read_bytes())["stages"]
    assert stages.pop(label) == changed
    assert stages
    assert all(stage["measured"]["lost"] > 0 for stage in stages.values())


def test_a_damaged_record_says_what_to_do(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        resumable(make_parts(), tmp_path, Until(30 + 9 + 2))
    record = tmp_path / RECORD
    record.write_text("[{")
    with pytest.raises(CheckpointError, match=r"stages\.json is damaged: .* Delete it, and the stages"):
        resumable(make_parts(), tmp_path, Until())
    record.unlink()
    resumable(make_parts(), tmp_path, Until())


def test_of_the_joint_loss_there_is_nothing_to_confirm(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    result = fit(*make_parts(), max_epochs=1, objective="joint", directory=tmp_path)
    assert result.confirmation == []
    assert not (tmp_path / "search").exists()


def test_what_was_confirmed_is_known_after_a_resume(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_epochs": 2, "objective": "cross_fitted", "directory": tmp_path}
    first = fit(*make_parts(), **options)
    again = fit(*make_parts(), **options, resume=True)
    assert again.confirmation == first.confirmation != []
    assert again.seconds == first.seconds
