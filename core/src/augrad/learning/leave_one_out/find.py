"""`augrad.find_policy`: which transforms help, and how far, before anything is trained. Uses examination.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from augrad.errors import ArgumentError, ArgumentTypeError, AugradError
from augrad.layers.construction import Entry, accepted, check_taken, resolve_transforms
from augrad.learning.leave_one_out.evidence import Evidence
from augrad.learning.leave_one_out.examination import MAX_TRANSFORMS, N_COPIES, N_SAMPLES, Report, examine
from augrad.learning.leave_one_out.samples import read_samples
from augrad.learning.leave_one_out.targets import LEAST_SAMPLES
from augrad.model import InvariantModel
from augrad.options import count, flag, number
from augrad.plugins.registry import transforms as registered
from augrad.report.words import counted
from augrad.transform.transform import Transform

LEAST_COPIES = 4


def find_policy(
    trunk: nn.Module,
    loader: Any,
    transforms: str | Sequence[Entry],
    *,
    arguments: Mapping[str, Any] | None = None,
    features: str | Callable[[nn.Module, Any], Tensor] | None = None,
    n_samples: int = N_SAMPLES,
    n_copies: int = N_COPIES,
    max_transforms: int = MAX_TRANSFORMS,
    max_seconds: float | None = None,
    progress: bool | None = None,
    seed: int = 0,
) -> Evidence:
    """Finds the transforms that a task is invariant to, and how far, before anything is trained.

    The evidence is the leave-one-out error of ridge regression on features of the trunk, averaged over augmented copies
    of each sample. It has a closed form. A true invariance lowers it, and a transform that destroys what tells the
    target raises it. Each candidate is tried alone, the best is tried again with other random numbers, and transforms
    are added to the policy as long as they lower the error.

    Nothing is trained, no held-out data are needed, and the trunk is left as it is. An untrained trunk serves with its
    random weights; a trained one with the features that it has.

    Args:
        trunk: a network from a batch to outputs; of an `InvariantModel` its trunk is used.
        loader: a `DataLoader`, or another iterable of pairs `(x, target)`. At most `n_samples` are read, once. Targets
            are classes, several labels, or numbers, one row for each sample.
        transforms: the candidates: names, transform classes or instances; or a modality, such as `"vision"`, for all
            of its registered transforms that accept the data.
        arguments: constructor arguments for names and classes, as for `AugmentationLayer`.
        features: the name of a module of the trunk, whose output is used alone; or a function
            `(trunk, x) -> (samples, features)`. None: the inputs of all linear and convolutional layers that have a
            row for each sample.
        n_samples: samples to read at most, at least 20. Beyond about 1,000, the time grows with the cube of the number.
        n_copies: augmented copies of each sample, at least 4.
        max_transforms: transforms in the policy at most.
        max_seconds: the search ends after about this time with what it has found; None for no limit.
        progress: whether to show a progress bar; None shows it only on a terminal.
        seed: of all draws.

    Returns:
        The policy, and a verdict for each candidate.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted.
        InputError: there are fewer than 20 samples, a single class, values that are not finite, or features that are
            the same for all samples. The attribute `index` tells a sample's place in the data set.
        InputError, InputTypeError: a transform does not accept the data.
        LayerError, UnknownTransformError: as for `AugmentationLayer`.
        UnknownNameError: no transform of this modality is registered.

    Example:
        >>> import torch
        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "find_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> _ = torch.manual_seed(0)
        >>> y = torch.arange(100) % 2
        >>> x = torch.stack([y.float(), 1.0 - y], 1) + 3 * torch.rand(100, 1)  # a wandering baseline
        >>> evidence = find_policy(torch.nn.Linear(2, 2), [(x, y)], [Offset])
        >>> [(each.transform, each.verdict) for each in evidence.candidates]
        [('find_example.offset', 'helps')]

    References:
        Mei, Misiakiewicz, Montanari: Learning with invariances in random features and kernel models, COLT 2021.
        Bachmann, Hofmann, Lucchi: Generalization through the lens of leave-one-out error, ICLR 2022.
    """
    if isinstance(trunk, InvariantModel):
        trunk = trunk.trunk
    if not isinstance(trunk, nn.Module):
        raise ArgumentTypeError(
            f"trunk must be a torch.nn.Module, but got {type(trunk).__name__}. Pass an instance, untrained or trained.",
            argument="trunk",
        )
    count("n_samples", n_samples, least=LEAST_SAMPLES)
    count("n_copies", n_copies, least=LEAST_COPIES)
    count("max_transforms", max_transforms)
    if max_seconds is not None:
        number("max_seconds", max_seconds, above=0)
    if progress is not None:
        flag("progress", progress)
    count("seed", seed, least=None, wrong_type=ArgumentTypeError)
    if not isinstance(transforms, Sequence):
        raise ArgumentTypeError(
            "transforms must be a modality, such as 'vision', or a list of names, transform classes or instances, but "
            f"got {transforms!r}.",
            argument="transforms",
        )
    if any(isinstance(each, str) for each in transforms):
        registered()  # of all plugins: they bring the types of batches that the loader may yield
    samples = read_samples(loader, n_samples, seed)
    chosen, left_out = candidates_of(transforms, samples.x, arguments)
    with _bar(progress) as report:
        return examine(
            trunk,
            samples,
            chosen,
            features=features,
            n_copies=n_copies,
            max_transforms=max_transforms,
            max_seconds=max_seconds,
            seed=seed,
            report=report,
            warnings=left_out,
        )


def candidates_of(
    transforms: str | Sequence[Entry], x: Any, arguments: Mapping[str, Any] | None
) -> tuple[list[Transform], list[str]]:
    """Constructs the candidates; of a modality, those that can be constructed and accept the data.

    Args:
        transforms, arguments: as for `find_policy`.
        x: the samples.

    Returns:
        The candidates, and a sentence for those that were left out, with the reason for the first.

    Raises:
        ArgumentError: no transform of the modality accepts the data or takes an argument, or the name of a transform
            came for a modality.
    """
    if not isinstance(transforms, str):
        return resolve_transforms(transforms, arguments), []
    if transforms in registered():
        raise ArgumentError(
            f"transforms must be a modality or a list, but got the name of a transform. Write [{transforms!r}].",
            argument="transforms",
            value=transforms,
        )
    check_taken(arguments or {}, list(registered(transforms).values()))
    built, skipped = [], {}
    for name in registered(transforms):
        try:
            (transform,) = resolve_transforms([name], _taken(name, transforms, arguments))
            transform.validate(x)
        except AugradError as error:
            skipped[name] = str(error)
        else:
            built.append(transform)
    if not built:
        first = next(iter(skipped.values()), "it has none")
        raise ArgumentError(
            f"transforms: no transform of the modality {transforms!r} can be used. {first}", argument="transforms"
        )
    if not skipped:
        return built, []
    were = "was" if len(skipped) == 1 else "were"
    why = next(iter(skipped.values())).partition(". ")[0].rstrip(".")
    return built, [f"{counted(len(skipped), 'transform')} {were} left out: {', '.join(skipped)}; {why}"]


def _taken(name: str, modality: str, arguments: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The arguments that one transform of a modality takes."""
    kind = registered(modality)[name]
    return {key: value for key, value in (arguments or {}).items() if key in accepted([kind]) or key == name}


@contextmanager
def _bar(wanted: bool | None) -> Any:
    """A progress bar with the time left, as a function to report to."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown = console.is_terminal if wanted is None else wanted
    columns = (
        TextColumn("evidence: {task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("left at most"),
    )
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("features", total=1.0)

        def report(share: float, text: str) -> None:
            progress.update(task, completed=share, description=text)

        yield report


__all__ = ["Report", "find_policy"]
