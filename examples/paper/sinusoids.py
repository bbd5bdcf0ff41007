"""sinusoids: the learned invariance with 1, 2 and 4 layers, and its gain for trunks of four sizes.

The samples are windows of a sinusoid in noise. The four classes are 2, 4, 6 and 8 Hz, each shifted by up to 0.5 Hz. So
a shift of frequencies within 0.5 Hz is harmless, and noise in phases or amplitudes does not help. Uses waves.py,
reporting.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import torch
from reporting import arguments, mean, policies, save, show_table
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from waves import CANDIDATES, PAPER_RANGES, SAMPLE_RATE, SHIFT, TRUE_SHIFT, convolutions, mlp, true_shifts, waves

import augrad
from augrad import presets
from augrad.demo.learned import learned_ranges, share_of_samples

BATCH, EPOCHS, LR, DECAY, COPIES = 32, 50, 1e-2, 1e-4, 10
TRUNKS = ((1, 1), (2, 1), (2, 2), (2, 3))
"""Neurons and layers of the MLPs."""

LAYERS = (1, 2, 4)
N_TRAIN, N_TEST, N_SHIFTED = 400, 600, 200
MEASURES = ("accuracy", "invariance")


def augrad_module(n_layers: int) -> augrad.AugmentationModule:
    """For augrad's cross-fitted rule: the three candidates within their declared ranges."""
    layers = [augrad.AugmentationLayer(CANDIDATES, arguments={"sample_rate": SAMPLE_RATE}) for _ in range(n_layers)]
    return augrad.AugmentationModule(layers)


def augnet(candidates: list[str], n_layers: int, strength: float) -> tuple[augrad.AugmentationModule, dict[str, Any]]:
    """The paper's rule, within the paper's ranges, and what `fit` is to be told."""
    ranges = {"sample_rate": SAMPLE_RATE, **{name: PAPER_RANGES[name] for name in candidates}}
    module, penalty = presets.augnet(
        candidates, arguments=ranges, n_layers=n_layers, strength=strength, magnitude=0.05, temperature=0.1
    )
    return module, {"penalty": penalty, "objective": "joint", "augmentation_lr": 5 * LR, "runaway": None}


def trained(
    trunk: Callable[[], nn.Module], module: Any, data: tuple[Tensor, Tensor], seed: int, epochs: int, **options: Any
) -> tuple[augrad.InvariantModel, list[Any]]:
    """The trained model, and its policy after each epoch; `options` are for `fit`."""
    torch.manual_seed(seed)
    model = augrad.InvariantModel(trunk(), module, copies=COPIES)
    loader = DataLoader(TensorDataset(*data), BATCH, shuffle=True, generator=augrad.keyed_generator("order", seed))
    options = {"max_epochs": epochs, "lr": LR, "weight_decay": DECAY, "seed": seed, **options}
    result = augrad.fit(model, loader, progress=False, **options)
    return model, policies(result, model.augmentation)


def fixed(name: str | None) -> augrad.AugmentationModule:
    """Nothing, or the true shift for every other window, as the paper's oracle has it."""
    if name is None:
        return augrad.AugmentationModule([[augrad.Unchanged]]).requires_grad_(False)
    layer = augrad.AugmentationLayer([name, augrad.Unchanged], arguments={"sample_rate": SAMPLE_RATE})
    layer.set_value(name, "shift_hz", TRUE_SHIFT)
    return augrad.AugmentationModule([layer]).requires_grad_(False)


@torch.no_grad()
def measured(model: augrad.InvariantModel, data: tuple[Tensor, Tensor], *, alone: bool) -> dict[str, float]:
    """Accuracy and median invariance to the true shift: of the trunk alone, or of the average over copies."""
    x, y = data
    model.eval()
    right = (model.trunk(x) if alone else model(x)).argmax(dim=1) == y
    probe = augrad.get_transform(SHIFT)(sample_rate=SAMPLE_RATE)
    result = augrad.invariance(model, x[:N_SHIFTED], probe, {"shift_hz": true_shifts(3, N_SHIFTED)})
    inner = result.trunk if alone else result.model
    return {"accuracy": right.float().mean().item(), "invariance": inner.median().item()}


