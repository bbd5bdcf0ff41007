"""Loaders read by key: the same (seed, epoch, position) gives the same batch, from the start or after a resume.

Uses randomness.py; used by loop.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, DistributedSampler

from augrad.errors import ArgumentError, ArgumentTypeError, InputTypeError
from augrad.randomness import derived_seed, preserved_generators, seed_global_generators

Pair = tuple[Any, Any]
"""A batch of inputs and its targets."""


class KeyedLoader:
    """Reads an iterable of `(x, target)` batches so that each is determined by `(seed, epoch, position)`.

    The global generators, and those a `DataLoader` and its samplers hold, are seeded before each epoch; the global
    ones before each batch too. Batches to skip are read and dropped, for only then do the workers of a `DataLoader`
    draw the same. (Not replayed: generators inside a data set, and the workers' own if they are
    persistent, after the first epoch or after a `Computation` that read the loader.)

    Args:
        name: the argument it came as, for keys and errors.
        loader: a `DataLoader` or any iterable that can be read again.
        seed: of all keys.
        rank, n_ranks: of several processes each reads every `n_ranks`-th batch.
        even: whether all processes get equally many batches, some of the first ones a second time.
        labels: whether batches must be pairs. If False, a batch that is no pair is `x`, and its target is None.

    Raises:
        ArgumentTypeError: it is not iterable, or can be read only once.
        ArgumentError: it is empty.

    Example:
        >>> loader = KeyedLoader("train_loader", [(1, 10), (2, 20), (3, 30)], seed=0)
        >>> list(loader.batches(epoch=1, skip=1)), len(loader)
        ([(2, 20), (3, 30)], 3)
    """

    def __init__(
        self,
        name: str,
        loader: Iterable[Any],
        *,
        seed: int,
        rank: int = 0,
        n_ranks: int = 1,
        even: bool = True,
        labels: bool = True,
    ) -> None:
        _check_readable(name, loader, 1 if even else n_ranks)
        self.name, self.seed, self.rank, self.n_ranks = name, seed, rank, n_ranks
        self.labels = labels
        self._loader = loader
        self._source = loader if n_ranks == 1 else _sharded(loader, rank, n_ranks, even)
        self._generators = generators_of(loader)

    @property
    def whole(self) -> Iterable[Any]:
        """The loader as the caller gave it, with the batches of all processes."""
        return self._loader

    def __len__(self) -> int:
        return len(self._source)  # type: ignore[arg-type]

    @property
    def n_batches(self) -> int | None:
        """Batches per epoch, or None if the loader does not know."""
        try:
            return len(self)
        except TypeError:
            return None

    def first(self) -> Pair:
        """Returns the first batch, which shows the kind of the task; draws nothing from any generator.

        Raises:
            ArgumentError: the loader is empty.
            InputTypeError: the loader yields something other than pairs.
        """
        with preserved_generators(), self.preserved():
            loader = self._loader
            if isinstance(loader, DataLoader) and loader.batch_sampler is not None and loader.num_workers:
                # In this process: starting the workers for one batch can take seconds.
                return self._pair(loader.collate_fn([loader.dataset[i] for i in next(iter(loader.batch_sampler))]))
            for entry in loader:
                return self._pair(entry)
        raise _empty(self.name)

    def batches(self, epoch: int, skip: int = 0) -> Iterator[Pair]:
        """The batches of an epoch, without the first `skip`."""
        self.seed_generators(self.name, epoch)
        sampler = getattr(self._loader, "sampler", None)
        if isinstance(sampler, DistributedSampler):
            sampler.set_epoch(epoch)
        # Samplers draw the order of the epoch when the first batch is asked for: no rank in the key, so that all
        # processes shuffle alike.
        seed_global_generators(self.seed, self.name, epoch)
        iterator, position = iter(self._source), 0
        while True:
            if position:
                seed_global_generators(self.seed, self.name, epoch, position, self.rank)
            try:
                entry = next(iterator)
            except StopIteration:
                break
            if position >= skip:
                yield self._pair(entry)
            position += 1
        if not position:
            raise _empty(self.name)

    def seed_generators(self, *key: int | str) -> None:
        """Seeds the loader's own generators from a key."""
        for position, generator in enumerate(self._generators):
            generator.manual_seed(derived_seed(self.seed, *key, "generator", position))

    @contextmanager
    def preserved(self) -> Iterator[None]:
        """Gives the loader's own generators back as they were."""
        states = [generator.get_state() for generator in self._generators]
        try:
            yield
        finally:
            for generator, state in zip(self._generators, states, strict=True):
                generator.set_state(state)

    def _pair(self, entry: Any) -> Pair:
        if not isinstance(entry, tuple | list) or len(entry) != 2:
            if not self.labels:
                alone = isinstance(entry, tuple | list) and len(entry) == 1
                return (entry[0] if alone else entry), None
            got = f"{len(entry)} entries" if isinstance(entry, tuple | list) else type(entry).__name__
            raise InputTypeError(
                f"{self.name} must yield pairs (x, target), but yields {got}. Wrap it in a generator class that yields "
                "pairs, or change its collate_fn.",
                argument=self.name,
            )
        return entry[0], entry[1]


