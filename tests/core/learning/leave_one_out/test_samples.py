"""Samples are read once, and no more than asked: at random places of a data set, or from the start of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, WeightedRandomSampler

from augrad import batch
from augrad.learning.leave_one_out.samples import Samples, read_samples

N = 100
DATA = TensorDataset(torch.arange(N).float()[:, None].expand(-1, 3), torch.arange(N))


class Loud(Dataset[tuple[Tensor, Tensor]]):
    """Adds noise anew at each reading."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return index + 0.1 * torch.rand(3), torch.tensor(index)


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(DATA)


def places(samples: Samples) -> list[int]:
    """The samples' places in the data set, told by their contents; targets and index agree with them."""
    found = samples.x[:, 0].long()
    assert torch.equal(samples.target.flatten(), found)
    assert torch.equal(samples.index, found)
    return list(found.tolist())


def chunks(*sizes: int) -> list[list[Tensor]]:
    return [list(pair) for pair in zip(*(part.split(sizes) for part in DATA[: sum(sizes)]), strict=True)]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("n_workers", [0, 2])
def test_of_a_data_set_random_places_are_read(shuffle: bool, n_workers: int):
    loader = DataLoader(DATA, 16, shuffle=shuffle, num_workers=n_workers)
    samples = read_samples(loader, 40)
    found = places(samples)
    assert len(set(found)) == 40
    assert found != sorted(found)
    assert max(found) > 80
    assert samples.more
    assert places(read_samples(loader, 40)) == found
    assert places(read_samples(loader, 40, seed=1)) != found


def test_all_of_a_small_data_set():
    samples = read_samples(DataLoader(DATA, 16, drop_last=True), 400)
    assert sorted(places(samples)) == list(range(N))
    assert not samples.more


def test_as_many_as_there_are():
    assert not read_samples(DataLoader(DATA, 16), N).more
    assert read_samples(DataLoader(DATA, 16), N - 1).more


@pytest.mark.parametrize(
    "loader",
    [
        DataLoader(DATA, batch_sampler=[list(range(first, first + 10)) for first in range(0, N, 10)]),
        DataLoader(Stream(), 10),
        chunks(*[10] * 10),
    ],
    ids=["batch sampler", "stream", "list"],
)
@pytest.mark.parametrize("n_samples", [30, 35])
def test_other_loaders_are_read_from_their_start(loader: Any, n_samples: int):
    samples = read_samples(loader, n_samples)
    assert places(samples) == list(range(n_samples))
    assert samples.more


def test_a_stream_by_worker_processes():
    samples = read_samples(DataLoader(Stream(), 10, num_workers=1), 20)
    assert places(samples) == list(range(20))


def test_a_sampler_of_ones_own_decides():
    sampler = WeightedRandomSampler([1.0] * 10 + [0.0] * 90, 60)
    found = read_samples(DataLoader(DATA, 16, sampler=sampler), 60).target
    assert set(found.tolist()) <= set(range(10))


@pytest.mark.parametrize(
    ("sizes", "n_samples", "more"),
    [
        ((10, 10), 10, True),
        ((10, 10), 20, False),
        ((10, 10), 15, True),
        ((10, 10), 30, False),
        ((20,), 10, True),
        ((20,), 20, False),
    ],
)
def test_whether_there_are_more(sizes: tuple[int, ...], n_samples: int, more: bool):
    samples = read_samples(chunks(*sizes), n_samples)
    assert batch.count(samples.x) == min(n_samples, sum(sizes))
    assert samples.more is more


def test_of_a_single_batch_random_samples_are_kept():
    samples = read_samples(chunks(N), 40)
    found = places(samples)
    assert len(set(found)) == 40
    assert max(found) > 80
    assert places(read_samples(chunks(N), 40, seed=1)) != found


def test_batches_without_rows_are_passed_over():
    empty = [part[:0] for part in DATA[:1]]
    assert places(read_samples([empty, *chunks(5, 5), empty], 10)) == list(range(10))


def test_batches_of_one_whose_targets_have_no_axis():
    samples = read_samples([(DATA[i][0][None], DATA[i][1]) for i in range(5)], 10)
    assert places(samples) == list(range(5))


def test_how_a_loader_collates():
    loader = DataLoader(
        DATA, 16, collate_fn=lambda pairs: (torch.stack([x for x, _ in pairs]) + 1, torch.ones(len(pairs)))
    )
    samples = read_samples(loader, 20)
    assert samples.x[:, 0].tolist() == (samples.index + 1.0).tolist()
    assert samples.target.tolist() == [1.0] * 20


def test_a_loader_that_draws_is_read_the_same_by_the_same_seed():
    loader = DataLoader(Loud(), 16, shuffle=True)
    state = torch.get_rng_state()
    first = read_samples(loader, 30)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(77)
    torch.testing.assert_close(read_samples(loader, 30).x, first.x, rtol=0, atol=0)
    places(first)


def test_samples_are_detached():
    x = torch.rand(20, 2, requires_grad=True)
    assert not read_samples([(x * 2, torch.arange(20))], 20).x.requires_grad
