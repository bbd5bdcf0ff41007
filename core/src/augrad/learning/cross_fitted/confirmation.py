"""`ConfirmationLoss`: judges learn on with a policy; what they then lose on samples new to them says what it is worth.

Uses judges.py, cross_fitted/loss.py, whose judges they are; run by training/ for each policy that proposals.py proposes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.criteria import chosen, in_full_precision
from augrad.learning.cross_fitted.judges import copies_of, differentiable, learning, mistakes, unseen
from augrad.learning.objective import Objective, StepLoss
from augrad.model import InvariantModel, unwrapped

CONFIRMATION_SHARE = 0.6
"""Of the trunk's epochs: for how long the judges learn on with each policy."""


class ConfirmationLoss(nn.Module, Objective):
    r"""Judges of a search learn on, each from its own samples as a policy augments them, and are then examined.

    That a transform spares the label does not say that training with it helps: a search lets through what does little
    harm. Nuisances lie on new samples too, so a judge that learned to ignore one does better on them. So each policy
    that is proposed gets the same judges, as the search left them, for the same time; `lost` is how wrong they then are
    on new samples as they are, predicted as the model predicts: averaged over copies. Where the target is a class, that
    is the share of mistakes, else what is lost in the terms of `CrossFittedLoss` (`judging.mistakes`). The policy with
    the least is the one to train the trunk with. Nothing is learned but the judges.

    Args:
        objective: the `CrossFittedLoss` of the search, after it; its judges learn on.
        examined: share of the learning after which answers count, in [0, 1).

    Raises:
        ArgumentError: the share is none.
        ArgumentTypeError: the objective is another one.

    References:
        Stone: Cross-validatory choice and assessment of statistical predictions, JRSS B 1974.
    """

    predicts = True
    group = "judges"

    _lost: Tensor
    _seen: Tensor

    def __init__(self, objective: Any, *, examined: float = 0.75) -> None:
        super().__init__()
        if not 0 <= examined < 1:
            raise ArgumentError(
                f"examined must be a share of the learning, 0 <= examined < 1, but got {examined!r}.",
                argument="examined",
                value=examined,
            )
        if not isinstance(getattr(objective, "judges", None), nn.ModuleList):
            raise ArgumentTypeError(
                f"objective must be a CrossFittedLoss, whose judges learn on, but got {type(objective).__name__}.",
                argument="objective",
            )
        self.criterion = objective.criterion
        self.examined = float(examined)
        # Not copies: a module that has run may hold tensors that cannot be copied.
        self.judges = objective.judges
        self._start = {name: value.clone() for name, value in objective.judges.state_dict().items()}
        for name in ("_lost", "_seen"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float32))

    def begin(self) -> None:
        """Puts the judges back where the search left them, for the next policy."""
        self.judges.load_state_dict(self._start)
        self._lost.zero_()
        self._seen.zero_()

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
        """The sum of the judges' criteria; `loss` is their mean, `output` what they said of augmented samples.

        Args:
            model: an `InvariantModel` with the policy, in train mode; its trunk is not asked.
            x, target: a batch; one target per sample.
            progress: share of the learning that is done, in [0, 1].
            factor: on the penalty, of which there is none.
            generator: of all draws; torch's default one if None.
        """
        inner = unwrapped(model)
        new = unseen(x, len(self.judges))
        total, outputs = self._learn(inner, x, target, new, generator)
        if progress >= self.examined:
            self._examine(inner, x, target, new)
        loss = total.detach() / len(self.judges)
        said = torch.cat(outputs) if outputs else loss.new_zeros(0)
        return StepLoss(total, loss, loss.new_zeros(()), said)

    def _learn(
        self, model: InvariantModel, x: Any, target: Any, new: list[Tensor], generator: Generator | None
    ) -> tuple[Tensor, list[Tensor]]:
        with torch.no_grad():
            augmented, _ = model.augment(x, generator=generator, weight_gradient=False)
        total, outputs = learning(
            self.judges, self.criterion, model, augmented, target, new=new, n_copies=model.train_copies
        )
        return differentiable(total, self.judges), outputs

    @torch.no_grad()
    def _examine(self, model: InvariantModel, x: Any, target: Any, new: list[Tensor]) -> None:
        n_samples, n_copies = batch.count(x), model.copies
        model.eval()
        augmented, _ = model.augment(x)
        model.train()
        for judge, unknown in zip(self.judges, new, strict=True):
            if not len(unknown):
                continue
            judge.eval()
            answer = judge(batch.select(augmented, copies_of(unknown, n_samples, n_copies)))
            output = in_full_precision(model.aggregate(answer, len(unknown), n_copies))
            wrong = mistakes(self.criterion, output, chosen(target, unknown), target)
            self._lost += wrong.sum().to(self._lost)
            self._seen += len(unknown)

    def sums(self) -> dict[str, Tensor]:
        """Returns the sum of the losses and the number of answers that counted, to be added up over processes."""
        return {"lost": torch.stack([self._lost, self._seen])}


def n_epochs(max_epochs: int) -> int:
    """For how many epochs judges learn on, where the trunk will be trained for `max_epochs`.

    Example:
        >>> n_epochs(20)
        12
    """
    return max(1, math.ceil(CONFIRMATION_SHARE * max_epochs))
