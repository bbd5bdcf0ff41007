"""`Features`: the inputs of a trunk's layers, for ridge regression in closed form.

Uses trunks.py; used by judge.py and gradient.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, normalize

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError, InputError, suggestion
from augrad.learning.leave_one_out.trunks import LAYERS, counted_batches, still_copy

CELLS = {3: (16,), 4: (4, 4), 5: (3, 3, 3)}
"""Cells to which a map is averaged, by the number of axes of the layer's input."""

ROWS = 512
"""Samples that pass through the trunk at once."""

FLAT = 1e-12
"""A layer whose inputs vary less than this, relative to their size, says nothing about the samples."""

Chosen = str | Callable[[nn.Module, Any], Tensor] | None
"""Features as a caller chooses them: the name of a module, a function of trunk and batch, or None for all layers."""


class Features:
    """Features of samples, from a copy of the trunk that is never trained.

    The features are the inputs of the linear and convolutional layers, with maps averaged to a few cells. Each layer is
    centred and brought to unit length, sample by sample. Otherwise a few large copies would outvote all others when
    copies are averaged, and a transform that squashes its input would look like a gain.

    Batch normalisation that has not seen a batch takes its statistics from `x`.

    Args:
        trunk: a network from a batch to outputs, copied as it is.
        x: the samples, of any type that `augrad.batch` knows.
        chosen: the name of a module, whose output is used alone; or a function `(trunk, x) -> (samples, features)`.
            None: the inputs of all linear and convolutional layers that have a row for each sample.
        name: how an error calls the argument `chosen`.
        index: by which an error calls each sample; None for its place.

    Attributes:
        layers: names of the modules, in order of the pass; empty for a function.
        n_features: columns.
        index: of the samples, on the CPU.

    Raises:
        ArgumentError: there is no such module; or the trunk has no layer with a row per sample, or cannot be copied.
        ArgumentTypeError: `chosen` is something else, or gave no floating-point tensor of `(samples, features)`.
        InputError: a feature is not finite, or all samples have the same features.

    References:
        Bachmann, Hofmann, Lucchi: Generalization through the lens of leave-one-out error, ICLR 2022.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> trunk = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> features = Features(trunk, torch.randn(5, 3))
        >>> features.layers, features(torch.randn(2, 3)).shape
        (('0', '2'), torch.Size([2, 7]))
    """

    def __init__(
        self,
        trunk: nn.Module,
        x: Any,
        chosen: Chosen = None,
        *,
        name: str = "features",
        index: Int[Tensor, " samples"] | None = None,
    ) -> None:
        self._trunk = still_copy(trunk, x)
        self._name, self._chosen = name, chosen
        self.index = torch.arange(batch.count(x)) if index is None else index.cpu()
        self._seen: list[tuple[str, Tensor]] = []
        self._hook()
        with torch.no_grad():
            _settle_statistics(self._trunk, x)
            parts = self._parts(x)
            if not parts:
                raise ArgumentError(_without_features(trunk, chosen, name), argument=name)
            row = _not_finite(values for _, values in parts)
            if row is not None:
                sample = int(self.index[row])
                raise InputError(
                    f"{name}: the trunk's features of sample {sample}, counted from 0, are not finite. Look for NaN or "
                    "infinite values in the data, or in the trunk's weights.",
                    argument=name,
                    index=sample,
                )
            self._centres = [values.mean(dim=0) for _, values in parts]
            self.layers = tuple(layer for layer, _ in parts if layer)
            spread = [_varies(values, centre) for (_, values), centre in zip(parts, self._centres, strict=True)]
            if not any(spread):
                raise InputError(
                    f"{name}: the trunk gives the same features for all {batch.count(x)} samples, so they tell nothing "
                    "about the targets. Check the trunk's initialisation and the data, or choose other features.",
                    argument=name,
                )
            self.n_features = sum(values.shape[1] for _, values in parts)

    def __call__(self, x: Any) -> Float[Tensor, "samples features"]:
        """Features of a batch, `(samples, features)`; differentiable in the batch.

        Raises:
            InputError: a feature is not finite; its attribute `row` is the place in the batch.
        """
        n_samples = batch.count(x)
        if n_samples <= ROWS:
            values = self._of(x)
        else:
            index = torch.arange(n_samples, device=batch.device(x))
            values = torch.cat([self._of(batch.select(x, rows)) for rows in torch.split(index, ROWS)])
        row = _not_finite([values])
        if row is not None:
            raise InputError(
                f"{self._name}: the trunk's features of row {row} of a batch are not finite, although those of the "
                "samples are. Look at the transforms that changed them.",
                argument=self._name,
                row=row,
            )
        return values

    def _of(self, x: Any) -> Tensor:
        parts = self._parts(x)
        # Of length 1 in all, however many layers there are.
        share = 1 / math.sqrt(len(parts))
        scaled = [
            share * normalize(values - centre, dim=1) for (_, values), centre in zip(parts, self._centres, strict=True)
        ]
        return torch.cat(scaled, dim=1)

    def _hook(self) -> None:
        chosen, modules = self._chosen, dict(self._trunk.named_modules())
        if chosen is None:
            for layer, module in modules.items():
                if isinstance(module, LAYERS):
                    module.register_forward_pre_hook(partial(self._note_input, layer or type(module).__name__))
        elif isinstance(chosen, str):
            if chosen not in modules or not chosen:
                raise ArgumentError(
                    f"{self._name}: the trunk has no module {chosen!r}."
                    + suggestion(chosen, [m for m in modules if m]),
                    argument=self._name,
                    value=chosen,
                )
            modules[chosen].register_forward_hook(partial(self._note_output, chosen))
        elif not callable(chosen):
            raise ArgumentTypeError(
                f"{self._name} must be the name of a module, a function (trunk, x) -> (samples, features) or None, but "
                f"got {type(chosen).__name__}.",
                argument=self._name,
            )

    # Hooks are bound methods, so that a copy of the features notes its own passes.
    def _note_input(self, layer: str, module: nn.Module, given: tuple[Any, ...]) -> None:
        if given and isinstance(given[0], Tensor):
            self._seen.append((layer, _tokens_last(given[0]) if isinstance(module, nn.Linear) else given[0]))

    def _note_output(self, layer: str, _: nn.Module, __: Any, output: Any) -> None:
        self._seen.append((layer, output))

    def _parts(self, x: Any) -> list[tuple[str, Tensor]]:
        n_samples = batch.count(x)
        if self._chosen is not None and not isinstance(self._chosen, str):
            found = self._chosen(self._trunk, x)
            return [("", self._rows(found, n_samples, "the function"))]
        self._seen.clear()
        self._trunk(x)
        seen, self._seen = self._seen, []
        if isinstance(self._chosen, str):
            return [(layer, self._rows(values, n_samples, layer)) for layer, values in seen[-1:]]
        # Not those with a row for each node of a graph.
        return [(layer, _pooled(values)) for layer, values in seen if values.ndim > 1 and len(values) == n_samples]

    def _rows(self, values: Any, n_samples: int, source: str) -> Tensor:
        if not isinstance(values, Tensor) or values.ndim < 2 or len(values) != n_samples:
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ArgumentTypeError(
                f"{self._name}: {source} must give a tensor of (samples, features) with {n_samples} samples, but gave "
                f"{got}.",
                argument=self._name,
            )
        if not values.is_floating_point():
            raise ArgumentTypeError(
                f"{self._name}: {source} must give floating-point values, but gave {values.dtype}. Convert them with "
                ".float().",
                argument=self._name,
            )
        return _pooled(values)


