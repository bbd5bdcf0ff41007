"""
Your own training loop
======================

``augrad.fit`` is a convenience. Who owns the loop takes an ``InvariantModel`` in place of the model,
``parameter_groups`` in place of its parameters, and in place of the criterion a ``JointLoss``, or the objective that
``fit`` trains by, a ``CrossFittedLoss``. These loops learn to tell three wines apart, and how far a wine may be diluted
or concentrated: one that the trunk can bear, the other what is seen in the data. Run them with ``python
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
# A loop with the joint loss
# --------------------------
# The paper's rule: the trunk says by its own loss what an augmentation costs. The comments mark all that is augrad's.
# The penalty reads the last training pass, so the loss comes right after it. Weights and magnitudes have a learning
# rate of their own, by default ten times the trunk's, and no weight decay. What was learned can be read off at any
# time.


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
# Judges, as ``fit`` has them by default, but in one pass: two copies of the trunk that have seen one half of the data
# each say of the other half what an augmentation costs. They are trained beside the trunk for the first 80 % of
# training, which takes about three times as long, and memory for two more trunks (``judge=`` takes a smaller network).
# The augmentation learns between 20 % and 80 %, at a rate that falls; so the objective is told how much of the training
# is done.


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
# 13 measurements of 178 wines. ``tabular.common_scale`` multiplies all of them by one factor, which is learned in
# doublings. The schema says what the columns are; it is given once, for all candidates. In a second version of the
# known wines each is diluted or concentrated, by up to a factor of two: there is something in the data to learn then.


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
        # Its strength is in units of the loss here, and below in units of what the judges know.
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
# What came out
# -------------
# The joint loss opens the range as far as the trunk learns to bear it, and new wines that are diluted are told apart
# though no known one was. The judges have seen no diluted wine either, and do not take one for what it is: nothing in
# the data says that dilution keeps the label. Where the data do say it, they find it out. So ask for the joint loss
# if a model is to bear what its data do not hold, and know that the label survives it; leave it to the judges if the
# data are to tell.


if __name__ == "__main__":
    main()
