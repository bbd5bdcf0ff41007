"""The demo: its data are what it says, and every part of it runs."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from augrad.demo import DemoData
from augrad.errors import MissingDependencyError
from matplotlib.figure import Figure
from torch import Tensor

from augrad_pointcloud.demo import DEMO, N_POINTS, TRUE_ANGLE_DEG, SmallPointNet, draw_cloud, load_digits, turned
from augrad_pointcloud.plugin import augrad_demos, augrad_transforms


@pytest.fixture(scope="module")
def data() -> DemoData:
    return load_digits(0)


def test_it_is_named_as_the_plugin_says() -> None:
    assert list(augrad_demos()) == [DEMO.name]
    assert set(DEMO.oracle) < set(DEMO.transforms) <= set(augrad_transforms())


def test_clouds(data: DemoData) -> None:
    assert data.train_x.shape == (400, N_POINTS, 3)
    assert (len(data.val_x), len(data.test_x)) == (200, 1197)
    assert data.train_x[..., :2].norm(dim=-1).max() <= 2**0.5
    assert data.train_x[..., 2].min() > 0
    assert data.train_x[..., 2].max() <= 0.25
    assert data.val_y is not None
    labels = torch.cat([data.train_y, data.val_y, data.test_y])
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_seed_turns_training_clouds_only(data: DemoData) -> None:
    other = load_digits(1)
    assert torch.equal(data.test_x, other.test_x)
    assert torch.equal(data.val_x, other.val_x)
    assert not torch.equal(data.train_x, other.train_x)
    assert torch.equal(data.train_x, load_digits(0).train_x)


def test_turned_within_the_true_angle() -> None:
    east = torch.tensor([[[1.0, 0.0, 0.0]]]).expand(500, 1, 3)
    after = turned(east, torch.Generator().manual_seed(0))[:, 0]
    degrees = torch.rad2deg(torch.atan2(after[:, 1], after[:, 0]))
    assert degrees.abs().max() <= TRUE_ANGLE_DEG
    assert degrees.min() < -55
    assert degrees.max() > 55


def test_the_order_of_points_does_not_matter() -> None:
    network, clouds = SmallPointNet().eval(), torch.randn(2, 8, 3)
    assert network(clouds).shape == (2, 10)
    torch.testing.assert_close(network(clouds), network(clouds.flip(1)))
    assert sum(p.numel() for p in network.parameters()) < 19_000


@pytest.mark.parametrize("original", [None, torch.zeros(1, 2, 3)])
def test_a_cloud_is_drawn_from_above(original: Tensor | None) -> None:
    axes = Figure().subplots()
    draw_cloud(axes, torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), original=original, colour="black")
    assert np.asarray(axes.collections[0].get_offsets()).tolist() == [[1.0, 2.0], [4.0, 5.0]]


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'augrad-pointcloud\[demo\]'"):
        load_digits(0)
