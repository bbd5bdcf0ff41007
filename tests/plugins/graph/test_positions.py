"""Positions: the action about the centroid, the radius of gyration, jitter, and batches that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import batch, keyed_generator
from augrad.errors import InputError, InputTypeError
from augrad_graph.backend import Batch, Data
from augrad_graph.motions import PositionRotate, PositionScale
from augrad_graph.positions import PositionAction, PositionJitter, centroids, radius_of_gyration

NO_EDGES = torch.zeros(2, 0, dtype=torch.long)


def cloud(n_nodes, n_axes, seed=0):
    pos = torch.randn(n_nodes, n_axes, generator=keyed_generator("cloud", seed), dtype=torch.float64)
    return Data(pos=3 + 2 * pos, edge_index=NO_EDGES)


@given(n_nodes=st.integers(1, 9), n_axes=st.sampled_from([2, 3]), seed=st.integers(0, 99))
def test_radius_of_gyration_is_that_of_numpy(n_nodes, n_axes, seed):
    pos = cloud(n_nodes, n_axes, seed).pos
    radius = radius_of_gyration(pos, torch.zeros(n_nodes, dtype=torch.long), 1)
    expected = np.sqrt(((pos.numpy() - pos.numpy().mean(0)) ** 2).sum(1).mean())
    assert radius.item() == pytest.approx(expected, abs=1e-12)


def test_radius_of_gyration_of_one_node_has_a_finite_gradient():
    pos = torch.ones(1, 3, requires_grad=True)
    radius_of_gyration(pos, torch.zeros(1, dtype=torch.long), 1).sum().backward()
    assert torch.equal(pos.grad, torch.zeros(1, 3))


def test_a_graph_without_nodes_has_a_finite_centroid():
    assert centroids(torch.ones(1, 2), torch.tensor([1]), 2).tolist() == [[0.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize("scale", [0.1, 1.0, 100.0])
def test_jitter_has_the_declared_size_in_radii_of_gyration(scale):
    one = cloud(6, 2)
    x = batch.repeat(Data(pos=scale * one.pos, edge_index=NO_EDGES), 2000)
    jitter = PositionJitter()
    std = torch.full((2000,), 0.25, dtype=torch.float64)
    moved = jitter(x, std=std, noise=jitter.draw_noise(x, keyed_generator("jitter"))).pos - x.pos
    radius = radius_of_gyration(scale * one.pos, torch.zeros(6, dtype=torch.long), 1)
    assert moved.std().item() == pytest.approx(0.25 * radius.item(), rel=0.02)
    assert moved.mean().item() == pytest.approx(0, abs=0.02 * radius.item())


def test_jitter_leaves_a_single_node_where_it_is():
    x = Data(pos=torch.tensor([[5.0, 2.0]]), edge_index=NO_EDGES)
    jitter = PositionJitter()
    y = jitter(x, std=torch.tensor([0.5]), noise=jitter.draw_noise(x, None))
    assert torch.equal(y.pos, x.pos)


def test_fused_matrices_equal_one_after_the_other():
    x = Batch.from_data_list([cloud(4, 2), cloud(6, 2, 1)])
    angle, factor = torch.tensor([30.0, -70.0]).double(), torch.tensor([0.5, -1.0]).double()
    rotate, scale = PositionRotate(), PositionScale()
    noise = rotate.draw_noise(x, None)
    product = scale.matrices(x, factor=factor) @ rotate.matrices(x, angle=angle, noise=noise)
    apart = scale(rotate(x, angle=angle, noise=noise), factor=factor)
    torch.testing.assert_close(PositionAction().act(x, product).pos, apart.pos)


@pytest.mark.parametrize("kind", [PositionJitter, PositionRotate, PositionScale])
def test_a_batch_without_positions_is_told_how_to_get_some(kind):
    x = Data(x=torch.ones(3, 2), edge_index=NO_EDGES)
    with pytest.raises(InputError, match=rf"{kind.name} needs node positions.*Set data.pos") as caught:
        kind().validate(x)
    assert caught.value.transform == kind.name


def test_other_dimensions_and_dtypes_are_refused():
    with pytest.raises(InputError, match=r"\(nodes, 2\) or \(nodes, 3\), but got \(3, 4\)"):
        PositionScale().validate(Data(pos=torch.ones(3, 4), edge_index=NO_EDGES))
    with pytest.raises(InputTypeError, match=r"floating-point pos, but got torch.int64"):
        PositionScale().validate(Data(pos=torch.ones(3, 2).long(), edge_index=NO_EDGES))
    with pytest.raises(InputTypeError, match=r"graph.position_scale expects .* but got Tensor"):
        PositionScale().validate(torch.ones(3, 2))


def test_edges_and_features_are_shared():
    x = Data(x=torch.ones(2, 1), pos=torch.rand(2, 2), edge_index=torch.tensor([[0], [1]]))
    y = PositionScale()(x, factor=torch.tensor([1.0]))
    assert torch.equal(y.x, x.x)
    assert torch.equal(y.edge_index, x.edge_index)
