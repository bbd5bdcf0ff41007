"""A task, transforms of known cost, and steps of the cross-fitted objective, for its tests."""

from __future__ import annotations

import torch
from tests.core.signal_transforms import Gain, Noise
from torch import nn

from augrad import (
    AugmentationLayer,
    CrossFittedLoss,
    DisplacementPenalty,
    InvariantModel,
    Range,
    Transform,
    keyed_generator,
    parameter_groups,
)
from augrad.learning.cross_fitted.judges import folds

BEFORE, WITHIN, AFTER = 0.1, 0.5, 0.9
"""Shares of training before, within and after the default window."""


def task(n_samples=64, key="task"):
    """Two classes of signals, told apart by the sign of a mean that little noise blurs."""
    generator = keyed_generator(key)
    target = torch.randint(0, 2, (n_samples,), generator=generator)
    x = 0.3 * torch.randn(n_samples, 2, 6, generator=generator)
    return x + (2.0 * target - 1)[:, None, None], target


X, TARGET = task()


def halves(x):
    """Which samples are in the second of two parts."""
    return folds(x) == 1


class Turned(Transform):
    """Turns the sign, whatever it draws."""

    modality = "signal"
    reach = Range(1.0)

    def forward(self, x, *, reach):
        return -x + 0 * reach.to(x.dtype)[:, None, None]


class Kept(Turned):
    """Does nothing, whatever it draws."""

    def forward(self, x, *, reach):
        return x + 0 * reach.to(x.dtype)[:, None, None]


class Exchanged(Turned):
    """Puts the next sample in the place of each."""

    mixes_samples = True

    def forward(self, x, *, reach):
        return x.roll(1, 0) + 0 * reach.to(x.dtype)[:, None, None]


class Fading(Turned):
    """Takes a share away."""

    def forward(self, x, *, reach):
        return x * (1 - reach.to(x.dtype))[:, None, None]


def nothing(state):
    return torch.zeros(())


def make(*kinds, trunk=None, penalty=None, criterion=None, magnitude=0.5, selection="straight_through", **options):
    """A model and its objective."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)) if trunk is None else trunk
    layer = AugmentationLayer(list(kinds or (Gain, Noise)), magnitude=magnitude, selection=selection)
    model = InvariantModel(trunk, layer, **options)
    return model, CrossFittedLoss(model, criterion or nn.CrossEntropyLoss(), penalty or DisplacementPenalty())


def backward(model, objective, progress, x=X, target=TARGET, key=0, **options):
    model.zero_grad(), objective.zero_grad()
    step = objective.step(model, x, target, progress=progress, generator=keyed_generator(key), **options)
    step.total.backward()
    return step


def gradients(module):
    return [parameter.grad for parameter in module.parameters()]


def taught(model, objective, n_steps=60, x=X, target=TARGET):
    """Lets trunk and judges learn, as before the window."""
    optimizer = torch.optim.Adam(parameter_groups(model, lr=0.05, objective=objective))
    for _ in range(n_steps):
        backward(model, objective, BEFORE, x, target)
        optimizer.step()
    return model, objective


def cost(model, objective, x=X, target=TARGET):
    """What the transforms cost: what the step within the window adds to the one before it, if there is no penalty."""
    before, within = (backward(model, objective, progress, x, target).total.item() for progress in (BEFORE, WITHIN))
    return within - before
