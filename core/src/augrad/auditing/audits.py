"""`audit`: finds the invariances of a model, and compares them with the data. Uses measuring.py; see result.py."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from augrad.auditing.baseline import Baseline
from augrad.auditing.measurements import Measurement, Shown
from augrad.auditing.measuring import Measuring
from augrad.auditing.probing import STRENGTHS, check_strengths, chosen_transforms, load_plugins
from augrad.auditing.result import AuditReport, Facts
from augrad.auditing.samples import MAX_SAMPLES, Samples, read
from augrad.auditing.sensitivity import sensitivity
from augrad.auditing.subject import Output, Subject
from augrad.auditing.verdicts import EPSILON, KINDS, check_epsilon, judge
from augrad.errors import ArgumentTypeError
from augrad.files.manifest import installed_versions
from augrad.layers.construction import Entry
from augrad.learning.criteria import Criterion
from augrad.model import InvariantModel
from augrad.randomness import preserved_generators
from augrad.report.estimate import Estimate
from augrad.transform.transform import Transform


def audit(
    model: Any,
    loader: Any,
    transforms: str | Entry | Sequence[Entry] | None = None,
    *,
    strengths: Any = STRENGTHS,
    arguments: Mapping[str, Any] | None = None,
    layers: Sequence[str] = (),
    output: Output = None,
    reference: Any = "neighbours",
    criterion: Criterion | None = None,
    epsilon: float = EPSILON,
    max_samples: int | None = MAX_SAMPLES,
    seed: int = 0,
    name: str | None = None,
    progress: bool | None = None,
) -> AuditReport:
    """Measures which transforms a finished model ignores and which its data allow it to ignore; gives verdicts.

    For example, it tells whether a digit classifier ignores rotations of up to 20 degrees, and whether digits keep
    their labels under them. It works for any model, trained with augrad or not. Model and loader are restored
    afterwards: modes, gradients, device, random states. All measurements use the samples of the loader, which should
    be new to the model.

    Args:
        model: a `torch.nn.Module`, a scikit-learn estimator, or a function from a batch to a tensor.
        loader: batches `(x, target)`, or `x` alone. Without labels some measures are left out, and the report says so.
        transforms: a modality such as `"vision"`; names, classes or instances; None for all registered transforms that
            fit.
        strengths: shares of the declared ranges, in (0, 1]. A transform without parameters is either applied or not.
        arguments: constructor arguments of the transforms, such as `{"sample_rate": 8000}`.
        layers: names of submodules whose invariance is also measured.
        output: selects the prediction if the model returns a tuple, mapping or object: a position, a key or a function.
        reference: decides whether labels survive. `"neighbours"` asks the nearest neighbours among the samples. A
            scikit-learn estimator is cloned and fitted on clean samples, with cross-validation. A module or function
            must have been trained on other data.
        criterion: maps output and target to a scalar, for the change of the loss. If None, cross-entropy for classes
            and the squared error for numbers.
        epsilon: share of labels, and of predictions, that may change, in (0, 0.5).
        max_samples: number of samples to read at most; None for all.
        seed: seed of all random draws.
        name: name of the model in reports; if None, the name of its class.
        progress: whether to show a progress bar; None shows it only on a terminal.

    Returns:
        The report. With fewer than about 150 samples, most verdicts are undecided.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted, the loader is empty, or the model returns no
            tensor.
        InputError, InputTypeError: a named transform does not accept the samples, or an output is not finite.

    Example:
        >>> import torch
        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "audit_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
        >>> slope = lambda x: torch.stack([x[:, 0] - x[:, 1], x[:, 1] - x[:, 0]], dim=1)
        >>> report = audit(slope, [(x, (x[:, 0] < x[:, 1]).long())], [Offset], strengths=(0.5, 1.0))
        >>> [round(row.flip_rate.value, 2) for row in report.measurements]
        [0.0, 0.0]
    """
    started = time.perf_counter()
    check_epsilon(epsilon)
    if isinstance(model, type):
        raise ArgumentTypeError(f"model must be an instance, but got the class {model.__name__}.", argument="model")
    steps = check_strengths(strengths)
    subject = Subject(model, output=output, layers=layers)
    load_plugins(transforms)
    samples = read(loader, max_samples, at_least=2)
    with preserved_generators():
        chosen, skipped = chosen_transforms(transforms, samples.x, arguments, inherited=_arguments_of(model))
        measuring = Measuring(
            samples,
            subject,
            kind=type(chosen[0]),
            reference=reference,
            criterion=criterion or _criterion(samples),
            seed=seed,
            n_verdicts=sum(len(_steps(each, steps)) for each in chosen),
        )
        rows: list[Measurement] = []
        shown: dict[str, Shown] = {}
        sensitivities: dict[str, Estimate | None] = {}
        n_steps = sum(len(_steps(each, steps)) for each in chosen)
        with _bar(progress) as bar:
            task = bar.add_task("audit", total=n_steps)
            for transform in chosen:
                bar.update(task, description=transform.name)
                for row, pictures in measuring.measure(transform, _steps(transform, steps)):
                    rows.append(row)
                    shown[transform.name] = pictures
                    bar.advance(task)
                sensitivities[transform.name] = sensitivity(
                    subject, samples, measuring.baseline.outputs, transform, seed
                )
    assumed = {each.name: each.assumes for each in chosen}
    return reported(
        name or subject.name,
        measuring.baseline,
        rows,
        shown,
        assumed,
        skipped=skipped,
        epsilon=epsilon,
        started=started,
        model=subject.digest(),
        layers=tuple(layers),
        sensitivities=sensitivities,
        policy=tuple(_policy(model)),
    )


def reported(
    name: str,
    baseline: Baseline,
    rows: Sequence[Measurement],
    shown: Mapping[str, Shown],
    assumed: Mapping[str, str],
    *,
    epsilon: float,
    started: float,
    skipped: Mapping[str, str] | None = None,
    model: str | None = None,
    layers: tuple[str, ...] = (),
    sensitivities: Mapping[str, Estimate | None] | None = None,
    policy: tuple[Mapping[str, Any], ...] = (),
) -> AuditReport:
    """Builds the report from measurements, with a verdict for each transform.

    Args:
        name: name of the model or pipeline in the report.
        measuring: the object that measured.
        rows: the measurements.
        shown: samples for pictures, by transform.
        assumed: the invariance that each transform assumes, by name.
        epsilon: share of labels, and of predictions, that may change.
        started: starting time, by `time.perf_counter`.
        skipped: transforms that were left out, with the reason.
        model: hash of the model.
        layers, sensitivities, policy: as in `Facts` and `AuditReport`.
    """
    samples, known = baseline.samples, baseline.reference_accuracy
    chance = baseline.chance
    knows = known is not None and chance is not None and known.low > chance
    verdicts = [
        judge([row for row in rows if row.transform == each], assumes=text, epsilon=epsilon, known=knows)
        for each, text in assumed.items()
    ]
    facts = Facts(
        subject=name,
        modality=baseline.kind.modality,
        n_samples=len(samples),
        more=samples.more,
        target=None if samples.target is None else "classes" if samples.classes else "numbers",
        score=None if baseline.subject is None else baseline.score,
        reference=None if baseline.reference is None else baseline.reference.name,
        reference_accuracy=known,
        chance=chance,
        epsilon=epsilon,
        seed=baseline.seed,
        data=samples.digest(),
        model=model,
        versions=installed_versions(baseline.kind.modality),
        seconds=time.perf_counter() - started,
        layers=layers,
        skipped={**(skipped or {}), **_left_out(samples)},
    )
    return AuditReport(
        facts=facts,
        verdicts=tuple(sorted(verdicts, key=lambda verdict: KINDS.index(verdict.kind))),
        measurements=tuple(rows),
        sensitivities=dict(sensitivities or {}),
        policy=policy,
        shown=shown,
    )


def _steps(transform: Transform, strengths: tuple[float, ...]) -> tuple[float, ...]:
    return strengths if transform.ranges else (1.0,)


def _criterion(samples: Samples) -> Criterion | None:
    if samples.target is None:
        return None
    return nn.CrossEntropyLoss() if samples.classes else _squared_error


def _squared_error(output: Tensor, target: Tensor) -> Tensor:
    return (output.reshape(target.shape) - target).square().mean()


def _left_out(samples: Samples) -> dict[str, str]:
    if samples.target is None:
        labelled = "label preservation, change of loss, score and shortcuts to labels"
        return {labelled: "the loader has no labels. Pass batches (x, target) to measure them."}
    if not samples.classes:
        return {"shortcuts to labels": "targets are numbers, and shortcuts are only measured for classes."}
    if samples.target.ndim > 1:
        return {"label preservation, shortcuts to labels": "each sample has several labels; a single label is needed."}
    return {}


def _arguments_of(model: Any) -> dict[str, Any]:
    """Returns the constructor arguments of the transforms of a model trained by augrad, as far as they agree."""
    if not isinstance(model, InvariantModel):
        return {}
    found: dict[str, Any] = {}
    for layer in model.augmentation:
        for transform in layer:
            for name, value in transform.config.items():
                if name not in transform.ranges and isinstance(value, bool | int | float | str):
                    found.setdefault(name, value)
    return found


def _policy(model: Any) -> list[dict[str, Any]]:
    if not isinstance(model, InvariantModel):
        return []
    return [dataclasses.asdict(row) for row in model.policy]


def _bar(wanted: bool | None) -> Progress:
    console = Console(stderr=True)
    shown = console.is_terminal if wanted is None else wanted
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not shown,
    )