class Shard:
    """Every `n_ranks`-th item of an iterable, starting with the rank's own.

    Args:
        source: the items, in the same order on every rank.
        rank, n_ranks: whose items.
        even: whether an incomplete last round is filled up with items from the start.

    Example:
        >>> list(Shard("abcde", 1, 2)), list(Shard("abcde", 1, 2, even=False)), len(Shard("abcde", 1, 2))
        (['b', 'd', 'a'], ['b', 'd'], 3)
    """

    def __init__(self, source: Any, rank: int, n_ranks: int, even: bool = True) -> None:
        self.source, self.rank, self.n_ranks, self.even = source, rank, n_ranks, even

    def __iter__(self) -> Iterator[Any]:
        start: list[Any] = []
        n_items = 0
        for item in self.source:
            if len(start) < self.n_ranks:
                start.append(item)
            if n_items % self.n_ranks == self.rank:
                yield item
            n_items += 1
        last_round = n_items % self.n_ranks
        if self.even and last_round and self.rank >= last_round:
            yield start[(self.rank - last_round) % len(start)]

    def __len__(self) -> int:
        n_items = len(self.source)
        if self.even:
            return math.ceil(n_items / self.n_ranks)
        return len(range(self.rank, n_items, self.n_ranks))


def windows(batches: Iterator[Pair], size: int) -> Iterator[list[Pair]]:
    """Batches in groups of `size`, a group for each update; the last may be smaller.

    Example:
        >>> list(windows(iter([(1, 1), (2, 2), (3, 3)]), 2))
        [[(1, 1), (2, 2)], [(3, 3)]]
    """
    while window := list(islice(batches, size)):
        yield window


def _check_readable(name: str, loader: Any, n_needed: int) -> None:
    if isinstance(loader, Iterator):
        raise ArgumentTypeError(
            f"{name} is read once per epoch, but {type(loader).__name__} can be read only once. Pass a DataLoader or "
            "a list of batches.",
            argument=name,
        )
    if not hasattr(loader, "__iter__"):
        raise ArgumentTypeError(
            f"{name} must be a DataLoader or an iterable of (x, target) batches, but got {type(loader).__name__}.",
            argument=name,
        )
    try:
        n_batches = len(loader)
    except TypeError:  # an iterable data set has no length
        return
    if n_batches == 0:
        raise _empty(name)
    if n_batches < n_needed:
        raise ArgumentError(
            f"{name} yields {n_batches} batches for {n_needed} processes, and each needs one. Use smaller batches.",
            argument=name,
        )


def _empty(name: str) -> ArgumentError:
    return ArgumentError(
        f"{name} yields no batches. Check the data set, and drop_last with a batch_size larger than it.", argument=name
    )


def generators_of(loader: Any) -> list[torch.Generator]:
    """The generators that a `DataLoader` and its samplers hold, each once."""
    sampler, batch_sampler = getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)
    holders = (loader, sampler, batch_sampler, getattr(batch_sampler, "sampler", None))
    found = [getattr(holder, "generator", None) for holder in holders]
    return list({id(entry): entry for entry in found if isinstance(entry, torch.Generator)}.values())


def _sharded(loader: Any, rank: int, n_ranks: int, even: bool) -> Any:
    if not isinstance(loader, DataLoader):
        return Shard(loader, rank, n_ranks, even)
    if isinstance(loader.sampler, DistributedSampler):
        return loader
    if loader.batch_sampler is None or isinstance(loader.dataset, torch.utils.data.IterableDataset):
        return Shard(loader, rank, n_ranks, even)
    return DataLoader(
        loader.dataset,
        batch_sampler=Shard(loader.batch_sampler, rank, n_ranks, even),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )
