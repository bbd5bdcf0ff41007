"""The joint loop: what an update and an epoch do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from augrad import DisplacementPenalty, InvariantModel
from augrad.training import EarlyStopping, fit

PlateauLR = torch.optim.lr_scheduler.ReduceLROnPlateau


def same(a: InvariantModel, b: InvariantModel) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def trained(parts: Any, **options: Any) -> tuple[InvariantModel, Any]:
    result = fit(*parts, **{"max_epochs": 2, "lr": 0.01, **options})
    return parts[0], result


def test_a_seed_decides_the_run_and_the_global_generator_does_not(make_parts: Callable[[], Any]) -> None:
    first, _ = trained(make_parts())
    torch.manual_seed(99)
    assert same(first, trained(make_parts())[0])
    assert not same(first, trained(make_parts(), seed=1)[0])


def test_accumulated_batches_make_the_update_of_one_large_batch(make_loader: Callable[..., Any]) -> None:
    def model() -> InvariantModel:
        torch.manual_seed(0)
        from augrad import AugmentationLayer, Range, Transform

        class Still(Transform):
            """Does nothing whatever it draws."""

            modality = "signal"
            reach = Range(1.0)

            def forward(self, x: Tensor, *, reach: Tensor) -> Tensor:
                return x + 0.0 * reach[:, None]

        return InvariantModel(nn.Linear(4, 3), AugmentationLayer([Still]))

    options = {"optimizer": torch.optim.SGD, "penalty": None, "max_epochs": 1, "lr": 0.1}
    large, small = model(), model()
    one = fit(large, make_loader(batch_size=11, shuffle=False), **options)
    two = fit(small, make_loader(batch_size=1, shuffle=False), accumulation_steps=11, **options)
    torch.testing.assert_close(large.trunk.weight, small.trunk.weight)
    assert one.history[-1]["step"] == two.history[-1]["step"] == 2


def test_a_step_is_one_update_and_the_last_window_may_be_smaller(make_parts: Callable[[], Any]) -> None:
    _, result = trained(make_parts(), accumulation_steps=4)
    assert [row["step"] for row in result.history] == [2, 4]  # 6 batches per epoch


def test_clipping_bounds_the_update(make_parts: Callable[[], Any]) -> None:
    parts = make_parts()
    before = [p.detach().clone() for p in parts[0].parameters()]
    trained(
        parts,
        optimizer=torch.optim.SGD,
        gradient_clip=1e-3,
        lr=1.0,
        augmentation_lr=1.0,
        max_epochs=1,
        accumulation_steps=6,
        objective="joint",
    )
    moved = torch.sqrt(sum((p - b).square().sum() for p, b in zip(parts[0].parameters(), before, strict=True)))
    assert 0 < moved <= 1.001e-3


def test_the_augmentation_learns_at_its_own_rate_without_decay(make_parts: Callable[[], Any]) -> None:
    seen: list[Any] = []

    def factory(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        seen.extend((group["name"], group["lr"], group["weight_decay"]) for group in groups)
        return torch.optim.AdamW(groups)

    trained(make_parts(), objective="cross_fitted", optimizer=factory, weight_decay=0.1, augmentation_lr=0.5)
    assert list(dict.fromkeys(seen)) == [("trunk", 0.01, 0.1), ("augmentation", 0.5, 0.0), ("judges", 0.01, 0.1)]
    seen.clear()
    trained(make_parts(), objective="joint", optimizer=factory)
    assert seen == [("trunk", 0.01, 0.0), ("augmentation", pytest.approx(0.1), 0.0)]


def test_the_penalty_is_scheduled_by_progress(make_parts: Callable[[], Any]) -> None:
    seen: list[float] = []

    def schedule(progress: float) -> float:
        seen.append(progress)
        return 0.0

    joint = {"objective": "joint"}
    unscheduled, _ = trained(make_parts(), penalty=DisplacementPenalty(0.0), **joint)
    switched_off, _ = trained(make_parts(), penalty=DisplacementPenalty(5.0), penalty_schedule=schedule, **joint)
    assert seen == pytest.approx([step / 12 for step in range(12)])
    assert same(unscheduled, switched_off)


def test_the_penalty_moves_the_magnitudes_and_none_is_none(make_parts: Callable[[], Any]) -> None:
    _, weak = trained(make_parts(), penalty=None, augmentation_lr=0.1)
    _, strong = trained(make_parts(), objective="joint", penalty=DisplacementPenalty(5.0), augmentation_lr=0.1)
    assert weak.history[-1]["penalty"] == 0.0
    assert strong.history[-1]["penalty"] < 0.0
    sums = [sum(result.history[-1]["layers"][0]["magnitudes"]) for result in (weak, strong)]
    assert sums[1] > sums[0]


@pytest.mark.parametrize(("interval", "n_steps"), [("epoch", 2), ("step", 12)])
def test_schedulers_step_as_often_as_asked(make_parts: Callable[[], Any], interval: str, n_steps: int) -> None:
    made: list[Any] = []

    def factory(optimizer: torch.optim.Optimizer) -> Any:
        made.append(torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5))
        return made[0]

    trained(make_parts(), objective="joint", scheduler=factory, scheduler_interval=interval)
    assert made[0].last_epoch == n_steps
    assert made[0].get_last_lr() == pytest.approx([0.01 * 0.5**n_steps, 0.1 * 0.5**n_steps])


def test_a_plateau_scheduler_reads_what_makes_an_epoch_best(make_parts: Callable[[], Any]) -> None:
    made: list[Any] = []

    def factory(optimizer: torch.optim.Optimizer) -> Any:
        made.append(PlateauLR(optimizer))
        return made[-1]

    _, result = trained(make_parts(), scheduler=factory)
    assert made[-1].best == min(row["val_loss"] for row in result.history)


def test_early_stopping_stops_and_says_so(make_parts: Callable[[], Any]) -> None:
    rule = EarlyStopping("val_accuracy", patience=2, mode="max", min_delta=2.0)
    _, result = trained(make_parts(), max_epochs=9, early_stopping=rule)
    assert (len(result.history), result.stopped) == (3, "early_stopping")
    assert result.best["metric"] == "val_accuracy"


def test_callbacks_see_each_row_and_can_stop(make_parts: Callable[[], Any]) -> None:
    seen: list[Any] = []

    def note(row: dict[str, Any], model: InvariantModel) -> None:
        seen.append((row["epoch"], type(model)))

    _, result = trained(make_parts(), max_epochs=9, callbacks=[lambda row, model: row["epoch"] == 2, note])
    assert seen == [(1, InvariantModel), (2, InvariantModel)]
    assert (len(result.history), result.stopped) == (2, "callback")


def test_metrics_of_training_and_validation_are_those_of_all_samples(make_parts: Callable[[], Any]) -> None:
    metrics = {"share": lambda output, target: (target == 0).float().mean()}
    _, result = trained(make_parts(), metrics=metrics)
    target = make_parts()[1].dataset.tensors[1]
    expected = (target == 0).double().mean().item()
    assert result.history[0]["train_share"] == pytest.approx(expected)
    assert result.history[0]["val_share"] == pytest.approx(expected)
    assert "train_accuracy" not in result.history[0]


def test_validation_is_the_models_own_prediction(make_parts: Callable[[], Any]) -> None:
    parts = make_parts()
    model, result = trained(parts)
    outputs = torch.cat([model(x) for x, _ in parts[2]])
    target = parts[2].dataset.tensors[1]
    assert result.history[-1]["val_loss"] == pytest.approx(
        nn.functional.cross_entropy(outputs, target).item(), rel=1e-5
    )
    assert result.history[-1]["val_accuracy"] == pytest.approx((outputs.argmax(1) == target).double().mean().item())


@pytest.mark.parametrize("objective", ["joint", "cross_fitted"])
def test_half_precision_trains_and_leaves_parameters_whole(make_parts: Callable[[], Any], objective: str) -> None:
    seen: list[torch.dtype] = []

    def criterion(output: Tensor, target: Tensor) -> Tensor:
        seen.append(output.dtype)
        assert not torch.is_autocast_enabled("cpu") or not output.requires_grad
        return nn.functional.cross_entropy(output, target)

    parts = make_parts()
    before = type(parts[0]).forward
    hook: list[torch.dtype] = []
    parts[0].trunk[0].register_forward_hook(lambda module, inputs, output: hook.append(output.dtype))
    model, _ = trained(parts, mixed_precision="bf16", objective=objective, criterion=criterion)
    assert set(seen) == {torch.float32}
    assert set(hook) == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert type(model).forward is before
    assert "forward" not in vars(model)
    full, _ = trained(make_parts(), objective=objective)
    assert not same(model, full)  # a run of another precision follows in the same process


REDUCE = functools.partial(nn.functional.cross_entropy, reduction="none")


def test_a_criterion_must_reduce(make_parts: Callable[[], Any]) -> None:
    from augrad.errors import ArgumentError

    with pytest.raises(ArgumentError, match=r"criterion must return a scalar tensor, but returned shape \(4,\)"):
        trained(make_parts(), criterion=REDUCE, objective="joint")
    with pytest.raises(ArgumentError, match=r"criterion must return a scalar tensor, but returned shape"):
        trained(make_parts(), criterion=REDUCE)
    with pytest.raises(ArgumentError, match=r"penalty must return a scalar tensor, but returned float"):
        trained(make_parts(), penalty=lambda state: 1.0)
