"""rotated_sprites: how far may a sprite be turned? The paper's first figure, with sprites of our own drawing.

A tower is slim or wide, and stands upright or upside down, which gives four classes. Each image is turned once, within
45 degrees. If it is turned again by more than that, an upright tower may look like an upside-down tower, so the true
range is pi / 4. The script prints the learned range for five rules, and the time that a single resampling for the whole
stack saves. Uses sprites.py, reporting.py.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import torch
from reporting import arguments, mean, policies, save, show_table
from sprites import TRUE_ANGLE, rotated_sprites
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad import presets
from augrad.demo.learned import equivalent_reach, share_of_samples
from augrad.learning.penalties import AugerinoPenalty

CANDIDATES = {
    "vision.translate_x": {"offset": 4.0},
    "vision.translate_y": {"offset": 4.0},
    "vision.rotate": {"angle": 180.0},
    "vision.scale_x": {"factor": 3.0},
    "vision.scale_y": {"factor": 3.0},
}
"""Ranges for the paper's rules, whose penalties reward magnitudes as fractions of these ranges. Each range is far wider
than the harmless range, for example 180 degrees, because a transform that is harmless over most of its range would win.
augrad gets only the names."""

N_IMAGES, BATCH, EPOCHS, LR = 1024, 32, 50, 2e-3

# The paper's magnitudes are learned at 5e-4 per update, its weights at 5e-4 with a temperature of 0.01. Ours are
# sigmoids: 0.01 moves them as fast at their start, and this temperature then moves the weights as fast.
AUGMENTATION_LR, TEMPERATURE = 1e-2, 0.3
START = 1 / 8  # of each range, as in the paper
STRENGTH = 0.3  # of the penalty; 0.5 for the paper's sprites, 0.2 to 0.8 in its other experiments

AUGNET = "AugNet"
MIXED = "AugNet, one resampling per transform"
RULES = (AUGNET, "AugNet, magnitudes only", "AugNet, no penalty", "Augerino", "augrad")


@dataclass
class Curve:
    """What one training learned of the rotation, epoch by epoch: range in degrees, and weight."""

    angle: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def add(self, policy: augrad.Policy) -> None:
        rows = [row for row in policy if row.transform == "vision.rotate"]
        reach = torch.tensor([row.high or 0.0 for row in rows]).numpy()
        weights = torch.tensor([row.weight for row in rows]).numpy()
        # Of several layers, the range of one uniform draw that is as spread as the sum of theirs.
        self.angle.append(float(equivalent_reach(weights, -reach, reach)) if len(rows) > 1 else float(reach[0]))
        self.weight.append(share_of_samples(rows, "vision.rotate"))


def build_trunk() -> nn.Module:
    """Five convolutions, twice as many channels each time but the last, as in the paper; smaller."""
    layers: list[nn.Module] = []
    widths = (3, 6, 12, 24, 48, 48)
    for number, (before, after) in enumerate(itertools.pairwise(widths)):
        stride = 2 if number < 4 else 1
        layers += [nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * widths[-1], 4))


def build(rule: str, seed: int) -> tuple[augrad.InvariantModel, Any]:
    """The untrained model of a rule that is the paper's, and its penalty."""
    names, ranges = list(CANDIDATES), CANDIDATES
    if rule == "Augerino":
        preset = presets.augerino(names, arguments=ranges, magnitude=START, strength=0.2)
    else:
        # The ablations are of the mixture, as in the paper: with one draw, magnitudes grow where no sample meets them.
        selection = "straight_through" if rule == AUGNET else "mixture"
        layer = {"n_layers": 1, "temperature": TEMPERATURE, "magnitude": START, "selection": selection}
        preset = presets.augnet(names, arguments=ranges, strength=STRENGTH, **layer)
    penalties = {"AugNet, magnitudes only": AugerinoPenalty(STRENGTH), "AugNet, no penalty": None}
    penalty = penalties.get(rule, preset.penalty)
    return model_with(preset.module, seed), penalty


def model_with(module: augrad.AugmentationModule, seed: int) -> augrad.InvariantModel:
    torch.manual_seed(seed)
    return augrad.InvariantModel(build_trunk(), module, copies=4)


def learn_cross_fitted(loader: Any, seed: int, epochs: int) -> Curve:
    """augrad's cross-fitted rule, which learns by gradient descent: two layers, and declared ranges."""
    layers = [augrad.AugmentationLayer(list(CANDIDATES)) for _ in range(2)]
    model, curve = model_with(augrad.AugmentationModule(layers), seed), Curve()
    options = {"lr": LR, "objective": "cross_fitted", "progress": False, "seed": seed}
    result = augrad.fit(model, loader, max_epochs=epochs, **options)
    for policy in policies(result, model.augmentation):
        curve.add(policy)
    return curve


