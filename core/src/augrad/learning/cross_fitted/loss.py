"""`CrossFittedLoss`: judges that have not seen a sample say whether its label survives; and the search by it.

The default objective. Uses objective.py, penalties.py, model.py; `fit` searches by it, Lightning trains by it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.func import functional_call

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.layers.module import ModuleState
from augrad.learning.cross_fitted.judges import N_FOLDS, copies_of, differentiable, forgone, learning, unseen
from augrad.learning.objective import (
    Criterion,
    StepLoss,
    check_scalar,
    chosen,
    in_full_precision,
    invariant,
    uninformed,
)
from augrad.learning.penalties import expectation
from augrad.model import InvariantModel
from augrad.precision import full_precision

WINDOW = (0.2, 0.8)
"""Between which shares of training the augmentation learns, where the trunk learns beside it."""

TRAVEL = 12.0
"""How far a weight's or magnitude's unconstrained number may go while it learns; from 0.01 to 0.99 it is 9.2."""

FASTEST = 0.2
"""Learning rate of the augmentation that `TRAVEL` does not exceed, however short the training."""

MEMORY = 0.98
"""How much of their running means a step keeps."""

LEAST_KNOWLEDGE = 0.1
"""Of what could be known: judges that know less are taken to know so much."""


class CrossFittedLoss(nn.Module):
    r"""Trains the trunk on augmented samples, and the augmentation by what judges say of samples that are new to them.

    The paper's joint loss lets the trunk itself say what a transform costs. But a trunk that is trained on flipped
    digits is not troubled by flips, and one that has memorised its samples is troubled by whatever it has not: what it
    loses on its training data says little about whether a label survives. So two *judges*, copies of the trunk,
    learn from the data as they are, each from one half (cross-fitting). A transformed sample is shown to the judge that
    has not seen it, and what it loses there is compared with what it loses on the sample itself:

    `cost_i = (q(T(x_i)) - q(x_i)) / knowledge`, with `q = 1 - exp(-loss / H)`,

    `H` the loss of the best constant prediction, and `knowledge` the mean of `q` for shuffled targets minus that for
    the true ones. A cost of 0: a transformed sample is as good as a new one, the label survives. A cost of 1: nothing
    is left of what can be known. The augmentation minimises `mean(cost) + penalty`; the gradient of the selection
    weights is a score function in which each sample is its own baseline.

    It learns while training stands between the two shares `window`: before, the judges learn; after, the augmentation
    stands still, the judges rest, and the trunk learns with what was found.

    With `search_only` the trunk is left alone: judges learn until the window begins and stand still from then on, while
    the augmentation learns. `fit` does so, and then trains the trunk with what was found (`search_plan`). That finds
    more: judges know the most when their training is over, and the trunk never sees what is not yet found. Where one
    pass is all there is, as under a Lightning Trainer, trunk and judges learn side by side.

    Halves are told apart by the samples' contents, so that a sample stays in its half whatever the order of batches,
    and duplicates stay together. (A data set that draws its samples anew each time mixes the halves: costs are then
    overestimated, and less is learned.)

    Args:
        model: the `InvariantModel`; one output per sample. The judges start as copies of its trunk as it stands.
        criterion: maps output and target to a scalar loss, for any number of samples, one too.
        penalty: maps `AugmentationModule.state()` to a value that is added; in units of what judges know.
        window: shares of training, `0 <= start < end <= 1`.
        judge: the judges' architecture instead of the trunk's: a smaller network is quicker.
        n_folds: how many parts the data are cut into, at least 2; there is a judge for each, trained on all others.
            More help where data are few, in the time of `n_folds - 1` trunks: `fit` has 5 up to 500 samples.
        search_only: whether to leave the trunk alone.

    Shape:
        See `step`. Takes the time of about two trunks besides the trunk until the window ends; memory for two more.

    Raises:
        ArgumentError: the window is no such pair; `n_folds` is below 2; `aggregation="equivariant"`, which compares
            outputs elsewhere; the judges have nothing that learns.
        ArgumentTypeError: an argument is of another type.

    References:
        Chernozhukov et al.: Double/debiased machine learning for treatment and structural parameters, Econometrics
        Journal 2018 (cross-fitting). Williams, Machine Learning 1992 (the score function).
    """

    _clean: Tensor
    _chance: Tensor
    _seen: Tensor

    def __init__(
        self,
        model: nn.Module,
        criterion: Criterion,
        penalty: Callable[[ModuleState], Tensor],
        *,
        window: Sequence[float] = WINDOW,
        judge: nn.Module | None = None,
        n_folds: int = N_FOLDS,
        search_only: bool = False,
    ) -> None:
        super().__init__()
        inner = invariant(model)
        for name, value in (("criterion", criterion), ("penalty", penalty)):
            if not callable(value):
                raise ArgumentTypeError(f"{name} must be callable, but got {type(value).__name__}.", argument=name)
        if len(window) != 2 or not 0 <= window[0] < window[1] <= 1:
            raise ArgumentError(
                f"window must be two shares of training, 0 <= start < end <= 1, but got {window!r}.",
                argument="window",
                value=window,
            )
        if isinstance(n_folds, bool) or not isinstance(n_folds, int) or n_folds < 2:
            raise ArgumentError(
                f"n_folds must be an int of at least 2, but got {n_folds!r}: each judge must have samples that are new "
                "to it.",
                argument="n_folds",
                value=n_folds,
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
        self.criterion = criterion
        self.penalty = penalty
        self.window = (float(window[0]), float(window[1]))
        self.search_only = search_only
        self.judges = nn.ModuleList(copy.deepcopy(network) for _ in range(n_folds))
        for name in ("_clean", "_chance", "_seen"):
            self.register_buffer(name, torch.zeros(()))

    def judges_learn(self, progress: float) -> bool:
        """Whether the judges learn at this share of training."""
        return progress < self.window[0 if self.search_only else 1]

    def augmentation_learns(self, progress: float) -> bool:
        """Whether the augmentation learns at this share of training."""
        return self.window[0] <= progress < self.window[1]

    def rate(self, progress: float) -> float:
        """The factor on the augmentation's learning rate: falls from 1 to 0 over the window, along a cosine."""
        start, end = self.window
        return 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, (progress - start) / (end - start)))))

    def augmentation_lr(self, lr: float, n_steps: int | None) -> float:
        """The augmentation's learning rate: such that in its window a number may go as far as `TRAVEL`.

        That is meant for Adam and its like, whose steps are as long as the learning rate.

        Args:
            lr: of the trunk.
            n_steps: of the whole training; None if that is not known, and then it is 10 times `lr`.
        """
        if n_steps is None:
            return 10.0 * lr
        # Twice: on average `rate` is one half.
        return min(FASTEST, 2 * TRAVEL / max(1.0, n_steps * (self.window[1] - self.window[0])))

    def settle(self, augmentation: nn.Module, optimizer: torch.optim.Optimizer, *, lr: float, progress: float) -> None:
        """Before an update: sets the augmentation's rate, and lets go of gradients of what does not learn now.

        An optimizer moves what has a gradient of zero, by its momentum; what has none it leaves alone.

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
        """Criterion of the augmented batch, judges' criteria, cost and penalty: all that is to be differentiated.

        Args:
            model: the one given at construction, or a wrapper around it, in train mode.
            x: a batch.
            target: one per sample, first axis first, as the criterion takes it.
            progress: share of the training that is done, in [0, 1].
            factor: on the penalty.
            generator: of all draws; torch's default one if None.

        Raises:
            ArgumentError: the criterion or penalty returns no scalar; outputs are not one per sample.
        """
        inner = invariant(model)
        if self.search_only:
            return self._search(inner, x, target, progress=progress, factor=factor, generator=generator)
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
            judged = _Judged(self, inner, x, target)
            total = total + judged.learn()
            if learns:
                cost, penalty = judged.cost_and_penalty(augmented)
                total = total + cost + factor * penalty
        return StepLoss(total, loss.detach(), penalty.detach(), output.detach())

    def _search(
        self,
        model: InvariantModel,
        x: Any,
        target: Any,
        *,
        progress: float,
        factor: float,
        generator: Generator | None,
    ) -> StepLoss:
        """A step without the trunk: `loss` is the judges' mean criterion, or the cost; `output` is the judges'."""
        judged = _Judged(self, model, x, target)
        if self.judges_learn(progress):
            total = differentiable(judged.learn(), self.judges)
            loss, penalty = total / len(self.judges), total.new_zeros(())
        else:
            augmented, _ = model.augment(x, generator=generator, weight_gradient=False)
            loss, penalty = judged.cost_and_penalty(augmented)
            total = loss + factor * penalty
        return StepLoss(total, loss.detach(), penalty.detach(), judged.said())

    def knowledge(self) -> Float[Tensor, ""]:
        """What the judges know, in units of `q`: 0 to 1."""
        seen = self._seen.clamp_min(torch.finfo(self._seen.dtype).tiny)
        return torch.maximum(self._chance - self._clean, LEAST_KNOWLEDGE * self._chance) / seen

    def note(self, clean: Float[Tensor, ""], chance: Float[Tensor, ""]) -> None:
        """Adds what judges lose on a batch, for true and for shuffled targets, to the running means."""
        for mean, value in ((self._clean, clean), (self._chance, chance), (self._seen, torch.ones_like(clean))):
            mean.mul_(MEMORY).add_((1 - MEMORY) * value.to(mean))

    def extra_repr(self) -> str:
        return f"window={self.window}, penalty={self.penalty!r}, search_only={self.search_only}"


class _Judged:
    """One batch before its judges: who has seen which sample."""

    def __init__(self, objective: CrossFittedLoss, model: InvariantModel, x: Any, target: Any) -> None:
        # As the model's own copies are made, so that a trunk gets what it is used to.
        self.objective, self.model, self.x, self.target = objective, model, batch.repeat(x, 1), target
        self.new = unseen(x, len(objective.judges))
        self.n_samples = batch.count(x)
        self._outputs: list[Tensor] = []

    def learn(self) -> Tensor:
        """The sum of the judges' own criteria, each on what is not new to it, as it is."""
        own = self.objective
        total, outputs = learning(own.judges, own.criterion, self.model, self.x, self.target, new=self.new)
        self._outputs += outputs
        return total

    def said(self) -> Tensor:
        """What the judges said of samples as they are; empty if there were too few for any of them."""
        return torch.cat(self._outputs) if self._outputs else torch.zeros(0, device=batch.device(self.x))

    def cost_and_penalty(self, augmented: Any) -> tuple[Tensor, Tensor]:
        """What the last training pass of the augmentation costs, and the penalty."""
        state = self.model.augmentation.state()
        with full_precision(batch.device(self.x)):
            penalty = check_scalar("penalty", self.objective.penalty(state))
        return self.cost(augmented, state), penalty

    def cost(self, augmented: Any, state: ModuleState) -> Tensor:
        """How much worse than on the samples the judges fare on what became of them; differentiable in the policy."""
        n_copies = self.model.train_copies
        copies, clean, chance, moved = [], [], [], []
        for judge, new in zip(self.objective.judges, self.new, strict=True):
            if not len(new):
                continue
            judge.eval()
            copies.append(copies_of(new, self.n_samples, n_copies))
            target = chosen(self.target, new)
            with torch.no_grad():
                output = self._answer(judge(batch.select(self.x, new)), len(new))
                with full_precision(output.device):
                    unit = uninformed(self.objective.criterion, output, self.target)
                self._outputs.append(output)
                clean.append(self._lost(output, target, unit))
                chance.append(self._lost(output, chosen(self.target, new.roll(1)), unit))
            fixed = {name: value.detach() for name, value in judge.state_dict(keep_vars=True).items()}
            answer = functional_call(judge, fixed, (batch.select(augmented, copies[-1]),))
            outputs = self._answer(answer, len(copies[-1]))
            moved.append(self._lost(outputs, chosen(self.target, new.repeat(n_copies)), unit))
        self.objective.note(torch.cat(clean).mean(), torch.cat(chance).mean())
        before = torch.cat([each.repeat(n_copies) for each in clean])
        costs = (torch.cat(moved) - before) / self.objective.knowledge()
        order = torch.cat(copies)
        return expectation(costs, None if state.log_probs is None else state.log_probs.index_select(0, order))

    def _lost(self, output: Tensor, target: Any, unit: Tensor) -> Float[Tensor, " samples"]:
        return forgone(self.objective.criterion, output, target, unit)

    def _answer(self, output: Any, n_samples: int) -> Tensor:
        return in_full_precision(self.model.aggregate(output, n_samples))
