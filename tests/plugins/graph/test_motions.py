"""Motions: units and signs against numpy, in two and three dimensions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from augrad import AugmentationLayer, batch, keyed_generator
from augrad.errors import ArgumentError, InputError
from augrad_graph.backend import Batch, Data
from augrad_graph.motions import PositionRotate, PositionScale, PositionShear, rotation

NO_EDGES = torch.zeros(2, 0, dtype=torch.long)


def cloud(n_axes, n_nodes=5, seed=0):
    pos = torch.randn(n_nodes, n_axes, generator=keyed_generator("cloud", seed), dtype=torch.float64)
    return Data(pos=3 + 2 * pos, edge_index=NO_EDGES)


def moved(transform, x, **values):
    values = {name: torch.full((batch.count(x),), value, dtype=torch.float64) for name, value in values.items()}
    noise = transform.draw_noise(x, keyed_generator("noise"))
    return transform(x, **values, **({} if noise is None else {"noise": noise})).pos.numpy()


def about_the_centroid(x, matrix):
    pos = x.pos.numpy()
    return (pos - pos.mean(0)) @ np.asarray(matrix).T + pos.mean(0)


def test_a_quarter_turn_takes_x_to_y():
    x = Data(pos=torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).double(), edge_index=NO_EDGES)
    np.testing.assert_allclose(moved(PositionRotate(), x, angle=90.0), [[0, 1], [0, -1]], atol=1e-15)


@given(angle=st.floats(-180, 180))
def test_rotation_in_the_plane_is_that_of_numpy(angle):
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    expected = about_the_centroid(cloud(2), [[cosine, -sine], [sine, cosine]])
    np.testing.assert_allclose(moved(PositionRotate(), cloud(2), angle=angle), expected, atol=1e-12)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("angle", [90.0, -35.0])
def test_rotation_about_an_axis_is_that_of_scipy(axis, angle):
    expected = about_the_centroid(cloud(3), Rotation.from_euler(axis, angle, degrees=True).as_matrix())
    np.testing.assert_allclose(moved(PositionRotate(axis=axis), cloud(3), angle=angle), expected, atol=1e-12)


@given(seed=st.integers(0, 99), angle=st.floats(-180, 180))
def test_rotation_about_any_axis_is_that_of_scipy(seed, angle):
    axis = PositionRotate().draw_noise(cloud(3), keyed_generator(seed))
    assert axis.norm().item() == pytest.approx(1)
    expected = Rotation.from_rotvec(np.radians(angle) * axis[0].numpy()).as_matrix()
    found = rotation(torch.tensor([angle], dtype=torch.float64), axis)
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-12)


def test_random_axes_have_no_direction_of_their_own():
    axes = PositionRotate().draw_noise(batch.repeat(cloud(3), 4000), keyed_generator("axes"))
    assert axes.mean(0).abs().max() < 0.05
    np.testing.assert_allclose(axes.T @ axes / 4000, np.eye(3) / 3, atol=0.03)


@pytest.mark.parametrize("n_axes", [2, 3])
def test_scale_is_in_octaves(n_axes):
    x = cloud(n_axes)
    np.testing.assert_allclose(pdist(moved(PositionScale(), x, factor=1.0)), 2 * pdist(x.pos.numpy()))
    np.testing.assert_allclose(pdist(moved(PositionScale(), x, factor=-1.0)), pdist(x.pos.numpy()) / 2)


@pytest.mark.parametrize(("plane", "row", "column"), [("xy", 0, 1), ("yx", 1, 0), ("xz", 0, 2), ("zy", 2, 1)])
def test_shear_moves_along_the_first_axis_by_the_second(plane, row, column):
    n_axes = 3 if "z" in plane else 2
    matrix = np.eye(n_axes)
    matrix[row, column] = np.tan(np.radians(30))
    found = moved(PositionShear(plane=plane), cloud(n_axes), angle=30.0)
    np.testing.assert_allclose(found, about_the_centroid(cloud(n_axes), matrix), atol=1e-12)


@pytest.mark.parametrize("n_axes", [2, 3])
def test_random_shears_keep_area_and_slant_by_the_angle(n_axes):
    x = batch.repeat(cloud(n_axes), 50)
    shear = PositionShear()
    noise = shear.draw_noise(x, keyed_generator("shear"))
    matrix = shear.matrix(angle=torch.full((50,), 30.0).double(), noise=noise)[:, :n_axes, :n_axes]
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(50).double())
    slant = torch.linalg.matrix_norm(matrix - torch.eye(n_axes))
    torch.testing.assert_close(slant, torch.full((50,), np.tan(np.radians(30))).double())


@pytest.mark.parametrize("kind", [PositionRotate, PositionScale, PositionShear])
def test_the_centroid_of_each_graph_stays(kind):
    x = Batch.from_data_list([cloud(3), cloud(3, 8, 1)])
    values = {name: 0.7 * declared.high for name, declared in kind().ranges.items()}
    y = moved(kind(), x, **values)
    assert not np.allclose(y, x.pos.numpy())
    for rows in (slice(0, 5), slice(5, 13)):
        np.testing.assert_allclose(y[rows].mean(0), x.pos.numpy()[rows].mean(0), atol=1e-12)


def test_they_share_one_action():
    layer = AugmentationLayer([PositionRotate(), PositionScale(), PositionShear()])
    assert len({transform.action for transform in layer}) == 1


def test_unknown_options_are_refused():
    with pytest.raises(ArgumentError, match=r"position_rotate: axis must be one of .* but got 'w'"):
        PositionRotate(axis="w")
    with pytest.raises(ArgumentError, match=r"position_shear: plane must be one of .* Did you mean 'xy'"):
        PositionShear(plane="xyy")


def test_a_third_axis_needs_three_coordinates():
    for axis in ("x", "y"):
        with pytest.raises(InputError, match=f"axis='{axis}' needs 3-D positions"):
            PositionRotate(axis=axis).validate(cloud(2))
    PositionRotate(axis="z").validate(cloud(2))
    with pytest.raises(InputError, match="plane='xz' needs 3-D positions"):
        PositionShear(plane="xz").validate(cloud(2))
    PositionShear(plane="xz").validate(cloud(3))
