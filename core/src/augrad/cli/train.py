"""`augrad train`: trains a network and its augmentation from a configuration file. Uses config.py and augrad.fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from augrad.cli.usercode import import_callable
from augrad.errors import ArgumentError, AugradError, EvidenceWarning, RunawayWarning

if TYPE_CHECKING:
    from torch import nn

    from augrad.config import PenaltyConfig, TrainConfig
    from augrad.demo import Demo
    from augrad.model import InvariantModel
    from augrad.training import FitResult

Data = tuple["nn.Module", Iterable[Any], Iterable[Any] | None]


def run(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.yaml", help="A file with the keys of augrad.config.TrainConfig.")
    ],
    demo: Annotated[str | None, typer.Option(metavar="NAME", help="Train on the data and trunk of this demo.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CALLABLE",
            help="A function that returns (trunk, train_loader, val_loader). It is called with the configuration, for "
            "batch_size and seed. The loaders yield (x, target); val_loader may be None.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for checkpoints and policy.json; default: runs/CONFIG.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint in the output folder.")
    ] = False,
) -> None:
    """Train a network together with its augmentation: selection weights and magnitudes.

    The configuration file holds only names and numbers. Code is never named in the file, but by --demo or --data. With
    --demo, the demo supplies the keys that the file leaves out (transforms, arguments, layers, copies, epochs,
    batch_size, lr).
    """
    from augrad.config import located, read_config
    from augrad.plugins.registry import get_demo

    if (demo is None) == (data is None):
        raise ArgumentError(
            "give either --demo NAME or --data module:callable. The trunk and the data come from there.",
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
    """Returns the keys of a configuration that a demo supplies if the file leaves them out."""
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
    """Returns the demo's constructor arguments that the transforms of a configuration take."""
    from augrad.demo.rules import fitted_arguments
    from augrad.layers.construction import accepted
    from augrad.plugins.registry import get_transform

    given = fitted_arguments(task, task.load(settings.seed).train_x)
    taken = accepted(get_transform(name) for name in settings.transforms)
    return {name: value for name, value in given.items() if name in taken or name in settings.transforms}


def build_module(settings: TrainConfig, arguments: Mapping[str, Any]) -> Any:
    """Builds the augmentation that a configuration describes.

    Args:
        settings: the configuration.
        arguments: constructor arguments for its transforms; those of the configuration take precedence.
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
    """Returns the trunk and the loaders, from a demo or from the user's callable. torch's generators are restored.

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
    """Calls `augrad.fit` with the options of a configuration."""
    import torch

    from augrad.training import EarlyStopping, RunawayGuard, fit

    stopping, guard = settings.early_stopping, settings.runaway
    return fit(
        model,
        train_loader,
        val_loader,
        max_epochs=settings.epochs,
        objective=settings.objective,
        # A file that says nothing of a penalty leaves the choice to the objective.
        penalty=build_penalty(settings.penalty) if "penalty" in settings.model_fields_set else "auto",
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
        # A resumed run may have more epochs or no runaway guard. fit compares all other keys with the checkpoint.
        config=settings.model_dump(exclude={"epochs", "runaway"}),
    )


@contextmanager
def command_line_terms() -> Iterator[None]:
    """Rewrites the options of `augrad.fit` in errors and warnings as the command line spells them.

    For example, `fit` says "Pass resume=True"; on the command line that is "Pass --resume". augrad's own warnings are
    printed as a line on standard error.
    """
    shown = warnings.showwarning

    def show(message: Warning | str, *rest: Any) -> None:
        if isinstance(message, RunawayWarning | EvidenceWarning):
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


_SPELLINGS = {
    "resume=True": "--resume",
    "runaway=None": "'runaway: null' in the configuration",
    "objective='joint' to augrad.fit": "'objective: joint' in the configuration",
    "objective='joint'": "'objective: joint' in the configuration",
}
"""Options of `augrad.fit`, as the command line or the configuration file spells them."""


def _respelt(message: str) -> str:
    for option, spelling in _SPELLINGS.items():
        message = message.replace(option, spelling)
    return message


def build_penalty(settings: PenaltyConfig) -> Any:
    """Returns the penalty that a configuration names, or None."""
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
