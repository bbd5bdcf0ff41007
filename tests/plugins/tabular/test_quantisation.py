"""Random bins: how wide, how many values are left, and a gradient that is right on average."""

from __future__ import annotations

import pytest
import torch

from augrad import keyed_generator
from augrad_tabular import Schema
from augrad_tabular.quantisation import RandomisedQuantisation, randomised_quantisation

X = torch.linspace(0, 1, 1000, dtype=torch.float64)


@pytest.mark.parametrize("n_bins", [2, 5, 10])
def test_a_width_of_one_over_n_leaves_n_values(n_bins):
    # Bins that begin a hair after 0, so that no value lies on an edge.
    y = randomised_quantisation(
        X[1:-1],
        torch.tensor([1 / n_bins]).double(),
        offset=torch.zeros(1).double(),
        within=torch.tensor([0.5]).double(),
    )
    assert len(y.round(decimals=6).unique()) == n_bins


@pytest.mark.parametrize("width", [0.05, 0.5])
def test_no_value_leaves_its_bin(width):
    generator = keyed_generator(0)
    offset, within = (torch.rand(1000, generator=generator, dtype=torch.float64) for _ in range(2))
    y = randomised_quantisation(X, torch.tensor([width]).double(), offset=offset, within=within)
    assert (y - X).abs().max() <= width
    assert torch.equal((y / width + offset).floor(), (X / width + offset).floor())


def test_the_mean_gradient_is_that_of_the_mean():
    # What is added is the difference of two uniform variables: the mean square grows by width ** 2 / 6.
    generator = keyed_generator(0)
    offset, within = (torch.rand(200_000, generator=generator, dtype=torch.float64) for _ in range(2))
    width = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    mean_square = randomised_quantisation(0.3 + 0 * offset, width, offset=offset, within=within).square().mean()
    mean_square.backward()
    assert mean_square.item() == pytest.approx(0.3**2 + 0.4**2 / 6, rel=0.02)
    assert width.grad.item() == pytest.approx(0.4 / 3, rel=0.03)


def test_widths_count_in_units_of_the_columns_range():
    schema = Schema.from_data([[0.0, 0.0], [1.0, 1000.0]])
    transform = RandomisedQuantisation(schema=schema)
    x = torch.stack([X, 1000 * X], dim=1)
    noise = transform.draw_noise(x, keyed_generator(0))
    moved = transform(x, width=torch.full((1000,), 0.25), noise=noise) - x
    assert moved.abs().amax(0).tolist() == pytest.approx([0.25, 250.0], rel=0.1)
    assert (moved.abs().amax(0) <= torch.tensor([0.25, 250.0])).all()


def test_rows_and_columns_have_bins_of_their_own():
    offset, within = RandomisedQuantisation(schema=Schema.from_data([[0.0, 0.0], [1.0, 1.0]])).draw_noise(
        torch.zeros(50, 2), keyed_generator(0)
    )
    assert len(offset.unique()) == len(within.unique()) == 100
