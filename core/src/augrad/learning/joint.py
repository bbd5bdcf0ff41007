"""`JointLoss`, the paper's objective: the trunk itself says what an augmentation costs.

Uses objective.py; see leave_one_out/ for the default rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Generator, Tensor, nn

from augrad.errors import ArgumentTypeError
from augrad.layers.module import ModuleState
from augrad.learning.criteria import Criterion, check_scalar, in_full_precision
from augrad.learning.objective import Objective, StepLoss
from augrad.model import InvariantModel, unwrapped
from augrad.precision import full_precision


class JointLoss(Objective):
    """Criterion plus penalty: a single loss that trains the trunk, the weights and the magnitudes together.

    Args:
        criterion: maps output and target to a scalar loss, for example `torch.nn.CrossEntropyLoss()`.
        penalty: maps `AugmentationModule.state()` to a value that is added to the loss; None for no penalty.

    Raises:
        ArgumentTypeError: an argument is not callable.

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        equation (6).
    """

    predicts = True

    def __init__(self, criterion: Criterion, penalty: Callable[[ModuleState], Tensor] | None = None) -> None:
        for name, value in (("criterion", criterion), ("penalty", penalty)):
            if not callable(value) and not (name == "penalty" and value is None):
                raise ArgumentTypeError(f"{name} must be callable, but got {type(value).__name__}.", argument=name)
        self.criterion = criterion
        self.penalty = penalty

    def __call__(self, output: Tensor, target: Any, model: nn.Module) -> Float[Tensor, ""]:
        """The loss to call `backward()` on.

        Args:
            output: the result of `model(x)` in train mode.
            target: as the criterion takes it.
            model: the `InvariantModel`, or a wrapper around it such as DistributedDataParallel.
        """
        loss, penalty = self.parts(output, target, model)
        return loss + penalty

    def parts(self, output: Tensor, target: Any, model: nn.Module) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Criterion and penalty apart, for a loop that schedules or logs them; their sum is the loss.

        Raises:
            ArgumentError: the criterion or the penalty returns no scalar tensor.
        """
        loss = check_scalar("criterion", self.criterion(output, target))
        if self.penalty is None:
            return loss, loss.new_zeros(())
        return loss, check_scalar("penalty", self.penalty(unwrapped(model).augmentation.state()))

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
        output = in_full_precision(model(x, generator=generator))
        with full_precision(output.device):
            loss, penalty = self.parts(output, target, model)
            return StepLoss(loss + factor * penalty, loss.detach(), penalty.detach(), output.detach())


def joint(model: InvariantModel, criterion: Criterion, penalty: Callable[[ModuleState], Tensor] | None) -> JointLoss:
    """Makes the joint loss for `fit`, which names it `"joint"`; the model plays no part."""
    return JointLoss(criterion, penalty)
