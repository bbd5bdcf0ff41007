"""The cross-fitted objective: who learns from what, and when, and what it does not accept."""

from __future__ import annotations

import math

import pytest
import torch
from tests.core.bag_transforms import Bag, Louder, bag
from tests.core.cross_fitting_cases import (
    AFTER,
    BEFORE,
    TARGET,
    WITHIN,
    X,
    backward,
    gradients,
    halves,
    make,
    nothing,
)
from tests.core.signal_transforms import Gain
from torch import nn
from torch.nn.functional import cross_entropy

from augrad import CrossFittedLoss, DisplacementPenalty, batch, keyed_generator, parameter_groups
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.cross_fitted.judges import folds
from augrad.learning.cross_fitted.stages import FASTEST, HELD_OUT, TRAVEL, AugmentationLearns, JudgesLearn

SIGNALS = torch.randn(400, 3, 8, generator=keyed_generator("signals"))
TABLE = torch.where(torch.rand(400, 5, generator=keyed_generator("known")) < 0.2, torch.nan, SIGNALS[:, 0, :5])
KINDS = {
    "float32": SIGNALS,
    "float64": SIGNALS.double(),
    "float16": SIGNALS.half(),
    "int64": torch.randint(0, 9, (400, 12), generator=keyed_generator("whole")),
    "uint8": (SIGNALS * 40).clamp(0, 255).to(torch.uint8),
    "bool": SIGNALS > 0,
    "table with missing values": TABLE,
    "counts": torch.arange(400)[:, None],
    "one at each place": torch.eye(400),
}


@pytest.mark.parametrize("x", KINDS.values(), ids=KINDS)
def test_a_sample_stays_in_its_half_whatever_else_is_in_the_batch(x):
    found = halves(x)
    order = torch.randperm(len(x))
    assert torch.equal(halves(x[order]), found[order])
    assert torch.equal(halves(x[10:17]), found[10:17])
    assert torch.equal(halves(torch.cat([x, x]))[len(x) :], found), "duplicates are together"
    assert 0.4 < found.double().mean() < 0.6


def test_equal_numbers_are_in_one_half_whatever_their_bits():
    zero = torch.zeros(64, 1) * torch.tensor([[1.0], [-1.0]]).repeat(32, 1)
    x = torch.cat([torch.arange(64.0)[:, None], zero], dim=1)
    assert torch.equal(halves(x), halves(x + 0.0))
    missing = torch.full((64, 1), math.nan)
    some, other = (torch.cat([x, part], dim=1) for part in (missing, -missing))
    assert torch.equal(halves(some), halves(other))


@pytest.mark.parametrize(
    ("progress", "judges", "augmentation"),
    [(0.0, True, False), (0.19, True, False), (0.2, True, True), (0.79, True, True), (0.8, False, False)],
)
def test_each_learns_in_its_time(progress, judges, augmentation):
    model, objective = make()
    backward(model, objective, progress)
    assert objective.judges_learn(progress) is judges
    assert objective.augmentation_learns(progress) is augmentation
    assert all((gradient is not None) is judges for gradient in gradients(objective.judges))
    assert all((gradient is not None) is augmentation for gradient in gradients(model.augmentation))
    assert all(gradient.abs().sum() > 0 for gradient in gradients(model.trunk))


def test_a_window_of_ones_own():
    model, _ = make()
    objective = CrossFittedLoss(model, nn.CrossEntropyLoss(), nothing, window=(0.0, 1.0))
    assert objective.augmentation_learns(0.0)
    assert not objective.judges_learn(1.0)
    assert "window=(0.0, 1.0), penalty=<function nothing" in repr(objective)


@pytest.mark.parametrize("progress", [BEFORE, WITHIN])
def test_a_judge_learns_from_its_own_half_alone(progress):
    model, objective = make()
    backward(model, objective, progress)
    second = halves(X)
    for judge, own in zip(objective.judges, (~second, second), strict=True):
        loss = cross_entropy(judge(X[own]), TARGET[own])
        expected = torch.autograd.grad(loss, list(judge.parameters()))
        for gradient, one in zip(gradients(judge), expected, strict=True):
            torch.testing.assert_close(gradient, one)


@pytest.mark.parametrize("half", [0, 1])
def test_of_a_batch_from_one_half_only_its_judge_learns(half):
    model, objective = make()
    own = halves(X) == bool(half)
    backward(model, objective, WITHIN, X[own], TARGET[own])
    assert all(gradient.abs().sum() > 0 for gradient in gradients(objective.judges[half]))
    assert gradients(objective.judges[1 - half]) == [None, None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients(model.augmentation))


def test_the_trunk_has_no_say_in_the_augmentation():
    found = []
    for scale in (1.0, -3.0):
        model, objective = make()
        with torch.no_grad():
            model.trunk[1].weight.mul_(scale)
        backward(model, objective, WITHIN)
        found.append(gradients(model.augmentation))
    for one, other in zip(*found, strict=True):
        assert one.abs().sum() > 0
        torch.testing.assert_close(one, other)


