"""Lost values: how many, and what stands in their place."""

from __future__ import annotations

import pytest
import torch

from augrad import keyed_generator
from augrad.errors import ArgumentError
from augrad_tabular import Schema
from augrad_tabular.dropout import FeatureDropout

SCHEMA = Schema.from_data([[0.0, 10.0], [1.0, 20.0], [5.0, 90.0]])
N = 5000


def dropped(probability, **arguments):
    transform = FeatureDropout(schema=SCHEMA, **arguments).eval()
    x = torch.full((N, 2), 77.0)
    noise = transform.draw_noise(x, keyed_generator(0))
    return transform(x, probability=torch.full((N,), probability), noise=noise)


@pytest.mark.parametrize(("fill", "expected"), [("mean", [2.0, 40.0]), ("median", [1.0, 20.0])])
def test_lost_values_become_the_fill(fill, expected):
    y = dropped(0.2, fill=fill)
    lost = y != 77.0
    assert lost.float().mean(0).tolist() == pytest.approx([0.2, 0.2], abs=0.02)
    for column in range(2):
        assert y[lost[:, column], column].unique().tolist() == pytest.approx([expected[column]])


def test_values_are_lost_independently():
    lost = (dropped(0.5) != 77.0).double()
    assert torch.corrcoef(lost.T)[0, 1].item() == pytest.approx(0.0, abs=0.05)


def test_the_learned_fill_starts_at_the_median_and_follows_its_gradient():
    transform = FeatureDropout(schema=SCHEMA, fill="learned")
    assert transform.filling.tolist() == [1.0, 20.0]
    x, noise = torch.zeros(4, 2), torch.full((4, 2), 0.9)
    target = torch.tensor([3.0, 50.0])
    optimizer = torch.optim.Adam(transform.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        ((transform(x, probability=torch.full((4,), 0.9), noise=noise) - target) ** 2).mean().backward()
        optimizer.step()
    torch.testing.assert_close(transform.filling, target, rtol=0.05, atol=0.1)


def test_training_moves_values_between_themselves_and_the_fill():
    transform = FeatureDropout(schema=SCHEMA, fill="mean")
    x = torch.full((N, 2), 77.0)
    noise = transform.draw_noise(x, keyed_generator(0))
    y = transform(x, probability=torch.full((N,), 0.3), noise=noise)
    share = (77.0 - y) / (77.0 - torch.tensor([2.0, 40.0]))
    assert 0 <= share.min() < 0.01 < 0.99 < share.max() <= 1 + 1e-6
    assert (share > 0.5).float().mean().item() == pytest.approx(0.3, abs=0.02)


def test_an_unknown_fill_is_named():
    with pytest.raises(
        ArgumentError, match=r"feature_dropout: fill must be one of .*but got 'meen'.*Did you mean 'mean'"
    ):
        FeatureDropout(schema=SCHEMA, fill="meen")
