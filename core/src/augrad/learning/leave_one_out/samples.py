"""Reads a few samples from a loader, once, whatever the size of the data. Used by find.py and rule.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.randomness import keyed_generator, preserved_generators, seed_global_generators


@dataclass(frozen=True)
class Samples:
    """Samples of a loader.

    Attributes:
        x: the samples as a single batch.
        target: their targets, as the loader yields them.
        more: whether the loader has more.
        index: of each sample in the data set, or in the order in which the loader yields them, from 0.
    """

    x: Any
    target: Any
    more: bool
    index: Int[Tensor, " samples"]


def read_samples(loader: Any, n_samples: int, seed: int = 0) -> Samples:
    """Reads at most `n_samples` samples. The global generators are seeded by `seed` and restored.

    From a `DataLoader` over a data set with a length, which goes through it in order or shuffled, random samples are
    read, each at its own index. Any other loader is read from its start until there are enough samples.

    Args:
        loader: a `DataLoader` or another iterable of pairs `(x, target)`.
        n_samples: number of samples at most.
        seed: decides which samples are read.

    Raises:
        ArgumentTypeError: `loader` is no iterable of pairs.
        ArgumentError: the loader is empty, or its batches have samples or targets of different shapes.

    Example:
        >>> found = read_samples([(torch.zeros(3, 2), torch.arange(3)), (torch.ones(2, 2), torch.arange(2))], 4)
        >>> batch.count(found.x), found.target.tolist(), found.index.tolist(), found.more
        (4, [0, 1, 2, 0], [0, 1, 2, 3], True)
    """
    if isinstance(loader, str) or not hasattr(loader, "__iter__"):
        raise ArgumentTypeError(
            f"loader must be a DataLoader or another iterable of pairs (x, target), but got {type(loader).__name__}. "
            "For one batch, pass [(x, target)].",
            argument="loader",
        )
    parts: list[Any] = []
    targets: list[Any] = []
    n_read = 0
    with preserved_generators():
        seed_global_generators(seed, "evidence", "samples")
        indexed = _indexed(loader)
        order = None if indexed is None else _order(indexed, n_samples, seed)
        entries = iter(loader) if order is None else _read_at(indexed, order)
        for entry in entries:
            x, target = _pair(entry)
            n_here = batch.count(x)
            if n_here:
                parts.append(x)
                targets.append(target)
                n_read += n_here
            if n_read >= n_samples:
                break
        else:
            entries = iter(())
        more = len(indexed.dataset) > n_samples if indexed is not None else n_read > n_samples or _has_more(entries)
    if not n_read:
        raise ArgumentError(
            "loader yields no samples. Check the data set, and drop_last with a batch_size larger than it.",
            argument="loader",
        )
    x, target = _together(parts), _joined(targets, n_read)
    index = torch.arange(n_read) if order is None else torch.tensor(order)
    if n_read > n_samples:
        if len(parts) == 1:
            kept = torch.randperm(n_read, generator=keyed_generator(seed, "evidence", "kept"))[:n_samples]
        else:
            kept = torch.arange(n_samples)
        x, index = batch.select(x, kept.to(batch.device(x))), index[kept]
        target = target[kept.to(target.device)] if isinstance(target, Tensor) and len(target) == n_read else target
    # Repeated, a batch is as a layer hands it on: graphs have edge weights.
    return Samples(batch.repeat(batch.detach(x), 1), target, more, index)


def n_repeated(x: Any) -> int:
    """How many samples equal an earlier one; 0 for batches that are no tensors.

    Example:
        >>> n_repeated(torch.tensor([[1.0], [2.0], [1.0]]))
        1
    """
    return len(x) - len(torch.unique(x.flatten(1), dim=0)) if isinstance(x, Tensor) and x.ndim > 1 else 0


def _indexed(loader: Any) -> Any:
    """The loader if single samples can be read at any index, as it would read them; else None."""
    sampler: Any = getattr(loader, "sampler", None)
    plain = (
        isinstance(loader, DataLoader)
        and type(loader).__iter__ is DataLoader.__iter__  # a subclass may change what is read
        and hasattr(loader.dataset, "__len__")
        and hasattr(loader.dataset, "__getitem__")
        and type(sampler) in (RandomSampler, SequentialSampler)
        and type(loader.batch_sampler) is BatchSampler
        and sampler.data_source is loader.dataset
    )
    return loader if plain else None


def _order(loader: Any, n_samples: int, seed: int) -> list[int]:
    n_all = len(loader.dataset)
    found: list[int] = torch.randperm(n_all, generator=keyed_generator(seed, "evidence", "order"))[:n_samples].tolist()
    return found


def _read_at(loader: Any, order: Sequence[int]) -> Iterator[Any]:
    size = loader.batch_sampler.batch_size  # the loader has none if it was given a batch sampler
    several = getattr(loader.dataset, "__getitems__", None)
    for start in range(0, len(order), size):
        chosen = list(order[start : start + size])
        found = [loader.dataset[index] for index in chosen] if several is None else several(chosen)
        yield loader.collate_fn(found)


def _has_more(entries: Iterator[Any]) -> bool:
    return next(iter(entries), None) is not None


def _pair(entry: Any) -> tuple[Any, Any]:
    if not isinstance(entry, tuple | list) or len(entry) != 2:
        alone = entry[0] if isinstance(entry, tuple | list) and len(entry) == 1 else entry
        got = f"{len(alone)} entries" if isinstance(alone, tuple | list) else f"{type(alone).__name__} alone"
        raise ArgumentTypeError(
            f"loader must yield pairs (x, target), but yields {got}. Evidence compares inputs with targets, so it "
            "needs both: let the loader's collate_fn return them as a pair.",
            argument="loader",
        )
    return entry[0], entry[1]


def _together(parts: list[Any]) -> Any:
    shapes = {tuple(part.shape[1:]) for part in parts if isinstance(part, Tensor)}
    if len(shapes) > 1:
        raise ArgumentError(
            f"loader yields samples of different shapes: {', '.join(map(str, sorted(shapes)))}. Pad or crop them to a "
            "single one.",
            argument="loader",
        )
    return batch.concatenate(*parts)


def _joined(targets: list[Any], n_read: int) -> Any:
    if not all(isinstance(target, Tensor) for target in targets):
        return targets[0]  # refused with its type
    ranks = {target.ndim for target in targets}
    if ranks == {0}:
        if n_read != len(targets):
            raise ArgumentError(
                "loader must yield batches, but yields single samples: a target is a single number. Give the "
                "DataLoader a batch_size.",
                argument="loader",
            )
        return torch.stack(targets)
    if len(ranks) > 1 or len({target.shape[1:] for target in targets}) > 1:
        raise ArgumentError(
            "loader yields batches with targets of different shapes: "
            f"{', '.join(sorted({str(tuple(target.shape)) for target in targets}))}.",
            argument="loader",
        )
    return torch.cat(targets)
