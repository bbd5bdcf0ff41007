"""`CrossFittedLoss`: judges that have not seen a sample say whether its label survives. The default objective.

Uses cost.py, plan.py; `fit` runs its plan, Lightning and own training loops its `step`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.layers.module import ModuleState
from augrad.learning.criteria import Criterion, check_scalar, in_full_precision
from augrad.learning.cross_fitted.cost import Judged
from augrad.learning.cross_fitted.judges import N_FOLDS, default_folds
from augrad.learning.cross_fitted.plan import Plan, cross_fitted_plan
from augrad.learning.cross_fitted.stages import cosine, travelling_rate
from augrad.learning.objective import Objective, StepLoss
from augrad.learning.stage import Budget
from augrad.model import InvariantModel, unwrapped
from augrad.options import count, flag
from augrad.precision import full_precision

WINDOW = (0.2, 0.8)
"""The shares of training between which the augmentation learns, where the trunk learns beside it."""

MEMORY = 0.98
"""Share of its running means that a step keeps."""

LEAST_KNOWLEDGE = 0.1
"""Lower bound on `knowledge`, which divides the cost: weak judges would otherwise make every cost huge."""


class CrossFittedLoss(nn.Module, Objective):
    r"""Trains the trunk on augmented samples, and the augmentation by the errors of judges on samples new to them.

    Under the paper's joint loss the trunk itself says what a transform costs. But a trunk that is trained on flipped
    digits has learned to read them, and a trunk that has memorised its samples errs on every change: its loss on its
    training data says little about whether a label survives. So *judges*, copies of the trunk, learn from the data
    without augmentation, each from all parts but its own (cross-fitting). Each transformed sample is shown to the judge
    that has not seen it, and the judge's loss is compared with its loss on the sample itself:

    `cost_i = (q(T(x_i)) - q(x_i)) / knowledge`, with `q = 1 - exp(-loss / H)`.

    `H` is the loss of the best constant prediction. `knowledge` is how much better than chance the judges are: the mean
    of `q` for shuffled targets minus the mean for the true ones. A cost of 0 means that the label survives: the
    transformed sample is as good as a new one. A cost of 1 means that nothing is left to know. The augmentation
    minimises `mean(cost) + penalty`. The gradient of the selection weights is a score function in which each sample is
    its own baseline.

    `augrad.fit` trains by the `plan` of this objective: first the judges learn, then the augmentation learns from
    judges that stand still, then policies are confirmed, and at last the trunk learns. That finds more than one pass:
    judges know most when their training is over, and the trunk never sees a policy that is not yet found.

    Your own loop and a Lightning Trainer make one pass, by `step`: trunk and judges learn side by side, and the
    augmentation learns while training stands between the two shares `window`. Before the window the judges learn alone;
    after it the judges rest, the augmentation stands still, and the trunk learns with the policy that was found.

    Parts are told apart by the samples' contents, so a sample stays in its part whatever the order of batches, and
    duplicates stay together. A data set that draws its samples anew each time mixes the parts: costs are then
    overestimated, and less is learned.

    Args:
        model: the `InvariantModel`; it returns one output per sample. The judges start as copies of its trunk.
        criterion: maps output and target to a scalar loss, for any number of samples, a single sample too.
        penalty: maps `AugmentationModule.state()` to a value that is added, in units of the judges' knowledge.
        window: shares of training for one pass, `0 <= start < end <= 1`.
        judge: a network for the judges instead of the trunk, for example a smaller one, which is faster.
        n_folds: the number of parts, at least 2; there is a judge for each part. None: 2 for one pass, and under `fit`
            5 for up to 500 samples. More help where data are few, in the time of `n_folds - 1` trunks.
        confirm: whether `fit` compares policies before it trains the trunk; see `CrossFitted`.

    Shape:
        See `Objective.step`. One pass takes the time of about two trunks besides the trunk until the window ends, and
        memory for two more.

    Raises:
        ArgumentError: the window is no such pair; `n_folds` is below 2; `aggregation="equivariant"`, whose outputs
            cannot be compared; nothing of the judges learns; there is no penalty.
        ArgumentTypeError: an argument is of another type.

    References:
        Chernozhukov et al.: Double/debiased machine learning for treatment and structural parameters, Econometrics
        Journal 2018 (cross-fitting). Williams, Machine Learning 1992 (the score function).
    """

    predicts = True
    group = "judges"

    _clean: Tensor
    _chance: Tensor
    _seen: Tensor

    def __init__(
        self,
        model: nn.Module,
        criterion: Criterion,
        penalty: Callable[[ModuleState], Tensor] | None,
        *,
        window: Sequence[float] = WINDOW,
        judge: nn.Module | None = None,
        n_folds: int | None = None,
        confirm: bool = True,
    ) -> None:
        super().__init__()
        inner = unwrapped(model)
        self.penalty: Callable[[ModuleState], Tensor] = _checked(inner, criterion, penalty, window, judge)
        self.criterion = criterion
        self.window = (float(window[0]), float(window[1]))
        self.n_folds = None if n_folds is None else check_folds(n_folds)
        self.confirm = flag("confirm", confirm)
        network = inner.trunk if judge is None else judge
        self.judges = nn.ModuleList(copy.deepcopy(network) for _ in range(self.n_folds or N_FOLDS))
        for name in ("_clean", "_chance", "_seen"):
            self.register_buffer(name, torch.zeros(()))

    def plan(self, model: InvariantModel, budget: Budget) -> Plan:
        """Yields the stages of the whole rule: judges, search, confirmation, training."""
        n_folds = self.n_folds or default_folds(budget.n_samples)
        while len(self.judges) < n_folds:
            self.judges.append(copy.deepcopy(self.judges[0]))
        return cross_fitted_plan(self, model, budget, confirm=self.confirm)

    def marks(self, max_epochs: int) -> dict[str, Any]:
        """The result depends on where training ends, so a run cannot be prolonged."""
        return {"max_epochs": max_epochs}

    def judges_learn(self, progress: float) -> bool:
        """Whether the judges learn at this share of training."""
        return progress < self.window[1]

    def augmentation_learns(self, progress: float) -> bool:
        """Whether the augmentation learns at this share of training."""
        return self.window[0] <= progress < self.window[1]

    def rate(self, progress: float) -> float:
        """The factor on the augmentation's learning rate: falls from 1 to 0 over the window, along a cosine."""
        start, end = self.window
        return cosine((progress - start) / (end - start))

    def augmentation_lr(self, lr: float, n_steps: int | None) -> float:
        """The augmentation's learning rate in one pass: such that in its window a number may go as far as `TRAVEL`.

        It is meant for optimizers such as Adam, whose steps are as long as the learning rate.

        Args:
            lr: of the trunk.
            n_steps: of the whole training; None if that is not known, and then it is 10 times `lr`.
        """
        return 10.0 * lr if n_steps is None else travelling_rate(float(n_steps) * (self.window[1] - self.window[0]))

    def settle(self, augmentation: nn.Module, optimizer: torch.optim.Optimizer, *, lr: float, progress: float) -> None:
        """Before an update in one pass: sets the augmentation's rate, and drops the gradients of parts that rest.

        The momentum of an optimizer moves a parameter whose gradient is zero; it leaves alone one without a gradient.

        Args:
            augmentation: the model's.
            optimizer: with the groups of `parameter_groups`.
            lr: of the augmentation, before `rate`.
            progress: share of the training that is done, in [0, 1].
        """
        for group in optimizer.param_groups:
            if group.get("name") == "augmentation":
                group["lr"] = lr * self.rate(progress)
        resting = [] if self.augmentation_learns(progress) else [augmentation]
        resting += [] if self.judges_learn(progress) else [self.judges]
        for module in resting:
            for parameter in module.parameters():
                parameter.grad = None

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
        learns = self.augmentation_learns(progress)
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            augmented, draws = inner.augment(x, generator=generator, weight_gradient=False)
        output = in_full_precision(inner.predict(batch.detach(augmented), draws, x))
        with full_precision(output.device):
            loss = check_scalar("criterion", self.criterion(output, target))
        penalty = loss.new_zeros(())
        total = loss
        if self.judges_learn(progress):
            if output.shape[0] != batch.count(x):
                raise ArgumentError(
                    f"the cross-fitted objective needs one output per sample, but got {output.shape[0]} for "
                    f"{batch.count(x)} samples. Use objective='joint'.",
                    argument="model",
                )
            judged = Judged(self, inner, x, target)
            total = total + judged.learn()
            if learns:
                cost, penalty = judged.cost_and_penalty(augmented)
                total = total + cost + factor * penalty
        return StepLoss(total, loss.detach(), penalty.detach(), output.detach())

    def knowledge(self) -> Float[Tensor, ""]:
        """Returns how much better than chance the judges are, in units of `q`: 0 to 1."""
        seen = self._seen.clamp_min(torch.finfo(self._seen.dtype).tiny)
        return torch.maximum(self._chance - self._clean, LEAST_KNOWLEDGE * self._chance) / seen

    def note(self, clean: Float[Tensor, ""], chance: Float[Tensor, ""]) -> None:
        """Adds the judges' losses on a batch, for true and for shuffled targets, to the running means."""
        for mean, value in ((self._clean, clean), (self._chance, chance), (self._seen, torch.ones_like(clean))):
            mean.mul_(MEMORY).add_((1 - MEMORY) * value.to(mean))

    def extra_repr(self) -> str:
        return f"window={self.window}, penalty={self.penalty!r}"


