"""Loaders read by key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset, TensorDataset

from augrad.errors import ArgumentError, ArgumentTypeError, InputTypeError
from augrad.training.loading import KeyedLoader, Shard, windows


class Jittered(Dataset[Any]):
    """Draws from the global generator, as random crops do."""

    def __len__(self) -> int:
        return 9

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.rand(()) + index, index


class Stream(IterableDataset[Any]):
    """Does not know its length."""

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        return iter([(torch.tensor(float(i)), i) for i in range(self.n_samples)])


def read(loader: Any, epoch: int, skip: int = 0) -> list[list[float]]:
    return [x.tolist() for x, _ in KeyedLoader("train_loader", loader, seed=7).batches(epoch, skip)]


@pytest.mark.parametrize("options", [{}, {"generator": torch.Generator()}], ids=["global", "own generator"])
def test_the_same_key_gives_the_same_batches_also_half_way(options: dict[str, Any]) -> None:
    loader = DataLoader(Jittered(), batch_size=2, shuffle=True, **options)
    first = read(loader, epoch=1)
    torch.rand(5)
    assert read(loader, epoch=1) == first
    assert read(loader, epoch=1, skip=3) == first[3:]
    assert read(loader, epoch=2) != first


@pytest.mark.slow
def test_workers_draw_the_same_half_way() -> None:
    loader = DataLoader(Jittered(), batch_size=2, shuffle=True, num_workers=2)
    assert read(loader, epoch=1, skip=2) == read(loader, epoch=1)[2:]
    assert KeyedLoader("train_loader", loader, seed=0).first()[0].shape == (2,)


def test_the_order_is_a_permutation_and_all_batches_are_the_users() -> None:
    loader = DataLoader(TensorDataset(torch.arange(9.0), torch.arange(9)), batch_size=4, shuffle=True)
    found = read(loader, epoch=1)
    assert [len(entry) for entry in found] == [4, 4, 1]
    assert sorted(chain.from_iterable(found)) == list(range(9))


def test_looking_at_the_first_batch_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(2)
    loader = KeyedLoader("l", DataLoader(Jittered(), shuffle=True, generator=generator), seed=0)
    before, own = torch.get_rng_state(), generator.get_state()
    x, _ = loader.first()
    assert x.shape == (1,)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(generator.get_state(), own)


def test_own_generators_are_given_back() -> None:
    generator = torch.Generator().manual_seed(2)
    keyed = KeyedLoader("l", DataLoader(Jittered(), shuffle=True, generator=generator), seed=0)
    before = generator.get_state()
    with keyed.preserved():
        list(keyed.batches(1))
        assert not torch.equal(generator.get_state(), before)
    assert torch.equal(generator.get_state(), before)


@given(st.integers(1, 30), st.integers(1, 5))
def test_shards_cover_everything_and_agree_with_their_length(n_items: int, n_ranks: int) -> None:
    for even in (True, False):
        shards = [Shard(range(n_items), rank, n_ranks, even) for rank in range(n_ranks)]
        items = [list(shard) for shard in shards]
        assert [len(shard) for shard in shards] == [len(part) for part in items]
        assert set(chain.from_iterable(items)) == set(range(n_items))
    assert sorted(chain.from_iterable(items)) == list(range(n_items))


def test_even_shards_are_of_one_length() -> None:
    assert {len(list(Shard(range(7), rank, 3))) for rank in range(3)} == {3}


def test_processes_share_one_order_and_read_their_own_batches() -> None:
    loader = DataLoader(TensorDataset(torch.arange(12.0), torch.arange(12)), batch_size=2, shuffle=True)
    ranks = [KeyedLoader("l", loader, seed=0, rank=rank, n_ranks=2) for rank in range(2)]
    found = [x.tolist() for keyed in ranks for x, _ in keyed.batches(1)]
    assert sorted(chain.from_iterable(found)) == list(range(12))
    assert len(ranks[0]) == 3


def test_processes_draw_differently_inside_the_data_set() -> None:
    loader = DataLoader(Jittered(), batch_size=1)
    parts = [
        [x.item() % 1 for x, _ in KeyedLoader("l", loader, seed=0, rank=r, n_ranks=2).batches(1)] for r in range(2)
    ]
    assert parts[0][1] != parts[1][1]


def test_streams_lists_and_sharded_loaders_are_shared_too() -> None:
    stream = DataLoader(Stream(6), batch_size=2)
    assert [y.tolist() for _, y in KeyedLoader("l", stream, seed=0, rank=1, n_ranks=2).batches(1)] == [[2, 3], [0, 1]]
    assert list(KeyedLoader("l", [(1, 1), (2, 2)], seed=0, rank=1, n_ranks=2).batches(1)) == [(2, 2)]
    data = TensorDataset(torch.arange(4.0), torch.arange(4))
    sampler: DistributedSampler[Any] = DistributedSampler(data, num_replicas=2, rank=1, shuffle=False)
    keyed = KeyedLoader("l", DataLoader(data, sampler=sampler), seed=0, rank=1, n_ranks=2)
    assert [y.item() for _, y in keyed.batches(3)] == [1, 3]
    assert sampler.epoch == 3


def test_a_stream_has_no_length() -> None:
    assert KeyedLoader("l", DataLoader(Stream(3)), seed=0).n_batches is None
    assert KeyedLoader("l", [(1, 1)], seed=0).n_batches == 1


def test_windows_hold_all_batches() -> None:
    assert [len(window) for window in windows(iter([(i, i) for i in range(7)]), 3)] == [3, 3, 1]


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: 3, ArgumentTypeError, "train_loader must be a DataLoader or an iterable .* got int"),
    (lambda: iter([(1, 1)]), ArgumentTypeError, "list_iterator can be read only once"),
    (list, ArgumentError, "train_loader yields no batches"),
    (lambda: DataLoader(Stream(0)), ArgumentError, "train_loader yields no batches"),
    (lambda: [torch.zeros(3)], InputTypeError, r"must yield pairs \(x, target\), but yields Tensor"),
    (lambda: [(1, 2, 3)], InputTypeError, "but yields 3 entries"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD, ids=[message for *_, message in BAD])
@pytest.mark.usefixtures("unchecked")
def test_what_is_no_loader_of_pairs_is_refused(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        KeyedLoader("train_loader", make(), seed=0).first()


def test_an_epoch_without_batches_is_refused() -> None:
    with pytest.raises(ArgumentError, match="yields no batches"):
        list(KeyedLoader("train_loader", DataLoader(Stream(0)), seed=0).batches(1))


def test_validation_needs_a_batch_per_process() -> None:
    with pytest.raises(ArgumentError, match="val_loader yields 1 batches for 2 processes"):
        KeyedLoader("val_loader", [(1, 1)], seed=0, n_ranks=2, even=False)
