"""Loaders of every kind are read by `read_samples`: each sample once, with its target, whatever the sampler."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.core.learning.leave_one_out.toys import Level, signals, trunk
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset

from augrad import find_policy
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.leave_one_out.samples import read_samples

X = torch.arange(60.0).reshape(30, 2)
Y = torch.arange(30)
DATA = TensorDataset(X, Y)


class Together(Dataset[tuple[Tensor, Tensor]]):
    """Reads several samples at once, as a data base does, and none alone."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        raise AssertionError("samples must be read together")

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, Tensor]]:
        return [(X[index], Y[index]) for index in indices]


class Doubling(DataLoader[Any]):
    """Changes what it reads."""

    def __iter__(self) -> Any:
        return ((2 * x, y) for x, y in super().__iter__())


LOADERS: dict[str, Any] = {
    "a batch sampler": DataLoader(DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 7, drop_last=True)),
    "a list of batches of indices": DataLoader(DATA, batch_sampler=[list(range(30))]),
    "a data set that reads several at once": DataLoader(Together(), 7, shuffle=True),
    "batches that the data set makes": DataLoader([(X[:10], Y[:10]), (X[10:], Y[10:])], batch_size=None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", LOADERS)
def test_every_sample_is_read_once_with_its_target(case: str):
    found = read_samples(LOADERS[case], 100)
    assert sorted(found.target.tolist()) == Y.tolist()
    assert torch.equal(found.x, X[found.target])
    assert torch.equal(found.index, found.target)
    assert not found.more


def test_a_loader_that_changes_what_it_reads():
    found = read_samples(Doubling(DATA, 7, shuffle=True), 20)
    assert torch.equal(found.x, 2 * X[found.target])
    assert found.more


@pytest.mark.parametrize("loader", [DataLoader(DATA, batch_size=None), list(zip(X, Y, strict=True))])
def test_single_samples_are_no_batches(loader: Any):
    with pytest.raises(ArgumentError, match="must yield batches, but yields single samples") as caught:
        read_samples(loader, 20)
    assert caught.value.facts["argument"] == "loader"


def test_no_pair():
    with pytest.raises(
        ArgumentTypeError, match=r"yields dict alone.*let the loader's collate_fn return them as a pair"
    ):
        read_samples([{"x": X, "y": Y}], 20)


def test_samples_that_a_sampler_repeats_are_told():
    data = TensorDataset(*signals(40))
    often = DataLoader(data, 10, sampler=RandomSampler(data, replacement=True, num_samples=200))
    once, repeated = (
        find_policy(trunk(), loader, [Level]).facts.warnings
        for loader in (DataLoader(data, 10), DataLoader(data, 10, sampler=list(often.sampler)))
    )
    assert once == ()
    assert "of 200 samples equal another one: leaving a sample out leaves its copy in" in repeated[0]
