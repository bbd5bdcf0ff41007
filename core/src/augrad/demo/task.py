"""`Demo`: a small real task whose true invariance is known, and `DemoData`. Plugins declare demos; run.py runs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, InputError
from augrad.options import count


@dataclass(frozen=True)
class DemoData:
    """The data of a demo, in three parts.

    Args:
        train_x: the training batch, of any type that `augrad.batch` knows, `(samples, *event)` for tensors.
        train_y: its targets, `(samples,)`: integers for classes, floating point for regression.
        test_x, test_y: the data of the final score; used for nothing else.
        val_x, val_y: the data of the learning curves; None for no learning curves.

    Raises:
        InputError: a part is empty, or its numbers of samples and targets differ.
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
        """Whether the targets are classes. Otherwise they are numbers, for regression."""
        return not self.train_y.is_floating_point()


@dataclass(frozen=True)
class Demo:
    """A small real task, trained without augmentation, with the true augmentation, and with a learned augmentation.

    Args:
        name: argument of `augrad demo NAME`: a letter, then letters, digits, `_` or `-`.
        title: the report's heading, in one line.
        description: two or three sentences for a newcomer about the data and their invariance.
        load: maps a seed to the data.
        trunk: builds the untrained network. Its initial weights come from torch's default generator, which is seeded.
        transforms: names of the candidates among which augrad chooses.
        oracle: the truth: transform name to parameter to the physical value up to which the task is invariant. For a
            parameter that is learned for each entry of an axis: a value for all entries, or a value for each. `{}` for
            a transform without parameters; the oracle then applies it to every other sample. Parameters that are left
            out stay at their identity.
        arguments: constructor arguments for `transforms` and `oracle`, such as `{"sample_rate": 8000}`. Each transform
            gets the arguments that it takes. A callable gets the training batch `train_x`, for arguments that are
            fitted on it, such as a schema.
        draw: draws a sample in the report: `draw(axes, sample, original=..., colour=...)`, with matplotlib axes without
            ticks, a batch with one sample, and the colour of the policy. `original` is the sample before it was
            changed, also as a batch with one sample; draw both on the same scale. It is None for the large picture
            of the original itself. The function also gets those of `arguments` that it names. If `draw` is None, images
            or lines are drawn.
        epochs: epochs of every rule.
        batch_size: batch size of every rule.
        lr: learning rate of the trunk. The learning rate of the augmentation is the library's default.
        n_layers: number of augmentation layers for augrad.
        copies: number of augmented copies over which predictions are averaged.
        seeds: seeds of the repetitions.
        seconds: rough processor time of all three trainings for a seed. It is the display's first estimate of the time
            left.
        n_threads: threads of torch on the CPU. Small networks gain nothing from several threads, and lose much if cores
            are shared. The results would also depend on their number.

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
    seeds: tuple[int, ...] = (0, 1, 2)
    n_threads: int = 1
    seconds: float = 60.0

    def __post_init__(self) -> None:
        check_name("name", self.name)
        for name in ("epochs", "batch_size", "n_layers", "copies", "n_threads"):
            count(name, getattr(self, name))
        if not self.transforms:
            raise ArgumentError("transforms must name at least one candidate, but got none.", argument="transforms")
        self._check_oracle()
        check_seeds(self.seeds)

    def _check_oracle(self) -> None:
        if not self.oracle:
            raise ArgumentError(
                "oracle must name at least one transform and its true range, such as "
                "{'vision.rotate': {'angle': 60.0}}, but got none.",
                argument="oracle",
            )


def check_name(argument: str, name: str) -> None:
    """Raises `ArgumentError` unless `name` is a letter followed by letters, digits, `_` or `-`."""
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise ArgumentError(
            f"{argument} must be a letter followed by letters, digits, '_' or '-', but got {name!r}.",
            argument=argument,
            value=name,
        )


def check_seeds(seeds: tuple[int, ...]) -> None:
    """Raises `ArgumentError` unless `seeds` holds at least one int and none twice."""
    if not seeds or len(set(seeds)) < len(seeds) or not all(type(seed) is int for seed in seeds):
        raise ArgumentError(
            f"seeds must hold at least one int and none twice, but got {seeds!r}.", argument="seeds", value=seeds
        )
