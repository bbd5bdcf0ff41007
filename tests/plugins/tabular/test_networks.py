"""The encoder: each kind of column, missing values, gradients, dtypes; and the perceptron."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from augrad.errors import ArgumentError
from augrad_tabular.columns import Column
from augrad_tabular.networks import TableEncoder, perceptron
from augrad_tabular.schema import Schema

NAN = float("nan")
ROWS = torch.tensor([[1.0, 7.0, 0.0, 2.0, 1.0, 0.0], [3.0, 7.0, 1.0, 5.0, 0.0, 1.0], [5.0, 7.0, 2.0, 5.0, 0.0, 1.0]])


def schema(*, allow_missing: bool = False) -> Schema:
    """A continuous column, a constant one, an ordinal one, codes 2 and 5, and a block of two."""
    return Schema.from_data(ROWS, ordinal=[2], categorical=[3], one_hot=[[4, 5]], allow_missing=allow_missing)


def test_each_kind_of_column() -> None:
    encoder = TableEncoder(schema())
    found = encoder(ROWS)
    assert found.shape == (3, encoder.n_outputs) == (3, 7)
    spread = (8 / 3) ** 0.5
    torch.testing.assert_close(found[:, 0], torch.tensor([-2.0, 0.0, 2.0]) / spread)
    assert not found[:, 1].any()
    torch.testing.assert_close(found[:, 2], torch.tensor([-1.0, 0.0, 1.0]) / (2 / 3) ** 0.5)
    torch.testing.assert_close(found[:, 3:5], ROWS[:, 4:])
    assert found[:, 5:].tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]


def test_an_unseen_code_is_all_zeros_and_one_between_has_a_gradient() -> None:
    encoder = TableEncoder(schema())
    between = ROWS[:1].clone()
    between[0, 3] = 2.25
    between.requires_grad_()
    found = encoder(between)
    assert found[0, 5].item() == pytest.approx(0.75)
    found[0, 5].backward()
    assert between.grad is not None
    assert between.grad[0, 3].item() == pytest.approx(-1.0)
    unseen = ROWS[:1].clone()
    unseen[0, 3] = 9.0
    assert encoder(unseen)[0, 5:].tolist() == [0.0, 0.0]


def test_missing_values_become_the_mean_and_are_flagged() -> None:
    encoder = TableEncoder(schema(allow_missing=True))
    assert encoder.n_outputs == 7 + 6
    holes = torch.tensor([[NAN, 7.0, NAN, NAN, 1.0, 0.0]], requires_grad=True)
    found = encoder(holes)
    assert found[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0]
    found.square().sum().backward()
    assert holes.grad is not None
    assert holes.grad.isfinite().all()
    assert holes.grad[0, [0, 2, 3]].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype: torch.dtype) -> None:
    encoder = TableEncoder(schema()).to(dtype)
    assert encoder(ROWS.to(dtype)).dtype == dtype
    assert encoder(ROWS[:0].to(dtype)).shape == (0, 7)


def test_a_schema_without_statistics_is_refused() -> None:
    bare = Schema((Column("a", "continuous"),))
    with pytest.raises(ArgumentError, match=r"schema has no mean and spread .* Schema.from_data"):
        TableEncoder(bare)


def test_the_perceptron() -> None:
    net = perceptron(3, 2, (5, 4))
    assert net(torch.zeros(7, 3)).shape == (7, 2)
    assert [type(layer) for layer in net] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert [type(layer) for layer in perceptron(3, 2, ())] == [nn.Linear]
