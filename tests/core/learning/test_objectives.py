"""Objectives by name, with options, or by a callable; which one is taken by default; and what is refused, when."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tests.core.training.conftest import small_data, small_model
from torch import Tensor, nn
from torch.utils.data import DataLoader

import augrad
from augrad.errors import ArgumentError, ArgumentTypeError, EvidenceWarning, NonFiniteLossError
from augrad.learning.objectives import OBJECTIVES, choose_objective, resolve_objective
from augrad.training.early_stopping import EarlyStopping


def data() -> DataLoader[Any]:
    return DataLoader(small_data(), batch_size=11, shuffle=True)


class Mine(augrad.Objective):
    """Joint training, as a third party writes it."""

    def __init__(self, model: Any, criterion: Any, penalty: Any, *, rate: float = 10.0) -> None:
        self.criterion, self.penalty, self.rate = criterion, penalty, rate

    def step(
        self, model: nn.Module, x: Any, target: Any, *, progress: float, factor: float = 1.0, generator: Any = None
    ) -> augrad.StepLoss:
        output = model(x, generator=generator)
        loss = self.criterion(output, target)
        return augrad.StepLoss(loss, loss.detach(), loss.new_zeros(()), output.detach())

    def augmentation_lr(self, lr: float, n_steps: int | None) -> float:
        return self.rate * lr


class Duck:
    """An object with `step` and nothing else."""

    def __init__(self, model: Any, criterion: Any, penalty: Any) -> None:
        self.inner = Mine(model, criterion, penalty)

    def step(self, *given: Any, **named: Any) -> augrad.StepLoss:
        return self.inner.step(*given, **named)


@pytest.mark.parametrize("objective", [Mine, partial(Mine, rate=3.0), Duck])
def test_a_callable_is_an_objective(objective: Callable[..., Any]) -> None:
    rates: list[float] = []

    def factory(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        rates.extend(group["lr"] for group in groups if group["name"] == "augmentation")
        return torch.optim.SGD(groups)

    result = augrad.fit(small_model(), data(), max_epochs=2, objective=objective, lr=0.1, optimizer=factory)
    assert [stage.label for stage in result.stages] == ["training"]
    assert "train_accuracy" in result.history[-1]
    assert rates == [pytest.approx(0.3 if isinstance(objective, partial) else 1.0)]


def test_another_strength_of_ones_own_objective_is_refused_on_a_resume(tmp_path: Any) -> None:
    options: dict[str, Any] = {"max_epochs": 1, "directory": tmp_path}
    augrad.fit(small_model(), data(), objective=partial(Mine, rate=3.0), **options)
    augrad.fit(small_model(), data(), objective=partial(Mine, rate=3.0), resume=True, **options)
    with pytest.raises(augrad.AugradError, match=r"objective was 'Mine\(rate=3\.0\)' and is 'Mine\(rate=4\.0\)'"):
        augrad.fit(small_model(), data(), objective=partial(Mine, rate=4.0), resume=True, **options)


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (
            "cross-fitted",
            ArgumentError,
            r"one of 'leave_one_out', 'cross_fitted', 'joint'.*Did you mean 'cross_fitted'\?",
        ),
        (3, ArgumentTypeError, r"a name, a mapping with a name, or a callable .*, but got 3"),
        ({"n_folds": 2}, ArgumentTypeError, "a mapping with a name"),
        ({"name": "cross_fitted", "n_fold": 2}, ArgumentError, r"has no option 'n_fold'\. Did you mean 'n_folds'\?"),
        ({"name": "joint", "k": 2}, ArgumentError, r"'joint' has no option 'k'\. It has none\."),
    ],
)
def test_names_and_options_that_are_not_known(
    objective: Any, error: type[Exception], message: str, unchecked: None
) -> None:
    with pytest.raises(error, match=message):
        resolve_objective(objective)


def test_every_name_has_a_factory() -> None:
    for name, factory in OBJECTIVES.items():
        assert resolve_objective(name) is factory
        assert callable(factory)


def refused(objective: Any, message: str, error: type[Exception] = ArgumentTypeError, **options: Any) -> None:
    model = small_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(error, match=message):
        augrad.fit(model, data(), max_epochs=1, objective=objective, **options)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_callable_that_returns_no_objective_is_named() -> None:
    refused(lambda model, criterion, penalty: None, r"with a method step, but .*<lambda> returned NoneType")


def test_a_step_that_returns_something_else_is_named_before_training() -> None:
    class Wrong(Mine):
        def step(self, *given: Any, **named: Any) -> Any:
            return super().step(*given, **named).total

    refused(Wrong, r"Wrong\.step must return an augrad\.StepLoss, but returned Tensor")


def test_an_output_that_does_not_fit_the_metrics_is_named_before_training() -> None:
    class Wide(Mine):
        def step(self, *given: Any, **named: Any) -> augrad.StepLoss:
            step = super().step(*given, **named)
            return augrad.StepLoss(step.total, step.loss, step.penalty, step.output.repeat(2, 1))

    message = r"Wide\.step returns an output of shape \(22, 3\) for 11 targets, .* accuracy.* Pass metrics=\{\}"
    refused(Wide, message, ArgumentError)
    augrad.fit(small_model(), data(), max_epochs=1, objective=Wide, metrics={})


def test_a_penalty_that_would_be_ignored_is_refused() -> None:
    class Plain(Mine):
        takes_penalty = False

    augrad.fit(small_model(), data(), max_epochs=1, objective=Plain)
    refused(Plain, "penalty is not used by the objective .*Plain", ArgumentError, penalty=augrad.MagnitudePenalty())


def test_an_objective_names_its_default_penalty() -> None:
    class Named(Mine):
        default_penalty = augrad.MagnitudePenalty(3.0)

    made: list[Any] = []

    def factory(model: Any, criterion: Any, penalty: Any) -> Named:
        made.append(penalty)
        return Named(model, criterion, penalty)

    augrad.fit(small_model(), data(), max_epochs=1, objective=Named)
    augrad.fit(small_model(), data(), max_epochs=1, objective=factory)
    assert isinstance(made[0], augrad.DisplacementPenalty)


def test_a_plan_runs_its_stages_and_is_sent_their_results() -> None:
    seen: list[augrad.StageResult] = []

    class Two(Mine):
        def plan(self, model: Any, budget: augrad.Budget) -> Any:
            assert (budget.max_epochs, budget.n_steps, budget.n_samples) == (3, 2, 22)
            seen.append((yield augrad.Stage(self, "warm-up", learns=("trunk",), epochs=2, main=False)))
            seen.append((yield augrad.Stage(self)))
            return [{"transforms": ["all"]}]

    result = augrad.fit(small_model(), data(), max_epochs=3, objective=Two)
    assert [(stage.label, len(stage.history)) for stage in seen] == [("warm-up", 2), ("training", 3)]
    assert result.stages == seen
    assert result.confirmation == [{"transforms": ["all"]}]
    assert [row["epoch"] for row in result.search] == [1, 2]
    weights = [row["layers"][0]["weights"] for row in (*result.search, *result.history)]
    assert weights[0] == weights[1] != weights[-1]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "the plan of Bad yields no stage"),
        (["search"], "the plan of Bad must yield stages or computations, but yielded str"),
        ([None, None], "yields two stages with the label 'training'"),
    ],
)
def test_plans_that_cannot_be_run_are_named(stages: list[Any], message: str, unchecked: None) -> None:
    class Bad(Mine):
        def plan(self, model: Any, budget: Any) -> Any:
            for stage in stages:
                yield augrad.Stage(self) if stage is None else stage

    with pytest.raises(ArgumentError, match=message):
        augrad.fit(small_model(), data(), max_epochs=1, objective=Bad)


def test_a_label_must_name_a_folder_and_learns_a_part() -> None:
    with pytest.raises(ArgumentError, match="label must be a name of letters"):
        augrad.Stage(None, "../elsewhere")
    with pytest.raises(ArgumentError, match="learns must be one of 'trunk', 'augmentation', 'objective'"):
        augrad.Stage(None, learns=("judges",))
    with pytest.raises(ArgumentError, match="learns must name a part"):
        augrad.Stage(None, learns=())


def test_a_stage_that_fails_is_named_with_its_last_checkpoint(tmp_path: Any) -> None:
    class Bursting(Mine):
        def step(self, *given: Any, progress: float, **named: Any) -> augrad.StepLoss:
            step = super().step(*given, progress=progress, **named)
            scale = torch.nan if progress >= 0.5 else 1.0
            return augrad.StepLoss(step.total * scale, step.loss, step.penalty, step.output)

        def plan(self, model: Any, budget: Any) -> Any:
            yield augrad.Stage(self, "heating")

    options: dict[str, Any] = {"max_epochs": 2, "objective": Bursting, "directory": tmp_path}
    with pytest.raises(NonFiniteLossError, match=r"of the stage 'heating'\. .*last good checkpoint is .*heating"):
        augrad.fit(small_model(), data(), **options)


def test_an_error_of_the_users_own_says_where_it_happened() -> None:
    class Failing(Mine):
        def step(self, *given: Any, progress: float, **named: Any) -> augrad.StepLoss:
            if progress:
                raise ZeroDivisionError("mine")
            return super().step(*given, progress=progress, **named)

    with pytest.raises(ZeroDivisionError) as caught:
        augrad.fit(small_model(), data(), max_epochs=1, objective=Failing)
    assert caught.value.__notes__ == ["augrad: in the stage 'training' (1 of 1), at step 1; there is no checkpoint."]


def test_a_plan_may_go_on_after_a_loss_that_is_not_finite() -> None:
    class Trying(Mine):
        def plan(self, model: Any, budget: Any) -> Any:
            bad = Mine(model, lambda output, target: (output * torch.nan).sum(), None)
            try:
                yield augrad.Stage(bad, "try", main=False, keeps=False)
            except NonFiniteLossError as error:
                self.said = str(error)
            yield augrad.Stage(self)
            assert "of the stage 'try'" in self.said

    assert augrad.fit(small_model(), data(), max_epochs=1, objective=Trying).stopped == "max_epochs"


def test_early_stopping_reaches_the_judges() -> None:
    torch.manual_seed(0)
    stopping = EarlyStopping(patience=2)
    val = DataLoader(small_data(), batch_size=22)
    options: dict[str, Any] = {"max_epochs": 60, "lr": 0.05, "early_stopping": stopping}
    result = augrad.fit(small_model(), data(), val, objective="cross_fitted", **options)
    judges, search = result.stages[:2]
    assert (judges.label, judges.stopped) == ("judges", "early_stopping")
    assert len(judges.history) < 30
    assert "train_held_out_loss" in judges.history[0]
    assert len(search.history) == len(judges.history)


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        ("auto", "leave_one_out"),
        (augrad.DisplacementPenalty(0.1), "cross_fitted"),
        (augrad.MagnitudePenalty(), "joint"),
        (None, "joint"),
    ],
)
def test_without_a_name_the_penalty_decides(penalty: Any, expected: str) -> None:
    x, target = small_data().tensors
    for batch in ({}, {"x": x, "target": target}):
        factory = choose_objective(None, small_model(), penalty, **batch)
        assert factory is OBJECTIVES[expected]
    assert choose_objective("joint", small_model(), penalty) is OBJECTIVES["joint"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (torch.zeros(22, 3, 3), r"targets have the shape \(22, 3, 3\) for 22 samples"),
        (torch.zeros(7), r"targets have the shape \(7,\) for 22 samples"),
        ({"label": torch.zeros(22)}, "targets are of type dict"),
        (torch.full((22, 2), 3), "each sample has several classes"),
    ],
)
def test_where_the_default_does_not_suit_a_warning_names_the_reason(target: Any, reason: str) -> None:
    with pytest.warns(EvidenceWarning, match=rf"no evidence can be had: {reason}\. Pass objective='joint'"):
        factory = choose_objective(None, small_model(), "auto", x=small_data().tensors[0], target=target)
    assert factory is OBJECTIVES["joint"]


def test_where_nothing_of_the_augmentation_learns_there_is_no_warning() -> None:
    model = small_model()
    model.augmentation.requires_grad_(False)
    assert choose_objective(None, model, "auto") is OBJECTIVES["joint"]


def test_without_labels_batches_may_be_x_alone() -> None:
    class Compact(augrad.Objective):
        labels = False
        takes_penalty = False

        def __init__(self, model: Any, criterion: Any, penalty: Any) -> None:
            assert criterion is None

        def step(
            self, model: nn.Module, x: Any, target: Any, *, progress: float, factor: float = 1.0, generator: Any = None
        ) -> augrad.StepLoss:
            assert target is None
            output: Tensor = model(x, generator=generator)
            loss = output.square().mean()
            return augrad.StepLoss(loss, loss.detach(), loss.new_zeros(()), output.detach())

    x = torch.randn(20, 4)
    for loader in (DataLoader(x, 10), [(x,)], [x]):
        result = augrad.fit(small_model(), loader, loader, max_epochs=2, objective=Compact)
        assert set(result.history[-1]) == {
            *("epoch", "step", "train_loss", "val_loss", "penalty", "seconds", "layers"),
        }
    with pytest.raises(augrad.AugradError, match=r"train_loader must yield pairs \(x, target\)"):
        augrad.fit(small_model(), DataLoader(x, 10), max_epochs=1)


@pytest.mark.parametrize("kind", [augrad.LeaveOneOut, augrad.CrossFitted])
def test_the_class_of_a_rule_stands_for_its_defaults(kind: Any) -> None:
    assert resolve_objective(kind) == kind()
