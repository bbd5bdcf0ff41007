"""JointModule under a Trainer: the weights of fit to the bit, evaluation, batches, checkpoints, and bad input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from tests.core.bag_transforms import Bag, Louder
from tests.core.lightning.small_runs import WARNINGS, Loader, loader, pairs, quiet, same, small_model
from torch import Tensor, nn

import augrad
from augrad import AugmentationLayer, InvariantModel, MagnitudePenalty
from augrad.errors import ArgumentError, ArgumentTypeError, InputTypeError
from augrad.lightning import JointModule

pytestmark = WARNINGS


@pytest.mark.parametrize(
    ("shared", "for_fit", "for_trainer"),
    [
        ({}, {}, {}),
        ({"lr": 0.02, "augmentation_lr": 0.1, "weight_decay": 0.1, "penalty": MagnitudePenalty(), "seed": 3}, {}, {}),
        ({"optimizer": partial(torch.optim.SGD, momentum=0.9), "penalty_schedule": "warm_up", "penalty": None}, {}, {}),
        ({"penalty_schedule": "decay"}, {"gradient_clip": 0.1}, {"gradient_clip_val": 0.1}),
        ({"lr": 0.01}, {"mixed_precision": "bf16"}, {"precision": "bf16-mixed"}),
        ({"scheduler": partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)}, {}, {}),
        (
            {
                "scheduler": partial(torch.optim.lr_scheduler.LinearLR, total_iters=5),
                "scheduler_interval": "step",
                "penalty_schedule": lambda progress: 1 + progress,
            },
            {},
            {},
        ),
        (
            {"scheduler": partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=0, threshold=0.5), "lr": 0.1},
            {},
            {},
        ),
    ],
)
def test_it_reaches_the_weights_of_fit_to_the_bit(
    shared: dict[str, Any], for_fit: dict[str, Any], for_trainer: dict[str, Any]
) -> None:
    by_fit, by_lightning = small_model(train_copies=2), small_model(train_copies=2)
    before = small_model(train_copies=2)
    shared = {**shared, "objective": "joint"}  # the other one searches first in fit, and learns alongside here
    augrad.fit(by_fit, pairs(), pairs(2, seed=2), max_epochs=3, progress=False, **shared, **for_fit)
    quiet(max_epochs=3, **for_trainer).fit(JointModule(by_lightning, **shared), loader(), loader(2, seed=2))
    assert same(by_lightning, by_fit)
    assert not same(by_lightning, before)


def test_without_validation_a_plateau_is_one_of_the_training_loss() -> None:
    halve = partial(torch.optim.lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=0, threshold=0.9)
    by_fit, by_lightning = small_model(), small_model()
    augrad.fit(by_fit, pairs(), max_epochs=3, progress=False, scheduler=halve, objective="joint")
    trainer = quiet(max_epochs=3)
    trainer.fit(JointModule(by_lightning, scheduler=halve, objective="joint"), loader())
    assert same(by_lightning, by_fit)
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0.00025


def test_accumulated_gradients_reach_the_weights_of_fit() -> None:
    by_fit, by_lightning = small_model(dropout=0.0), small_model(dropout=0.0)
    options = {"lr": 0.01, "penalty_schedule": "decay", "objective": "joint"}
    augrad.fit(by_fit, pairs(), max_epochs=2, progress=False, accumulation_steps=2, **options)
    quiet(accumulate_grad_batches=2).fit(JointModule(by_lightning, **options), loader())
    assert same(by_lightning, by_fit)


def test_validate_test_and_predict_agree_with_the_model() -> None:
    model = small_model()
    module = JointModule(model)
    data = pairs(2)
    (validated,) = quiet().validate(module, Loader(data), verbose=False)
    (tested,) = quiet().test(module, Loader(data), verbose=False)
    target = torch.cat([target for _, target in data])
    outputs = [model.eval()(x).detach() for x, _ in data]
    assert validated["val_loss"] == pytest.approx(
        float(nn.functional.cross_entropy(torch.cat(outputs), target)), rel=1e-5
    )
    assert tested == {name.replace("val_", "test_"): value for name, value in validated.items()}
    for batches in (data, [[x] for x, _ in data], [x for x, _ in data]):
        predicted = quiet().predict(module, Loader(batches))
        assert all(torch.equal(a, b) for a, b in zip(predicted, outputs, strict=True))
    assert torch.equal(module(data[0][0]), outputs[0])


def test_a_model_in_eval_mode_is_put_into_train_mode() -> None:
    model = small_model().eval()
    quiet(max_epochs=1).fit(JointModule(model), loader())
    assert model.trunk[1].num_batches_tracked == 4


@pytest.mark.filterwarnings("ignore:Found 3 module")
def test_parts_that_were_frozen_stay_frozen() -> None:
    model = small_model()
    model.trunk[1].eval()
    quiet(max_epochs=1).fit(JointModule(model), loader(), loader())
    assert model.trunk[1].num_batches_tracked == 0
    assert model.trunk.training


class Weighted(nn.Module):
    """A penalty with a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("strength", torch.tensor(0.5))

    def forward(self, state: Any) -> Tensor:
        return -self.strength * state.displacement


