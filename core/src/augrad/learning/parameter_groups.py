"""Parameter groups for any torch optimizer: the trunk's, the augmentation's and the objective's own.

Uses model.py; used by training/, Lightning and those who own their training loop.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from augrad.errors import ArgumentError
from augrad.model import unwrapped

AUGMENTATION_LR_FACTOR = 10.0
"""Default learning rate of the augmentation parameters, as a multiple of the trunk's."""


def parameter_groups(
    model: nn.Module,
    *,
    lr: float,
    augmentation_lr: float | None = None,
    weight_decay: float = 0.0,
    objective: Any = None,
) -> list[dict[str, Any]]:
    """Parameter groups for any torch optimizer: the trunk's, and the augmentation's with its own rate and no decay.

    Args:
        model: the `InvariantModel`.
        lr: learning rate of the trunk, above 0.
        augmentation_lr: of selection weights and magnitudes; 10 times `lr` if None.
        weight_decay: of the trunk. Decay would pull magnitudes towards 0.5 and weights towards uniform.
        objective: its own parameters, if it is an `nn.Module`, are trained at the trunk's rate; for example the judges
            of a `CrossFittedLoss`. None for none.

    Returns:
        Groups named `"trunk"`, `"augmentation"` and, for the objective's own parameters, `Objective.group`
        (`"judges"` for a `CrossFittedLoss`). Parameters that do not require a gradient are left out.

    Raises:
        ArgumentError: a rate is not above 0.
    """
    inner = unwrapped(model)
    augmentation_lr = AUGMENTATION_LR_FACTOR * lr if augmentation_lr is None else augmentation_lr
    for name, value in (("lr", lr), ("augmentation_lr", augmentation_lr)):
        if not 0 < value < float("inf"):
            raise ArgumentError(
                f"{name} must be a finite number above 0, but got {value!r}.", argument=name, value=value
            )
    augmentation = [p for p in inner.augmentation.parameters() if p.requires_grad]
    owned = {id(p) for p in inner.augmentation.parameters()}
    trunk = [p for p in inner.parameters() if p.requires_grad and id(p) not in owned]
    groups = [
        {"params": trunk, "lr": lr, "weight_decay": weight_decay, "name": "trunk"},
        {"params": augmentation, "lr": augmentation_lr, "weight_decay": 0.0, "name": "augmentation"},
    ]
    if isinstance(objective, nn.Module):
        known = {id(p) for p in inner.parameters()}
        own = [p for p in objective.parameters() if p.requires_grad and id(p) not in known]
        name = getattr(objective, "group", "objective")
        groups.append({"params": own, "lr": lr, "weight_decay": weight_decay, "name": name})
    return [group for group in groups if group["params"]]
