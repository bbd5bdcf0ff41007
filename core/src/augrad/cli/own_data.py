"""A benchmark task from a configuration file and the user's callable: `augrad bench --config`. Used by bench.py."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from augrad.cli.usercode import import_callable
from augrad.errors import ArgumentError, AugradError

if TYPE_CHECKING:
    from torch import nn

    from augrad.bench.own import OwnTask
    from augrad.config import TrainConfig

OF_THE_TRUNK = ("weight_decay", "gradient_clip", "accumulation_steps", "mixed_precision")
OF_THE_TASK = ("transforms", "arguments", "copies", "aggregation", "epochs", "batch_size", "lr", "optimizer")
"""Keys of a configuration that hold for every rule. All others belong to one way to augment, which a rule brings."""


@dataclass(frozen=True)
class ConfiguredData:
    """The user's callable with its configuration, as a function of the seed. Worker processes import it again.

    Attributes:
        target: `"module:callable"`, as on the command line.
        settings: the configuration. The callable gets it with the seed of the repetition.
        code: a description of the callable: a stored run with other code is repeated.
    """

    target: str
    settings: TrainConfig
    code: str | None

    def __call__(self, seed: int) -> tuple[nn.Module, Iterable[Any], Iterable[Any] | None]:
        """Calls the user's callable."""
        made: tuple[nn.Module, Iterable[Any], Iterable[Any] | None] = import_callable(self.target, "--data")(
            self.settings.model_copy(update={"seed": seed})
        )
        return made


def own_data(config: Path | None, data: str | None, first_seed: int) -> OwnTask:
    """Returns a benchmark task of a user's own data, after making its data once to see that they fit.

    Args:
        config: the configuration file, with the keys of `augrad.config.TrainConfig`.
        data: `"module:callable"`, as for `augrad train`.
        first_seed: the seed for which the data are made.

    Raises:
        ArgumentError: one of the two is missing, the callable fails, or it returns something else.
        ConfigError: the file cannot be read, or names something that there is not.
    """
    if config is None or data is None:
        raise ArgumentError(
            "--config CONFIG.yaml and --data module:callable go together: the file names transforms and epochs, the "
            "callable returns (trunk, train_loader, val_loader).",
            argument="--config" if config is None else "--data",
        )
    import torch

    from augrad.bench import own_task
    from augrad.config import located, read_config
    from augrad.demo.rules import build_trunk
    from augrad.demo.trial import prepared
    from augrad.training.fingerprints import described

    settings = read_config(config)
    unused = sorted(settings.model_fields_set.difference(OF_THE_TASK, OF_THE_TRUNK))
    if unused:
        typer.echo(f"augrad: not used, because each rule brings its own: {', '.join(unused)} in {config}.", err=True)
    optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[settings.optimizer]
    make = ConfiguredData(data, settings, described(import_callable(data, "--data")))
    with located(config):
        task = own_task(
            make,
            settings.transforms,
            name=_name(config.stem),
            title=config.stem,
            arguments=settings.arguments,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            lr=settings.lr,
            copies=settings.copies,
            options={"optimizer": optimizer, **{key: getattr(settings, key) for key in OF_THE_TRUNK}},
            aggregation=settings.aggregation if "aggregation" in settings.model_fields_set else None,
        )
        try:
            prepared(task, first_seed)
            build_trunk(task, first_seed)
        except AugradError as error:
            message = error.message.replace("make must", f"--data {data!r} must")
            raise type(error)(message, **error.facts) from error
        except Exception as error:  # the callable is the user's code: whatever it raises is one line
            raise ArgumentError(
                f"--data {data!r} failed: {type(error).__name__}: {error}", argument="--data"
            ) from error
    return task


def _name(stem: str) -> str:
    """The name of a file as that of a task: a letter, then letters, digits, `_` or `-`.

    Example:
        >>> _name("run.2"), _name("2nd run")
        ('run-2', 'own-2nd-run')
    """
    name = re.sub(r"[^\w-]", "-", stem)
    return name if re.match(r"[A-Za-z]", name) else f"own-{name}"