def test_criterion_and_penalty_with_state_go_where_the_model_goes() -> None:
    criterion, penalty = nn.CrossEntropyLoss(weight=torch.ones(3)), Weighted()
    module = JointModule(small_model(), criterion, penalty)
    quiet(max_epochs=1).fit(module, loader())
    assert {"criterion.weight", "penalty.strength"} <= module.state_dict().keys()
    module.to("meta")
    assert (criterion.weight.device.type, penalty.strength.device.type) == ("meta", "meta")


@dataclass(frozen=True)
class Placed(Bag):
    """A batch that is no tensor and knows how to move."""

    places: tuple[str, ...] = ()

    def to(self, device: Any, **_: Any) -> Placed:
        return Placed(self.items.to(device), self.lengths, (*self.places, str(device)))


class Sums(nn.Module):
    """A trunk for bags that notes where they were put."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 2)

    def forward(self, x: Bag) -> Tensor:
        return self.head(torch.stack([part.sum() for part in x.split()])[:, None])


def test_batches_that_are_no_tensors_are_moved_and_trained_on() -> None:
    seen: list[Any] = []

    class Watch(Callback):
        def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            seen.append(batch[0])

    x = Placed(torch.arange(6.0), (2, 3, 1))
    model = InvariantModel(Sums(), AugmentationLayer([Louder]))
    trainer = quiet(max_epochs=1, callbacks=[Watch()])
    # Displacement is not defined for this type: neither the penalty nor the log may need it.
    trainer.fit(JointModule(model, penalty=MagnitudePenalty()), Loader([(x, torch.tensor([0, 1, 0]))]))
    assert [batch.places for batch in seen] == [("cpu",)]
    assert "penalty" in trainer.callback_metrics
    assert "displacement" not in trainer.callback_metrics


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_run_resumed_from_lightnings_checkpoint_reaches_the_same_weights(tmp_path: Path) -> None:
    options = {"lr": 0.02, "penalty_schedule": "decay"}
    unbroken = small_model()
    keeps = partial(ModelCheckpoint, tmp_path, save_top_k=-1, filename="{epoch}")
    quiet(max_epochs=3, callbacks=[keeps()]).fit(JointModule(unbroken, **options), loader())
    resumed, path = small_model(), tmp_path / "epoch=1.ckpt"
    quiet(max_epochs=3, callbacks=[keeps()]).fit(JointModule(resumed, **options), loader(), ckpt_path=path)
    assert same(resumed, unbroken)
    loaded = JointModule.load_from_checkpoint(path, model=small_model())
    assert (loaded.hparams["lr"], loaded.hparams["seed"]) == (0.02, 0)
    assert not same(loaded.model, small_model())


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lr": 0}, ArgumentError, "lr must be a finite number above 0, but got 0"),
        ({"penalty_schedule": "warmup"}, ArgumentError, "Did you mean 'warm_up'"),
        ({"scheduler_interval": "batch"}, ArgumentError, "scheduler_interval must be one of 'epoch', 'step'"),
        ({"criterion": "mse"}, ArgumentTypeError, "criterion must be callable or None, but got str"),
        ({"metrics": {"loss": max}}, ArgumentTypeError, "metrics must map names"),
        ({"seed": 1.5}, ArgumentTypeError, "seed must be an int, but got 1.5"),
    ],
)
def test_arguments_are_refused_at_construction(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        JointModule(small_model(), **arguments)


@pytest.mark.usefixtures("unchecked")
def test_only_an_invariant_model_is_trained() -> None:
    with pytest.raises(ArgumentTypeError, match=r"must be an augrad.InvariantModel, but got Linear. Wrap it"):
        JointModule(nn.Linear(2, 2))


def test_an_optimizer_that_needs_a_closure_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match="steps without a closure, but returned LBFGS"):
        quiet().fit(
            JointModule(small_model(), optimizer=lambda groups: torch.optim.LBFGS(groups[0]["params"])), loader()
        )


@pytest.mark.parametrize(("batch", "got"), [(torch.ones(5, 4), "Tensor"), ([torch.ones(5, 4)], "1 entries")])
def test_a_batch_that_is_no_pair_is_refused(batch: Any, got: str) -> None:
    with pytest.raises(InputTypeError, match=rf"batches must be pairs \(x, target\), but the loader yields {got}"):
        quiet().fit(JointModule(small_model()), Loader([batch]))
