"""`Demo`: a small real task whose true invariance is known, and `DemoData`. Plugins declare them for run.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, InputError


@dataclass(frozen=True)
class DemoData:
    """The data of a demo, split.

    Args:
        train_x: the batch to train on: anything that `augrad.batch` knows, `(samples, *event)` for tensors.
        train_y: its targets, `(samples,)` integers for classes, floating point for regression.
        test_x, test_y: what the printed score is measured on; seen by nothing else.
        val_x, val_y: what the learning curves are measured on, or None for no such curve.

    Raises:
        InputError: a part is empty, or its samples and targets differ in number.
    """

    train_x: Any
    train_y: Tensor
    test_x: Any
    test_y: Tensor
    val_x: Any = None
    val_y: Tensor | None = None

    def __post_init__(self) -> None:
        parts: dict[str, tuple[Any, Tensor | None]] = {
            "train": (self.train_x, self.train_y),
            "test": (self.test_x, self.test_y),
        }
        if self.val_x is not None or self.val_y is not None:
            parts["val"] = (self.val_x, self.val_y)
        for name, (x, y) in parts.items():
            n_samples, n_targets = (0 if part is None else batch.count(part) for part in (x, y))
            if n_samples == 0 or n_samples != n_targets:
                raise InputError(
                    f"{name}_x and {name}_y must hold the same number of samples, at least 1, but got {n_samples} "
                    f"and {n_targets}.",
                    argument=f"{name}_x",
                )

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes; else they are numbers to regress on."""
        return not self.train_y.is_floating_point()


@dataclass(frozen=True)
class Demo:
    """A small real task, run with no augmentation, with the true one, and with what augrad learns.

    Args:
        name: what `augrad demo NAME` is called with: a letter, then letters, digits, `_` or `-`.
        title: one line, the report's heading.
        description: two or three sentences for a newcomer: what the data are, and what is invariant.
        load: maps a seed to the data.
        trunk: builds the untrained network; its initial weights come from torch's default generator, which is seeded.
        transforms: names of the candidates that augrad chooses among.
        oracle: the truth, transform name to parameter to physical value: how far the task really is invariant. For a
            parameter learned per axis entry one value for all, or one each. `{}` for a transform without parameters,
            which the oracle then applies to every other sample; parameters left out stay at their identity.
        arguments: what the transforms of `transforms` and `oracle` are constructed with, such as
            `{"sample_rate": 8000}`; each gets those it takes. A callable gets the training batch `train_x`, for what is
            fitted on it, such as a schema.
        draw: how one sample is drawn in the report: called as `draw(axes, sample, original=..., colour=...)` with
            matplotlib axes that have no ticks, a batch of one sample, and a colour for what tells the policies apart.
            `original` is the sample before it was changed, also as a batch of one, to be drawn to the same scale; None
            for the large picture of the original itself. It also gets those of `arguments` that it names. None draws
            images or lines.
        epochs: trained for by every rule.
        batch_size: of every rule.
        lr: learning rate of the trunk; the augmentation's is the library's default.
        n_layers: augmentation layers that augrad stacks.
        copies: augmented copies that predictions are averaged over.
        seeds: what is repeated over.
        seconds: rough processor time of all three trainings for a seed; the display's first guess at the time left.
        n_threads: threads of torch on the CPU. Small networks gain nothing from several and lose much where cores are
            shared, and the results would depend on their number.

    Raises:
        ArgumentError: a field is empty or out of range.
    """

    name: str
    title: str
    description: str
    load: Callable[[int], DemoData]
    trunk: Callable[[], nn.Module]
    transforms: tuple[str, ...]
    oracle: Mapping[str, Mapping[str, float | Sequence[float]]]
    arguments: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]] = field(default_factory=dict)
    draw: Callable[..., None] | None = None
    epochs: int = 60
    batch_size: int = 64
    lr: float = 2e-3
    n_layers: int = 2
    copies: int = 10
    seeds: tuple[int, ...] = (0,)
    n_threads: int = 1
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][\w-]*", self.name):
            raise ArgumentError(
                f"name must be a letter followed by letters, digits, '_' or '-', but got {self.name!r}.",
                argument="name",
                value=self.name,
            )
        for name in ("epochs", "batch_size", "n_layers", "copies", "n_threads"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ArgumentError(
                    f"{name} must be an int of at least 1, but got {value!r}.", argument=name, value=value
                )
        if not self.transforms:
            raise ArgumentError("transforms must name at least one candidate, but got none.", argument="transforms")
        self._check_oracle()
        check_seeds(self.seeds)

    def _check_oracle(self) -> None:
        if not self.oracle:
            raise ArgumentError(
                "oracle must name at least one transform and what is true of it, such as "
                "{'vision.rotate': {'angle': 60.0}}, but got none.",
                argument="oracle",
            )


def check_seeds(seeds: tuple[int, ...]) -> None:
    """Raises `ArgumentError` unless `seeds` holds at least one int and none twice."""
    if not seeds or len(set(seeds)) < len(seeds) or not all(type(seed) is int for seed in seeds):
        raise ArgumentError(
            f"seeds must hold at least one int and none twice, but got {seeds!r}.", argument="seeds", value=seeds
        )
