"""
Images: how far may a digit be turned?
======================================

200 handwritten digits are each turned by an unknown angle. From these images alone, augrad finds which of six
transforms keeps the label, and how far it may go. Run the example with ``python examples/vision_digits.py``.
"""

import argparse

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import augrad

TRUE_ANGLE = 60.0  # degrees, to either side
CANDIDATES = ["rotate", "translate_x", "translate_y", "shear_x", "gaussian_noise", "erase"]


# %%
# The task
# --------
# scikit-learn contains 1,797 digits of 8 by 8 pixels. They are enlarged, and each is turned once, in the training set
# and in the test set. A transform is a function of a batch and a value for each sample, here an angle in degrees.


def turned_digits() -> tuple[Tensor, Tensor]:
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    images = nn.functional.interpolate(images, size=(16, 16), mode="bilinear")
    draws = torch.rand(len(images), generator=augrad.keyed_generator("angles"))
    rotate = augrad.get_transform("vision.rotate")()
    return rotate(images, angle=(2 * draws - 1) * TRUE_ANGLE), torch.tensor(digits.target)


# %%
# The model
# ---------
# The trunk is any network, for example a small convolutional network. The augmentation layer stands in front of it.


def model_with(layer: augrad.AugmentationLayer, copies: int) -> augrad.InvariantModel:
    torch.manual_seed(0)
    trunk = nn.Sequential(
        *[nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Linear(512, 10)],
    )
    return augrad.InvariantModel(trunk, layer, copies=copies)


# %%
# Training
# --------
# With ``objective="joint"``, ``fit`` trains the trunk, the weights of the candidates and their ranges together. The
# picture shows how the range grows. The default objective finds the range before the training instead. For comparison,
# the same trunk is trained without augmentation: a magnitude that starts at 0 stays there.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn how far digits may be turned.")
    parser.add_argument("--epochs", type=int, default=60)
    epochs = parser.parse_args(argv).epochs

    images, labels = turned_digits()
    order = torch.randperm(len(images), generator=augrad.keyed_generator("split"))
    train, test = order[:200], order[200:1000]
    loader = DataLoader(TensorDataset(images[train], labels[train]), batch_size=32, shuffle=True)

    learning = model_with(augrad.AugmentationLayer([f"vision.{name}" for name in CANDIDATES], magnitude=0.1), copies=10)
    plain = model_with(augrad.AugmentationLayer(["vision.rotate"], magnitude=0.0), copies=1)
    result = augrad.fit(
        learning,
        loader,
        max_epochs=epochs,
        lr=5e-3,
        objective="joint",
        penalty=augrad.DisplacementPenalty(1.0),
        progress=False,
    )
    augrad.fit(plain, loader, max_epochs=epochs, lr=5e-3, penalty=None, progress=False)

    print(result.policy)
    for name, model in (("no augmentation", plain), ("learned augmentation", learning)):
        with torch.no_grad():
            right = model(images[test]).argmax(dim=1) == labels[test]
        print(f"{name}: {right.float().mean():.1%} of 800 new digits right")
    draw(result, images[train[0]])


# %%
# The picture
# -----------
# The upper row shows the first training digit, and copies of it as the model sees them in training. They are turned and
# otherwise unchanged. The lower plot shows the range of angles. It grows from 18 degrees, with setbacks, to about 50.


def draw(result: augrad.FitResult, image: Tensor) -> None:
    copies = result.policy.as_module()(image.repeat(7, 1, 1, 1), generator=augrad.keyed_generator("copies"))
    _, axes = plt.subplot_mosaic("01234567;xxxxxxxx", figsize=(8, 4), height_ratios=(1, 2), layout="constrained")
    for panel, picture in enumerate([image, *copies]):
        axes[str(panel)].imshow(picture[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
        axes[str(panel)].set_axis_off()
    axes["0"].set_title("as it came", fontsize=9)
    angles = [180 * row["layers"][0]["magnitudes"][0] for row in result.history]
    axes["x"].plot(range(1, len(angles) + 1), angles, label="learned")
    axes["x"].axhline(TRUE_ANGLE, color="0.5", linestyle="--", label="true")
    axes["x"].set(xlabel="epoch", ylabel="largest angle [degrees]", ylim=(0, 90))
    axes["x"].legend(loc="lower right")
    plt.show()


# %%
# The results
# -----------


if __name__ == "__main__":
    main()
