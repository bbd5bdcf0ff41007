"""The keys of draws and the progress of training under a Trainer."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from tests.core.lightning.small_runs import WARNINGS, Loader, Moved, loader, pairs, quiet, small_model

from augrad.errors import ArgumentError
from augrad.lightning import JointModule

pytestmark = WARNINGS


class Drawn(Moved):
    """Also what a trunk would draw from the global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.first: list[list[float]] = []

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        pl_module.model.trunk.register_forward_pre_hook(lambda *_: self.first.append(torch.rand(2).tolist()))


def drawn(monkeypatch: pytest.MonkeyPatch, *, rank: int = 0, seed: int = 0) -> Drawn:
    callback = Drawn()
    trainer = quiet(max_epochs=1, callbacks=[callback])
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "global_rank", rank)
        trainer.fit(JointModule(small_model(), lr=1e-9, seed=seed, objective="joint"), Loader([pairs()[0]] * 2))
    return callback


def test_draws_differ_between_steps_ranks_and_seeds_and_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    one, again = drawn(monkeypatch), drawn(monkeypatch)
    other, third = drawn(monkeypatch, rank=1), drawn(monkeypatch, seed=1)
    assert one.first == again.first
    assert all(torch.equal(a, b) for a, b in zip(one.moved, again.moved, strict=True))
    everything = [*one.first, *other.first, *third.first]
    assert len({tuple(entry) for entry in everything}) == 6
    moved = [*one.moved, *other.moved, *third.moved]
    assert all(not torch.allclose(a, b) for i, a in enumerate(moved) for b in moved[:i])


def test_accumulated_batches_of_an_update_draw_differently() -> None:
    drawn = Drawn()
    module = JointModule(small_model(), objective="joint")
    quiet(max_epochs=1, accumulate_grad_batches=2, callbacks=[drawn]).fit(module, loader())
    assert len({tuple(entry) for entry in drawn.first}) == 4


@pytest.mark.usefixtures("unchecked")  # beartype draws from random
def test_global_generators_are_given_back_after_each_step() -> None:
    class States(Callback):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def note(self, *_: Any) -> None:
            self.seen.append((torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()))  # noqa: NPY002

        on_train_batch_start = on_train_batch_end = note

    states = States()
    quiet(max_epochs=1, callbacks=[states]).fit(JointModule(small_model()), loader())
    assert len(states.seen) == 8
    assert all(state == states.seen[0] for state in states.seen)


def test_progress_is_counted_in_steps_if_these_end_training() -> None:
    seen: list[float] = []

    def schedule(progress: float) -> float:
        seen.append(progress)
        return 1.0

    quiet(max_epochs=-1, max_steps=5).fit(JointModule(small_model(), penalty_schedule=schedule), loader())
    assert seen == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    seen.clear()
    quiet(max_epochs=2, max_steps=5).fit(JointModule(small_model(), penalty_schedule=schedule), loader())
    assert seen == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


def test_an_endless_trainer_has_no_progress_to_schedule_by() -> None:
    with pytest.raises(ArgumentError, match=r"penalty_schedule='warm_up'.*no end in sight. Give it max_epochs or max"):
        quiet(max_epochs=-1).fit(JointModule(small_model(), penalty_schedule="warm_up"), loader())
    with pytest.raises(ArgumentError, match=r"CrossFittedLoss .*no end in sight. Give it .*, or pass objective"):
        quiet(max_epochs=-1).fit(JointModule(small_model()), loader())
    quiet(max_epochs=-1, max_time="00:00:00:00").fit(JointModule(small_model(), objective="joint"), loader())
