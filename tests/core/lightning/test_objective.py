"""The objective under a Trainer: which one it is, who learns when, at what rate, and what a checkpoint holds of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from tests.core.lightning.small_runs import WARNINGS, Loader, loader, pairs, quiet, same, small_model
from torch import nn

import augrad
from augrad import CrossFittedLoss, JointLoss, MagnitudePenalty
from augrad.errors import ArgumentError
from augrad.lightning import JointModule
from augrad.lightning.objective import n_updates

pytestmark = WARNINGS


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, CrossFittedLoss),
        ({"objective": "joint"}, JointLoss),
        ({"penalty": MagnitudePenalty()}, JointLoss),
        ({"penalty": MagnitudePenalty(), "objective": "cross_fitted"}, CrossFittedLoss),
        ({"penalty": None}, JointLoss),
    ],
)
def test_the_penalty_says_which_unless_it_is_told(options: dict[str, Any], kind: type) -> None:
    module = JointModule(small_model(), **options)
    assert type(module.objective) is kind
    assert module.hparams["objective"] == ("cross_fitted" if kind is CrossFittedLoss else "joint")


@pytest.mark.parametrize("part", ["augmentation", "trunk"])
def test_where_nothing_is_learned_there_is_nothing_to_judge(part: str) -> None:
    model = small_model()
    model.get_submodule(part).requires_grad_(False)
    assert type(JointModule(model).objective) is JointLoss


def test_judges_need_something_to_gain() -> None:
    with pytest.raises(ArgumentError, match="objective='cross_fitted' needs a penalty"):
        JointModule(small_model(), penalty=None, objective="cross_fitted")


def test_asked_for_it_reaches_the_weights_of_fit_too() -> None:
    by_fit, by_lightning = small_model(), small_model()
    options = {"objective": "joint", "penalty": MagnitudePenalty(), "lr": 0.02, "optimizer": torch.optim.AdamW}
    augrad.fit(by_fit, pairs(), max_epochs=3, progress=False, weight_decay=0.1, **options)
    quiet(max_epochs=3).fit(JointModule(by_lightning, weight_decay=0.1, **options), loader())
    assert same(by_lightning, by_fit)


def rate_of_augmentation(trainer: Trainer) -> float:
    (rate,) = [group["lr"] for group in trainer.optimizers[0].param_groups if group["name"] == "augmentation"]
    return rate


class Rates(Callback):
    """The augmentation's learning rate after each update, and which of augmentation and judges it moved."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.moved: list[tuple[bool, bool]] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.before = [each.detach().clone() for each in self._learned(pl_module)]

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        self.rates.append(rate_of_augmentation(trainer))
        moved = [not torch.equal(a, b) for a, b in zip(self._learned(pl_module), self.before, strict=True)]
        self.moved.append((moved[0], moved[1]))

    @staticmethod
    def _learned(module: Any) -> list[torch.Tensor]:
        owners = (module.model.augmentation, module.objective.judges)
        return [nn.utils.parameters_to_vector(owner.parameters()) for owner in owners]


def test_judges_and_augmentation_learn_in_their_time_at_a_falling_rate() -> None:
    seen = Rates()
    module = JointModule(small_model(), augmentation_lr=0.1)
    quiet(max_epochs=5, callbacks=[seen]).fit(module, loader(2))
    # Ten updates; the window is from 0.2 to 0.8.
    assert [augmentation for augmentation, _ in seen.moved] == [False] * 2 + [True] * 6 + [False] * 2
    assert [judges for _, judges in seen.moved] == [True] * 8 + [False] * 2
    assert seen.rates == pytest.approx([0.1 * module.objective.rate(step / 10) for step in range(10)])
    assert seen.rates[2] == pytest.approx(0.1)


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_judges_are_in_lightnings_checkpoints(tmp_path: Path) -> None:
    keeps = partial(ModelCheckpoint, tmp_path, save_top_k=-1, filename="{epoch}")
    unbroken, resumed = JointModule(small_model(), lr=0.02), JointModule(small_model(), lr=0.02)
    quiet(max_epochs=4, callbacks=[keeps()]).fit(unbroken, loader())
    path = tmp_path / "epoch=1.ckpt"
    quiet(max_epochs=4, callbacks=[keeps()]).fit(resumed, loader(), ckpt_path=path)
    assert same(resumed, unbroken)
    loaded = JointModule.load_from_checkpoint(path, model=small_model(), penalty=MagnitudePenalty())
    assert type(loaded.objective) is CrossFittedLoss
    assert 0 < loaded.objective._seen < resumed.objective._seen < 1


def test_a_new_run_has_new_judges() -> None:
    module = JointModule(small_model())
    quiet(max_epochs=1).fit(module, loader())
    quiet(max_epochs=1).fit(module, loader())
    again = JointModule(small_model())
    quiet(max_epochs=1).fit(again, loader())
    assert torch.equal(module.objective._seen, again.objective._seen)


@pytest.mark.parametrize(
    ("batch", "got"),
    [
        ((torch.randn(1, 4), torch.tensor([0])), "has 1 samples and 1 targets"),
        ((torch.randn(4, 4), torch.tensor([0, 1])), "has 4 samples and 2 targets"),
        ((torch.randn(4, 4), [0, 1, 2, 0]), "has 4 samples and a target of type list"),
    ],
)
def test_a_first_batch_that_cannot_be_judged_is_refused(batch: Any, got: str) -> None:
    module = JointModule(small_model(), nn.CrossEntropyLoss(), metrics={})
    with pytest.raises(ArgumentError, match=rf"one target for each, but the first {got}. Pass objective='joint'"):
        quiet(max_epochs=1).fit(module, Loader([batch]))


def test_without_a_length_the_number_of_updates_is_not_known() -> None:
    class Endless(Loader):
        __len__ = None  # type: ignore[assignment]

    class Counts(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
            seen.append((n_updates(trainer), rate_of_augmentation(trainer)))

    seen: list[tuple[int | None, float]] = []
    for batches in (Endless(pairs()), loader()):
        quiet(max_epochs=2, callbacks=[Counts()]).fit(JointModule(small_model(), lr=1e-3), batches)
    assert seen == [(None, pytest.approx(0.01)), (8, pytest.approx(0.2))]
