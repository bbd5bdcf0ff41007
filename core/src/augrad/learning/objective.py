"""Objectives: how trunk and augmentation are trained. A new learning rule is a class with a single method, `step`.

Uses criteria.py, stage.py; used by joint.py and all other rules, and by the engine in training/, which knows none of
them by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator as Generating
from dataclasses import dataclass
from types import MethodType
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Generator, Tensor, nn, optim

from augrad.errors import ArgumentTypeError
from augrad.learning.criteria import Criterion, check_scalar, in_full_precision
from augrad.learning.parameter_groups import AUGMENTATION_LR_FACTOR
from augrad.learning.stage import Budget, Computation, Row, Stage, StageResult
from augrad.model import InvariantModel


@dataclass(frozen=True)
class StepLoss:
    """The losses of a batch, as `Objective.step` returns them.

    Attributes:
        total: the loss to call `backward()` on, a scalar.
        loss: the criterion alone, without gradient. It is logged as `train_loss`.
        penalty: the penalty alone, without gradient; 0 for an objective without penalty.
        output: the model's output, `(rows, *output)`, without gradient. Metrics compare it with the target.
        also: further scalars to log as `train_<name>`, without gradient. None for none.
    """

    total: Float[Tensor, ""]
    loss: Float[Tensor, ""]
    penalty: Float[Tensor, ""]
    output: Tensor
    also: dict[str, Tensor] | None = None


class Objective(ABC):
    """Base class of objectives. A new objective must write the method `step` only.

    `augrad.fit(model, loader, objective=MyObjective)` calls the class with `(model, criterion, penalty)` and trains by
    the instance. If it is an `nn.Module` too, its parameters are trained, and checkpoints hold its state. A class that
    does not derive from `Objective` is accepted as well if it has a method `step`.

    Attributes:
        criterion: maps output and target to a scalar; the validation loss is computed with it. An objective without
            this attribute is validated by its `step`.
        labels: whether batches are pairs `(x, target)`. If False, `fit` takes batches of `x` alone too, `target` is
            then None, and there are no default criterion and metrics.
        takes_penalty: whether the objective uses a penalty. If False, `fit` refuses one.
        default_penalty: the penalty where the caller passes none; None for `augrad.DisplacementPenalty()`.
        predicts: whether `StepLoss.output` is known to hold a prediction for each target. If False, `fit` checks the
            first batch before it trains.
        group: the name of the optimizer's group that holds the objective's own parameters.

    Example:
        >>> import augrad
        >>> class Plain(augrad.Objective):
        ...     \"\"\"Trains on augmented samples, and leaves the augmentation as it is.\"\"\"
        ...     def __init__(self, model, criterion, penalty):
        ...         self.criterion = criterion
        ...     def step(self, model, x, target, *, progress, factor=1.0, generator=None):
        ...         output = model(x, generator=generator)
        ...         loss = self.criterion(output, target)
        ...         return augrad.StepLoss(loss, loss.detach(), loss.new_zeros(()), output.detach())
    """

    criterion: Criterion
    labels: ClassVar[bool] = True
    takes_penalty: ClassVar[bool] = True
    default_penalty: ClassVar[Any] = None
    predicts: ClassVar[bool] = False
    group: ClassVar[str] = "objective"

    @abstractmethod
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
        """Computes the losses of a batch. The engine calls `backward()` on `total` and updates the parameters.

        Args:
            model: the `InvariantModel`, or a wrapper around it, in train mode.
            x: a batch.
            target: as the criterion takes it; None where the loader yields none.
            progress: the share of the stage that is done, in [0, 1].
            factor: the penalty is multiplied by it; see `penalty_schedule` of `fit`.
            generator: of all draws; torch's default generator if None.
        """

    def evaluate(self, model: nn.Module, x: Any, target: Any, *, generator: Generator | None = None) -> StepLoss:
        """Computes the losses of a validation batch; the model is in eval mode, and no gradient is recorded."""
        criterion = getattr(self, "criterion", None)
        if criterion is None:
            return self.step(model, x, target, progress=1.0, factor=0.0, generator=generator)
        output = in_full_precision(model(x))
        loss = check_scalar("criterion", criterion(output, target))
        return StepLoss(loss, loss, loss.new_zeros(()), output)

    def settle(  # noqa: B027 - the default does nothing
        self, augmentation: nn.Module, optimizer: optim.Optimizer, *, lr: float, progress: float
    ) -> None:
        """Is called before each update, after `backward()`. The default does nothing.

        Args:
            augmentation: the model's.
            optimizer: with the groups of `parameter_groups`.
            lr: learning rate of the augmentation as the stage began with it.
            progress: the share of the stage that is done, in [0, 1].
        """

    def augmentation_lr(self, lr: float, n_steps: int | None) -> float:
        """The default learning rate of weights and magnitudes: 10 times the trunk's.

        Args:
            lr: of the trunk.
            n_steps: updates in the whole stage; None if the loader does not know its length.
        """
        return AUGMENTATION_LR_FACTOR * lr

    def marks(self, max_epochs: int) -> dict[str, Any]:
        """Facts, as JSON can hold them, that a resumed run must share with the interrupted run. The default has none.

        An objective whose result depends on where training ends returns `{"max_epochs": max_epochs}`, and then a run
        cannot be prolonged.
        """
        return {}

    def plan(
        self, model: InvariantModel, budget: Budget
    ) -> Generating[Stage | Computation, StageResult, list[Row] | None]:
        """Yields the stages of the training, and is sent the result of each. The default is a single stage.

        A plan may yield an `augrad.Computation` too, which trains nothing.

        Code between two stages may change the model, for example choose among policies by their results. A loss that
        turns non-finite is raised at the `yield`, where the plan may catch it and go on. The plan is run again when a
        run is resumed: the stages that are over then return their stored results at once, so the plan must not depend
        on anything but the model, the budget and these results.

        Args:
            model: the model to train.
            budget: epochs, updates and samples, as far as they are known.

        Returns:
            Rows for `FitResult.confirmation`, or None.
        """
        yield Stage(self)
        return None


def hook(objective: Any, name: str) -> Any:
    """A method of an objective, or the default of `Objective` bound to it where its class has none."""
    found = getattr(objective, name, None)
    if found is not None:
        return found
    default = getattr(Objective, name)
    return MethodType(default, objective) if callable(default) else default


def check_objective(objective: Any, source: str) -> Any:
    """Returns the objective if it has a method `step`.

    Args:
        objective: as a factory returned it.
        source: the factory, for the message.

    Raises:
        ArgumentTypeError: there is no such method.
    """
    if not callable(getattr(objective, "step", None)):
        raise ArgumentTypeError(
            f"objective must be called with (model, criterion, penalty) and return an object with a method step, but "
            f"{source} returned {type(objective).__name__}. Derive from augrad.Objective.",
            argument="objective",
        )
    return objective


def check_step(step: Any, objective: Any) -> StepLoss:
    """Returns what `step` returned if it is a `StepLoss` with a scalar `total`.

    Raises:
        ArgumentError, ArgumentTypeError: it is something else.
    """
    if not isinstance(step, StepLoss):
        raise ArgumentTypeError(
            f"objective: {type(objective).__name__}.step must return an augrad.StepLoss, but returned "
            f"{type(step).__name__}.",
            argument="objective",
        )
    check_scalar("StepLoss.total of the objective", step.total)
    return step
