"""
Two modalities, one code
========================

The first task has pictures of turned digits, the second has signals that come early or late. augrad learns both
invariances with the same function. Only the names of the transforms differ, for example ``vision.rotate`` and
``audio.time_shift``. Run the example with ``python examples/two_modalities.py``.
"""

import argparse

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import augrad

# %%
# Two tasks
# ---------
# The digits are turned by up to 60 degrees. The signals are pairs of pulses of four kinds. They come up to 80 ms early
# or late.


def turned_digits() -> tuple[Tensor, Tensor]:
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    images = nn.functional.interpolate(images, size=(16, 16), mode="bilinear")
    draws = torch.rand(len(images), generator=augrad.keyed_generator("angles"))
    return augrad.get_transform("vision.rotate")()(images, angle=120 * draws - 60), torch.tensor(digits.target)


def late_pulses() -> tuple[Tensor, Tensor]:
    generator = augrad.keyed_generator("pulses")
    kind = torch.randint(4, (1200,), generator=generator)
    late, width = torch.rand(2, 1200, 1, generator=generator)
    time = torch.linspace(-320, 320, 128) - (160 * late - 80)  # ms, 200 samples per second
    first, second = (torch.exp(-(((time - middle) / (30 + 20 * width)) ** 2)) for middle in (-60, 60))
    heights = torch.tensor([[1.0, 0.5], [0.5, 1.0], [1.0, -0.5], [-0.5, 1.0]])[kind]
    signals = heights[:, :1] * first + heights[:, 1:] * second
    return (signals + 0.2 * torch.randn(signals.shape, generator=generator))[:, None], kind


TASKS = {
    "vision": (turned_digits, ["rotate", "translate_x", "shear_x", "gaussian_noise"], None),
    "audio": (late_pulses, ["time_shift", "gain", "time_mask", "white_noise"], {"sample_rate": 200}),
}


# %%
# One function
# ------------
# The function does not depend on the kind of data. The trunk is a perceptron on all numbers of a sample. ``fit`` first
# computes which candidate helps, from features of the untrained trunk. Then it trains the trunk with it.


def learn(x: Tensor, y: Tensor, layer: augrad.AugmentationLayer, **options: object) -> tuple[augrad.FitResult, float]:
    torch.manual_seed(0)
    order = torch.randperm(len(x), generator=augrad.keyed_generator("split"))
    train, test = order[:200], order[200:1000]
    trunk = nn.Sequential(
        *[nn.Flatten(), nn.Linear(x[0].numel(), 128), nn.BatchNorm1d(128), nn.ReLU()],
        nn.Linear(128, int(y.max()) + 1),
    )
    model = augrad.InvariantModel(trunk, layer, copies=10)
    loader = DataLoader(TensorDataset(x[train], y[train]), batch_size=32, shuffle=True)
    result = augrad.fit(model, loader, lr=5e-3, progress=False, **options)
    with torch.no_grad():
        return result, (model(x[test]).argmax(dim=1) == y[test]).float().mean().item()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn two invariances with one function.")
    parser.add_argument("--epochs", type=int, default=30)
    epochs = parser.parse_args(argv).epochs

    _, panels = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    for panel, (plugin, (load, names, arguments)) in zip(panels, TASKS.items(), strict=True):
        x, y = load()
        transforms = [f"{plugin}.{name}" for name in names]
        layer = augrad.AugmentationLayer(transforms, arguments=arguments)
        # A magnitude that starts at 0 stays there: no augmentation, to compare with.
        nothing = augrad.AugmentationLayer(transforms, arguments=arguments, magnitude=0.0)
        _, before = learn(x, y, nothing, max_epochs=epochs, penalty=None)
        result, after = learn(x, y, layer, max_epochs=epochs)
        print(
            f"{result.policy.leading()[0]}: {before:.1%} right without augmentation, {after:.1%} with what was learned"
        )
        # The evidence was computed before the training: the change of the error, by strength of each candidate.
        for name, candidate in zip(names, result.evidence.candidates, strict=True):
            changes = [100 * trial.difference / (trial.error - trial.difference) for trial in candidate.trials]
            panel.plot([trial.magnitude for trial in candidate.trials], changes, marker=".", label=name)
        panel.axhline(0.0, color="0.5", linestyle="--")
        panel.set(xlabel="share of the declared range", title=plugin)
        panel.legend()
    panels[0].set_ylabel("change of the error [%]")
    plt.show()


# %%
# The results
# -----------
# In both tasks augrad chooses, among four candidates, the transform that made the data. It is the one that lowers the
# error most. The best candidates are tried at more strengths than the others. The curve is flat near its lowest point,
# so ranges are rough: the shifts reach about 30 ms, less than the true 80.


if __name__ == "__main__":
    main()
