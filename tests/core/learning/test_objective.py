"""The joint loss, what criteria say of samples, and the parameter groups, as someone who owns the loop uses them."""

from __future__ import annotations

import pytest
import torch
from tests.core.signal_transforms import Gain, Turn
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from augrad import (
    AugmentationLayer,
    CrossFittedLoss,
    InvariantModel,
    JointLoss,
    MagnitudePenalty,
    keyed_generator,
    parameter_groups,
)
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.criteria import in_full_precision, losses, uninformed
from augrad.learning.objective import Objective
from augrad.learning.parameter_groups import AUGMENTATION_LR_FACTOR
from augrad.model import unwrapped

X = torch.randn(6, 3, 15, generator=keyed_generator("x"))
TARGET = torch.tensor([0, 1, 2, 3, 0, 1])


class Wrapper(nn.Module):
    """Wraps a model as DistributedDataParallel does."""

    def __init__(self, module):
        super().__init__()
        self.module = module


def model():
    return InvariantModel(nn.Sequential(nn.Flatten(), nn.Linear(45, 4)), AugmentationLayer([Turn, Gain], magnitude=0.5))


def test_the_joint_loss_is_criterion_plus_penalty():
    given = model()
    output, penalty = given(X), MagnitudePenalty(2.0)
    expected = nn.functional.cross_entropy(output, TARGET) + penalty(given.augmentation.state())
    torch.testing.assert_close(JointLoss(nn.CrossEntropyLoss(), penalty)(output, TARGET, given), expected)
    assert penalty(given.augmentation.state()) < 0


def test_without_a_penalty_it_is_the_criterion():
    given = model()
    output = given(X)
    loss = JointLoss(nn.CrossEntropyLoss())(output, TARGET, given)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(output, TARGET))


def test_wrappers_are_seen_through():
    given = model()
    wrapped = Wrapper(Wrapper(given))
    assert unwrapped(wrapped) is given
    loss = JointLoss(nn.CrossEntropyLoss(), MagnitudePenalty())
    output = given(X)
    torch.testing.assert_close(loss(output, TARGET, wrapped), loss(output, TARGET, given))


@pytest.mark.parametrize("given", [nn.Linear(1, 1), Wrapper(nn.Linear(1, 1))])
def test_a_model_that_is_not_invariant_is_named(given):
    with pytest.raises(ArgumentTypeError, match=r"must be an augrad\.InvariantModel, but got .*Wrap it"):
        unwrapped(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": "mse"}, "criterion must be callable, but got str"),
        ({"criterion": None}, "criterion must be callable, but got NoneType"),
        ({"criterion": nn.MSELoss(), "penalty": 0.5}, "penalty must be callable, but got float"),
    ],
)
def test_what_cannot_be_called_is_named(options, message, unchecked):
    with pytest.raises(ArgumentTypeError, match=message):
        JointLoss(**options)


@pytest.mark.parametrize(
    ("criterion", "penalty", "message"),
    [
        (nn.CrossEntropyLoss(reduction="none"), None, r"criterion must .* scalar tensor, but returned shape \(6,\)"),
        (nn.CrossEntropyLoss(), lambda state: state.layers[0].weights, r"penalty must .* but returned shape \(2,\)"),
    ],
)
def test_a_term_that_is_no_scalar_is_named(criterion, penalty, message):
    given = model()
    with pytest.raises(ArgumentError, match=message):
        JointLoss(criterion, penalty)(given(X), TARGET, given)


def test_the_augmentation_has_its_own_rate_and_no_decay():
    trunk, augmentation = parameter_groups(model(), lr=1e-3, weight_decay=0.1)
    assert (trunk["name"], trunk["lr"], trunk["weight_decay"], len(trunk["params"])) == ("trunk", 1e-3, 0.1, 2)
    assert (augmentation["name"], augmentation["weight_decay"]) == ("augmentation", 0.0)
    assert augmentation["lr"] == pytest.approx(AUGMENTATION_LR_FACTOR * 1e-3)
    assert len(augmentation["params"]) == 2
    assert parameter_groups(model(), lr=1e-3, augmentation_lr=0.5)[1]["lr"] == 0.5