def test_neither_cost_nor_penalty_reach_the_trunk():
    found = []
    for progress, penalty in ((BEFORE, nothing), (WITHIN, DisplacementPenalty(50.0))):
        model, objective = make(penalty=penalty)
        backward(model, objective, progress)
        found.append(gradients(model.trunk))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("n_others", [0, 1])
@pytest.mark.parametrize("progress", [BEFORE, WITHIN, AFTER])
def test_a_half_of_none_or_one_does_no_harm_to_batch_normalisation(n_others, progress):
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model, objective = make(trunk=trunk)
    second = halves(X).nonzero().flatten()
    some = torch.cat([(~halves(X)).nonzero().flatten()[:5], second[:n_others]])
    step = backward(model, objective, progress, X[some], TARGET[some])
    assert torch.isfinite(step.total)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert all(gradient is None for gradient in gradients(objective.judges[1]))
    assert int(objective.judges[1][2].num_batches_tracked) == 0


def test_judging_changes_no_statistics_of_a_judge():
    found = []
    for progress in (BEFORE, WITHIN):
        torch.manual_seed(0)
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
        model, objective = make(trunk=trunk)
        backward(model, objective, progress)
        found.append([judge[2].running_mean for judge in objective.judges])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_judges_may_be_another_network():
    model, _ = make()
    judge = nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.ReLU(), nn.Linear(3, 2))
    objective = CrossFittedLoss(model, nn.CrossEntropyLoss(), DisplacementPenalty(), judge=judge)
    backward(model, objective, WITHIN)
    assert all(gradient.abs().sum() > 0 for gradient in gradients(model.augmentation))
    assert judge[1].weight.grad is None, "it is copied"
    groups = parameter_groups(model, lr=0.1, augmentation_lr=0.2, weight_decay=0.3, objective=objective)
    assert [(g["name"], g["lr"], g["weight_decay"]) for g in groups] == [
        *(("trunk", 0.1, 0.3), ("augmentation", 0.2, 0.0), ("judges", 0.1, 0.3)),
    ]
    assert len(groups[2]["params"]) == 8


def test_the_rate_falls_over_the_window():
    _, objective = make()
    shares = (0.0, 0.2, 0.35, 0.5, 0.8, 1.0)
    expected = (1.0, 1.0, 0.5 + 0.5 * math.cos(math.pi / 4), 0.5, 0.0, 0.0)
    assert [objective.rate(share) for share in shares] == pytest.approx(expected)


def test_the_augmentations_rate_lets_a_number_travel_so_far():
    _, objective = make()
    lr = objective.augmentation_lr(1e-3, 1000)
    travelled = sum(lr * objective.rate(step / 1000) for step in range(1000) if 0.2 <= step / 1000 < 0.8)
    assert travelled == pytest.approx(TRAVEL, rel=0.01)
    assert objective.augmentation_lr(1e-3, 10) == FASTEST
    assert objective.augmentation_lr(1e-3, None) == pytest.approx(0.01)


def test_a_criterion_that_decides_by_values_is_named():
    def criterion(output, target):
        loss = cross_entropy(output, target)
        return loss if loss > 0 else 0 * loss

    model, objective = make(criterion=criterion)
    backward(model, objective, BEFORE)
    with pytest.raises(ArgumentError, match=r"criterion cannot be taken of each sample .* or use objective='joint'"):
        backward(model, objective, WITHIN)


def test_an_error_of_the_criterions_own_is_not_covered_up():
    def criterion(output, target):
        if len(output) == 1:
            raise RuntimeError("one is too few")
        return cross_entropy(output, target)

    model, objective = make(criterion=criterion)
    with pytest.raises(RuntimeError, match=r"^one is too few$"):
        backward(model, objective, WITHIN)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"criterion": "mse"}, ArgumentTypeError, "criterion must be callable, but got str"),
        ({"penalty": "some"}, ArgumentTypeError, "penalty must be callable, but got str"),
        ({"penalty": None}, ArgumentError, "needs a penalty, or the augmentation would have nothing to gain"),
        (
            {"window": (0.5, 0.5)},
            ArgumentError,
            r"window must be .* start < end <= 1, but got \(0\.5, 0\.5\)",
        ),
        ({"window": (-0.1, 0.5)}, ArgumentError, "window must be two shares of training"),
        ({"window": (0.1, 1.5)}, ArgumentError, "window must be two shares of training"),
        ({"window": (0.1,)}, ArgumentError, "window must be two shares of training"),
        ({"judge": "small"}, ArgumentTypeError, r"judge must be a torch\.nn\.Module or None, but got str"),
        (
            {"judge": nn.Flatten()},
            ArgumentError,
            r"trains judges, but no parameter .* Pass judge, or use object",
        ),
        ({"model": nn.Linear(2, 2)}, ArgumentTypeError, r"must be an augrad\.InvariantModel, but got Linear"),
    ],
)
def test_what_is_not_accepted_is_named(options, error, message, unchecked):
    model, _ = make()
    given = {"model": model, "criterion": nn.CrossEntropyLoss(), "penalty": nothing, **options}
    with pytest.raises(error, match=message):
        CrossFittedLoss(**given)


