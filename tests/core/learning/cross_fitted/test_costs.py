"""The cross-fitted objective: what a transform costs, and the gradients by which the augmentation learns it."""

from __future__ import annotations

import pytest
import torch
from tests.core.cross_fitting_cases import (
    AFTER,
    TARGET,
    WITHIN,
    Exchanged,
    Fading,
    Kept,
    Turned,
    X,
    backward,
    cost,
    gradients,
    halves,
    make,
    nothing,
    task,
    taught,
)
from tests.core.signal_transforms import Noise
from torch import nn
from torch.nn.functional import cross_entropy

from augrad import CrossFittedLoss, DisplacementPenalty, MagnitudePenalty


@torch.no_grad()
def cost_by_the_book(judges, x, target):
    """What turning the sign costs on average, as the docstring of `CrossFittedLoss` has it."""
    frequencies = target.bincount() / len(target)
    entropy = -(frequencies * frequencies.log()).sum()
    second = halves(x)
    lost, turned, chance = torch.zeros(3, len(x)).unbind()

    def q(judge, x, target):
        return 1 - torch.exp(-cross_entropy(judge.eval()(x), target, reduction="none") / entropy)

    for judge, new in zip(judges, (second, ~second), strict=True):
        lost[new], turned[new] = q(judge, x[new], target[new]), q(judge, -x[new], target[new])
        chance[new] = q(judge, x[new], target[new].roll(1))
    return (turned - lost).mean() / (chance - lost).mean()


def test_the_weights_gradient_is_that_of_the_expected_cost():
    x, target = task(6000)
    # Judges that know little: in what is nearly linear a local gradient would count everything twice.
    model, objective = taught(*make(Turned, Kept, penalty=nothing), n_steps=2)
    layer = model.augmentation.layers[0]
    layer.set_weights({"signal.turned": 0.3, "signal.kept": 0.7})
    fresh = CrossFittedLoss(model, nn.CrossEntropyLoss(), nothing)
    fresh.judges.load_state_dict(objective.judges.state_dict())
    backward(model, fresh, WITHIN, x, target)
    costs = torch.stack([cost_by_the_book(fresh.judges, x, target), torch.zeros(())])
    raw = layer.raw_weights.detach().clone().requires_grad_()
    weights = torch.softmax(raw, 0)
    torch.testing.assert_close(weights, layer.weights)
    (expected,) = torch.autograd.grad((weights * costs).sum(), raw)
    assert expected[0] > 0.2
    torch.testing.assert_close(layer.raw_weights.grad, expected, atol=0.02, rtol=0.05)


def test_the_magnitudes_gradient_is_that_of_the_cost_itself():
    model, objective = make(Fading, penalty=nothing)
    model, objective = model.double(), objective.double()
    x = X.double()
    raw = model.augmentation.layers[0].strength.raw_magnitudes
    clean = {name: value.clone() for name, value in objective.state_dict().items()}

    def at(offset):
        objective.load_state_dict(clean)
        with torch.no_grad():
            raw.add_(offset)
        step = backward(model, objective, WITHIN, x)
        with torch.no_grad():
            raw.sub_(offset)
        return (step.total - step.loss).item()  # the trunk's own loss has no say

    slope = (at(1e-4) - at(-1e-4)) / 2e-4
    at(0.0)
    assert abs(slope) > 1e-3
    assert raw.grad.item() == pytest.approx(slope, rel=1e-3)


def test_what_changes_nothing_costs_nothing_and_what_leaves_nothing_costs_all():
    assert cost(*taught(*make(Kept, penalty=nothing))) == pytest.approx(0, abs=1e-5)
    assert cost(*taught(*make(Exchanged, penalty=nothing)), *task(512, "many")) == pytest.approx(1, abs=0.15)
    assert cost(*taught(*make(Turned, penalty=nothing))) > 1.5, "worse than nothing: the other class"
    some = make(Noise, penalty=nothing, magnitude=0.05)
    assert cost(*taught(*some)) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("half", [0, 1])
