"""A loss that is not finite stops a Trainer as it stops fit, and Lightning's last good checkpoint is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from tests.core.lightning.small_runs import WARNINGS, Loader, loader, pairs, quiet, small_model
from torch import Tensor, nn

from augrad.errors import NonFiniteLossError
from augrad.lightning import JointModule

pytestmark = WARNINGS


class TurnsBad:
    """Cross-entropy that is NaN from the call `at` on."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        self.left -= 1
        return nn.functional.cross_entropy(output, target) * (float("nan") if self.left < 0 else 1.0)


def test_a_loss_that_is_not_finite_stops_before_the_update_and_names_the_checkpoint(tmp_path: Path) -> None:
    model = small_model()
    model.augmentation.layers[0].set_value("signal.gain", "gain", 0.4)
    trainer = quiet(callbacks=[ModelCheckpoint(tmp_path, every_n_train_steps=2, filename="{step}")])
    with pytest.raises(NonFiniteLossError, match=r"at step 3. The input batch was finite.*step=2.ckpt") as caught:
        # Judges would ask the criterion too.
        trainer.fit(JointModule(model, TurnsBad(3), objective="joint"), loader())
    assert (caught.value.step, caught.value.bad_input, caught.value.transform) == (3, False, "signal.gain")
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())


def test_a_bad_input_is_named() -> None:
    data = pairs()
    data[1][0][2, 1] = float("nan")
    with pytest.raises(
        NonFiniteLossError, match=r"at step 1. The input batch held NaN.*give the Trainer a ModelCheckpoint\(every"
    ):
        quiet().fit(JointModule(small_model()), Loader(data))


def later(bad: int) -> Callable[..., None]:
    """A watch of an accelerator, to which the step `bad` looks bad."""

    def note(self: Any, step: int, loss: Tensor, x: Any) -> None:
        self._step = torch.where(torch.tensor(step == bad), step, self._step)

    return note


@pytest.mark.parametrize("every", [1, 100])
def test_on_an_accelerator_nothing_bad_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    # There the loss is looked at only when something is saved or an epoch ends.
    monkeypatch.setattr("augrad.training.step.FiniteWatch.note", later(1))
    trainer = quiet(callbacks=[ModelCheckpoint(tmp_path, every_n_train_steps=every, save_top_k=-1, filename="{step}")])
    with pytest.raises(NonFiniteLossError, match="not finite at step 1"):
        trainer.fit(JointModule(small_model()), loader())
    assert [path.name for path in tmp_path.iterdir()] == (["step=1.ckpt"] if every == 1 else [])
