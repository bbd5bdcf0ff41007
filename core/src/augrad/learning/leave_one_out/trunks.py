"""Copies of a trunk: as it is, built from lazy modules, or with weights drawn anew.

Used by features.py and examination.py.
"""

from __future__ import annotations

import copy
import math
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from augrad import batch
from augrad.errors import ArgumentError

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""The layers whose inputs are features."""


def still_copy(trunk: nn.Module, x: Any) -> nn.Module:
    """A copy of a trunk that never learns, in eval mode and without lazy parameters.

    Args:
        trunk: left as it is.
        x: samples that it takes.

    Raises:
        ArgumentError: the trunk cannot be copied, or is compiled by torch.jit.script.
    """
    if any(isinstance(each, torch.jit.ScriptModule) for each in trunk.modules()):
        raise ArgumentError(
            "trunk must be a plain torch.nn.Module, because the inputs of its layers are read, but it holds a "
            "ScriptModule. Pass the module before torch.jit.script.",
            argument="trunk",
        )
    still = built(trunk, x)
    return (_copied(trunk) if still is trunk else still).eval().requires_grad_(False)


def built(trunk: nn.Module, x: Any) -> nn.Module:
    """The trunk; a copy after a pass if it still has lazy parameters.

    Raises:
        ArgumentError: it cannot be copied.

    Example:
        >>> built(nn.LazyLinear(2), torch.zeros(4, 3))
        Linear(in_features=3, out_features=2, bias=True)
    """
    if not any(map(is_lazy, chain(trunk.parameters(), trunk.buffers()))):
        return trunk
    made = _copied(trunk).eval()
    with torch.no_grad():
        made(batch.first_of(x, 2))
    return made


def is_fresh(trunk: nn.Module) -> bool:
    """Whether a trunk is as torch initialises it: within the bounds of the default weights, and without statistics.

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> is_fresh(layer), is_fresh(nn.Linear(3, 2).requires_grad_(False).apply(lambda m: m.weight.mul_(9)))
        (True, False)
    """
    for module in trunk.modules():
        if counted_batches(module):
            return False
        if isinstance(module, LAYERS) and not is_lazy(module.weight):
            bound = 1 / math.sqrt(max(1, module.weight[0].numel()))
            if module.weight.numel() and float(module.weight.detach().abs().max()) > bound * (1 + 1e-5):
                return False
    return True


def reinitialised(trunk: nn.Module, seed: int) -> nn.Module:
    """A copy of the trunk with weights drawn anew, by the modules' own `reset_parameters`."""
    fresh = _copied(trunk)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in fresh.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    return fresh


def counted_batches(module: Any) -> int | None:
    """How many batches a batch normalisation has seen; None if it keeps no statistics, or is another module."""
    kind = nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - torch has no public name for all of them
    counted = isinstance(module, kind) and module.num_batches_tracked is not None
    return int(module.num_batches_tracked) if counted else None


def _copied(trunk: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(trunk)
    except Exception as error:
        if any(map(is_lazy, trunk.buffers())):
            why = "torch cannot copy lazy buffers, such as those of LazyBatchNorm1d. Call the trunk once with a batch."
        else:
            why = (
                f"copy.deepcopy raised {type(error).__name__}: {str(error).rstrip('.')}. Keep no locks, files or "
                "tensors with a gradient as attributes of its modules."
            )
        raise ArgumentError(
            f"trunk must be one that can be copied, so that it stays as it is, but {why}", argument="trunk"
        ) from error
