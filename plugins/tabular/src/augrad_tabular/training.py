"""Training of the tabular estimators: rows in shuffled batches, the penalty's units, the best epoch.

Uses models.py; used by estimators.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

import augrad
from augrad.layers.module import ModuleState
from augrad.learning.leave_one_out.rule import LeaveOneOut
from augrad.learning.objectives import AUTO, Factory, choose_penalty
from augrad_tabular.models import encoder_of
from augrad_tabular.parameters import Parameters


class ShuffledRows:
    """Batches of rows and targets, in a new order in each pass.

    Batches differ in size by at most one row. A last batch of a single row would have no spread, in which displacements
    are measured. The order comes from torch's global generator, which `augrad.fit` seeds by epoch and restores.

    Args:
        x: the table.
        target: an entry per row.
        batch_size: largest number of rows per batch.

    Example:
        >>> rows = ShuffledRows(torch.eye(5), torch.arange(5), batch_size=4)
        >>> len(rows), sorted(len(x) for x, _ in rows)
        (2, [2, 3])
    """

    def __init__(self, x: Float[Tensor, "rows features"], target: Tensor, batch_size: int) -> None:
        self.x, self.target = x, target
        self.n_batches = -(-len(x) // batch_size)

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(self.x)).tensor_split(self.n_batches):
            yield self.x[rows], self.target[rows]


class EncodedPenalty:
    """A penalty that sees batches as the trunk does: codes as one-hot, numbers in units of their spread.

    Without the encoder, the displacement of codes would depend on their numbering. Its `objective` is that of the inner
    penalty.

    Args:
        penalty: maps `AugmentationModule.state()` to a value to add to the loss.
        encoder: maps a table to its encoded columns.
    """

    def __init__(self, penalty: Callable[[ModuleState], Tensor], encoder: nn.Module) -> None:
        self.penalty, self.encoder = penalty, encoder
        self.objective = getattr(penalty, "objective", augrad.Penalty.objective)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.penalty!r})"

    def __call__(self, state: ModuleState) -> Float[Tensor, ""]:
        """Computes the value to add to the loss."""
        if state.before is not None:
            state = dataclasses.replace(state, before=self.encoder(state.before), after=self.encoder(state.after))
        return self.penalty(state)


class BestEpoch:
    """A callback of `augrad.fit` that keeps the weights of the epoch with the lowest validation loss.

    Example:
        >>> best, model = BestEpoch(), torch.nn.Linear(1, 1)
        >>> for loss in (2.0, 1.0, 3.0):
        ...     _ = model.weight.data.fill_(loss)
        ...     best({"val_loss": loss}, model)
        >>> best.restore(model)
        >>> model.weight.item()
        1.0
    """

    def __init__(self) -> None:
        self._lowest = float("inf")
        self._learned: dict[str, Tensor] = {}

    def __call__(self, row: dict[str, Any], model: nn.Module) -> None:
        """Keeps the weights if the epoch's validation loss is the lowest so far."""
        if row["val_loss"] < self._lowest:
            self._lowest = row["val_loss"]
            self._learned = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def restore(self, model: nn.Module) -> None:
        """Loads the weights of the best epoch, if an epoch had a finite loss."""
        if self._learned:
            model.load_state_dict(self._learned)


def rule_of(parameters: Parameters, encoder: nn.Module) -> tuple[Factory | None, Any]:
    """The objective and the penalty as `augrad.fit` takes them; a penalty sees encoded columns.

    Args:
        parameters: parameters of the estimator.
        encoder: maps a table to its encoded columns.
    """
    objective: Any = parameters.objective
    penalty: Any = parameters.penalty
    if penalty == AUTO and objective is None:
        objective = LeaveOneOut()
    if isinstance(objective, LeaveOneOut) and objective.fallback_penalty is None:
        fallback = EncodedPenalty(augrad.DisplacementPenalty(), encoder)
        objective = dataclasses.replace(objective, fallback_penalty=fallback)
    if penalty == AUTO and objective is not None:
        penalty = choose_penalty(objective, AUTO)
    return objective, penalty if penalty is None else EncodedPenalty(penalty, encoder)


def train(
    model: augrad.InvariantModel,
    train_rows: ShuffledRows,
    val_rows: ShuffledRows | None,
    parameters: Parameters,
    *,
    seed: int,
) -> augrad.FitResult:
    """Trains a model in place. With validation rows, training stops early and ends with the best epoch's weights.

    Args:
        model: made by `build_model`.
        train_rows, val_rows: the data; without validation rows training runs for all epochs.
        parameters: parameters of the estimator.
        seed: seed of all draws.

    Returns:
        The result of `augrad.fit`.
    """
    best = BestEpoch()
    objective, penalty = rule_of(parameters, encoder_of(model))
    watched = augrad.EarlyStopping("val_loss", patience=parameters.n_iter_no_change)
    result = augrad.fit(
        model,
        train_rows,
        val_rows,
        max_epochs=parameters.max_epochs,
        lr=parameters.lr,
        augmentation_lr=parameters.augmentation_lr,
        objective=objective,
        penalty=penalty,
        early_stopping=None if val_rows is None else watched,
        callbacks=[] if val_rows is None else [best],
        device="cpu" if parameters.device == "cpu" else None,
        progress=parameters.verbose,
        seed=seed,
    )
    best.restore(model)
    return result
