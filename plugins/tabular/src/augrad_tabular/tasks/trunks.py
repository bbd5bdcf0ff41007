"""The network of all tasks in this folder: a perceptron on standardised columns. Uses demo.py; used by the tasks."""

from __future__ import annotations

from torch import nn

from augrad_tabular.demo import block


def perceptron(n_columns: int, n_outputs: int) -> nn.Module:
    """Builds three hidden layers of 256 for `(batch, n_columns)`; batch normalisation standardises the columns.

    There is no logarithm, because it would turn a factor into an offset, which a linear layer can simply remove.

    Example:
        >>> import torch
        >>> perceptron(4, 3)(torch.rand(2, 4)).shape
        torch.Size([2, 3])
    """
    return nn.Sequential(
        nn.BatchNorm1d(n_columns), *block(n_columns), *block(256), *block(256), nn.Linear(256, n_outputs)
    )
