"""The transforms keep what they promise, mean what they say, and are learned as far as the data allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import augrad
import numpy as np
import pytest
import torch
from augrad import Transform
from augrad.errors import ArgumentError, InputError
from augrad.testing import check_reference, check_transform, parametrize_with_checks
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from augrad_pointcloud.clouds import Coordinates
from augrad_pointcloud.plugin import augrad_transforms
from augrad_pointcloud.transforms import Drop, Jitter, Rotate, Scale, Shear

KINDS = {name: resolve_name(target) for name, target in augrad_transforms().items()}


# Every promise of a transform, on every transform that plugin.py names.
@parametrize_with_checks([kind(**kind.example_arguments()) for kind in KINDS.values()])
def test_conformance(transform: Transform, check: Callable[[Transform], None]) -> None:
    check(transform)


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_registered_under_its_own_name(name: str, kind: type[Transform]) -> None:
    assert kind.name == name


def turned(points: Any, first: int, second: int, angle: float) -> Any:
    """Points turned in the plane of two axes, from the first towards the second, as complex numbers turn."""
    z = (points[:, first] + 1j * points[:, second]) * np.exp(1j * np.deg2rad(angle))
    result = points.copy()
    result[:, first], result[:, second] = z.real, z.imag
    return result


@pytest.mark.parametrize(("axis", "first", "second"), [("x", 1, 2), ("y", 2, 0), ("z", 0, 1)])
def test_rotate_is_right_handed_about_each_axis(axis: str, first: int, second: int) -> None:
    check_reference(Rotate(axis=axis), lambda sample, angle: turned(sample, first, second, angle))


def test_rotate_about_another_axis_keeps_its_promises_and_its_axis() -> None:
    check_transform(Rotate(axis="x"))
    again = Rotate.from_config(Rotate(axis="x", angle=90.0).config)
    assert isinstance(again, Rotate)
    assert (again.axis, again.ranges["angle"].high) == ("x", 90.0)


@pytest.mark.parametrize("axis", ["w", "xy", ""])
def test_rotate_about_no_axis(axis: str) -> None:
    with pytest.raises(ArgumentError, match=r"pointcloud.rotate: axis must be 'x', 'y' or 'z', but got"):
        Rotate(axis=axis)


def test_scale_doubles_per_octave() -> None:
    check_reference(Scale(), lambda sample, factor: sample * 2**factor)


def test_shear_moves_points_by_their_height() -> None:
    def reference(sample: Any, lean_x: float, lean_y: float) -> Any:
        x, y, z = sample.T
        slopes = np.tan(np.deg2rad([lean_x, lean_y]))
        return np.stack([x + slopes[0] * z, y + slopes[1] * z, z], axis=-1)

    check_reference(Shear(), reference)


def test_shear_has_two_directions() -> None:
    up, lean = torch.tensor([[[0.0, 0.0, 1.0]]]), torch.tensor([30.0])
    moved = Shear()(up, lean_x=0 * lean, lean_y=lean)[0, 0]
    assert moved.tolist() == pytest.approx([0.0, math.tan(math.radians(30)), 1.0])


def test_jitter_has_the_size_it_says() -> None:
    cloud = torch.zeros(2, 4000, 3)
    noise = Jitter().draw_noise(cloud, augrad.keyed_generator("jitter"))
    moved = Jitter()(cloud, std=torch.tensor([0.05, 0.1]), noise=noise)
    assert moved.std(dim=(1, 2)).tolist() == pytest.approx([0.05, 0.1], rel=0.03)


@pytest.mark.parametrize("training", [True, False])
def test_drop_drops_the_fraction_it_says(training: bool) -> None:
    cloud = torch.randn(1, 4000, 3)
    transform = Drop().train(training)
    noise = transform.draw_noise(cloud, augrad.keyed_generator("drop"))
    after = transform(cloud, fraction=torch.tensor([0.3]), noise=noise)
    gone = (after - cloud[:, :1]).norm(dim=-1) < 0.5 * (cloud - cloud[:, :1]).norm(dim=-1)
    assert gone.float().mean().item() == pytest.approx(0.3, abs=0.03)
    if not training:
        assert torch.equal(after[0][~gone[0]], cloud[0][~gone[0]])
        assert torch.equal(after[0][gone[0]][1:], cloud[0, :1].expand(int(gone.sum()) - 1, 3))


def test_stacked_matrices_move_the_points_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, act = [], Coordinates.act

    def counted(self: Coordinates, x: Tensor, matrix: Tensor) -> Any:
        calls.append(matrix)
        return act(self, x, matrix)

    monkeypatch.setattr(Coordinates, "act", counted)
    cloud = torch.randn(4, 10, 3)
    module = augrad.AugmentationModule([augrad.AugmentationLayer([Rotate, Scale, Shear]) for _ in range(3)])
    module(cloud)
    assert len(calls) == 1


def test_matrices_multiply_in_the_order_of_the_layers() -> None:
    cloud, angle, lean = torch.randn(2, 10, 3), torch.full((2,), 50.0), torch.full((2,), 20.0)
    one_by_one = Shear()(Rotate(axis="x")(cloud, angle=angle), lean_x=lean, lean_y=-lean)
    product = Shear().matrix(lean_x=lean, lean_y=-lean) @ Rotate(axis="x").matrix(angle=angle)
    torch.testing.assert_close(Coordinates().act(cloud, product), one_by_one)


@pytest.mark.parametrize("kind", KINDS.values())
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 3, 100), r"expects point clouds \(batch, points, 3\), .* moved by x.transpose\(1, 2\)"),
        ((4, 100, 2), r"expects point clouds \(batch, points, 3\), but got shape \(4, 100, 2\)\.$"),
        ((100, 3), r"expects point clouds \(batch, points, 3\), but got shape \(100, 3\)\.$"),
        ((4, 0, 3), r"expects clouds of at least one point, but got shape \(4, 0, 3\)"),
    ],
)
def test_what_is_no_cloud_is_refused(kind: type[Transform], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        kind().validate(torch.zeros(shape))


def test_three_points_are_a_cloud() -> None:
    Rotate().validate(torch.zeros(4, 3, 3))


def bars() -> tuple[Tensor, Tensor]:
    """Short and long bars in the horizontal plane, the two classes, each turned about the vertical axis."""
    size = torch.arange(128) % 2
    arm = torch.linspace(-1, 1, 9)
    bar = torch.stack([arm, torch.zeros(9), torch.zeros(9)], dim=-1)
    clouds = (0.5 + 0.5 * size)[:, None, None] * bar
    angle = 360 * torch.rand(128, generator=augrad.keyed_generator("bars"))
    return Rotate()(clouds, angle=angle), size


def test_training_finds_the_rotation() -> None:
    torch.manual_seed(0)
    layer = augrad.AugmentationLayer([Rotate, Scale, Jitter])
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(27, 16), nn.ReLU(), nn.Linear(16, 2))
    model = augrad.InvariantModel(trunk, layer, copies=4)
    loader = DataLoader(TensorDataset(*bars()), batch_size=32, shuffle=True)
    result = augrad.fit(model, loader, max_epochs=20, lr=0.01, seed=0, progress=False)
    rotate, scale, jitter = result.policy
    assert rotate.weight > 0.8 > scale.weight + jitter.weight  # each started at a third
    assert rotate.high is not None
    assert rotate.high > 90  # degrees; it started at 18
