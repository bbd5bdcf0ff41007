"""`Preset`: a published way to augment, ready for `InvariantModel` and `fit`. Made by the functions of published.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from augrad.aggregation import Aggregation
from augrad.errors import ArgumentTypeError
from augrad.layers.module import AugmentationModule
from augrad.learning.penalties import Penalty
from augrad.model import InvariantModel

LR = 1e-3
"""The default learning rate of `augrad.fit`."""


@dataclass(frozen=True, eq=False)
class Preset:
    """A published way to augment: the module, the objective and penalty it is learned with, and the model around it.

    `preset.model(trunk)` builds the model and `preset.options()` returns the arguments of `augrad.fit`. A preset also
    unpacks as `module, penalty`. It serves one model: its module is not copied.

    Attributes:
        name: name of the function that made it.
        module: the augmentation; in a fixed preset no parameter requires a gradient.
        penalty: added to the loss; None where nothing is learned.
        citation: the paper.
        copies: how many augmented copies the authors average a prediction over; None if they predict the sample as it
            is, which is `model.trunk(x)`.
        augmentation_lr_factor: learning rate of the augmentation divided by that of the trunk. None leaves it to `fit`,
            whose default is 10.
        objective: how it is learned, as for `augrad.fit(objective=...)`: a name, a callable
            `(model, criterion, penalty) -> Objective`, or None for the objective that suits the penalty.
        wrap: puts something around the trunk, such as a canonicaliser; maps a trunk to the trunk that is trained.
        train_copies: augmented copies of each batch while training, at least 1.
        aggregation: how predictions of copies become one, as for `InvariantModel`; None for its default.
        found: maps the trained model and the result of `fit` to a score for each transform: the higher, the surer the
            method is that the task is invariant to it. The benchmark uses it. None for methods whose finding is the
            transform's weight and magnitude.
        fit_options: further arguments of `augrad.fit`, such as `{"penalty_schedule": "decay"}`.

    Example:
        >>> from augrad import AugmentationLayer, Unchanged
        >>> preset = Preset("mine", AugmentationModule([AugmentationLayer([Unchanged])]), None, "me", copies=4)
        >>> preset.model(nn.Linear(3, 2)).copies, preset.options(lr=0.01)
        (4, {'lr': 0.01, 'penalty': None})
    """

    name: str
    module: AugmentationModule
    penalty: Penalty | None
    citation: str
    copies: int | None = None
    augmentation_lr_factor: float | None = None
    objective: str | Callable[..., Any] | None = None
    wrap: Callable[[nn.Module], nn.Module] | None = None
    train_copies: int = 1
    aggregation: str | Aggregation | None = None
    found: Callable[..., Mapping[str, float]] | None = None
    fit_options: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Any]:
        """The module, then the penalty."""
        return iter((self.module, self.penalty))

    def model(self, trunk: nn.Module, **changed: Any) -> InvariantModel:
        """The trunk, wrapped if the preset says so, behind the preset's augmentation.

        Args:
            trunk: any network that `InvariantModel` takes.
            **changed: arguments of `InvariantModel` that replace the preset's, such as `copies=1`.

        Raises:
            ArgumentTypeError: `wrap` returns no `torch.nn.Module`.
            ArgumentError, AggregationError: as of `InvariantModel`.
        """
        chosen = {"copies": self.copies, "train_copies": self.train_copies, "aggregation": self.aggregation}
        given = {name: value for name, value in chosen.items() if value is not None}
        return InvariantModel(wrapped(trunk, self.wrap), self.module, **{**given, **changed})

    def options(self, lr: float = LR) -> dict[str, Any]:
        """The arguments of `augrad.fit` that belong to the preset: `augrad.fit(model, loader, **preset.options())`.

        Args:
            lr: learning rate of the trunk, which the augmentation's rate is a multiple of.
        """
        given: dict[str, Any] = {"lr": lr, "penalty": self.penalty}
        if self.objective is not None:
            given["objective"] = self.objective
        if self.augmentation_lr_factor is not None:
            given["augmentation_lr"] = self.augmentation_lr_factor * lr
        return {**given, **self.fit_options}


def wrapped(trunk: nn.Module, wrap: Callable[[nn.Module], nn.Module] | None) -> nn.Module:
    """The trunk as `wrap` returns it, or as it is without one.

    Raises:
        ArgumentTypeError: `wrap` returns no `torch.nn.Module`.

    Example:
        >>> wrapped(nn.Linear(3, 2), lambda trunk: nn.Sequential(nn.ReLU(), trunk))[0]
        ReLU()
    """
    if wrap is None:
        return trunk
    changed = wrap(trunk)
    if not isinstance(changed, nn.Module):
        raise ArgumentTypeError(
            f"wrap must return the torch.nn.Module to train, but returned {type(changed).__name__}.", argument="wrap"
        )
    return changed
