"""The cost of an augmentation: how much more judges lose on augmented samples that are new to them.

Uses judges.py; used by loss.py and stages.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from augrad import batch
from augrad.layers.module import ModuleState
from augrad.learning.criteria import Criterion, check_scalar, chosen, in_full_precision, uninformed
from augrad.learning.cross_fitted.judges import copies_of, forgone, learning, unseen
from augrad.learning.penalties import expectation
from augrad.model import InvariantModel
from augrad.precision import full_precision


@runtime_checkable
class Judging(Protocol):
    """An objective with judges, as a `CrossFittedLoss` is."""

    judges: nn.ModuleList
    criterion: Criterion
    penalty: Callable[[ModuleState], Tensor]

    def knowledge(self) -> Float[Tensor, ""]:
        """Returns how much better than chance the judges are."""

    def note(self, clean: Float[Tensor, ""], chance: Float[Tensor, ""]) -> None:
        """Adds the judges' losses on a batch, for true and for shuffled targets, to the running means."""


class Judged:
    """A batch before its judges: each judge learns from its own samples, and judges the samples that it has not seen.

    Args:
        objective: holds the judges, the criterion and the running means of their losses.
        model: whose augmentation is judged, and in whose terms the judges answer.
        x, target: a batch, with a target for each sample.
    """

    def __init__(self, objective: Judging, model: InvariantModel, x: Any, target: Any) -> None:
        # As the model's own copies are made, so that a trunk gets what it is used to.
        self.objective, self.model, self.x, self.target = objective, model, batch.repeat(x, 1), target
        self.new = unseen(x, len(objective.judges))
        self.n_samples = batch.count(x)
        self._outputs: list[Tensor] = []

    def learn(self) -> Tensor:
        """Sums the judges' own criteria, each on its own samples without augmentation."""
        own = self.objective
        total, outputs = learning(own.judges, own.criterion, self.model, self.x, self.target, new=self.new)
        self._outputs += outputs
        return total

    def said(self) -> Tensor:
        """Returns the judges' outputs for samples without augmentation; empty if each had too few to learn from."""
        return torch.cat(self._outputs) if self._outputs else torch.zeros(0, device=batch.device(self.x))

    @torch.no_grad()
    def held_out_loss(self) -> Tensor:
        """Returns the judges' mean criterion on samples that they have not seen, without augmentation."""
        found, counts = [], []
        for judge, new in zip(self.objective.judges, self.new, strict=True):
            if not len(new):
                continue
            judge.eval()
            output = self._answer(judge(batch.select(self.x, new)), len(new))
            with full_precision(output.device):
                found.append(self.objective.criterion(output, chosen(self.target, new)) * len(new))
            counts.append(len(new))
        return torch.stack(found).sum() / sum(counts)

    def cost_and_penalty(self, augmented: Any) -> tuple[Tensor, Tensor]:
        """Returns the cost of the last training pass of the augmentation, and the penalty."""
        state = self.model.augmentation.state()
        with full_precision(batch.device(self.x)):
            penalty = check_scalar("penalty", self.objective.penalty(state))
        return self.cost(augmented, state), penalty

    def cost(self, augmented: Any, state: ModuleState) -> Tensor:
        """Returns how much more the judges lose on the augmented samples; differentiable in the policy."""
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
