"""Categories: how many change, to what, as codes and as one-hot blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from augrad import keyed_generator
from augrad_tabular import Schema
from augrad_tabular.categories import CategorySwap

N = 20_000
TABLE = [["ant"]] * 6 + [["bee"]] * 3 + [["cat"]] * 1
CODES = Schema.from_data(TABLE, names=["animal"])
HOT = np.array([[1, 0, 0]] * 6 + [[0, 1, 0]] * 3 + [[0, 0, 1]], dtype=float)
BLOCK = Schema.from_data(HOT, one_hot={"animal": [0, 1, 2]})


def swapped(schema, x, probability, *, training=False):
    transform = CategorySwap(schema=schema).train(training)
    noise = transform.draw_noise(x, keyed_generator(0))
    return transform(x, probability=torch.full((len(x),), probability), noise=noise)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_the_share_of_codes_that_change_is_the_probability(probability, training):
    x = CODES.encode(TABLE).repeat(N // 10, 1)
    y = swapped(CODES, x, probability, training=training)
    for code in range(3):
        here = x == code
        assert (y != x)[here].float().mean().item() == pytest.approx(probability, abs=0.04)
    assert set(y.unique().tolist()) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("schema", [CODES, BLOCK], ids=["codes", "block"])
def test_others_are_drawn_by_how_often_they_were_seen(schema):
    x = torch.zeros(N, 1) if schema is CODES else torch.tensor([1.0, 0.0, 0.0]).repeat(N, 1)
    y = swapped(schema, x, 1.0)
    animals = y[:, 0] if schema is CODES else y.argmax(1)
    shares = [(animals == code).float().mean().item() for code in range(3)]
    assert shares == pytest.approx([0.0, 0.75, 0.25], abs=0.02)


def test_codes_stay_exactly_codes_and_pass_a_gradient_in_training():
    schema = Schema.from_data([[0.1], [0.7], [10.3]], categorical=[0])
    x = schema.encode([[0.1], [0.7], [10.3]]).repeat(200, 1)
    transform = CategorySwap(schema=schema)
    probability = torch.full((600,), 0.4, requires_grad=True)
    y = transform(x, probability=probability, noise=transform.draw_noise(x, keyed_generator(0)))
    assert set(y.flatten().tolist()) == set(x.flatten().tolist())
    y.sum().backward()
    assert (probability.grad != 0).float().mean() > 0.5


def test_blocks_are_mixtures_in_training_and_one_hot_in_eval():
    x = torch.from_numpy(HOT).float().repeat(200, 1)
    soft, hard = (swapped(BLOCK, x, 0.4, training=training) for training in (True, False))
    torch.testing.assert_close(soft.sum(1), torch.ones(2000))
    assert 0.05 < ((soft > 0.01) & (soft < 0.99)).any(1).float().mean() < 0.9
    assert set(hard.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(soft.argmax(1), hard.argmax(1))
    changed = (hard != x).any(1).float().mean().item()
    assert changed == pytest.approx(0.4, abs=0.04)


def test_tables_with_many_columns_and_blocks_of_different_size():
    rows = torch.cat([torch.eye(4), torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(2, 1)], dim=1)
    table = torch.cat([rows, torch.tensor([[3.0, 7.0], [4.0, 7.0], [5.0, 7.0], [4.0, 8.0]])], dim=1)
    schema = Schema.from_data(table, one_hot={"a": [0, 1, 2, 3], "b": [4, 5]}, categorical=[6, 7])
    y = swapped(schema, table.repeat(500, 1), 0.5)
    assert (y[:, :4].sum(1) == 1).all()
    assert (y[:, 4:6].sum(1) == 1).all()
    assert set(y[:, 6].tolist()) == {3.0, 4.0, 5.0}
    assert set(y[:, 7].tolist()) == {7.0, 8.0}


def test_a_category_that_was_the_only_one_is_left_alone():
    schema = Schema.from_data([[7.0], [7.0]], categorical=[0])
    assert swapped(schema, torch.full((50, 1), 7.0), 1.0).unique().tolist() == [7.0]


def test_categories_that_were_declared_but_not_seen_are_never_drawn():
    table = [[1, 0, 0], [0, 1, 0]]
    schema = Schema.from_data(table, one_hot={"b": [0, 1, 2]})
    y = swapped(schema, torch.tensor(table).float().repeat(300, 1), 0.8)
    assert y.sum(0)[2] == 0


def test_a_block_that_misses_a_value_is_left_alone():
    schema = Schema.from_dict({**BLOCK.to_dict(), "allow_missing": True})
    x = torch.tensor([[1.0, 0.0, float("nan")], [1.0, 0.0, 0.0]])
    y = swapped(schema, x, 1.0)
    assert y[0, :2].tolist() == [1.0, 0.0]
    assert y[0, 2].isnan()
    assert y[1].tolist() != [1.0, 0.0, 0.0]
