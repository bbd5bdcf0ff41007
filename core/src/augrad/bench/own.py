"""`own_task`: a benchmark task from a user's trunk and loaders, whose truth nobody knows. Uses task.py."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from augrad import batch
from augrad.bench.task import Kind, Task
from augrad.demo.task import DemoData
from augrad.errors import ArgumentError, ArgumentTypeError, InputError
from augrad.randomness import derived_seed, keyed_generator, preserved_generators
from augrad.training.fingerprints import described

HELD_OUT = 0.2
"""Share of the samples that is held out for validation if there is no validation loader."""

LEAST = 2
"""Validation samples without which no standard error can be had."""

Make = Callable[[int], tuple[nn.Module, Iterable[Any], Iterable[Any] | None]]
"""Maps a seed to an untrained trunk, a loader of training data and one of validation data, or None."""


@dataclass(frozen=True)
class OwnTask(Task):
    """A task of a user's own data: rules are compared by their scores on validation samples. Made by `own_task`.

    Args:
        kind: always `"unknown"`.
        options: arguments of `augrad.fit` that concern the trunk, the same for every rule.
        aggregation: how predictions of copies become one, for rules that do not choose it; None: `"log_prob"` for
            classes, `"mean"` for numbers.
    """

    kind: Kind = "unknown"
    options: Mapping[str, Any] = field(default_factory=dict)
    aggregation: str | None = None


def own_task(
    make: Make,
    transforms: Sequence[str],
    *,
    name: str = "own",
    title: str = "",
    arguments: Mapping[str, Any] | None = None,
    epochs: int = 60,
    batch_size: int = 64,
    lr: float = 2e-3,
    copies: int = 10,
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    options: Mapping[str, Any] | None = None,
    aggregation: str | None = None,
) -> OwnTask:
    """A benchmark task from your own trunk and data, for `run_bench`.

    All samples of the loaders are read into memory, once for each seed, so leave random augmentation out of the
    loaders. The training loader's order does not count: every rule shuffles alike.

    Args:
        make: returns `(trunk, train_loader, val_loader)` for a seed. The loaders yield `(x, target)`, with a class or a
            number for each sample. If `val_loader` is None, a fifth of the samples is held out, the same for every
            seed. A validation set that is the same for every seed makes the comparison sharper.
        transforms: names of the candidates.
        name: name in the store and in tables: a letter, then letters, digits, `_` or `-`.
        title: a line that says what it is; the name if empty.
        arguments: constructor arguments of the transforms.
        epochs, batch_size, lr: how every rule trains the trunk; the learning rate falls to 0 along a cosine.
        copies: number of augmented copies over which predictions are averaged.
        seeds: seeds of the repetitions.
        options: arguments of `augrad.fit` that concern the trunk, such as `{"weight_decay": 1e-4}`.
        aggregation: as for `OwnTask`.

    Raises:
        ArgumentTypeError: `make` is no callable.
        ArgumentError: a value is empty or out of range.

    Example:
        >>> def make(seed):
        ...     return my_network(), train_loader, val_loader
        >>> task = own_task(make, ["vision.rotate", "vision.brightness"], epochs=20)
        >>> task.name, task.kind
        ('own', 'unknown')
    """
    if not callable(make):
        raise ArgumentTypeError(
            f"make must be a function of a seed that returns (trunk, train_loader, val_loader), but got {make!r}.",
            argument="make",
        )
    source = _Source(make)
    return OwnTask(
        name=name,
        title=title or name,
        description="Your own data.",
        load=source.load,
        trunk=source.trunk,
        transforms=tuple(transforms),
        oracle={},
        arguments={} if arguments is None else arguments,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        copies=copies,
        seeds=seeds,
        options={} if options is None else options,
        aggregation=aggregation,
    )


class _Source:
    """The user's trunk and data. The trunk is made together with the data, and copied for each rule."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self._trunk: nn.Module | None = None

    def __repr__(self) -> str:
        # The digest of a run describes it: by what decides the data, not by the trunk that was made last.
        return f"_Source({described(self.make)})"

    def __getstate__(self) -> dict[str, Any]:
        return {"make": self.make, "_trunk": None}

    def load(self, seed: int) -> DemoData:
        """Makes the trunk and the data of a seed. The global generators are restored."""
        with preserved_generators():
            torch.manual_seed(derived_seed("bench", "own", seed))
            made: Any = self.make(seed)
            if not isinstance(made, tuple) or len(made) != 3 or not isinstance(made[0], nn.Module):
                parts = ", ".join(type(part).__name__ for part in made) if isinstance(made, tuple) else None
                raise ArgumentError(
                    "make must return (trunk, train_loader, val_loader) with a torch.nn.Module first, but returned "
                    f"{type(made).__name__ if parts is None else f'({parts})'}.",
                    argument="make",
                )
            self._trunk, train_loader, val_loader = made
            x, y = _gathered("train_loader", train_loader)
            held_out = None if val_loader is None else _gathered("val_loader", val_loader)
        if held_out is None:
            order = torch.randperm(len(y), generator=keyed_generator("bench", "held out"))
            n_held_out = round(HELD_OUT * len(y))
            held_out = batch.select(x, order[:n_held_out]), y[order[:n_held_out]]
            x, y = batch.select(x, order[n_held_out:]), y[order[n_held_out:]]
        if len(held_out[1]) < LEAST:
            raise InputError(
                f"rules are compared on at least {LEAST} validation samples, but got {len(held_out[1])}. Give more.",
                argument="val_loader",
            )
        return DemoData(x, y, *held_out)

    def trunk(self) -> nn.Module:
        """A copy of the trunk that the last call of `load` made."""
        if self._trunk is None:
            raise ArgumentError("the trunk is made together with the data: call load(seed) first.", argument="trunk")
        return copy.deepcopy(self._trunk)


def _gathered(name: str, loader: Any) -> tuple[Any, Tensor]:
    """All samples of a loader as one batch, and their targets."""
    if not hasattr(loader, "__iter__"):
        raise ArgumentTypeError(
            f"{name} must be a DataLoader or another iterable of batches (x, target), but got {type(loader).__name__}.",
            argument=name,
        )
    parts: list[Any] = []
    targets: list[Tensor] = []
    for entry in loader:
        if not isinstance(entry, tuple | list) or len(entry) != 2 or not isinstance(entry[1], Tensor):
            kinds = [type(each).__name__ for each in entry] if isinstance(entry, tuple | list) else type(entry).__name__
            raise ArgumentTypeError(
                f"{name} must yield pairs (x, target) with a tensor of targets, but yields {kinds}.", argument=name
            )
        x, target = entry
        if target.ndim == 0 or len(target) != batch.count(x):
            raise InputError(
                f"{name} yields {batch.count(x)} samples with targets of shape {tuple(target.shape)}; there must be "
                "one target per sample, first axis first.",
                argument=name,
            )
        parts.append(x)
        targets.append(target.long() if target.dtype == torch.bool else target)
    if not parts:
        raise InputError(f"{name} yields no samples. Check the data set, and drop_last.", argument=name)
    x, y = batch.detach(batch.concatenate(*parts)), torch.cat(targets).detach()
    # In an order of their own, so that a loader that shuffles gives the same samples, and the same split, every time.
    order = batch.fingerprint(x).argsort(stable=True).to(y.device)
    return batch.select(x, order), y[order]