def test_the_groups_hold_each_parameter_once_and_any_optimizer_takes_them():
    given = model()
    groups = parameter_groups(given, lr=1e-3)
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in given.parameters())
    for kind in (torch.optim.SGD, torch.optim.AdamW):
        kind(groups).step()


def test_frozen_parameters_are_left_out():
    given = model()
    given.augmentation.requires_grad_(False)
    assert [group["name"] for group in parameter_groups(given, lr=1e-3)] == ["trunk"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, r"lr must be a finite number above 0, but got 0\.0"),
        ({"lr": float("nan")}, "lr must be a finite number above 0, but got nan"),
        ({"lr": 0.1, "augmentation_lr": -1.0}, r"augmentation_lr must be a finite number above 0, but got -1\.0"),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        parameter_groups(model(), **options)


@pytest.mark.parametrize("counts", [(5, 5), (1, 9), (2, 3, 5)])
def test_uninformed_is_the_entropy_of_classes(counts):
    target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    shares = torch.tensor(counts) / sum(counts)
    entropy = -(shares * shares.log()).sum()
    few = torch.zeros(3, len(counts))
    torch.testing.assert_close(uninformed(nn.CrossEntropyLoss(), few, target), entropy, atol=1e-3, rtol=0)
    dense = uninformed(nn.CrossEntropyLoss(), few[:, :, None, None], target[:, None, None])
    torch.testing.assert_close(dense, entropy, atol=1e-3, rtol=0)


def test_uninformed_is_the_variance_of_numbers_and_never_zero():
    target = torch.randn(50, 2, generator=keyed_generator("numbers"))
    found = uninformed(nn.MSELoss(), torch.zeros(7, 2), target)
    torch.testing.assert_close(found, target.var(dim=0, correction=0).mean())
    assert uninformed(nn.MSELoss(), torch.zeros(7, 2), torch.ones(5, 2)) > 0
    assert uninformed(nn.CrossEntropyLoss(), torch.zeros(7, 2), torch.zeros(5, dtype=torch.long)) > 0


def test_losses_are_those_without_reduction():
    output = torch.randn(5, 3, 2, 2, generator=keyed_generator("output"))
    target = torch.randint(0, 3, (5, 2, 2), generator=keyed_generator("target"))
    torch.testing.assert_close(
        losses(nn.CrossEntropyLoss(), output[..., 0, 0], target[:, 0, 0]),
        cross_entropy(output[..., 0, 0], target[:, 0, 0], reduction="none"),
    )
    dense = cross_entropy(output, target, reduction="none").mean((1, 2))
    torch.testing.assert_close(losses(nn.CrossEntropyLoss(), output, target), dense)
    numbers = mse_loss(output, output.flip(0), reduction="none").mean((1, 2, 3))
    torch.testing.assert_close(losses(nn.MSELoss(), output, output.flip(0)), numbers)


def test_only_half_precision_is_widened():
    assert in_full_precision(torch.zeros(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert in_full_precision(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


def test_any_objective_takes_the_same_step():
    given = model()
    joint = JointLoss(nn.CrossEntropyLoss(), MagnitudePenalty(2.0))
    step = joint.step(given, X, TARGET, progress=0.3, factor=0.5, generator=keyed_generator("draws"))
    output = given(X, generator=keyed_generator("draws"))
    loss, penalty = joint.parts(output, TARGET, given)
    torch.testing.assert_close(step.total, loss + 0.5 * penalty)
    torch.testing.assert_close((step.loss, step.penalty, step.output), (loss, penalty, output), check_layout=False)
    assert not any(each.requires_grad for each in (step.loss, step.penalty, step.output))
    cross_fitted = CrossFittedLoss(given, nn.CrossEntropyLoss(), MagnitudePenalty(2.0))
    assert isinstance(joint, Objective)
    assert isinstance(cross_fitted, Objective)
    other = cross_fitted.step(given, X, TARGET, progress=0.9, generator=keyed_generator("draws"))
    torch.testing.assert_close(other.total, loss)
