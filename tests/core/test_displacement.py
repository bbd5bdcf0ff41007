"""Displacement: in units of the data's spread, along the directions in which the data vary."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import keyed_generator
from augrad.displacement import displacement
from augrad.errors import InputTypeError

X = torch.randn(12, 3, 5, generator=keyed_generator("x"))


def test_what_did_not_move_has_no_displacement_and_no_gradient():
    after = X.clone().requires_grad_()
    moved = displacement(X, after)
    assert moved.tolist() == [0.0] * 12
    moved.sum().backward()
    assert after.grad.abs().sum() == 0


def test_a_sample_that_became_its_neighbour_went_one_spread():
    # On average over the batch, by the definition of the spread.
    assert displacement(X, X.roll(1, 0)).mean().item() == pytest.approx(1.0, abs=1e-5)


@given(scale=st.floats(0.01, 100))
def test_units_of_the_data_do_not_count(scale):
    after = X + 0.1 * X.flip(0)
    torch.testing.assert_close(displacement(scale * X, scale * after), displacement(X, after), rtol=1e-3, atol=1e-4)


@given(step=st.floats(0.01, 2))
def test_it_grows_in_proportion_to_the_move(step):
    direction = X.flip(0) - X
    moved, twice = displacement(X, X + step * direction), displacement(X, X + 2 * step * direction)
    torch.testing.assert_close(twice, 2 * moved, rtol=1e-3, atol=1e-4)


def test_moves_across_the_data_hardly_count():
    x = torch.zeros(8, 2)
    x[:, 0] = torch.linspace(-1, 1, 8)
    along, across = x + torch.tensor([0.5, 0.0]), x + torch.tensor([0.0, 0.5])
    assert displacement(x, along).min() > 10 * displacement(x, across).max()


@pytest.mark.parametrize("x", [X[:1], X[:1].repeat(3, 1, 1), torch.zeros(3, 4), torch.zeros(1, 4)])
def test_data_without_spread_give_finite_numbers_and_gradients(x):
    after = (x + 0.1).requires_grad_()
    moved = displacement(x, after)
    moved.sum().backward()
    assert moved.isfinite().all()
    assert after.grad.isfinite().all()


def test_an_unknown_type_is_named():
    with pytest.raises(InputTypeError, match=r"displacement of a batch of type dict is not defined.*register"):
        displacement({}, {})


def test_mixed_precision_does_not_round_it():
    after = X + 0.01 * X.flip(0)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(displacement(X, after), displacement(X.double(), after.double()).float())
    assert displacement(X.bfloat16(), after.bfloat16()).dtype == torch.float32


TABLE = torch.randn(20, 4, generator=keyed_generator("table"))


def test_units_of_a_tables_columns_do_not_count():
    after = TABLE + 0.2 * TABLE.flip(0)
    units = torch.tensor([1e-3, 1.0, 1e4, 7.0])
    torch.testing.assert_close(displacement(TABLE * units, after * units), displacement(TABLE, after))


def test_a_missing_value_counts_as_unmoved():
    holes, after = TABLE.clone(), (TABLE + 0.3).requires_grad_()
    holes[3, 1] = float("nan")
    moved = displacement(holes, torch.where(holes.isnan(), holes, after))
    moved.sum().backward()
    assert moved.isfinite().all()
    assert after.grad.isfinite().all()
    assert after.grad[3, 1] == 0
    whole = displacement(TABLE, TABLE + 0.3)
    assert moved[3] < whole[3]
