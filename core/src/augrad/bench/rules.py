"""`Rule`: one way to augment, as a configuration of augrad's parts, and `Configuration`. Plugins may declare more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from augrad.aggregation import Aggregation
from augrad.bench.task import Task
from augrad.errors import ArgumentError
from augrad.layers.module import AugmentationModule
from augrad.transform.transform import Transform


@dataclass(frozen=True)
class Configuration:
    """The model that a rule trains on a task, and how it is trained.

    Example: `Configuration(module, {"penalty": None}, copies=1)` trains a fixed augmentation and predicts each sample
    from a single copy.

    Args:
        augmentation: the module, learned or with its parameters frozen.
        options: arguments of `augrad.fit` that belong to the rule, such as `{"penalty": None}` or
            `{"objective": Mine}`. All others keep the library's defaults.
        copies: copies that predictions are averaged over; the task's own number if None.
        train_copies: copies of each batch while training.
        wrap: puts something around the task's trunk; maps a trunk to the trunk that is trained.
        aggregation: how predictions of copies become one, as for `InvariantModel`. None: `"log_prob"` for classes,
            `"mean"` for numbers.
        found: maps the trained model and the result of `fit` to a score for each candidate: the higher, the surer the
            rule is that the task is invariant to it. None: the score is weight times displacement, which is right for
            rules that learn weights and magnitudes. Example, for dual variables kept by the objective:
            `lambda model, result: dict(zip(names, duals, strict=True))`.
    """

    augmentation: AugmentationModule
    options: Mapping[str, Any] = field(default_factory=dict)
    copies: int | None = None
    train_copies: int = 1
    wrap: Callable[[nn.Module], nn.Module] | None = None
    aggregation: str | Aggregation | None = None
    found: Callable[..., Mapping[str, float]] | None = None


Build = Callable[[Task, Mapping[str, Transform], int], Configuration]
"""Maps a task, its transforms by name (to be copied, not changed) and a seed to a configuration."""


@dataclass(frozen=True)
class Rule:
    """A way to augment that the benchmark compares with others: fixed, learned, or told the truth.

    Args:
        name: argument of `augrad bench --rules NAME`: a letter, then letters, digits, `_`, `.` or `-`.
        label: name in tables.
        build: maps a task, its transforms by name and a seed to the `Configuration` to train.
        group: name shared by rules that differ in a single number, a grid: tables show the best of the grid. The rule's
            own name if empty.
        citation: the paper, or whoever proposed it.
        settings: numbers and names, JSON-able, that decide the result: a stored run with other settings is repeated.

    Raises:
        ArgumentError: a name or the label is empty, or holds other characters.
    """

    name: str
    label: str
    build: Build
    group: str = ""
    citation: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.group:
            object.__setattr__(self, "group", self.name)
        for field_name in ("name", "group"):
            value = getattr(self, field_name)
            if not re.fullmatch(r"[A-Za-z][\w.-]*", value):
                raise ArgumentError(
                    f"{field_name} must be a letter followed by letters, digits, '_', '.' or '-', but got {value!r}.",
                    argument=field_name,
                    value=value,
                )
        if not self.label.strip():
            raise ArgumentError(f"label of the rule {self.name!r} must say what it is, but is empty.", argument="label")
