"""`ConfirmationLoss`: judges learn on with a policy, and their mistakes on held-out samples say how good it is.

Uses judges.py; run by plan.py for each policy that proposals.py proposes.
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
"""Share of the trunk's epochs for which the judges learn on with each policy."""


class ConfirmationLoss(nn.Module, Objective):
    r"""Lets the judges of a search learn on with a policy, each from its own samples, and then examines them.

    A transform can leave labels intact and still not improve accuracy. The search only rejects harmful transforms, so
    the survivors are tested. A nuisance is present in held-out samples too, so a judge that has learned to ignore it
    makes fewer mistakes there. Each policy gets the same judges, as the search left them, for the same time. Then
    `lost` is their error on held-out samples, with predictions averaged over copies as the model averages them. For
    class targets the error is the share of mistakes; for other targets it is the loss in units of `CrossFittedLoss`
    (`judges.mistakes`). The trunk is trained with the policy that has the lowest error. Only the judges learn here.

    Args:
        objective: the `CrossFittedLoss` of the finished search; its judges learn on.
        examined: share of the learning after which answers count, in [0, 1).

    Raises:
        ArgumentError: the share lies outside [0, 1).
        ArgumentTypeError: the objective has no judges.

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
        """Sums the judges' criteria; `loss` is their mean, `output` holds their outputs for augmented samples.

        Args:
            model: an `InvariantModel` with the policy, in train mode; its trunk is not asked.
            x, target: a batch, with a target for each sample.
            progress: share of the learning that is done, in [0, 1].
            factor: on the penalty, of which there is none.
            generator: source of all draws; torch's default generator if None.
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
