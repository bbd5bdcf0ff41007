"""The plan of the cross-fitted rule: judges learn, the augmentation learns, policies are confirmed, the trunk learns.

Uses stages.py, proposals.py, confirmation.py; run by training/, which knows nothing of it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator as Generating
from collections.abc import Sequence
from functools import partial
from typing import Any

from torch.optim.lr_scheduler import CosineAnnealingLR

from augrad.errors import NonFiniteLossError
from augrad.learning.cross_fitted.confirmation import ConfirmationLoss, n_epochs
from augrad.learning.cross_fitted.proposals import proposals, prune, retain, search_epochs
from augrad.learning.cross_fitted.stages import HELD_OUT, AugmentationLearns, JudgesLearn
from augrad.learning.joint import JointLoss
from augrad.learning.stage import Budget, Row, Stage, StageResult
from augrad.model import InvariantModel

LEAD = 0.01
"""By how much less the judges must lose with a part of the policy, or with nothing, than with all of it."""

Plan = Generating[Stage, StageResult, list[Row] | None]


def cross_fitted_plan(whole: Any, model: InvariantModel, budget: Budget, *, confirm: bool) -> Plan:
    """Yields the stages of the rule; returns a row per policy that was tried.

    Args:
        whole: the `CrossFittedLoss`, with as many judges as there are folds.
        model: the model to train.
        budget: epochs, updates and samples.
        confirm: whether policies are compared before the trunk is trained; if not, the search's policy is pruned.
    """
    epochs, n_folds = budget.max_epochs, len(whole.judges)
    judges = JudgesLearn(whole, epochs, watched=budget.stops_early)
    searched = search_epochs(epochs, budget.n_steps)
    shape = _Shape(n_folds, train=3.0 * epochs, search=4.0 * searched, confirm=n_epochs(epochs) if confirm else 0)
    result = yield Stage(
        judges,
        "judges",
        learns=("objective",),
        main=False,
        watch=f"train_{HELD_OUT}" if budget.stops_early else None,
        n_stages=shape.n_stages(),
        later=shape.later("judges"),
    )
    # Where early stopping ended the judges' training, the later stages are as much shorter.
    learned = max(1, len(result.history))
    yield Stage(
        AugmentationLearns(whole, epochs),
        "search",
        learns=("augmentation",),
        epochs=search_epochs(learned, budget.n_steps),
        scheduler=_constant,
        main=False,
        n_stages=shape.n_stages(),
        later=shape.later("search"),
    )
    rows: list[Row] = []
    if confirm:
        rows = yield from _confirmation(whole, model, budget, learned, shape)
        retain(model.augmentation, next(row for row in rows if row["kept"])["transforms"])
    else:
        prune(model.augmentation)
    yield Stage(JointLoss(whole.criterion), learns=("trunk",), n_stages=shape.n_stages(len(rows)))
    return rows


def _confirmation(
    whole: Any, model: InvariantModel, budget: Budget, learned: int, shape: _Shape
) -> Generating[Stage, StageResult, list[Row]]:
    """Lets the judges learn on with each policy that the search proposes; returns a row per policy."""
    wanted = proposals(model.augmentation)
    if len(wanted) < 2:
        return [{"transforms": list(wanted[0]), "lost": None, "seconds": 0.0, "kept": True}]
    epochs = n_epochs(learned)
    loss = ConfirmationLoss(whole, examined=1 - 1 / epochs)
    rows: list[Row] = []
    for index, names in enumerate(wanted):
        loss.begin()
        seconds = 0.0
        try:
            result = yield Stage(
                loss,
                f"with {' and '.join(names) or 'nothing'}",
                learns=("objective",),
                epochs=epochs,
                model=_candidate(model, names),
                # The caller's scheduler knows the length of another training.
                scheduler=partial(CosineAnnealingLR, T_max=epochs * (budget.n_steps or 1)),
                scheduler_interval="epoch" if budget.n_steps is None else "step",
                main=False,
                keeps=False,
                measure=loss.sums,
                n_stages=shape.n_stages(len(wanted)),
                later=shape.later("confirm", len(wanted) - index - 1),
            )
            lost, seconds = result.measured["lost"], result.seconds
        except NonFiniteLossError:
            # Without augmentation the trunk would fare no better.
            if not names:
                raise
            lost = None
        rows.append({"transforms": list(names), "lost": lost, "seconds": seconds})
    best = best_policy(rows)
    return [{**row, "kept": row is best} for row in rows]


def best_policy(rows: list[Row]) -> Row:
    """The row with the least loss, or the first, the whole policy's, if that is less than `LEAD` behind.

    Example:
        >>> rows = [{"transforms": ["a", "b"], "lost": 0.3}, {"transforms": ["a"], "lost": 0.299}]
        >>> best_policy(rows)["transforms"], best_policy([*rows, {"transforms": [], "lost": 0.2}])["transforms"]
        (['a', 'b'], [])
    """
    whole = rows[0]
    best = min(rows, key=_loss)
    return best if _loss(best) < _loss(whole) - LEAD else whole


def _loss(row: Row) -> float:
    return math.inf if row["lost"] is None else float(row["lost"])


def _constant(optimizer: Any) -> None:
    """No scheduler: the augmentation's rate follows a course of its own."""


def _candidate(model: InvariantModel, names: Sequence[str]) -> InvariantModel:
    """The model with these transforms alone; with none, there is nothing to average over."""
    augmentation = copy.deepcopy(model.augmentation)
    retain(augmentation, names)
    return InvariantModel(
        model.trunk,
        augmentation,
        copies=model.copies if names else 1,
        train_copies=model.train_copies if names else 1,
        aggregation=model.aggregation,
        seed=model.seed,
    )


class _Shape:
    """How many stages there are and how long each takes, in forward passes of the trunk over the data: an estimate.

    A forward and backward pass counts as three. Before the search two proposals besides nothing are expected.
    """

    def __init__(self, n_folds: int, *, train: float, search: float, confirm: int) -> None:
        self._judges = 3.0 * (n_folds - 1) * train / 3.0
        self._search, self._train = search, train
        self._confirm = 3.0 * (n_folds - 1) * confirm

    def n_stages(self, n_proposals: int = 3) -> int:
        """Stages in all."""
        return 3 + (n_proposals if self._confirm else 0)

    def later(self, stage: str, n_left: int = 3) -> float:
        """The time of all stages after this one, as a multiple of its own time."""
        left = {
            "judges": self._search + 3 * self._confirm,
            "search": 3 * self._confirm,
            "confirm": n_left * self._confirm,
        }
        own = {"judges": self._judges, "search": self._search, "confirm": self._confirm}
        return (left[stage] + self._train) / max(1.0, own[stage])
