"""Targets of a regression: classes, labels or numbers as columns of mean 0. Used by find.py and rule.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from augrad.errors import ArgumentError, ArgumentTypeError, InputError

LEAST_SAMPLES = 20
"""Fewer samples cannot tell anything."""

MOST_CLASSES = 1000
"""More classes than this are no classes: integers with as many values are refused."""


@dataclass(frozen=True)
class Targets:
    """Targets as a regression takes them.

    Attributes:
        columns: `(samples, outputs)`, of mean 0 and total variance 1, in double precision.
        kept: which samples have a target; a negative class, such as -100, is none.
        words: a description, such as `"10 classes"`.
    """

    columns: Float[Tensor, "kept outputs"]
    kept: Bool[Tensor, " samples"]
    words: str


@dataclass(frozen=True)
class _Source:
    """Where targets come from, as errors tell it: the argument, and the way out where samples are too few."""

    argument: str
    has: str
    more: str

    @property
    def begin(self) -> str:
        """The first words of an error."""
        return f"{self.argument} {self.has}"


_SOURCES = {
    "loader": _Source("loader", "yields", "Shuffle the loader, or raise n_samples."),
    "target": _Source("target", "has", "Pass other samples, or more."),
}


def targets_of(
    target: Any, n_samples: int, index: Int[Tensor, " samples"] | None = None, *, source: str = "loader"
) -> Targets:
    """Brings targets into the form of a regression.

    Classes count alike, however many samples they have: each column of their one-hot code is scaled to the same
    variance under the null hypothesis. Several numbers count alike too.

    Args:
        target: integers or booleans `(samples,)` for classes; integers, booleans or zeros and ones
            `(samples, labels)` for several labels; floating point `(samples,)` or `(samples, outputs)` for numbers.
        n_samples: number of samples.
        index: by which an error calls each sample; None for its place.
        source: the argument that brings the targets: `"loader"` or `"target"`.

    Raises:
        ArgumentError: there is not one target for each sample.
        ArgumentTypeError: the targets are no tensor.
        InputError: there are fewer than 20 samples, all targets are alike, or a target is not finite.

    Example:
        >>> targets_of(torch.arange(20) % 2, 20).words
        '2 classes'
    """
    told = _SOURCES[source]
    must = "must yield targets as tensors" if source == "loader" else "must be a tensor of targets"
    if not isinstance(target, Tensor):
        raise ArgumentTypeError(
            f"{source} {must}, one for each sample, but {told.has} {type(target).__name__}. Evidence compares inputs "
            "with targets. Without such targets, pass objective='joint' to augrad.fit.",
            argument=source,
        )
    if target.ndim not in (1, 2) or len(target) != n_samples:
        raise ArgumentError(
            f"{source} must {'yield' if source == 'loader' else 'have'} a target for each sample, (samples,) or "
            f"(samples, outputs), but {told.has} {tuple(target.shape)} for {n_samples} samples. For dense targets, or "
            "targets per node, pass objective='joint' to augrad.fit.",
            argument=source,
            shape=tuple(target.shape),
        )
    given = target.detach()
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.is_floating_point():
        return _numbers(given, index, told)
    return _classes(given.long(), told) if given.ndim == 1 else _numbers(given.double(), index, told)


def _classes(given: Tensor, told: _Source) -> Targets:
    kept = given >= 0
    values, codes = torch.unique(given[kept], return_inverse=True)
    n_samples = _enough(int(kept.sum()), told)
    if len(values) < 2:
        raise InputError(
            f"{told.begin} a single class ({values.tolist()[0]}) in the {n_samples} samples that were read, so there "
            f"is nothing to predict. Two classes with 10 samples each are the least. {told.more}",
            argument=told.argument,
        )
    if len(values) > MOST_CLASSES or len(values) > 0.9 * n_samples:
        raise InputError(
            f"{told.begin} {len(values)} classes in {n_samples} samples, too few for each. Pass floating-point "
            "targets if they are numbers, or more samples.",
            argument=told.argument,
        )
    columns = one_hot(codes).double()
    columns = columns / columns.mean(dim=0).sqrt()
    return Targets(_scaled(columns), kept, f"{len(values)} classes")


def _numbers(given: Tensor, index: Tensor | None, told: _Source) -> Targets:
    rows = given.double().reshape(len(given), -1)
    finite = rows.isfinite().all(dim=1)
    if not finite.all():
        first = int((~finite).nonzero()[0])
        number = first if index is None else int(index[first])
        raise InputError(
            f"{told.begin} targets that are not finite, first that of sample {number}, counted from 0 "
            f"({int((~finite).sum())} of {len(rows)}). Remove these samples, or fill the gaps.",
            argument=told.argument,
            index=number,
        )
    _enough(len(rows), told)
    centred = rows - rows.mean(dim=0)
    spread = centred.std(dim=0)
    varies = spread > 1e-12 * rows.abs().amax(dim=0).clamp_min(1e-300)
    if not varies.any():
        raise InputError(
            f"{told.begin} the same target for all {len(rows)} samples that were read, so there is nothing to "
            f"predict. {told.more}",
            argument=told.argument,
        )
    columns = centred[:, varies] / spread[varies]
    labels = rows.shape[1] > 1 and bool(((rows == 0) | (rows == 1)).all())
    many = rows.shape[1]
    words = f"{many} labels" if labels else f"{many} numbers" if many > 1 else "numbers"
    return Targets(_scaled(columns), torch.ones(len(rows), dtype=torch.bool, device=given.device), words)


def _scaled(columns: Tensor) -> Tensor:
    centred = columns - columns.mean(dim=0)
    return centred / centred.square().sum(dim=1).mean().sqrt()


def _enough(n_samples: int, told: _Source) -> int:
    if n_samples < LEAST_SAMPLES:
        raise InputError(
            f"{told.begin} {n_samples} samples with a target, too few to tell anything: {LEAST_SAMPLES} are the "
            "least, and 100 or more are better.",
            argument=told.argument,
            n_samples=n_samples,
        )
    return n_samples
