"""Four learning rules as a third party would write them, and a small run of `fit` with each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad import AugmentationLayer, InvariantModel, Range, Transform
from augrad.layers.strength import Strength


class Offset(Transform):
    """Adds an offset to every value."""

    modality = "thirdparty"
    offset = Range(1.0, signed=True)

    def forward(self, x: Tensor, *, offset: Tensor) -> Tensor:
        return x + offset[:, None]


class Gain(Transform):
    """Multiplies every value."""

    modality = "thirdparty"
    gain = Range(0.5, signed=True)

    def forward(self, x: Tensor, *, gain: Tensor) -> Tensor:
        return x * (1 + gain[:, None])


class Constrained(nn.Module):
    """Trains on plain samples, and on augmented ones as far as their loss exceeds a level: a dual variable decides."""

    dual: Tensor

    def __init__(self, model: Any, criterion: Any, penalty: Any) -> None:
        super().__init__()
        self.criterion = criterion
        self.register_buffer("dual", torch.ones(()))

    def step(self, model: Any, x: Any, target: Any, *, progress: float, factor: float, generator: Any) -> Any:
        output = model(x, generator=generator)
        excess = self.criterion(output, target) - 0.9
        loss = self.criterion(model.trunk(x), target)
        total = loss + self.dual.clone() * excess
        with torch.no_grad():
            self.dual.add_(0.1 * excess).clamp_(0.0, 10.0)
        return augrad.StepLoss(total, loss.detach(), loss.new_zeros(()), output.detach())


class PerInput(Strength):
    """A magnitude for each sample, from its contents; it knows neither `set` nor global `magnitudes`."""

    def __init__(self, magnitudes: Tensor) -> None:
        super().__init__()
        self.network = nn.Linear(4, len(magnitudes))

    def forward(self, x: Any) -> Tensor:
        return torch.sigmoid(self.network(x))


class Contrast(augrad.Objective):
    """Pulls two augmented views of a sample together and apart from other samples (InfoNCE), without labels."""

    labels = False
    takes_penalty = False

    def __init__(self, model: Any, criterion: Any, penalty: Any) -> None:
        self.temperature = 0.5

    def step(
        self, model: Any, x: Any, target: Any, *, progress: float, factor: float = 1.0, generator: Any = None
    ) -> augrad.StepLoss:
        one, other = (nn.functional.normalize(model(x, generator=generator), dim=1) for _ in range(2))
        loss = nn.functional.cross_entropy(one @ other.T / self.temperature, torch.arange(len(one)))
        return augrad.StepLoss(loss, loss.detach(), loss.new_zeros(()), one.detach())


def _draws(state: Any) -> Tensor:
    """A penalty on the magnitudes that were drawn for each sample."""
    return -0.1 * sum(draw.magnitudes.mean() for draw in state.draws)


def _network() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))


RULES: dict[str, Callable[[], tuple[AugmentationLayer, dict[str, Any]]]] = {
    "objective": lambda: (AugmentationLayer([Offset, Gain]), {"objective": Constrained}),
    "strength": lambda: (
        AugmentationLayer([Offset, Gain], strength=PerInput),
        {"objective": "joint", "penalty": _draws},
    ),
    "selection": lambda: (
        AugmentationLayer([Offset, Gain], preference=nn.Linear(4, 2)),
        {"objective": "cross_fitted"},
    ),
    "label-free": lambda: (AugmentationLayer([Offset, Gain]), {"objective": Contrast}),
}
"""For each seam a layer and the arguments of `fit`."""


def run(rule: str, directory: Path, *, callbacks: Any = (), max_epochs: int = 4) -> InvariantModel:
    """Trains, or goes on where the last run in the directory was killed."""
    torch.manual_seed(0)
    layer, options = RULES[rule]()
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] > x[:, 1]).long() + (x[:, 2] > x[:, 3]).long()
    loader: Any = DataLoader(TensorDataset(x, y), batch_size=12, shuffle=True)
    if options.get("objective") is Contrast:
        loader = DataLoader(x, batch_size=12, shuffle=True)  # type: ignore[arg-type]
    aggregation = "mean" if rule == "label-free" else "log_prob"
    model = InvariantModel(_network(), layer, copies=2, aggregation=aggregation)
    augrad.fit(
        model,
        loader,
        max_epochs=max_epochs,
        lr=0.01,
        directory=directory,
        resume=True,
        checkpoint_every=1,
        callbacks=list(callbacks),
        progress=False,
        **options,
    )
    return model


def equal(first: InvariantModel, second: InvariantModel) -> bool:
    """Whether two models have the same state to the bit."""
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())
