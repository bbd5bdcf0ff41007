"""
Your own training loop
======================

``augrad.fit`` is a convenience. Who owns the loop takes an ``InvariantModel`` in place of the model,
``parameter_groups`` in place of its parameters, and a ``JointLoss`` in place of the criterion. This loop learns to
tell three wines apart, and how far a wine may be diluted or concentrated. Run it with ``python
examples/own_training_loop.py``.
"""

import argparse

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn

import augrad
from augrad_tabular import Schema

# %%
# The loop
# --------
# The comments mark all that is augrad's. The penalty reads the last training pass, so the loss comes right after it.
# Weights and magnitudes have a learning rate of their own, by default ten times the trunk's, and no weight decay.
# What was learned can be read off at any time.


def train(
    model: augrad.InvariantModel, penalty: augrad.Penalty | None, x: Tensor, y: Tensor, epochs: int
) -> list[float]:
    optimizer = torch.optim.Adam(augrad.parameter_groups(model, lr=5e-3))  # instead of model.parameters()
    loss_of = augrad.JointLoss(nn.CrossEntropyLoss(), penalty)  # instead of the criterion
    reached = []
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(len(x)).tensor_split(3):
            loss = loss_of(model(x[batch]), y[batch], model)  # the model as well
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        reached.append(model.policy[0].high)
    return reached


# %%
# Model and data
# --------------
# 13 measurements of 178 wines. ``tabular.common_scale`` multiplies all of them by one factor, which is learned in
# doublings. The schema says what the columns are; it is given once, for all candidates.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train with a loop of your own.")
    parser.add_argument("--epochs", type=int, default=60)
    epochs = parser.parse_args(argv).epochs

    data = load_wine()
    wines, kinds = torch.tensor(data.data, dtype=torch.float32), torch.tensor(data.target)
    order = torch.randperm(len(wines), generator=torch.Generator().manual_seed(0))
    known, new = order[:90], order[90:]
    candidates = ["tabular.common_scale", "tabular.feature_noise", "tabular.feature_dropout"]
    arguments = {"schema": Schema.from_data(wines[known], names=data.feature_names)}

    reached = {}
    # A magnitude that starts at 0 stays there: no augmentation, to compare with.
    for name, magnitude, penalty in (("none", 0.0, None), ("learned", 0.1, augrad.DisplacementPenalty())):
        torch.manual_seed(0)
        trunk = nn.Sequential(nn.BatchNorm1d(13), nn.Linear(13, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3))
        layer = augrad.AugmentationLayer(candidates, arguments=arguments, magnitude=magnitude)
        model = augrad.InvariantModel(trunk, layer, copies=20)
        reached[name] = train(model, penalty, wines[known], kinds[known], epochs)
        model.eval()  # averages over 20 augmented copies from here on
        for factor in (0.5, 1.0, 2.0):
            with torch.no_grad():
                right = model(factor * wines[new]).argmax(dim=1) == kinds[new]
            print(f"{name}: {right.float().mean():.1%} of new wines right, all measurements times {factor}")
    print(f"learned: {model.policy[0]}, a factor of {2 ** model.policy[0].low:.2f} to {2 ** model.policy[0].high:.2f}")

    _, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    for name, doublings in reached.items():
        axes.plot(range(1, epochs + 1), doublings, label=name)
    axes.set(xlabel="epoch", ylabel="largest factor [doublings]")
    axes.legend()
    plt.show()


# %%
# What came out
# -------------


if __name__ == "__main__":
    main()