def test_a_sample_is_judged_by_the_judge_that_has_not_seen_it(half):
    model, objective = taught(*make(Turned, penalty=nothing))
    own = halves(X) == bool(half)
    given = model, objective, X[own], TARGET[own]
    assert cost(*given) > 1.5
    with torch.no_grad():
        for parameter in objective.judges[half].parameters():
            parameter.zero_()
    assert cost(*given) > 1.5, "the judge that has seen these samples is not asked"
    with torch.no_grad():
        for parameter in objective.judges[1 - half].parameters():
            parameter.zero_()
    assert cost(*given) == pytest.approx(0, abs=1e-6), "one that answers alike to all finds no fault"


def test_copies_cost_what_one_costs():
    one, three = (taught(*make(Turned, penalty=nothing, train_copies=n_copies)) for n_copies in (1, 3))
    assert cost(*three) == pytest.approx(cost(*one), rel=1e-4)
    step = backward(*three, WITHIN)
    assert step.output.shape == (64, 2)


def test_copies_of_a_sample_are_told_apart():
    model, objective = make(Turned, Kept, train_copies=3)
    backward(model, objective, WITHIN)
    assert model.augmentation.state().log_probs.shape == (3 * 64,)
    assert model.augmentation.layers[0].raw_weights.grad.abs().sum() > 0


@pytest.mark.parametrize("options", [{}, {"train_copies": 2}], ids=["one copy", "two"])
def test_a_mixture_learns_too(options):
    model, objective = taught(*make(Turned, Kept, selection="mixture", penalty=nothing, **options))
    backward(model, objective, WITHIN)
    raw = model.augmentation.layers[0].raw_weights
    assert raw.grad[0] > 0, "what turns the sign is to go"
    assert raw.grad[1] < 0


def test_regression_has_costs_too():
    x, _ = task()
    target = x.mean((1, 2))[:, None]
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
    made = make(Turned, trunk=trunk, criterion=nn.MSELoss(), penalty=nothing, aggregation="mean")
    found = cost(*taught(*made, n_steps=150, target=target), target=target)
    assert 1 < found < 3
    kept = make(Kept, trunk=trunk, criterion=nn.MSELoss(), penalty=nothing, aggregation="mean")
    assert cost(*kept, target=target) == pytest.approx(0, abs=1e-5)


def test_targets_may_be_nested():
    def both(output, target):
        return cross_entropy(output, target["class"]) + cross_entropy(output, target["again"][0])

    model, objective = make(criterion=both)
    step = backward(model, objective, WITHIN, target={"class": TARGET, "again": [TARGET]})
    assert torch.isfinite(step.total)
    assert all(gradient.abs().sum() > 0 for gradient in gradients(model.augmentation))


def test_the_penalty_is_scaled_and_reported():
    model, objective = make(penalty=MagnitudePenalty(0.5))
    state = {name: value.clone() for name, value in objective.state_dict().items()}
    full = backward(model, objective, WITHIN)
    objective.load_state_dict(state)
    half = backward(model, objective, WITHIN, factor=0.5)
    torch.testing.assert_close(full.penalty, MagnitudePenalty(0.5)(model.augmentation.state()).detach())
    torch.testing.assert_close(full.total - half.total, 0.5 * full.penalty, atol=1e-5, rtol=0)
    assert backward(model, objective, AFTER).penalty == 0


def test_what_judges_know_is_a_running_mean_and_part_of_the_state():
    model, objective = taught(*make())
    backward(model, objective, WITHIN)
    known = objective.knowledge()
    assert 0.3 < known < 1
    again = CrossFittedLoss(model, nn.CrossEntropyLoss(), DisplacementPenalty())
    again.load_state_dict(objective.state_dict())
    assert torch.equal(again.knowledge(), known)
    _, ignorant = make()
    ignorant.note(torch.tensor(0.6), torch.tensor(0.6))
    assert ignorant.knowledge().item() == pytest.approx(0.06)