def check_folds(n_folds: int) -> int:
    """Returns the number of folds if it leaves each judge samples that are new to it.

    Raises:
        ArgumentError: it is no int of at least 2.
    """
    return count("n_folds", n_folds, least=2, hint="Each judge must have samples that are new to it.")


def _checked(inner: InvariantModel, criterion: Any, penalty: Any, window: Sequence[float], judge: Any) -> Any:
    """Returns the penalty if everything is accepted."""
    if penalty is None:
        raise ArgumentError(
            "objective='cross_fitted' needs a penalty, or the augmentation would have nothing to gain; pass one, or "
            "objective='joint'.",
            argument="penalty",
        )
    for name, value in (("criterion", criterion), ("penalty", penalty)):
        if not callable(value):
            raise ArgumentTypeError(f"{name} must be callable, but got {type(value).__name__}.", argument=name)
    if len(window) != 2 or not 0 <= window[0] < window[1] <= 1:
        raise ArgumentError(
            f"window must be two shares of training, 0 <= start < end <= 1, but got {window!r}.",
            argument="window",
            value=window,
        )
    if judge is not None and not isinstance(judge, nn.Module):
        raise ArgumentTypeError(
            f"judge must be a torch.nn.Module or None, but got {type(judge).__name__}.", argument="judge"
        )
    if inner.aggregation == "equivariant":
        raise ArgumentError(
            "the cross-fitted objective compares outputs for a sample and for its transform, and "
            "aggregation='equivariant' says that they differ by the transform. Use objective='joint'.",
            argument="model",
        )
    network = inner.trunk if judge is None else judge
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ArgumentError(
            "the cross-fitted objective trains judges, but no parameter of theirs requires a gradient: the trunk "
            "is frozen. Pass judge, or use objective='joint'.",
            argument="judge",
        )
    return penalty
