"""Objectives: what a loop asks of one, the joint one, what criteria say of samples, and the parameter groups.

Uses model.py, penalties.py; used by cross_fitted/loss.py, fit, and those who own their training loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.func import vmap

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.layers.module import ModuleState
from augrad.model import InvariantModel
from augrad.precision import full_precision

Criterion = Callable[[Tensor, Any], Tensor]
"""Maps output and target to a scalar loss."""


@runtime_checkable
class Objective(Protocol):
    """How trunk and augmentation are trained: the interface between an objective and the training loop."""

    criterion: Criterion

    def step(
        self, model: nn.Module, x: Any, target: Any, *, progress: float, factor: float, generator: Generator | None
    ) -> StepLoss:
        """The losses of one batch; see `JointLoss.step`."""


@dataclass(frozen=True)
class StepLoss:
    """What an objective makes of one batch.

    Attributes:
        total: to call `backward()` on.
        loss: the criterion alone, without gradient.
        penalty: the penalty alone, without gradient.
        output: the model's, `(batch, *output)`, without gradient.
    """

    total: Float[Tensor, ""]
    loss: Float[Tensor, ""]
    penalty: Float[Tensor, ""]
    output: Tensor


class JointLoss:
    """Criterion plus penalty: what the trunk, the weights and the magnitudes are trained on together.

    Args:
        criterion: maps output and target to a scalar loss, such as `torch.nn.CrossEntropyLoss()`.
        penalty: maps `AugmentationModule.state()` to a value that is added to the loss; None for no penalty.

    Raises:
        ArgumentTypeError: an argument is not callable.

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        equation (6).
    """

    def __init__(self, criterion: Criterion, penalty: Callable[[ModuleState], Tensor] | None = None) -> None:
        for name, value in (("criterion", criterion), ("penalty", penalty)):
            if not callable(value) and not (name == "penalty" and value is None):
                raise ArgumentTypeError(f"{name} must be callable, but got {type(value).__name__}.", argument=name)
        self.criterion = criterion
        self.penalty = penalty

    def __call__(self, output: Tensor, target: Any, model: nn.Module) -> Float[Tensor, ""]:
        """The loss to call `backward()` on.

        Args:
            output: what `model(x)` returned in train mode.
            target: as the criterion takes it.
            model: the `InvariantModel`, or a wrapper around it such as DistributedDataParallel.
        """
        loss, penalty = self.parts(output, target, model)
        return loss + penalty

    def parts(self, output: Tensor, target: Any, model: nn.Module) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Criterion and penalty one by one, for those who schedule or log them; their sum is the loss.

        Raises:
            ArgumentError: the criterion or the penalty returns no scalar tensor.
        """
        loss = check_scalar("criterion", self.criterion(output, target))
        if self.penalty is None:
            return loss, loss.new_zeros(())
        return loss, check_scalar("penalty", self.penalty(invariant(model).augmentation.state()))

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
        """Runs the model on a batch, for a training loop that takes any objective.

        Args:
            model: the `InvariantModel`, in train mode.
            x: a batch.
            target: as the criterion takes it.
            progress: share of the training that is done, in [0, 1]; it changes nothing here.
            factor: on the penalty.
            generator: of all draws; torch's default one if None.
        """
        output = in_full_precision(model(x, generator=generator))
        with full_precision(output.device):
            loss, penalty = self.parts(output, target, model)
            return StepLoss(loss + factor * penalty, loss.detach(), penalty.detach(), output.detach())


def check_scalar(name: str, value: Any) -> Float[Tensor, ""]:
    """What a criterion or a penalty returned, if it is a scalar tensor.

    Raises:
        ArgumentError: it is not.
    """
    if not isinstance(value, Tensor) or value.ndim:
        shape = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ArgumentError(
            f"{name} must return a scalar tensor, but returned {shape}. Reduce it, with .mean() say.", argument=name
        )
    return value


