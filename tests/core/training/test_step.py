"""The watch over the loss: where it turned bad, why, and what is left."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from augrad import InvariantModel
from augrad.errors import NonFiniteLossError
from augrad.training import fit
from augrad.training.step import FiniteWatch, non_finite


class TurnsBad:
    """Cross-entropy that is NaN from the call `at` on."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        self.left -= 1
        return nn.functional.cross_entropy(output, target) * (math.nan if self.left < 0 else 1.0)


def test_it_stops_at_the_step_and_keeps_the_last_good_checkpoint(make_parts: Callable[[], Any], tmp_path: Path) -> None:
    parts = make_parts()
    parts[0].augmentation.layers[0].set_value("signal.gain", "gain", 0.4)
    with pytest.raises(
        NonFiniteLossError, match=r"not finite at step 4 of the stage 'training'. The input batch was finite: lower lr"
    ) as caught:
        fit(parts[0], parts[1], objective="joint", directory=tmp_path, checkpoint_every=2, criterion=TurnsBad(4))
    error = caught.value
    assert (error.step, error.bad_input, error.transform) == (4, False, "signal.gain")
    assert error.checkpoint.name == "step-00000004"
    assert "Largest magnitude: signal.gain in layer 0 (0.8" in str(error)
    assert all(bool(torch.isfinite(p).all()) for p in parts[0].parameters())


def test_a_bad_input_is_named(make_model: Callable[..., Any]) -> None:
    x = torch.randn(4, 4)
    x[2, 1] = math.nan
    with pytest.raises(
        NonFiniteLossError, match=r"held NaN or infinite values: clean the data. There is no checkpoint"
    ):
        fit(make_model(nn.Linear(4, 3)), [(x, torch.zeros(4, dtype=torch.long))], objective="joint")


def test_the_watch_of_an_accelerator_remembers_the_first_bad_step(make_model: Callable[..., Any]) -> None:
    watch = FiniteWatch(torch.device("cpu"))
    watch._at_once = False
    losses = [torch.tensor(value) for value in (1.0, math.inf, math.nan)]
    inputs = [torch.zeros(2), torch.tensor([0.0, math.nan]), torch.zeros(2)]
    assert watch.state().tolist() == [-1, 0]
    for step, (loss, x) in enumerate(zip(losses, inputs, strict=True)):
        assert watch.note(step, loss, x) is None
    watch.note(3, losses[1], "a batch of another type")
    assert watch.state().tolist() == [1, 1]


def test_no_checkpoint_is_written_after_the_loss_turned_bad(
    make_parts: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = FiniteWatch.__init__

    def late(self: FiniteWatch, device: torch.device) -> None:
        make(self, device)
        self._at_once = False

    monkeypatch.setattr(FiniteWatch, "__init__", late)
    model, train, _ = make_parts()
    with pytest.raises(NonFiniteLossError, match=r"at step 3") as caught:
        fit(model, train, objective="joint", directory=tmp_path, checkpoint_every=2, criterion=TurnsBad(3))
    assert caught.value.checkpoint.name == "step-00000002"
    assert (tmp_path / "latest").read_text().strip() == "step-00000002"


def test_a_magnitude_that_is_nan_is_the_one_named(make_model: Callable[..., InvariantModel]) -> None:
    model = make_model()
    with torch.no_grad():
        model.augmentation.layers[0].strength.raw_magnitudes[0] = math.nan
    error = non_finite(2, False, model, None)
    assert (error.transform, error.step) == ("signal.offset", 2)
