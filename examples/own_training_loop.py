"""
Your own training loop
======================

``augrad.fit`` is optional. In your own loop, use an ``InvariantModel`` instead of the model, ``parameter_groups``
instead of its parameters, and a ``JointLoss`` or a ``CrossFittedLoss`` instead of the criterion.

For example, these loops learn to tell three wines apart, and how far a wine may be diluted or concentrated. The joint
loss finds the dilution that the trunk can tolerate, and the cross-fitted loss finds the dilution that the data show.
Run the example with ``python examples/own_training_loop.py``.
"""

import argparse

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn

import augrad
from augrad_tabular import Schema

# %%
# A loop with the joint loss
# --------------------------
# This is the paper's rule: the trunk's own loss measures the cost of an augmentation. Comments mark the lines that are
# augrad's. The penalty reads the last training pass, so call the loss right after it. Weights and magnitudes have their
# own learning rate, by default ten times the trunk's, and no weight decay. You can read the policy at any time.


def train_jointly(
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
# A loop with judges
# ------------------
# This loop uses two judges, which are copies of the trunk. Each judge sees half of the data, and measures the cost of
# an augmentation on the other half. The judges are trained beside the trunk for the first 80 % of training. This takes
# about three times as long, and memory for two more trunks. Pass a smaller network as ``judge=`` to save both. The
# augmentation learns between 20 % and 80 % of training, at a falling rate, so the objective needs the ``progress``.
#
# ``fit(objective="cross_fitted")`` runs a search and a confirmation before it trains the trunk. This finds
# more.


def train_with_judges(
    model: augrad.InvariantModel, penalty: augrad.Penalty, x: Tensor, y: Tensor, epochs: int
) -> list[float]:
    lr, n_steps = 5e-3, 3 * epochs
    objective = augrad.CrossFittedLoss(model, nn.CrossEntropyLoss(), penalty)  # instead of the criterion
    faster = objective.augmentation_lr(lr, n_steps)
    optimizer = torch.optim.Adam(augrad.parameter_groups(model, lr=lr, augmentation_lr=faster, objective=objective))
    rates = {"augmentation": lambda step: objective.rate(step / n_steps)}
    factors = [rates.get(group["name"], lambda _: 1.0) for group in optimizer.param_groups]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factors)
    reached = []
    for epoch in range(epochs):
        model.train()
        for index, batch in enumerate(torch.randperm(len(x)).tensor_split(3)):
            progress = (3 * epoch + index) / n_steps
            loss = objective.step(model, x[batch], y[batch], progress=progress).total  # runs the model, too
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        reached.append(model.policy[0].high)
    return reached


# %%
# Model and data
# --------------
# The data are 13 measurements of 178 wines. ``tabular.common_scale`` multiplies all measurements of a wine by the same
# factor, whose range is learned in doublings. The schema describes the columns; it is given once, for all candidates.
# In a second version of the training set, each wine is diluted or concentrated, by up to a factor of two. There the
# data show the invariance.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train with loops of your own.")
    parser.add_argument("--epochs", type=int, default=60)
    epochs = parser.parse_args(argv).epochs

    data = load_wine()
    wines, kinds = torch.tensor(data.data, dtype=torch.float32), torch.tensor(data.target)
    order = torch.randperm(len(wines), generator=torch.Generator().manual_seed(0))
    known, new = order[:90], order[90:]
    doublings = 2 * torch.rand(len(known), 1, generator=torch.Generator().manual_seed(1)) - 1
    same, diluted = wines[known], wines[known] * 2**doublings
    candidates = ["tabular.common_scale", "tabular.feature_noise", "tabular.feature_dropout"]

    reached = {}
    # A magnitude that starts at 0 stays there: no augmentation, to compare with.
    for name, train, magnitude, penalty, x in (
        ("none", train_jointly, 0.0, None, same),
        # The strength is in units of the loss here, and in units of the judges' knowledge below.
        ("joint", train_jointly, 0.1, augrad.DisplacementPenalty(strength=1.0), same),
        ("judged", train_with_judges, 0.1, augrad.DisplacementPenalty(), same),
        ("judged, known wines diluted", train_with_judges, 0.1, augrad.DisplacementPenalty(), diluted),
    ):
        torch.manual_seed(0)
        trunk = nn.Sequential(nn.BatchNorm1d(13), nn.Linear(13, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 3))
        arguments = {"schema": Schema.from_data(x, names=data.feature_names)}
        layer = augrad.AugmentationLayer(candidates, arguments=arguments, magnitude=magnitude)
        model = augrad.InvariantModel(trunk, layer, copies=20)
        reached[name] = train(model, penalty, x, kinds[known], epochs)
        model.eval()  # averages over 20 augmented copies from here on
        for factor in (0.5, 1.0, 2.0):
            with torch.no_grad():
                right = model(factor * wines[new]).argmax(dim=1) == kinds[new]
            print(f"{name}: {right.float().mean():.1%} of new wines right, all measurements times {factor}")
        scale = model.policy[0]
        print(f"{name}: {scale}, a factor of {2**scale.low:.2f} to {2**scale.high:.2f}")

    _, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    for name, ranges in reached.items():
        axes.plot(range(1, epochs + 1), ranges, label=name)
    axes.set(xlabel="epoch", ylabel="largest factor [doublings]")
    axes.legend()
    plt.show()


# %%
# The results
# -----------
# The joint loss opens the range as far as the trunk learns to tolerate it. The model then recognises new wines that are
# diluted, although no training wine was. The judges have seen no diluted wine either, and they do not recognise it:
# nothing in these data shows that dilution keeps the label. If the training wines are diluted, the judges find the
# range.
#
# Use the joint loss if the model must tolerate variation that the data do not contain, and you know that the label
# survives it. Use judges if the data should decide.


if __name__ == "__main__":
    main()