def in_full_precision(output: Tensor) -> Tensor:
    """An output of mixed-precision arithmetic as float32; any other as it is."""
    return output.float() if output.dtype in (torch.float16, torch.bfloat16) else output


def losses(criterion: Criterion, output: Tensor, target: Any) -> Float[Tensor, " batch"]:
    """The criterion of each sample on its own.

    Raises:
        ArgumentError: it depends on values in a way that `torch.func.vmap` cannot follow.

    Example:
        >>> losses(torch.nn.MSELoss(), torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [1.0]])).tolist()
        [0.0, 4.0]
    """

    def one(output: Tensor, target: Any) -> Tensor:
        return criterion(output[None], _mapped(target, lambda each: each[None]))

    try:
        result: Tensor = vmap(one)(output, target)
    except RuntimeError as error:
        if "vmap" not in str(error):
            raise
        raise ArgumentError(
            f"criterion cannot be taken of each sample with torch.func.vmap, as the cross-fitted objective does: "
            f"{error} Write it without decisions that depend on values, or use objective='joint'.",
            argument="criterion",
        ) from error
    return result


def uninformed(criterion: Criterion, output: Tensor, target: Any) -> Float[Tensor, ""]:
    """What a constant prediction loses that knows the targets' distribution but no input.

    For classes, the log of their frequencies; for numbers, their mean.

    Args:
        criterion: maps output and target to a scalar.
        output: of some samples, `(samples, *output)`, for its shape and type.
        target: of the batch.
    """
    if not isinstance(target, Tensor):
        constant = output.mean(dim=0)
        count = batch.count(_first(target))
    elif target.is_floating_point():
        constant, count = target.to(output).mean(dim=0), target.shape[0]
    else:
        frequencies = torch.bincount(target.flatten().clamp_min(0), minlength=output.shape[1]).to(output)
        constant = (frequencies + 1e-3).log().reshape(-1, *[1] * (output.ndim - 2))
        count = target.shape[0]
    loss = criterion(constant.expand(count, *output.shape[1:]), target)
    return loss.clamp_min(torch.finfo(output.dtype).eps)


def chosen(target: Any, index: Tensor) -> Any:
    """The targets at `index`, for a tensor or nested lists, tuples and mappings of them."""
    return _mapped(target, lambda each: each.index_select(0, index))


def _mapped(target: Any, function: Callable[[Tensor], Tensor]) -> Any:
    from torch.utils._pytree import tree_map

    return tree_map(function, target)


def _first(target: Any) -> Tensor:
    from torch.utils._pytree import tree_leaves

    leaf: Tensor = tree_leaves(target)[0]
    return leaf


def invariant(model: nn.Module) -> InvariantModel:
    """The `InvariantModel` inside a wrapper such as DistributedDataParallel, or the model itself.

    Raises:
        ArgumentTypeError: there is none.
    """
    inner: Any = model
    while not isinstance(inner, InvariantModel) and isinstance(getattr(inner, "module", None), nn.Module):
        inner = inner.module
    if not isinstance(inner, InvariantModel):
        raise ArgumentTypeError(
            f"model must be an augrad.InvariantModel, but got {type(model).__name__}. Wrap it: "
            "InvariantModel(trunk, module).",
            argument="model",
        )
    return inner


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
        weight_decay: of the trunk. Decay would pull magnitudes towards one half and weights towards uniform.
        objective: one with parameters of its own, the judges of a `CrossFittedLoss`, that are trained as the trunk is.

    Returns:
        Groups named `"trunk"`, `"augmentation"` and, where there are any, `"judges"`; parameters that do not require a
        gradient are left out.

    Raises:
        ArgumentError: a rate is not above 0.
    """
    inner = invariant(model)
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
        judges = [p for p in objective.parameters() if p.requires_grad]
        groups.append({"params": judges, "lr": lr, "weight_decay": weight_decay, "name": "judges"})
    return [group for group in groups if group["params"]]