def learn(rule: str, loader: Any, seed: int, epochs: int) -> Curve:
    """One of the paper's rules."""
    model, penalty = build(rule, seed)
    curve = Curve()
    callbacks = (lambda _, trained: curve.add(trained.policy),)
    # Nothing stopped the paper's rules when a range ran away.
    options = {"lr": LR, "augmentation_lr": AUGMENTATION_LR, "penalty": penalty, "objective": "joint", "runaway": None}
    augrad.fit(model, loader, max_epochs=epochs, callbacks=callbacks, progress=False, seed=seed, **options)
    return curve


def learn_side_by_side(rules: Sequence[str], loader: Any, seed: int, epochs: int) -> tuple[list[Curve], list[float]]:
    """Trains several of the paper's rules batch by batch in turn, so that the processor time of each compares."""
    updates, curves, seconds = [], [Curve() for _ in rules], [0.0 for _ in rules]
    for rule in rules:
        model, penalty = build(rule, seed)
        groups = augrad.parameter_groups(model, lr=LR, augmentation_lr=AUGMENTATION_LR)
        objective, optimizer = augrad.JointLoss(nn.CrossEntropyLoss(), penalty), torch.optim.Adam(groups)
        updates.append((model.train(), partial(update, model, objective, optimizer)))
    for _ in range(epochs):
        for x, y in loader:
            for number, (_, step) in enumerate(updates):
                started = time.process_time()
                step(x, y)
                seconds[number] += time.process_time() - started
        for curve, (model, _) in zip(curves, updates, strict=True):
            curve.add(model.policy)
    return curves, seconds


def update(
    model: augrad.InvariantModel, objective: Any, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor
) -> None:
    optimizer.zero_grad()
    objective(model(x), y, model).backward()
    optimizer.step()


def run(seed: int, epochs: int, n_images: int) -> tuple[dict[str, Curve], float]:
    """The curves of all rules for one seed, and the time of AugNet over that of one resampling per transform."""
    order = augrad.keyed_generator("order", seed)
    loader = DataLoader(TensorDataset(*rotated_sprites(n_images, seed)), BATCH, shuffle=True, generator=order)
    (augnet, mixed), (quick, slow) = learn_side_by_side((AUGNET, MIXED), loader, seed, epochs)
    curves = {AUGNET: augnet, MIXED: mixed}
    for rule in RULES[1:-1]:
        curves[rule] = learn(rule, loader, seed, epochs)
    curves["augrad"] = learn_cross_fitted(loader, seed, epochs)
    return curves, quick / slow


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(argv, str(__doc__).splitlines()[0], seeds=1)
    epochs, n_images = (2, 128) if given.quick else (EPOCHS, N_IMAGES)
    runs = [run(seed, epochs, n_images) for seed in given.seeds]
    table = []
    for rule in (AUGNET, MIXED, *RULES[1:]):
        angle = mean([curves[rule].angle[-1] for curves, _ in runs])
        table.append((rule, angle, angle / TRUE_ANGLE, mean([curves[rule].weight[-1] for curves, _ in runs])))
    show_table(("rule", "range [deg]", "of pi/4", "weight"), table)
    ratio = mean([each for _, each in runs])
    _, angle, share, weight = table[0]
    print(f"AugNet: range {share:.3f} of pi/4, weight {weight:.3f}, in {ratio:.2f} of the time of {MIXED!r}")
    draw(runs[0][0])
    numbers = {rule: {"angle": angle, "of_true": share, "weight": weight} for rule, angle, share, weight in table}
    curves = [{rule: vars(curve) for rule, curve in each.items()} for each, _ in runs]
    save(
        given.output,
        "rotated_sprites",
        {"seeds": given.seeds, "epochs": epochs, "time_ratio": ratio, "mean": numbers, "curves": curves},
    )


def draw(curves: dict[str, Curve]) -> None:
    """The paper's first figure: the learned range of angles over training."""
    _, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for number, rule in enumerate(RULES):
        angle = torch.tensor(curves[rule].angle).deg2rad()
        epochs = range(1, len(angle) + 1)
        axes.fill_between(epochs, -angle, angle, color=f"C{number}", alpha=0.08, linewidth=0)
        axes.plot(epochs, angle, color=f"C{number}", label=rule)
        axes.plot(epochs, -angle, color=f"C{number}")
    for bound in (-math.pi / 4, math.pi / 4):
        axes.axhline(bound, color="0.3", linestyle="--")
    axes.set(xlabel="epoch", ylabel="rotation range", xlim=(1, None), ylim=(-math.pi / 2, math.pi / 2))
    axes.set_yticks([-math.pi / 4, 0, math.pi / 4], ["-π/4", "0", "π/4"])
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


if __name__ == "__main__":
    main()
