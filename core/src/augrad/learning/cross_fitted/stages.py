"""Two stages of the cross-fitted rule: judges learn from the plain data, then the augmentation learns from the judges.

Uses cost.py; run by plan.py.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor, nn

from augrad.learning.cross_fitted.cost import Judged, Judging
from augrad.learning.cross_fitted.judges import differentiable
from augrad.learning.objective import Objective, StepLoss
from augrad.model import unwrapped

HELD_OUT = "held_out_loss"
"""Name under which the judges' loss on samples that are new to them is logged."""

TRAVEL = 12.0
"""How far a weight's or magnitude's unconstrained number may go while it learns; from 0.01 to 0.99 it is 9.2."""

FASTEST = 0.2
"""Highest learning rate of the augmentation, however short the training."""


def travelling_rate(n_steps: float) -> float:
    """The learning rate by which a number may go as far as `TRAVEL` in so many steps of Adam, at a rate that falls.

    Example:
        >>> travelling_rate(600.0), travelling_rate(10.0)
        (0.04, 0.2)
    """
    # Twice: along a cosine the rate is one half on average.
    return min(FASTEST, 2 * TRAVEL / max(1.0, n_steps))


def cosine(progress: float) -> float:
    """Falls from 1 to 0 along a cosine while progress goes from 0 to 1.

    Example:
        >>> cosine(0.0), round(cosine(0.5), 3), cosine(1.0)
        (1.0, 0.5, 0.0)
    """
    return 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, progress))))


class _JudgedStage(nn.Module, Objective):
    """Holds the objective whose judges take part, so that checkpoints have their state.

    Args:
        whole: the `CrossFittedLoss`.
        max_epochs: epochs of the trunk's training, for the fingerprint: the result depends on where training ends.
    """

    predicts = True
    group = "judges"

    def __init__(self, whole: Any, max_epochs: int) -> None:
        super().__init__()
        self.whole = whole
        self.criterion = whole.criterion
        self._max_epochs = max_epochs

    def marks(self, max_epochs: int) -> dict[str, Any]:
        """The number of folds, and the epochs of the trunk's training."""
        whole: Judging = self.whole
        return {"max_epochs": self._max_epochs, "n_folds": len(whole.judges)}


class JudgesLearn(_JudgedStage):
    """Trains the judges on the data as they are, each on all folds but its own.

    Args:
        whole: the `CrossFittedLoss`.
        max_epochs: epochs of the trunk's training.
        watched: whether the judges' loss on samples that are new to them is computed and logged, for early stopping.
    """

    def __init__(self, whole: Any, max_epochs: int, *, watched: bool) -> None:
        super().__init__(whole, max_epochs)
        self.watched = watched

    def step(
        self,
        model: nn.Module,
        x: Any,
        target: Any,
        *,
        progress: float,
        factor: float = 1.0,
        generator: Generator | None = None,
    ) -> StepLoss:
        judged = Judged(self.whole, unwrapped(model), x, target)
        also = {HELD_OUT: judged.held_out_loss()} if self.watched else None
        total = differentiable(judged.learn(), self.whole.judges)
        loss = total.detach() / len(self.whole.judges)
        return StepLoss(total, loss, loss.new_zeros(()), judged.said(), also)


class AugmentationLearns(_JudgedStage):
    """Trains the augmentation on the cost that judges, who stand still, find for it; and on the penalty."""

    def augmentation_lr(self, lr: float, n_steps: int | None) -> float:
        """See `travelling_rate`; 10 times the trunk's where the number of steps is not known."""
        return 10.0 * lr if n_steps is None else travelling_rate(float(n_steps))

    def settle(self, augmentation: nn.Module, optimizer: torch.optim.Optimizer, *, lr: float, progress: float) -> None:
        """Lowers the augmentation's rate along a cosine."""
        for group in optimizer.param_groups:
            if group.get("name") == "augmentation":
                group["lr"] = lr * cosine(progress)

    def step(
        self,
        model: nn.Module,
        x: Any,
        target: Any,
        *,
        progress: float,
        factor: float = 1.0,
        generator: Generator | None = None,
    ) -> StepLoss:
        inner = unwrapped(model)
        judged = Judged(self.whole, inner, x, target)
        augmented, _ = inner.augment(x, generator=generator, weight_gradient=False)
        cost: Tensor
        cost, penalty = judged.cost_and_penalty(augmented)
        return StepLoss(cost + factor * penalty, cost.detach(), penalty.detach(), judged.said())
