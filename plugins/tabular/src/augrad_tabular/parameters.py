"""The estimators' parameters. `fit` checks them, because scikit-learn requires constructors to store any value.

Used by estimators.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

import augrad
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.objectives import AUTO, Factory, resolve_objective
from augrad.options import count, flag, number, one_of

PENALTIES: dict[str, Callable[[], augrad.Penalty]] = {
    "displacement": augrad.DisplacementPenalty,
    "magnitude": augrad.MagnitudePenalty,
}

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Parameters:
    """Parameters of an estimator, as plain Python values within their bounds. See the estimators' Args."""

    transforms: list[Any] | None
    trunk: Callable[[int, int], nn.Module] | None
    hidden_layer_sizes: tuple[int, ...]
    n_layers: int
    copies: int
    max_epochs: int
    batch_size: int
    lr: float
    augmentation_lr: float | None
    objective: Factory | None
    penalty: Callable[..., Any] | str | None
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    allow_missing: bool
    device: str
    verbose: bool


def checked(given: Mapping[str, Any]) -> Parameters:
    """Checks the parameters of an estimator.

    Args:
        given: as `get_params(deep=False)` returns them.

    Raises:
        ArgumentError, ArgumentTypeError: a parameter is not accepted.
    """
    own_lr = given["augmentation_lr"]
    return Parameters(
        transforms=_transforms(given["transforms"]),
        trunk=_trunk(given["trunk"]),
        hidden_layer_sizes=_sizes(given["hidden_layer_sizes"]),
        n_layers=_count("n_layers", given["n_layers"]),
        copies=_count("copies", given["copies"]),
        max_epochs=_count("max_epochs", given["max_epochs"]),
        batch_size=_count("batch_size", given["batch_size"]),
        lr=_positive("lr", given["lr"]),
        augmentation_lr=None if own_lr is None else _positive("augmentation_lr", own_lr),
        objective=resolve_objective(given["objective"]),
        penalty=_penalty(given["penalty"]),
        early_stopping=flag("early_stopping", given["early_stopping"]),
        validation_fraction=_fraction("validation_fraction", given["validation_fraction"]),
        n_iter_no_change=_count("n_iter_no_change", given["n_iter_no_change"]),
        allow_missing=flag("allow_missing", given["allow_missing"]),
        device=_device(given["device"]),
        verbose=flag("verbose", given["verbose"]),
    )


def _count(name: str, value: Any) -> int:
    return count(name, value, wrong_type=ArgumentTypeError)


def _positive(name: str, value: Any) -> float:
    return number(name, value, above=0, wrong_type=ArgumentTypeError)


def _fraction(name: str, value: Any) -> float:
    return number(name, value, above=0, below=1, wrong_type=ArgumentTypeError)


def _device(value: Any) -> str:
    name = one_of("device", value, DEVICES)
    if name == "cuda" and not torch.cuda.is_available():
        raise ArgumentError(
            "device is 'cuda', but torch finds no CUDA device. Use 'auto' or 'cpu'.", argument="device", value=value
        )
    return name


def _sizes(value: Any) -> tuple[int, ...]:
    """Accepts a single size or several sizes; no size gives a linear model."""
    entries = value if isinstance(value, list | tuple | np.ndarray) else [value]
    return tuple(_count("hidden_layer_sizes", entry) for entry in entries)


def _transforms(value: Any) -> list[Any] | None:
    """Returns the list, or None for the default."""
    if isinstance(value, str) and value == "default":
        return None
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ArgumentTypeError(
            f"transforms must be 'default' or a list of names, transform classes or transforms, but got {value!r}. "
            "Write ['tabular.feature_noise'].",
            argument="transforms",
            value=value,
        )
    return list(value)


def _trunk(value: Any) -> Callable[[int, int], nn.Module] | None:
    if value is not None and (isinstance(value, nn.Module) or not callable(value)):
        raise ArgumentTypeError(
            f"trunk must be None or a callable (n_inputs, n_outputs) -> torch.nn.Module, but got "
            f"{type(value).__name__}. Each fit makes a new module: pass the function or class that makes it.",
            argument="trunk",
        )
    return value


def _penalty(value: Any) -> Callable[..., Any] | str | None:
    if value is None or (callable(value) and not isinstance(value, type)):
        return value
    if not isinstance(value, str):
        raise ArgumentTypeError(
            f"penalty must be {', '.join(map(repr, (AUTO, *PENALTIES)))}, None or an augrad.Penalty, but got "
            f"{value!r}.",
            argument="penalty",
            value=value,
        )
    name = one_of("penalty", value, (AUTO, *PENALTIES))
    return AUTO if name == AUTO else PENALTIES[name]()
