"""Judges that learn on with a policy: from what, for how long, and what their loss on new samples says of it."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from tests.core.cross_fitting_cases import TARGET, Turned, X, backward, gradients, halves, make, taught
from tests.core.signal_transforms import Gain, Noise, Shift
from torch import nn

from augrad import AugmentationLayer, InvariantModel, JointLoss, keyed_generator
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.cross_fitted.confirmation import ConfirmationLoss, n_epochs
from augrad.learning.cross_fitted.judges import mistakes


def candidate(model, *kinds, magnitude=0.5):
    """A model of the same trunk with a policy of its own, frozen; judges alone are to learn."""
    layer = AugmentationLayer(list(kinds), magnitude=magnitude)
    return InvariantModel(copy.deepcopy(model.trunk), layer, copies=3).requires_grad_(False)


def learned_on(objective, model, x=X, target=TARGET, n_steps=30):
    """Lets the judges learn on with a policy, and returns what they lose on new samples in the last quarter."""
    objective.begin()
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.05)
    for step in range(n_steps):
        backward(model, objective, step / n_steps, x, target, key=step)
        optimizer.step()
    lost, seen = objective.sums()["lost"].tolist()
    return lost / seen


def test_judges_learn_each_from_its_own_samples():
    model, searched = make(Gain)
    objective = ConfirmationLoss(searched)
    backward(candidate(model, Gain, magnitude=0.0), objective, 0.0)
    with_all = [gradient.clone() for gradient in gradients(objective.judges)]
    assert all(gradient.abs().sum() > 0 for gradient in with_all)
    # The first judge has the second part for new, and the other way round.
    own = ~halves(X)
    backward(candidate(model, Gain, magnitude=0.0), objective, 0.0, X[own], TARGET[own])
    first, second = objective.judges
    for gradient, before in zip(gradients(first), with_all[: len(gradients(first))], strict=True):
        torch.testing.assert_close(gradient, before)
    assert not any(gradient is not None and gradient.any() for gradient in gradients(second))


def test_the_model_itself_is_left_alone():
    model, searched = make(Gain)
    before, judges = (copy.deepcopy(module.state_dict()) for module in (model, searched.judges))
    objective = ConfirmationLoss(searched)
    learned_on(objective, candidate(model, Gain), n_steps=4)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(not torch.equal(value, judges[name]) for name, value in objective.judges.state_dict().items())


def test_every_policy_begins_with_the_same_judges():
    model, searched = make(Gain)
    objective = ConfirmationLoss(searched)
    policy, judges = candidate(model, Gain), copy.deepcopy(searched.judges.state_dict())
    first = learned_on(objective, policy)
    learned_on(objective, candidate(model, Turned))
    assert learned_on(objective, policy) == first
    objective.begin()
    assert all(torch.equal(value, judges[name]) for name, value in objective.judges.state_dict().items())
    assert objective.sums()["lost"].tolist() == [0.0, 0.0]


def test_answers_count_from_the_share_on_and_each_sample_once():
    model, searched = make(Gain)
    objective = ConfirmationLoss(searched, examined=0.5)
    policy = candidate(model, Gain)
    backward(policy, objective, 0.4)
    assert objective.sums()["lost"][1] == 0
    backward(policy, objective, 0.5)
    assert objective.sums()["lost"][1] == len(X)
    backward(policy, objective, 0.9)
    assert objective.sums()["lost"][1] == 2 * len(X)


def test_what_ruins_the_target_loses_and_what_spares_it_does_not():
    model, searched = taught(*make(Gain))
    objective = ConfirmationLoss(searched)
    spared = learned_on(objective, candidate(model, Gain))
    ruined = learned_on(objective, candidate(model, Noise(std=50.0), magnitude=1.0))
    assert spared < 0.05
    assert ruined > spared + 0.2


def test_a_nuisance_on_new_samples_makes_its_transform_worth_it():
    # A wave that rises faster than it falls, or the other way round, wherever it begins.
    generator = keyed_generator("waves")
    target = torch.randint(0, 2, (48,), generator=generator)
    angle = 2 * torch.pi * (torch.arange(12) / 12 - torch.rand(48, 1, generator=generator))
    x = (torch.sin(angle) + 0.5 * (2 * target - 1)[:, None] * torch.sin(2 * angle)).reshape(48, 1, 12)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
    model, searched = taught(*make(Shift, trunk=trunk), x=x, target=target)
    objective = ConfirmationLoss(searched)
    shifted = learned_on(objective, candidate(model, Shift, magnitude=1.0), x, target, n_steps=200)
    still = learned_on(objective, candidate(model, Shift, magnitude=0.0), x, target, n_steps=200)
    assert shifted < still - 0.1


def test_a_batch_too_small_for_any_judge_has_a_gradient_of_zero():
    model, searched = make(Gain)
    objective = ConfirmationLoss(searched)
    step = backward(candidate(model, Gain), objective, 0.9, X[:1], TARGET[:1])
    assert step.loss == 0
    assert step.output.shape == (0,)
    assert not any(gradient is not None and gradient.any() for gradient in gradients(objective.judges))
    assert objective.sums()["lost"][1] == 1


def test_several_training_copies_are_as_many_answers():
    model, searched = make(Gain)
    objective = ConfirmationLoss(searched)
    policy = InvariantModel(model.trunk, candidate(model, Gain).augmentation, copies=2, train_copies=4)
    step = backward(policy, objective, 0.9)
    assert step.output.shape == (len(X), 2)
    assert torch.isfinite(step.total)


def test_what_it_does_not_accept():
    _, searched = make(Gain)
    with pytest.raises(ArgumentError, match=r"examined must be a share .* but got 1\.0"):
        ConfirmationLoss(searched, examined=1.0)
    with pytest.raises(ArgumentTypeError, match=r"objective must be a CrossFittedLoss, .* but got JointLoss"):
        ConfirmationLoss(JointLoss(nn.CrossEntropyLoss()))


@pytest.mark.parametrize(("max_epochs", "expected"), [(1, 1), (3, 2), (10, 6), (20, 12), (100, 60)])
def test_judges_learn_on_for_three_fifths_of_the_training(max_epochs, expected):
    assert n_epochs(max_epochs) == expected


def test_a_class_is_mistaken_or_not_however_sure_the_answer():
    criterion, target = nn.CrossEntropyLoss(), torch.tensor([0, 1, 1])
    sure = torch.tensor([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    for output in (sure, 0.01 * sure):
        assert mistakes(criterion, output, target, target).tolist() == [0.0, 1.0, 0.0]


def test_of_several_classes_the_share_that_is_mistaken_counts_and_those_ignored_do_not():
    output = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])[None]
    target = torch.tensor([[0, 1, 1, -100]])
    assert mistakes(nn.CrossEntropyLoss(), output, target, target).tolist() == [pytest.approx(1 / 3)]
    nothing = torch.full((1, 4), -100)
    assert mistakes(nn.CrossEntropyLoss(), output, nothing, nothing).tolist() == [0.0]


def test_numbers_lose_what_can_be_known():
    target = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
    lost = mistakes(nn.MSELoss(), torch.cat([target[:2], torch.zeros(2, 1)]), target, target)
    assert lost.tolist() == pytest.approx([0.0, 0.0, *[1 - math.exp(-1)] * 2])
