"""`WorstOfK`: trains the trunk on that of k augmented copies on which its loss is largest.

Uses objective.py; named in objectives.py.
"""

from __future__ import annotations

from collections.abc import Generator as Generating
from typing import Any

import torch
from torch import Generator, Tensor, nn

from augrad import batch
from augrad.learning.criteria import Criterion, check_scalar, chosen, in_full_precision, losses
from augrad.learning.objective import Objective, StepLoss
from augrad.learning.stage import Budget, Stage, StageResult
from augrad.model import InvariantModel, unwrapped
from augrad.options import count
from augrad.precision import full_precision


class WorstOfK(Objective):
    """Trains the trunk on the augmented copy of each sample on which its loss is largest; the policy stays as given.

    Each batch is augmented `n_copies` times. The trunk, in eval mode and without gradient, computes the loss of all
    copies; it then learns from the worst copy of each sample alone. This helps where the policy is known and training
    on every copy is too slow. It does not learn which transforms to use: weights and magnitudes stand still.

    Args:
        model: the `InvariantModel`; it returns an output for each sample.
        criterion: maps output and target to a scalar loss, for any number of samples.
        penalty: None: nothing of the augmentation is learned.
        n_copies: copies to choose from, at least 2.

    Raises:
        ArgumentError: `n_copies` is below 2.

    Example:
        >>> import augrad
        >>> objective = {"name": "worst_of_k", "n_copies": 8}  # or functools.partial(WorstOfK, n_copies=8)
        >>> # augrad.fit(model, loader, objective=objective)

    References:
        Kamalloo, Rezagholizadeh, Ghodsi: When chosen wisely, more data is what you need, Findings of ACL 2022.
    """

    predicts = True
    takes_penalty = False

    def __init__(self, model: Any, criterion: Criterion, penalty: None = None, *, n_copies: int = 4) -> None:
        self.criterion = criterion
        self.n_copies = count("n_copies", n_copies, least=2, hint="There must be copies to choose from.")

    def plan(self, model: InvariantModel, budget: Budget) -> Generating[Stage, StageResult, None]:
        """Yields a single stage, in which the trunk learns."""
        yield Stage(self, learns=("trunk",))

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
        inner, n_samples = unwrapped(model), batch.count(x)
        with torch.no_grad():
            augmented, _ = inner.augmentation.augment(batch.repeat(x, self.n_copies), generator=generator)
            worst = self._losses(inner, augmented, target, n_samples).argmax(dim=0)
            index = worst * n_samples + torch.arange(n_samples, device=worst.device)
        output = in_full_precision(inner.aggregate(inner.trunk(batch.select(augmented, index)), n_samples))
        with full_precision(output.device):
            loss = check_scalar("criterion", self.criterion(output, target))
        return StepLoss(loss, loss.detach(), loss.new_zeros(()), output.detach())

    def _losses(self, model: InvariantModel, augmented: Any, target: Any, n_samples: int) -> Tensor:
        """The loss of each copy, `(copies, batch)`."""
        was_training = model.trunk.training
        model.trunk.eval()
        output = in_full_precision(model.aggregate(model.trunk(augmented), n_samples * self.n_copies))
        model.trunk.train(was_training)
        everything = torch.arange(n_samples, device=output.device).repeat(self.n_copies)
        with full_precision(output.device):
            return losses(self.criterion, output, chosen(target, everything)).reshape(self.n_copies, n_samples)
