"""`certify`: an upper bound on how often a model's prediction changes under a transform, and the worst case found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from augrad import batch
from augrad.auditing.intervals import exact_share
from augrad.auditing.probing import Reach, applied, chosen_transforms, like_of, load_plugins, reaches, values_at
from augrad.auditing.reference import TOLERANCE, predictions, spread_of
from augrad.auditing.samples import Samples, read
from augrad.auditing.subject import Output, Subject
from augrad.invariance import distance
from augrad.layers.construction import Entry
from augrad.options import count, number
from augrad.randomness import keyed_generator, preserved_generators
from augrad.transform.transform import Transform

N_DRAWS = 10


@dataclass(frozen=True)
class Certificate:
    """Statistical evidence on how often a prediction changes under a transform. It is not a proof.

    Attributes:
        passed: whether the bound is at most the tolerance.
        transform: name of the transform.
        strength: largest strength that was drawn, as a share of the declared ranges.
        reaches: the same in physical values.
        n_samples: number of samples, each with `n_draws` draws.
        n_draws: draws per sample.
        n_violations: number of samples whose prediction changed in at least one draw.
        rate: `n_violations / n_samples`.
        bound: upper bound (Clopper-Pearson) on the rate for new samples from the same source, with `confidence`.
        tolerance: the accepted rate.
        confidence: confidence of the bound.
        worst: the worst case found: index of the sample, the values of the transform, and the distance of the output.
        data, model: hashes of the data and the model.
        seed: seed of all random draws.
    """

    passed: bool
    transform: str
    strength: float
    reaches: tuple[Reach, ...]
    n_samples: int
    n_draws: int
    n_violations: int
    rate: float
    bound: float
    tolerance: float
    confidence: float
    worst: Mapping[str, Any]
    data: str
    model: str
    seed: int

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        where = ", ".join(map(str, self.reaches)) or "applied"
        worst = ", ".join(f"{name} {value:.4g}" for name, value in self.worst["values"].items())
        return (
            f"{'PASSED' if self.passed else 'FAILED'}: {self.transform} up to {where}: the prediction changed for "
            f"{self.n_violations} of {self.n_samples} samples ({self.n_draws} draws each); with {self.confidence:.0%} "
            f"confidence for at most {self.bound:.2%} of new samples ({self.tolerance:.2%} are accepted). Worst case "
            f"found: sample {self.worst['sample']}{f' at {worst}' if worst else ''}. This is statistical evidence for "
            "samples from the same source and values drawn at random, not a proof for every sample and value."
        )

    def to_json(self) -> str:
        """Returns the certificate as JSON."""
        return json.dumps({"schema_version": 1, **asdict(self)}, indent=1)


def certify(  # noqa: PLR0917 - the order of a sentence: model, data, transform, strength
    model: Any,
    loader: Any,
    transform: Entry,
    strength: float = 1.0,
    tolerance: float = 0.05,
    confidence: float = 0.95,
    *,
    n_draws: int = N_DRAWS,
    arguments: Mapping[str, Any] | None = None,
    output: Output = None,
    max_samples: int | None = None,
    seed: int = 0,
) -> Certificate:
    """Tests whether a model's predictions are stable under a transform, with an exact bound on how often they change.

    Each sample is transformed `n_draws` times, with values drawn uniformly up to `strength`. A sample is a violation if
    its prediction changes at least once: to another class, or by more than half a standard deviation of the
    predictions. If the samples are independent draws from a source, the rate on new samples is at most `bound` with the
    given confidence.

    Use it to accept or reject a model for a given tolerance. Use `audit` to find out which transforms matter.

    Args:
        model: as for `audit`.
        loader: batches `(x, target)`, or `x` alone. Targets are only used to distinguish classes from numbers.
        transform: a name, class or instance.
        strength: share of the declared ranges, in (0, 1].
        tolerance: accepted rate of violations, in (0, 1).
        confidence: confidence of the bound, in (0, 1).
        n_draws: draws per sample, at least 1.
        arguments: constructor arguments of the transform, if it is a name or class.
        output: as for `audit`.
        max_samples: number of samples to read at most; None for all.
        seed: seed of all random draws.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted, or the loader is empty.
        InputError, InputTypeError: the transform does not accept the samples, or an output is not finite.

    References:
        Clopper, Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial,
        Biometrika 1934.

    Example:
        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "certify_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> slope = lambda x: torch.stack([x[:, 0] - x[:, 1], x[:, 1] - x[:, 0]], dim=1)
        >>> x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0)).double()
        >>> found = certify(slope, [x], Offset)
        >>> found.passed, found.n_violations, round(found.bound, 4)
        (True, 0, 0.0099)
    """
    number("tolerance", tolerance, above=0, below=1)
    number("confidence", confidence, above=0, below=1)
    number("strength", strength, above=0, most=1)
    count("n_draws", n_draws)
    subject = Subject(model, output=output)
    load_plugins(transform)
    samples = read(loader, max_samples)
    with preserved_generators(), torch.no_grad():
        (chosen,), _ = chosen_transforms([transform], samples.x, arguments)
        if not chosen.ranges and chosen.draw_noise(batch.first_of(samples.x, 1), torch.Generator()) is None:
            n_draws = 1  # all draws would be equal
        with subject.examined():
            violated, worst = _tried(subject, samples, chosen, float(strength), n_draws=n_draws, seed=seed)
    n_violations = int(violated.sum())
    # One-sided, because only the upper bound of the rate matters.
    bound = exact_share(n_violations, len(samples), 2 * confidence - 1).high if n_violations < len(samples) else 1.0
    return Certificate(
        passed=bound <= tolerance,
        transform=chosen.name,
        strength=float(strength),
        reaches=reaches(chosen, strength),
        n_samples=len(samples),
        n_draws=n_draws,
        n_violations=n_violations,
        rate=n_violations / len(samples),
        bound=bound,
        tolerance=float(tolerance),
        confidence=float(confidence),
        worst=worst,
        data=samples.digest(),
        model=subject.digest(),
        seed=seed,
    )


def _tried(
    subject: Subject, samples: Samples, transform: Transform, strength: float, *, n_draws: int, seed: int
) -> tuple[Tensor, dict[str, Any]]:
    """Returns which predictions changed, and the worst case: a violation if there is any, then the largest change."""
    clean = torch.cat([subject(batch.select(samples.x, part), "the clean samples")[0] for part in samples.parts()])
    classes = samples.classes or (samples.target is None and clean.ndim == 2 and clean.shape[1] > 1)
    before = predictions(clean, classes=classes)
    accepted = 0.0 if classes else TOLERANCE * float(spread_of(before))
    violated = torch.zeros(len(samples), dtype=torch.bool, device=clean.device)
    found = (False, -1.0)
    worst: dict[str, Any] = {"sample": 0, "values": {}, "output_distance": 0.0}
    for draw in range(n_draws):
        for index, part in enumerate(samples.parts()):
            x = batch.select(samples.x, part)
            generator = keyed_generator("certify", seed, transform.name, draw, index, device=batch.device(x))
            values = values_at(transform, strength, len(part), like_of(x), generator, within=bool(transform.ranges))
            moved, _ = applied(transform, x, values, generator)
            after, _ = subject(moved, f"samples transformed by {transform.name}")
            rows = part.to(clean.device)
            changed = _changed(predictions(after, classes=classes), before[rows], accepted, classes=classes)
            violated[rows] |= changed
            far = distance(clean[rows], after)
            most = int(torch.where(changed, far, -1.0).argmax() if changed.any() else far.argmax())
            case = (bool(changed[most]), float(far[most]))
            if case > found:
                found = case
                worst = {
                    "sample": int(part[most]),
                    "values": {name: _value(value[most]) for name, value in values.items()},
                    "output_distance": case[1],
                }
    return violated, worst


def _changed(after: Tensor, before: Tensor, accepted: float, *, classes: bool) -> Tensor:
    if classes:
        changed = after != before
        return changed if changed.ndim == 1 else changed.flatten(1).any(dim=1)
    apart: Tensor = torch.linalg.vector_norm((after - before).reshape(len(after), -1), dim=1)
    return apart > accepted


def _value(value: Tensor) -> float:
    """Returns the value as a number.

    For a parameter with several entries, this is the entry with the largest change.
    """
    flat = value.flatten()
    return float(flat[flat.abs().argmax()])
