"""Reads the samples of an audit from a loader, once, and leaves the loader unchanged. Used by audits.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError, InputError
from augrad.options import count
from augrad.randomness import preserved_generators
from augrad.training.loading import generators_of

MAX_SAMPLES = 2000


@dataclass(frozen=True)
class Samples:
    """The samples of an audit.

    Attributes:
        x: all samples as a single batch.
        target: a label for each sample; None if the loader has no labels, or several numbers for each sample.
        batch_size: number of samples that go through a model at once.
        more: whether the loader had more samples.
    """

    x: Any
    target: Tensor | None
    batch_size: int
    more: bool

    def __len__(self) -> int:
        return batch.count(self.x)

    @property
    def classes(self) -> bool:
        """Whether the targets are classes. Otherwise they are numbers, or there are no targets."""
        return self.target is not None and not self.target.is_floating_point()

    def parts(self) -> Iterator[Int[Tensor, " some"]]:
        """Yields the indices of the samples, in batches for a model."""
        yield from torch.split(torch.arange(len(self), device=batch.device(self.x)), self.batch_size)

    def digest(self) -> str:
        """Returns a hash of samples and targets."""
        content = hashlib.sha256(batch.fingerprint(self.x).cpu().numpy().tobytes())
        if self.target is not None:
            content.update(self.target.cpu().numpy().tobytes())
        return content.hexdigest()


def read(loader: Any, max_samples: int | None = MAX_SAMPLES, *, at_least: int = 1) -> Samples:
    """Reads samples and targets from a loader. The loader's generators and the global generators are restored.

    Args:
        loader: a `DataLoader` or another iterable of batches: pairs `(x, target)`, or `x` alone.
        max_samples: number of samples to read at most, from the start; None for all.
        at_least: smallest accepted number of samples, for comparisons between samples.

    Raises:
        ArgumentTypeError: `loader` is not an iterable of batches.
        ArgumentError: the loader is empty, only some batches have targets, or `max_samples` is below 1.
        InputError: a batch has different numbers of targets and samples, or there are too few samples.
    """
    if max_samples is not None:
        count("max_samples", max_samples, hint="None takes all samples.")
    if not hasattr(loader, "__iter__"):
        raise ArgumentTypeError(
            f"loader must be a DataLoader or another iterable of batches, but got {type(loader).__name__}. For one "
            "batch, pass [(x, target)].",
            argument="loader",
        )
    parts: list[Any] = []
    targets: list[Any] = []
    n_read, more = 0, False
    generators = generators_of(loader)
    states = [generator.get_state() for generator in generators]
    with preserved_generators():
        try:
            for entry in loader:
                if max_samples is not None and n_read >= max_samples:
                    more = True
                    break
                x, target = _pair(entry)
                parts.append(x)
                targets.append(target)
                n_read += batch.count(x)
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)
    if n_read == 0:
        raise ArgumentError(
            "loader yields no samples. Check the data set, and drop_last with a batch_size larger than it.",
            argument="loader",
        )
    x, target = batch.concatenate(*parts), _joined(targets)
    if max_samples is not None and n_read > max_samples:
        kept = torch.arange(max_samples, device=batch.device(x))
        x, target, more = batch.select(x, kept), None if target is None else target[:max_samples], True
    if batch.count(x) < at_least:
        raise InputError(f"an audit takes at least {at_least} samples, but got {batch.count(x)}.", n_samples=n_read)
    return Samples(batch.detach(x), target, max(batch.count(part) for part in parts), more)


def _pair(entry: Any) -> tuple[Any, Any]:
    if not isinstance(entry, tuple | list):
        return entry, None
    if len(entry) not in (1, 2):
        raise ArgumentTypeError(
            f"loader must yield pairs (x, target), or x alone, but yields {len(entry)} entries. Wrap it in a "
            "generator class that yields pairs, or change its collate_fn.",
            argument="loader",
        )
    x, target = entry if len(entry) == 2 else (entry[0], None)
    n_samples = batch.count(x)
    if target is not None and isinstance(target, Tensor) and (target.ndim == 0 or target.shape[0] != n_samples):
        raise InputError(
            f"loader yields {n_samples} samples with targets of shape {tuple(target.shape)}; there must be one target "
            "per sample, first axis first.",
            argument="loader",
            shape=tuple(target.shape),
        )
    return x, target


def _joined(targets: Sequence[Any]) -> Tensor | None:
    """Returns a target for each sample, `(samples,)` classes or numbers; None if the targets have another form."""
    if all(target is None for target in targets):
        return None
    if any(target is None for target in targets):
        raise ArgumentError(
            "loader yields targets with some batches only. Give targets with all batches, or with none.",
            argument="loader",
        )
    if not all(isinstance(target, Tensor) for target in targets):
        kind = type(next(target for target in targets if not isinstance(target, Tensor))).__name__
        raise ArgumentTypeError(
            f"loader must yield targets as tensors, one per sample, but yields {kind}.", argument="loader"
        )
    target = torch.cat(list(targets)).detach()
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    return target.long() if target.dtype == torch.bool else target
