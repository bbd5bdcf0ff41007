"""Judges: which samples are new to which judge, how they learn from the others, and how wrong they are.

Used by cost.py and confirmation.py.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from augrad import batch
from augrad.learning.criteria import Criterion, check_scalar, chosen, in_full_precision, losses, uninformed
from augrad.model import InvariantModel
from augrad.precision import full_precision

N_FOLDS = 2
"""Number of folds for data sets that are not small."""

N_FOLDS_OF_FEW = 5
FEW_SAMPLES = 500
"""Data sets up to this size are small: their judges need more than half of the samples."""


def default_folds(n_samples: int | None) -> int:
    """The number of folds for a number of samples; None if that number is not known.

    Example:
        >>> default_folds(100), default_folds(60_000), default_folds(None)
        (5, 2, 2)
    """
    return N_FOLDS_OF_FEW if n_samples is not None and n_samples <= FEW_SAMPLES else N_FOLDS


def learning(
    judges: nn.ModuleList,
    criterion: Criterion,
    model: InvariantModel,
    x: Any,
    target: Any,
    *,
    new: list[Tensor],
    n_copies: int = 1,
) -> tuple[Float[Tensor, ""], list[Tensor]]:
    """Returns the sum of the judges' criteria, each on samples that are not new to it, and their outputs.

    Args:
        judges: put into train mode, those that have enough to learn from.
        criterion: maps output and target to a scalar.
        model: in whose terms they answer.
        x: the batch, or copies of it, copy-major.
        target: a target for each sample.
        new: for each judge the indices of the samples that are new to it, as `unseen` returned them.
        n_copies: how many copies `x` holds of each sample.
    """
    n_samples = batch.count(x) // n_copies
    total, outputs = torch.zeros((), device=batch.device(x)), []
    for judge, unknown in zip(judges, new, strict=True):
        own = all_but(unknown, n_samples)
        if len(own) > 1:  # batch normalisation cannot learn from one
            judge.train()
            answer = judge(batch.select(x, copies_of(own, n_samples, n_copies)))
            output = in_full_precision(model.aggregate(answer, len(own), n_copies))
            outputs.append(output.detach())
            with full_precision(output.device):
                total = total + check_scalar("criterion", criterion(output, chosen(target, own)))
    return total, outputs


def differentiable(total: Float[Tensor, ""], judges: nn.ModuleList) -> Float[Tensor, ""]:
    """A loss that has a gradient, of zero, also where a batch was too small for any judge to learn from."""
    if total.requires_grad:
        return total
    return total + 0.0 * next(p for p in judges.parameters() if p.requires_grad).sum()


def copies_of(index: Int[Tensor, " some"], n_samples: int, n_copies: int) -> Int[Tensor, " rows"]:
    """Where the samples at `index` lie among copy-major copies of a batch."""
    return (torch.arange(n_copies, device=index.device)[:, None] * n_samples + index).flatten()


def forgone(criterion: Criterion, output: Tensor, target: Any, unit: Tensor) -> Float[Tensor, " samples"]:
    """Returns `1 - exp(-loss / unit)` of each sample: 0 for a perfect prediction, near 1 for an arbitrarily wrong one.

    Args:
        criterion: maps output and target to a scalar.
        output, target: of some samples.
        unit: the loss of the best constant prediction, see `uninformed`.
    """
    with full_precision(output.device):
        return 1 - torch.exp(-losses(criterion, output, target) / unit)


def mistakes(criterion: Criterion, output: Tensor, target: Any, everything: Any) -> Float[Tensor, " samples"]:
    """Returns how wrong each prediction is, from 0 to 1: the share of wrong classes, or `forgone` for other targets.

    For class targets the predicted class counts, and not its probability: judges that have just begun to learn with an
    augmentation are less sure of everything. Negative classes do not count, for example an `ignore_index`.

    Args:
        criterion: maps output and target to a scalar.
        output, target: of some samples.
        everything: the targets of the batch that they are from.

    Example:
        >>> output, target = torch.tensor([[2.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 1])
        >>> mistakes(torch.nn.CrossEntropyLoss(), output, target, target).tolist()
        [0.0, 1.0]
    """
    if not isinstance(target, Tensor) or target.is_floating_point() or output.ndim != target.ndim + 1:
        with full_precision(output.device):
            unit = uninformed(criterion, output, everything)
        return forgone(criterion, output, target, unit)
    classes = target.reshape(len(target), -1)
    counted = classes >= 0
    wrong = counted & (output.argmax(dim=1).reshape_as(classes) != classes)
    return wrong.sum(dim=1) / counted.sum(dim=1).clamp_min(1)


def unseen(x: Any, n_judges: int) -> list[Tensor]:
    """Returns for each judge the samples of a batch that are new to it."""
    fold = folds(x, n_judges)
    # The sizes must be known on the host: an accelerator is waited for once per step and judge.
    return [torch.nonzero(fold == index % n_judges).flatten() for index in range(1, n_judges + 1)]


def all_but(index: Int[Tensor, " some"], n_samples: int) -> Int[Tensor, " others"]:
    """The samples of a batch that `index` leaves out, in order."""
    everything = torch.arange(n_samples, device=index.device)
    return everything[~torch.isin(everything, index)]


def folds(x: Any, n_folds: int = N_FOLDS) -> Int[Tensor, " batch"]:
    """Which part of the data each sample belongs to, from 0, by its contents."""
    # Bits from the middle of a product: the lowest ones of a sum depend on little.
    return ((batch.fingerprint(x) * 0x2545F4914F6CDD1D) >> 40) % n_folds