def _settle_statistics(trunk: nn.Module, x: Any) -> None:
    """Gives batch normalisation without statistics those of the samples."""
    blank: list[Any] = [module for module in trunk.modules() if counted_batches(module) == 0]
    for module in blank:
        module.momentum = None
        module.train()
    if blank:
        trunk(x)
    for module in blank:
        module.eval()


def _tokens_last(values: Tensor) -> Tensor:
    """Tokens behind features, as in a map, for the input of a linear layer."""
    return values.flatten(1, -2).transpose(1, 2) if values.ndim > 2 else values


def _pooled(values: Tensor) -> Tensor:
    cells = CELLS.get(values.ndim)
    if cells is not None:
        size = tuple(min(most, n) for most, n in zip(cells, values.shape[2:], strict=True))
        pool: Any = {3: adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}[values.ndim]
        values = pool(values, size)
    return values.flatten(1)


def _varies(values: Tensor, centre: Tensor) -> bool:
    size = values.abs().max()
    return bool((values - centre).abs().max() > FLAT + 1e-6 * size)


def _not_finite(parts: Iterable[Tensor]) -> int | None:
    """The first row with a value that is not finite; None if there is none."""
    finite = torch.stack([values.detach().isfinite().all(dim=1) for values in parts]).all(dim=0)
    return None if finite.all() else int((~finite).nonzero()[0])


def _without_features(trunk: nn.Module, chosen: Chosen, name: str) -> str:
    if isinstance(chosen, str):
        return f"{name}: the trunk does not call its module {chosen!r}. Pass the name of a module that it calls."
    return (
        f"{name} must be given: the trunk {type(trunk).__name__} has no linear or convolutional layer with a row for "
        "each sample. Pass the name of a module whose output has one, such as 'encoder', or a function (trunk, x) -> "
        "(samples, features)."
    )
