"""What a JointModule logs: the history of fit, displacement, and what has been learned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from sklearn.metrics import f1_score
from tests.core.lightning.small_runs import WARNINGS, Loader, Moved, loader, pairs, quiet, small_model
from torch import Tensor
from torchmetrics.classification import MulticlassAUROC

import augrad
from augrad import DisplacementPenalty
from augrad.displacement import displacement
from augrad.lightning import JointModule
from augrad.lightning.measures import Processes, named
from augrad.training.measures import Measures

pytestmark = WARNINGS


def test_it_logs_the_history_of_fit_and_more() -> None:
    model = small_model()
    metrics = {
        "confidence": lambda output, target: output.exp().max(dim=1).values.mean(),
        "f1": lambda output, target: f1_score(target, output.argmax(dim=1), average="macro", zero_division=0.0),
        "auroc": MulticlassAUROC(3, thresholds=None),
    }
    options = {"metrics": metrics, "penalty": DisplacementPenalty(1.0, variety=0.0), "objective": "joint"}
    fitted = augrad.fit(small_model(), pairs(), pairs(2), max_epochs=2, progress=False, **options)
    callback = Moved()
    trainer = quiet(callbacks=[callback])
    trainer.fit(JointModule(model, **options), loader(), loader(2))
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    row = fitted.history[-1]
    names = ["penalty", *(f"{stage}_{name}" for stage in ("train", "val") for name in ("loss", *metrics))]
    assert {name: logged[name] for name in names} == pytest.approx({name: row[name] for name in names}, rel=1e-6)
    moved = [displacement(x, x + by) for (x, _), by in zip(pairs(), callback.moved[-4:], strict=True)]
    assert logged["displacement"] == pytest.approx(float(torch.cat(moved).mean()), rel=1e-5)
    assert logged["penalty"] == pytest.approx(-float(torch.cat(moved).tanh().mean()), rel=1e-5)
    layer = row["layers"][0]
    assert logged["layer0/weight/signal.offset"] == pytest.approx(layer["weights"][0])
    assert logged["layer0/weight/signal.gain"] == pytest.approx(layer["weights"][1])
    assert logged["layer0/magnitude/signal.offset/offset"] == pytest.approx(layer["magnitudes"][0])
    assert logged["layer0/magnitude/signal.gain/gain"] == pytest.approx(layer["magnitudes"][1])
    assert {"train_loss_step", "penalty_step", "displacement_step"} <= logged.keys()
    assert model.augmentation.state().before is None


def test_with_judges_it_logs_displacement_and_penalty_while_the_augmentation_learns() -> None:
    class Logged(Callback):
        def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
            seen.append({name for name in ("displacement_step", "penalty_step") if trainer.logged_metrics.get(name)})

    seen: list[set[str]] = []
    quiet(max_epochs=5, callbacks=[Logged()]).fit(JointModule(small_model()), Loader(pairs(1)))
    assert seen[0] == set()
    assert seen[1] == {"displacement_step", "penalty_step"}


def test_defaults_fit_the_target() -> None:
    classes, numbers = quiet(max_epochs=1), quiet(max_epochs=1)
    classes.fit(JointModule(small_model()), loader(), loader())
    assert {"train_accuracy", "val_accuracy"} <= classes.callback_metrics.keys()
    targets = Loader([(x, x[:, :3]) for x, _ in pairs()])
    numbers.fit(JointModule(small_model(aggregation="mean")), targets, targets)
    assert {"train_r2", "val_r2"} <= numbers.callback_metrics.keys()


def test_sums_are_those_of_all_processes() -> None:
    class Strategy:
        def reduce(self, tensor: Tensor, reduce_op: str) -> Tensor:
            others = torch.tensor([4.0, 2.0]) if reduce_op == "sum" else torch.tensor([7.0, 0.0])
            return tensor + others if reduce_op == "sum" else torch.maximum(tensor, others)

    processes = Processes(SimpleNamespace(world_size=2, strategy=Strategy()))
    measures = Measures({}, torch.device("cpu"))
    measures.add(torch.zeros(3, 1), None, loss=torch.tensor(1.0))
    assert named(measures.values(processes), "val") == {"val_loss": (3 * 1.0 + 4.0) / (3 + 2)}
    assert processes.reduce(torch.tensor([-1.0, 0.0]), "max").tolist() == [7.0, 0.0]
