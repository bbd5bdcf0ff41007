"""`Rule`: one way to augment, as a configuration of augrad's parts, and `Configuration`. Plugins may declare more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from augrad.bench.task import Task
from augrad.errors import ArgumentError
from augrad.layers.module import AugmentationModule
from augrad.transform.transform import Transform


@dataclass(frozen=True)
class Configuration:
    """What a rule makes of a task: what is trained, and how.

    Args:
        augmentation: the module, learned or with its parameters frozen.
        options: arguments of `augrad.fit` that are the rule's own, such as `{"penalty": None}`; those left out are the
            library's defaults. The penalty is one of them.
        copies: that predictions are averaged over; the task's own if None.
    """

    augmentation: AugmentationModule
    options: Mapping[str, Any] = field(default_factory=dict)
    copies: int | None = None


Build = Callable[[Task, Mapping[str, Transform], int], Configuration]
"""Maps a task, its transforms by name (to be copied, not changed) and a seed to a configuration."""


@dataclass(frozen=True)
class Rule:
    """One way to augment, told, fixed or learned, that the benchmark compares with others.

    Args:
        name: what `augrad bench --rules NAME` is called with: a letter, then letters, digits, `_`, `.` or `-`.
        label: what tables call it.
        build: maps a task, its transforms by name and a seed to the `Configuration` to train.
        group: of rules that differ in one number alone, a grid: tables show the best of it. The rule's own name if
            empty.
        citation: where it comes from.
        settings: numbers and names, JSON-able, that decide what it does: a stored run with other ones is repeated.

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
