"""`augrad train`: joint training from a configuration file. Uses config.py, usercode.py and augrad.fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from augrad.cli.usercode import import_callable
from augrad.errors import ArgumentError, AugradError, RunawayWarning

if TYPE_CHECKING:
    from torch import nn

    from augrad.config import PenaltyConfig, TrainConfig
    from augrad.demo import Demo
    from augrad.model import InvariantModel
    from augrad.training import FitResult

Data = tuple["nn.Module", Iterable[Any], Iterable[Any] | None]


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="The keys of augrad.config.TrainConfig.")],
    demo: Annotated[str | None, typer.Option(metavar="NAME", help="Train on the data and trunk of this demo.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CALLABLE",
            help="Train on what this returns: (trunk, train_loader, val_loader). It is called with the configuration, "
            "for batch_size and seed. The loaders yield (x, target); val_loader may be None.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where checkpoints and policy.json go; runs/CONFIG if left out.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the output directory.")
    ] = False,
) -> None:
    """Train trunk, selection weights and magnitudes together, as a configuration file says.

    The file holds names and numbers only; code is named by --demo or --data, never in the file. With --demo, keys that
    the file leaves out (transforms, arguments, layers, copies, epochs, batch_size, lr) are the demo's.
    """
    from augrad.config import located, read_config
    from augrad.plugins.registry import get_demo

    if (demo is None) == (data is None):
        raise ArgumentError(
            "give either --demo NAME or --data module:callable: that is where trunk and data come from.",
            argument="--data",
        )
    task = None if demo is None else get_demo(demo)
    settings = read_config(config, defaults=None if task is None else demo_defaults(task))
    with located(config):
        module = build_module(settings, {} if task is None else demo_arguments(task, settings))
    trunk, train_loader, val_loader = load_data(settings, task, data)
    from augrad.model import InvariantModel

    model = InvariantModel(
        trunk,
        module,
        copies=settings.copies,
        train_copies=settings.train_copies,
        aggregation=settings.aggregation,
        seed=settings.seed,
    )
    directory = Path("runs", config.stem) if output is None else output
    with command_line_terms():
        result = train(model, train_loader, val_loader, settings, directory, resume=resume)
    result.policy.to_json(directory / "policy.json")
    _print(result, directory)


def demo_defaults(task: Demo) -> dict[str, Any]:
    """The keys of a configuration that a demo sets unless the file does."""
    classifies = task.load(0).classifies
    return {
        "transforms": list(task.transforms),
        "layers": task.n_layers,
        "copies": task.copies,
        "epochs": task.epochs,
        "batch_size": task.batch_size,
        "lr": task.lr,
        "aggregation": "log_prob" if classifies else "mean",
    }


def demo_arguments(task: Demo, settings: TrainConfig) -> dict[str, Any]:
    """What a demo constructs its transforms with, as far as those of a configuration take it."""
    from augrad.demo.rules import fitted_arguments
    from augrad.layers.construction import accepted
    from augrad.plugins.registry import get_transform

    given = fitted_arguments(task, task.load(settings.seed).train_x)
    taken = accepted(get_transform(name) for name in settings.transforms)
    return {name: value for name, value in given.items() if name in taken or name in settings.transforms}


def build_module(settings: TrainConfig, arguments: Mapping[str, Any]) -> Any:
    """The augmentation that a configuration describes.

    Args:
        settings: the configuration.
        arguments: what its transforms are constructed with unless it says otherwise.
    """
    from augrad.layers.layer import AugmentationLayer
    from augrad.layers.module import AugmentationModule

    return AugmentationModule(
        [
            AugmentationLayer(
                settings.transforms,
                arguments={**arguments, **settings.arguments},
                temperature=settings.temperature,
                magnitude=settings.magnitude,
                selection=settings.selection,
                distribution=settings.distribution,
            )
            for _ in range(settings.layers)
        ]
    )


def load_data(settings: TrainConfig, task: Demo | None, data: str | None) -> Data:
    """Trunk and loaders, of a demo or as the user's callable returns them; torch's generators are put back.

    Raises:
        ArgumentError: the callable cannot be imported or returns something else.
    """
    import torch

    from augrad.demo.rules import build_loader, build_trunk
    from augrad.randomness import derived_seed

    if task is not None:
        parts = task.load(settings.seed)
        train_loader = build_loader(parts.train_x, parts.train_y, settings.batch_size, shuffle_seed=settings.seed)
        val_loader = None if parts.val_y is None else build_loader(parts.val_x, parts.val_y, settings.batch_size)
        return build_trunk(task, settings.seed), train_loader, val_loader
    make = import_callable(data or "", "--data")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed("train", "data", settings.seed))
        made = make(settings)
    if not isinstance(made, tuple) or len(made) != 3 or not isinstance(made[0], torch.nn.Module):
        raise ArgumentError(
            f"--data {data!r} must return (trunk, train_loader, val_loader) with a torch.nn.Module first, but returned "
            f"{_kinds(made)}.",
            argument="--data",
        )
    return made


def train(
    model: InvariantModel,
    train_loader: Iterable[Any],
    val_loader: Iterable[Any] | None,
    settings: TrainConfig,
    directory: Path,
    *,
    resume: bool,
) -> FitResult:
    """Calls `augrad.fit` as a configuration says."""
    import torch

    from augrad.training import EarlyStopping, RunawayGuard, fit

    stopping, guard = settings.early_stopping, settings.runaway
    return fit(
        model,
        train_loader,
        val_loader,
        max_epochs=settings.epochs,
        objective=settings.objective,
        confirm=settings.confirm,
        n_folds=settings.n_folds,
        penalty=build_penalty(settings.penalty),
        penalty_schedule=settings.penalty.schedule,
        optimizer={"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[settings.optimizer],
        lr=settings.lr,
        augmentation_lr=settings.augmentation_lr,
        weight_decay=settings.weight_decay,
        gradient_clip=settings.gradient_clip,
        accumulation_steps=settings.accumulation_steps,
        mixed_precision=settings.mixed_precision,
        early_stopping=None if stopping is None else EarlyStopping(**stopping.model_dump()),
        runaway=None if guard is None else RunawayGuard(**guard.model_dump()),
        directory=directory,
        checkpoint_every=settings.checkpoint_every,
        resume=resume,
        trackers=tuple(settings.trackers),
        seed=settings.seed,
        # Epochs may grow on a resume, and what ran away may go on; fit itself holds the rest against the checkpoint.
        config=settings.model_dump(exclude={"epochs", "runaway"}),
    )


@contextmanager
def command_line_terms() -> Iterator[None]:
    """Rewrites the options of `augrad.fit` in errors and warnings as the command line spells them.

    For example, `fit` says "Pass resume=True"; on the command line that is "Pass --resume". A `RunawayWarning` is
    printed as a line on standard error.
    """
    shown = warnings.showwarning

    def show(message: Warning | str, *rest: Any) -> None:
        if isinstance(message, RunawayWarning):
            typer.echo(f"augrad: {_respelt(message.message)}", err=True)
        else:
            shown(message, *rest)

    with warnings.catch_warnings():
        warnings.showwarning = show  # type: ignore[assignment]  # restored by catch_warnings
        try:
            yield
        except AugradError as error:
            message = _respelt(error.message)
            if message == error.message:
                raise
            raise type(error)(message, **error.facts) from error


_SPELLINGS = {"resume=True": "--resume", "runaway=None": "'runaway: null' in the configuration"}
"""Options of `augrad.fit`, as the command line or the configuration file spells them."""


def _respelt(message: str) -> str:
    for option, spelling in _SPELLINGS.items():
        message = message.replace(option, spelling)
    return message


def build_penalty(settings: PenaltyConfig) -> Any:
    """The penalty that a configuration names, or None."""
    from augrad.learning.penalties import DisplacementPenalty, MagnitudePenalty

    if settings.name == "none":
        return None
    kind = {"displacement": DisplacementPenalty, "magnitude": MagnitudePenalty}[settings.name]
    return kind() if settings.strength is None else kind(settings.strength)


def _kinds(made: Any) -> str:
    return f"({', '.join(type(part).__name__ for part in made)})" if isinstance(made, tuple) else type(made).__name__


def _print(result: FitResult, directory: Path) -> None:
    console = Console()
    console.print(result.policy)
    best = result.best
    if best:
        console.print(f"Best {best['metric']}: {best['value']:.4g} (epoch {best['epoch']}).", highlight=False)
    console.print(f"Written: {directory / 'policy.json'} and checkpoints beside it.", soft_wrap=True, highlight=False)