def capacity(trunk: Callable[[], nn.Module], seed: int, epochs: int, n_train: int) -> dict[str, dict[str, float]]:
    """Accuracy and invariance of each rule on one trunk."""
    train, test = waves(n_train, "train", seed), waves(N_TEST, "test", seed)
    found = {}
    plain, _ = trained(trunk, fixed(None), train, seed, epochs, penalty=None)
    found["none"] = measured(plain, test, alone=True)
    told, _ = trained(trunk, fixed(SHIFT), train, seed, epochs, penalty=None)
    # The paper's oracle is told in training only; what it would gain from copies is measured beside it.
    found["oracle"], found["oracle, averaged"] = (measured(told, test, alone=alone) for alone in (True, False))
    module, options = augnet([SHIFT], 1, 0.8)  # the paper's capacity study has no other candidate
    published, _ = trained(trunk, module, train, seed, epochs, **options)
    learned, _ = trained(trunk, augrad_module(2), train, seed, epochs, objective="cross_fitted")
    found["AugNet"], found["augrad"] = (measured(model, test, alone=False) for model in (published, learned))
    return found


def learning(rule: str, n_layers: int, seed: int, epochs: int, n_train: int) -> dict[str, list[float]]:
    """By epoch: the range of shifts in Hz, over all layers, and for each candidate how probable it is in any layer."""
    module, options = (
        (augrad_module(n_layers), {"objective": "cross_fitted"})
        if rule == "augrad"
        else augnet(CANDIDATES, n_layers, 0.2)
    )
    _, found = trained(convolutions, module, waves(n_train, "train", seed), seed, epochs, **options)
    shares = {name: [share_of_samples(policy, name) for policy in found] for name in CANDIDATES}
    return {"shift_hz": [learned_ranges(policy, SHIFT, "shift_hz")[""] for policy in found], **shares}


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(argv, str(__doc__).splitlines()[0], seeds=3)
    epochs, n_train = (1, 64) if given.quick else (EPOCHS, N_TRAIN)
    curves = {
        rule: {count: learning(rule, count, given.seeds[0], epochs, n_train) for count in LAYERS}
        for rule in ("AugNet", "augrad")
    }
    rows = [
        (rule, count, *(values[-1] for values in found.values()))
        for rule, each in curves.items()
        for count, found in each.items()
    ]
    show_table(("rule", "layers", "shift [Hz]", *(f"p({name})" for name in CANDIDATES)), rows)
    draw_learning(curves)
    save(given.output, "sinusoids_learning", {"seed": given.seeds[0], "epochs": epochs, "curves": curves})

    studied = TRUNKS[:1] if given.quick else TRUNKS
    runs = {
        f"{neurons}x{layers}": [capacity(partial(mlp, neurons, layers), seed, epochs, n_train) for seed in given.seeds]
        for neurons, layers in studied
    }
    means = {
        trunk: {rule: {name: mean([run[rule][name] for run in each]) for name in MEASURES} for rule in each[0]}
        for trunk, each in runs.items()
    }
    rules = list(next(iter(means.values())))
    for name in MEASURES:
        show_table((name, *means), [(rule, *(found[rule][name] for found in means.values())) for rule in rules])
    draw_capacity(means)
    save(given.output, "sinusoids_capacity", {"seeds": given.seeds, "epochs": epochs, "mean": means, "runs": runs})


def draw_learning(curves: dict[str, dict[int, dict[str, list[float]]]]) -> None:
    """The range of shifts, and how probable each candidate is, over training; a column per number of layers."""
    _, panels = plt.subplots(2, len(LAYERS), figsize=(8, 4.4), sharex=True, sharey="row", layout="constrained")
    for column, count in enumerate(LAYERS):
        above, below = panels[:, column]
        for rule, style in (("AugNet", ":"), ("augrad", "-")):
            found = curves[rule][count]
            epochs = range(1, len(found["shift_hz"]) + 1)
            above.plot(epochs, found["shift_hz"], style, color="C0", label=rule)
            for number, name in enumerate(CANDIDATES):
                label = name.removeprefix("audio.") if rule == "augrad" else None
                below.plot(epochs, found[name], style, color=f"C{number}", label=label)
        above.axhline(TRUE_SHIFT, color="0.4", linestyle="--", linewidth=0.8)
        above.set_title(f"{count} layer{'s' if count > 1 else ''}")
        below.set_xlabel("epoch")
    panels[0, 0].set(ylabel="shift range [Hz]", ylim=(0, None))
    panels[1, 0].set(ylabel="probability", ylim=(0, 1.05))
    panels[0, 0].legend(fontsize=8)
    panels[1, 0].legend(fontsize=8)


def draw_capacity(means: dict[str, dict[str, dict[str, float]]]) -> None:
    """The paper's figure: invariance and accuracy against the size of the trunk."""
    _, panels = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for panel, name in zip(panels, MEASURES[::-1], strict=True):
        for rule in next(iter(means.values())):
            style = ":" if rule == "oracle, averaged" else "-"
            panel.plot(list(means), [found[rule][name] for found in means.values()], "o" + style, label=rule)
        panel.set(xlabel="neurons x layers of the trunk", ylabel=name)
    panels[0].legend(fontsize=8)


if __name__ == "__main__":
    main()
