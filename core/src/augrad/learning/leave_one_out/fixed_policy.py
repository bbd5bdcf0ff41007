"""`FixedPolicyLoss`: trains a trunk on samples augmented by a policy that stands still. Used by rule.py."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from torch import Generator, nn

from augrad import batch
from augrad.layers.draw import LayerDraw
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.learning.criteria import Criterion, check_scalar, in_full_precision
from augrad.learning.objective import Objective, StepLoss
from augrad.model import unwrapped
from augrad.precision import full_precision


class FixedPolicyLoss(Objective):
    """The criterion of augmented samples. Layers that rest, and transforms that are never drawn, take no time.

    Args:
        criterion: maps output and target to a scalar.
        layers: the layers that do not rest; each draws a single transform. They are copied. None: samples stay as they
            are.
    """

    predicts = True
    takes_penalty = False

    def __init__(self, criterion: Criterion, layers: Sequence[AugmentationLayer]) -> None:
        self.criterion = criterion
        drawn = [_alone(layer) for layer in layers]
        # Not an attribute of a module: its tensors are no state of their own.
        self._policy = AugmentationModule(drawn).requires_grad_(False) if drawn else None
        self._checked = False

    def step(
        self,
        model: nn.Module,
        x: Any,
        target: Any,
        *,
        progress: float,
        factor: float = 1.0,
        generator: Generator | None = None,
    ) -> StepLoss:
        inner = unwrapped(model)
        if not self._checked:
            inner.check_trunk(x)
            self._checked = True
        copies = batch.repeat(x, inner.train_copies)
        draws: tuple[LayerDraw, ...] = ()
        if self._policy is not None:
            copies, draws = self._policy.to(batch.device(x)).train(inner.training).augment(copies, generator=generator)
        output = in_full_precision(inner.predict(copies, draws, x))
        with full_precision(output.device):
            loss = check_scalar("criterion", self.criterion(output, target))
            return StepLoss(loss, loss.detach(), loss.new_zeros(()), output.detach())


def _alone(layer: AugmentationLayer) -> AugmentationLayer:
    """A layer of the transform that a layer draws, and nothing else."""
    index = int(layer.weights.argmax())
    chosen: Any = copy.deepcopy(layer.transforms[index])
    alone = AugmentationLayer([chosen], selection=layer.selection, distribution=layer.distribution)
    columns = [each for each in layer.columns if each.transform == index]
    if columns:
        # Together, as the parameters of a transform stand side by side.
        alone.strength.set(layer.magnitudes.detach()[columns[0].start : columns[-1].stop])
    return alone
