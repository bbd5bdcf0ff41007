"""`CrossFitted`: the cross-fitted rule and its options, as `fit(objective=)` takes it.

Uses loss.py; named in objectives.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from augrad import batch
from augrad.learning.cross_fitted.loss import CrossFittedLoss, check_folds
from augrad.model import InvariantModel
from augrad.options import flag


@dataclass(frozen=True)
class CrossFitted:
    """Options of the cross-fitted rule, `fit`'s default: `augrad.fit(..., objective=augrad.CrossFitted(n_folds=2))`.

    Args:
        n_folds: the number of parts into which the data are cut, at least 2. There is a judge for each part, and it
            learns from all other parts. None: 5 for up to 500 samples, and 2 for more or for an unknown number. 2 is
            faster and finds as much, unless the data set is so small that judges trained on half of it are weak.
        confirm: whether the policy that the search found is confirmed. If False, every transform that the search kept
            is used, except those with little weight. This is faster, and it is the right choice for trunks that learn
            slowly: their judges would still look worse with any augmentation when they are compared.

    Raises:
        ArgumentError, ArgumentTypeError: an option is not accepted.

    Example:
        >>> CrossFitted(n_folds=3)
        CrossFitted(n_folds=3, confirm=True)
    """

    n_folds: int | None = None
    confirm: bool = True

    def __post_init__(self) -> None:
        if self.n_folds is not None:
            check_folds(self.n_folds)
        flag("confirm", self.confirm)

    def __call__(self, model: InvariantModel, criterion: Any, penalty: Any) -> CrossFittedLoss:
        """Makes the objective for a model."""
        return CrossFittedLoss(model, criterion, penalty, n_folds=self.n_folds, confirm=self.confirm)

    def suits(self, model: InvariantModel, x: Any, target: Any) -> bool:
        """Whether the rule can serve a task: trunk and augmentation learn, and there is one target per sample.

        Args:
            model: the model to train.
            x, target: a first batch; None where there is none yet.
        """
        if model.aggregation == "equivariant" or not (_learns(model.trunk) and _learns(model.augmentation)):
            return False
        return x is None or (isinstance(target, Tensor) and target.ndim > 0 and len(target) == batch.count(x) > 1)


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
