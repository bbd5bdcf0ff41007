"""One forward pass to an objective's loss, as a module that accelerate can wrap; and the watch over that loss.

Uses learning/objective.py; run by loop.py.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor, nn

from augrad.errors import NonFiniteLossError
from augrad.learning.objective import StepLoss, check_step
from augrad.model import InvariantModel


class ObjectiveStep(nn.Module):
    """Model and objective in one forward pass.

    DistributedDataParallel looks for parameters without a gradient in the outputs of the wrapped module, so everything
    that learns must be part of it.

    Args:
        model: the `InvariantModel`.
        objective: see `Objective`; its own parameters, if it is a module, are trained too.
    """

    def __init__(self, model: InvariantModel, objective: Any) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(
        self, x: Any, target: Any, progress: float, factor: float, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Returns the loss to differentiate; and without gradient the criterion, penalty, output and further scalars.

        Args:
            x: the batch.
            target: as the criterion takes it.
            progress: share of the training that is done, in [0, 1].
            factor: on the penalty.
            generator: of all draws.
        """
        step: StepLoss = check_step(
            self.objective.step(self.model, x, target, progress=progress, factor=factor, generator=generator),
            self.objective,
        )
        total = step.total
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            # Processes average the gradients of all parameters, whether or not this step used them.
            total = total + sum(0.0 * p.flatten()[:1].sum() for p in self.parameters() if p.requires_grad)
        return total, step.loss, step.penalty, step.output, step.also or {}


class FiniteWatch:
    """Notices the first loss that is not finite.

    On the CPU it raises at once, before anything is updated. On an accelerator it keeps the step on the device and
    raises when it is asked, so that no step waits for the device.

    Args:
        device: where training runs.
    """

    def __init__(self, device: torch.device) -> None:
        self._at_once = device.type == "cpu"
        self._step = torch.full((), -1, dtype=torch.long, device=device)
        self._bad_input = torch.zeros((), dtype=torch.bool, device=device)

    def note(self, step: int, loss: Tensor, x: Any) -> int | None:
        """Looks at a loss; returns the step if it is known to be bad, else None."""
        loss = loss.detach()
        if self._at_once and math.isfinite(loss):
            return None
        first = ~torch.isfinite(loss) & (self._step < 0)
        self._step = torch.where(first, step, self._step)
        if isinstance(x, Tensor):
            self._bad_input = torch.where(first, ~torch.isfinite(x).all(), self._bad_input)
        return step if self._at_once else None

    def state(self) -> Tensor:
        """The first bad step or -1, and whether the batch held values that are not finite, as one device tensor."""
        return torch.stack([self._step, self._bad_input.long()])


def non_finite(
    step: int,
    bad_input: bool,
    model: InvariantModel,
    checkpoint: Any,
    *,
    keep: str = "pass directory=",
    stage: str = "",
) -> NonFiniteLossError:
    """Returns the error for a loss that is not finite: step, cause, last checkpoint or how to `keep` one."""
    index, name, magnitude = _largest_magnitude(model)
    cause = (
        "The input batch held NaN or infinite values: clean the data."
        if bad_input
        else "The input batch was finite: lower lr or augmentation_lr, clip gradients, or weaken the penalty."
    )
    kept = (
        f"The last good checkpoint is {checkpoint}." if checkpoint else f"There is no checkpoint: {keep} to keep some."
    )
    of_stage = f" of the stage {stage!r}" if stage else ""
    return NonFiniteLossError(
        f"the loss is not finite at step {step}{of_stage}. {cause} {kept} Largest magnitude: {name} in layer {index} "
        f"({magnitude:.3g} of its range).",
        step=step,
        bad_input=bad_input,
        checkpoint=checkpoint,
        transform=name,
        magnitude=magnitude,
        stage=stage or None,
    )


def _largest_magnitude(model: InvariantModel) -> tuple[int, str, float]:
    """Layer, transform and magnitude that reach farthest; a magnitude that is NaN counts as the largest."""
    found = [(0, "none", 0.0)]
    for index, layer in enumerate(model.augmentation.state().layers):
        owners, magnitudes = layer.owners.tolist(), layer.magnitudes.tolist()
        found += [(index, layer.names[owner], value) for owner, value in zip(owners, magnitudes, strict=True)]
    return max(found, key=lambda entry: math.inf if math.isnan(entry[2]) else entry[2])