def test_an_equivariant_model_is_refused():
    model, _ = make(Gain, aggregation="mean")
    model.aggregation = "equivariant"
    with pytest.raises(ArgumentError, match=r"aggregation='equivariant' says that they differ .*objective='joint'"):
        CrossFittedLoss(model, nn.MSELoss(), nothing)


@pytest.mark.parametrize("progress", [BEFORE, WITHIN, AFTER])
def test_a_criterion_that_is_no_scalar_is_named(progress):
    model, objective = make(criterion=nn.CrossEntropyLoss(reduction="none"))
    with pytest.raises(ArgumentError, match=r"criterion must return a scalar tensor, but returned shape \(64,\)"):
        backward(model, objective, progress)


def test_a_penalty_that_is_no_scalar_is_named():
    model, objective = make(penalty=lambda state: state.layers[0].weights)
    with pytest.raises(ArgumentError, match=r"penalty must return a scalar tensor, but returned shape \(2,\)"):
        backward(model, objective, WITHIN)


class Pairs(Bag):
    """Ragged sequences whose trunk answers twice for each."""


batch.output_rows.register(Pairs, lambda x: (2 * len(x.lengths),))


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([1.0, -1.0]))

    def forward(self, x):
        return torch.stack([part.sum() for part in x.split()])[:, None].repeat(2, 1) * self.scale


BAG = bag([torch.randn(2 + index % 3, generator=keyed_generator(index)) for index in range(12)])


def test_other_batches_are_halved_detached_and_judged():
    class Total(Twice):
        def forward(self, x):
            return super().forward(x)[: len(x.lengths)]

    target = torch.arange(12) % 2
    model, objective = make(Louder, trunk=Total(), penalty=nothing)
    backward(model, objective, WITHIN, BAG, target)
    assert 0 < halves(BAG).sum() < 12
    assert model.augmentation.layers[0].strength.raw_magnitudes.grad.abs() > 0
    assert objective.judges[0].scale.grad.abs().sum() > 0


def test_more_outputs_than_samples_are_refused():
    model, objective = make(Louder, trunk=Twice(), penalty=nothing)
    x = Pairs(BAG.items, BAG.lengths)
    with pytest.raises(ArgumentError, match=r"needs one output per sample, but got 24 for 12 samples\. Use obj"):
        backward(model, objective, WITHIN, x, torch.arange(24) % 2)


def test_a_search_leaves_the_trunk_alone():
    model, _ = make()
    whole = CrossFittedLoss(model, nn.CrossEntropyLoss(), DisplacementPenalty())
    for objective, judges in ((JudgesLearn(whole, 5, watched=False), True), (AugmentationLearns(whole, 5), False)):
        whole.judges.requires_grad_(judges)
        whole.judges.zero_grad()
        step = backward(model, objective, 0.5)
        assert all(gradient is None for gradient in gradients(model.trunk))
        assert all((gradient is not None) is judges for gradient in gradients(whole.judges))
        assert all((gradient is not None) is not judges for gradient in gradients(model.augmentation))
        assert step.output.shape == (len(X), 2)
        assert (step.penalty < 0) == (not judges)


def test_the_held_out_loss_is_of_samples_that_a_judge_has_not_seen():
    model, whole = make()
    step = JudgesLearn(whole, 5, watched=True).step(model, X, TARGET, progress=0.5)
    second = halves(X)
    losses = []
    for judge, new in zip(whole.judges, (second, ~second), strict=True):
        judge.eval()
        losses.append(cross_entropy(judge(X[new]), TARGET[new], reduction="sum"))
    torch.testing.assert_close(step.also[HELD_OUT], sum(losses) / len(X))
    assert JudgesLearn(whole, 5, watched=False).step(model, X, TARGET, progress=0.5).also is None


def test_of_more_folds_each_judge_leaves_out_one():
    model, _ = make()
    objective = CrossFittedLoss(model, nn.CrossEntropyLoss(), nothing, n_folds=4)
    backward(model, objective, BEFORE)
    fold = folds(X, 4)
    assert sorted(fold.unique().tolist()) == [0, 1, 2, 3]
    for index, judge in enumerate(objective.judges):
        own = fold != (index + 1) % 4
        expected = torch.autograd.grad(cross_entropy(judge(X[own]), TARGET[own]), list(judge.parameters()))
        for gradient, one in zip(gradients(judge), expected, strict=True):
            torch.testing.assert_close(gradient, one)


@pytest.mark.parametrize("n_folds", [1, 0, True])
def test_a_number_of_folds_that_leaves_nothing_new_is_refused(n_folds):
    model, _ = make()
    with pytest.raises(ArgumentError, match=r"n_folds must be an int of at least 2") as caught:
        CrossFittedLoss(model, nn.CrossEntropyLoss(), nothing, n_folds=n_folds)
    assert caught.value.argument == "n_folds"
