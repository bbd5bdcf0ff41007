"""The demo: handwritten digits as clouds, turned within 60 degrees. Uses transforms.py; named in plugin.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from augrad import keyed_generator
from augrad.demo import Demo, DemoData
from augrad.errors import MissingDependencyError
from jaxtyping import Float
from torch import Tensor, nn

from augrad_pointcloud.transforms import Rotate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRUE_ANGLE_DEG = 60.0
N_POINTS = 64
N_TRAIN, N_VAL = 400, 200


def load_digits(seed: int) -> DemoData:
    """scikit-learn's 1,797 digits as clouds, each turned about the vertical axis by an angle within 60 degrees.

    Args:
        seed: of the angles of the 400 training clouds; the split and everything else are the same for all seeds.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingDependencyError(
            "the point-cloud demo makes its clouds of scikit-learn's digits, which is not installed: "
            "pip install 'augrad-pointcloud[demo]'",
            dependency="scikit-learn",
        ) from error
    digits = datasets.load_digits()
    images, labels = torch.tensor(digits.images, dtype=torch.float32) / 16, torch.tensor(digits.target)
    clouds = as_clouds(images, keyed_generator("pointcloud", "points"))
    order = torch.randperm(len(clouds), generator=keyed_generator("pointcloud", "split"))
    train, val, test = order[:N_TRAIN], order[N_TRAIN : N_TRAIN + N_VAL], order[N_TRAIN + N_VAL :]
    return DemoData(
        train_x=turned(clouds[train], keyed_generator("pointcloud", "train", seed)),
        train_y=labels[train],
        test_x=turned(clouds[test], keyed_generator("pointcloud", "test")),
        test_y=labels[test],
        val_x=turned(clouds[val], keyed_generator("pointcloud", "val")),
        val_y=labels[val],
    )


def as_clouds(
    images: Float[Tensor, "batch height width"], generator: torch.Generator, n_points: int = N_POINTS
) -> Float[Tensor, "batch points 3"]:
    """Points scattered over the ink of each image, which lies flat: x to the right, y up the page, z is the ink.

    Points stand in reading order. The order means nothing to the network; but the default penalty compares clouds
    point by point, and points in no order differ so much from cloud to cloud that a rotation hardly counts beside it.

    Example:
        >>> image = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])  # ink at the upper right
        >>> cloud = as_clouds(image, keyed_generator("example"), n_points=50)
        >>> bool((cloud[..., :2] >= 0).all()), cloud[..., 2].unique().tolist()
        (True, [0.25])
    """
    height, width = images.shape[1:]
    ink = images.flatten(1)
    pixel = torch.multinomial(ink, n_points, replacement=True, generator=generator).sort(dim=1).values
    inside = torch.rand(*pixel.shape, 2, generator=generator)
    x = (pixel % width + inside[..., 0]) * 2 / width - 1
    y = 1 - (pixel.div(width, rounding_mode="floor") + inside[..., 1]) * 2 / height
    return torch.stack([x, y, 0.25 * ink.gather(1, pixel)], dim=-1)


def turned(clouds: Float[Tensor, "batch points 3"], generator: torch.Generator) -> Float[Tensor, "batch points 3"]:
    """Each cloud turned once by an angle drawn uniformly within `TRUE_ANGLE_DEG` on either side."""
    draws = torch.rand(len(clouds), generator=generator)
    turned_clouds: Tensor = Rotate()(clouds, angle=(2 * draws - 1) * TRUE_ANGLE_DEG)
    return turned_clouds


class SmallPointNet(nn.Module):
    """The same small network on each point, the maximum over the points, and another network: about 18,000 weights.

    References:
        Qi, Su, Mo, Guibas: PointNet, CVPR 2017.
    """

    def __init__(self, n_classes: int = 10) -> None:
        super().__init__()
        self.each = nn.Sequential(*dense(3, 64), *dense(64, 128))
        self.all = nn.Sequential(*dense(128, 64), nn.Linear(64, n_classes))

    def forward(self, x: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch classes"]:
        """Classes of clouds."""
        features = self.each(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        output: Tensor = self.all(features.amax(dim=1))
        return output


def dense(n_in: int, n_out: int) -> list[nn.Module]:
    """A linear layer with batch normalisation and ReLU."""
    return [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]


def draw_cloud(axes: Axes, sample: Float[Tensor, "1 points 3"], *, original: Tensor | None, colour: str) -> None:
    """Draws a cloud as it is seen from above, in the report."""
    axes.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    axes.set_axis_off()
    size = 12 if original is None else 3
    x, y, _ = sample[0].detach().cpu().numpy().T
    axes.scatter(x, y, s=size, color=colour)


DEMO = Demo(
    name="pointcloud",
    title="Learning that clouds of points may be turned",
    description=(
        "400 handwritten digits to learn from, each scattered into 64 points that lie on a table, and the table turned "
        "by an unknown angle of up to 60 degrees to either side; 1,197 more to be tested on. Turning a digit that far "
        "does not change which digit it is; letting it lean over, or taking away most of its points, may."
    ),
    load=load_digits,
    trunk=SmallPointNet,
    transforms=(
        "pointcloud.rotate",
        "pointcloud.scale",
        "pointcloud.shear",
        "pointcloud.jitter",
        "pointcloud.drop",
    ),
    oracle={"pointcloud.rotate": {"angle": TRUE_ANGLE_DEG}},
    draw=draw_cloud,
    epochs=60,
    batch_size=64,
    lr=5e-3,
    n_layers=2,
    copies=10,
)
"""Rotation by up to 60 degrees, to be found among five candidates."""
