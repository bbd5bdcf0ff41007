"""
A transform of your own, in ten lines
=====================================

The training data are heartbeats from an electrode that holds still. A loose electrode would make the baseline drift. No
plugin has such a transform, so we write it in ten lines. Run the example with ``python examples/own_transform.py``.
"""

import argparse

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import augrad

# %%
# The transform
# -------------
# A transform has three parts: a modality of your choice, a range for each number that can be learned, and a
# differentiable function of the batch and a value per sample. ``augrad.register`` gives it a name, here
# ``heart.drift``, so that it can be used like the transforms of a plugin.


@augrad.register
class Drift(augrad.Transform):
    """Adds a straight line, from `-slope` at the beginning to `slope` at the end."""

    modality = "heart"
    assumes = "a drift of the baseline carries no information about the target"
    slope = augrad.Range(2.0, unit="mV", signed=True)

    def forward(self, x: Tensor, *, slope: Tensor) -> Tensor:
        return x + slope[:, None, None] * torch.linspace(-1, 1, x.shape[-1]).to(x)


# %%
# The task
# --------
# There are four kinds of beats. They differ in the low waves before and after the spike.


def beats(n_beats: int, key: str, drift: float) -> tuple[Tensor, Tensor]:
    generator = augrad.keyed_generator("beats", key)
    kind = torch.randint(4, (n_beats,), generator=generator)
    size, slope = torch.rand(2, n_beats, 1, generator=generator)
    time = torch.linspace(-1, 1, 100)
    before = torch.tensor([0.2, 0.2, -0.2, -0.2])[kind, None] * torch.exp(-(((time + 0.3) / 0.1) ** 2))
    after = torch.tensor([0.3, -0.3, 0.3, -0.3])[kind, None] * torch.exp(-(((time - 0.4) / 0.15) ** 2))
    waves = (0.8 + 0.4 * size) * (before + torch.exp(-((time / 0.05) ** 2)) + after) + drift * (2 * slope - 1) * time
    return (waves + 0.1 * torch.randn(waves.shape, generator=generator))[:, None], kind


# %%
# Training
# --------
# The candidates are your transform and three transforms of a plugin. The training beats do not drift, so the example
# uses the joint objective: the default finds only invariances that the data show.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn the range of a transform of your own.")
    parser.add_argument("--epochs", type=int, default=40)
    epochs = parser.parse_args(argv).epochs

    train, still, loose = beats(80, "train", 0.0), beats(500, "test", 0.0), beats(500, "test", 1.0)
    loader = DataLoader(TensorDataset(*train), batch_size=20, shuffle=True)
    candidates = ["audio.gain", "audio.white_noise", "audio.time_mask"]
    for names in (candidates, ["heart.drift", *candidates]):
        torch.manual_seed(0)
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(100, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 4))
        model = augrad.InvariantModel(trunk, augrad.AugmentationLayer(names, magnitude=0.1), copies=10)
        result = augrad.fit(
            model,
            loader,
            max_epochs=epochs,
            lr=5e-3,
            objective="joint",
            penalty=augrad.DisplacementPenalty(1.0),
            progress=False,
        )
        print(result.policy)
        for name, (x, y) in (("electrode that holds still", still), ("loose electrode", loose)):
            with torch.no_grad():
                print(f"{name}: {(model(x).argmax(dim=1) == y).float().mean():.1%} of new beats right")
    draw(result.policy, train[0][:1])


# %%
# The picture
# -----------
# The black line is a training beat. The blue lines are copies of it as the model with ``heart.drift`` sees them in
# training.


def draw(policy: augrad.Policy, beat: Tensor) -> None:
    copies = policy.as_module()(beat.repeat(12, 1, 1), generator=augrad.keyed_generator("copies"))
    _, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    axes.plot(copies[:, 0].T, color="#3b6ea5", alpha=0.4, linewidth=0.8)
    axes.plot(beat[0, 0], color="black")
    axes.set(xlabel="sample", ylabel="mV")
    plt.show()


# %%
# The results
# -----------
# The first result is without ``heart.drift`` among the candidates, the second with it.
# :doc:`/howto/register-your-own-transform` lists the promises of a transform, and explains other kinds of transforms,
# such as matrices.


if __name__ == "__main__":
    main()
