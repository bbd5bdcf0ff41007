"""
Train with Lightning
====================

You have a Lightning ``Trainer``, for example with loggers and callbacks. ``augrad.lightning.JointModule`` trains model
and augmentation under it. Here it learns from turned handwritten digits how far a digit may be turned. The example
needs ``augrad[lightning]``, ``augrad-vision`` and scikit-learn. Run it with ``python
examples/train_with_lightning.py``.
"""

import argparse
import warnings

import torch
from lightning.pytorch import Trainer
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad.lightning import JointModule

# %%
# The data
# --------
# The digits have 8x8 pixels. They are enlarged, and each is turned by up to 60 degrees. The model is not told so.


def digits(first: int, n_images: int) -> TensorDataset:
    data = load_digits()
    chosen = slice(first, first + n_images)
    images = torch.tensor(data.images[chosen], dtype=torch.float32)[:, None] / 16
    images = nn.functional.interpolate(images, size=(16, 16), mode="bilinear")
    rotate = augrad.get_transform("vision.rotate")()
    return TensorDataset(rotate(images, angle=120 * torch.rand(len(images)) - 60), torch.tensor(data.target[chosen]))


# %%
# The model and the Trainer
# -------------------------
# The model is any trunk behind a layer of candidates. ``JointModule`` trains both. It also trains two judges, which are
# copies of the trunk that measure the cost of an augmentation on images that they have not seen. ``objective="joint"``
# trains without judges, which saves their memory and their time. Set everything else on the ``Trainer``, such as
# devices and early stopping.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn how far digits may be turned, under a Lightning Trainer.")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--images", type=int, default=400, help="to learn from; as many others to validate on")
    options = parser.parse_args(argv)
    warnings.filterwarnings("ignore", module="lightning")  # it asks for worker processes, for data in memory too
    torch.manual_seed(0)

    trunk = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 10)),
    )
    layer = augrad.AugmentationLayer(["vision.rotate", "vision.translate_x", "vision.brightness"])
    model = augrad.InvariantModel(trunk, layer, copies=4)
    train = DataLoader(digits(0, options.images), batch_size=64, shuffle=True)
    val = DataLoader(digits(options.images, options.images), batch_size=64)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(max_epochs=options.epochs, **quiet)
    trainer.fit(JointModule(model, lr=5e-3), train, val)

    print(f"accuracy on other digits: {trainer.callback_metrics['val_accuracy']:.2f}")
    print(model.policy)


if __name__ == "__main__":
    main()
