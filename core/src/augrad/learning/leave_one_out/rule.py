"""`LeaveOneOut`: the leave-one-out rule and its options, `fit`'s default; and its plan of two stages.

Uses examination.py, placing.py; named in objectives.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from collections.abc import Generator as Generating
from dataclasses import asdict, dataclass
from typing import Any

from torch import Generator, Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError, EvidenceWarning
from augrad.layers.module import ModuleState
from augrad.learning.joint import JointLoss
from augrad.learning.leave_one_out import errors, features, judge
from augrad.learning.leave_one_out import search as search_room
from augrad.learning.leave_one_out.evidence import Evidence
from augrad.learning.leave_one_out.examination import MAX_TRANSFORMS, N_COPIES, N_SAMPLES, examine
from augrad.learning.leave_one_out.fixed_policy import FixedPolicyLoss
from augrad.learning.leave_one_out.placing import Places, place, placed_policy
from augrad.learning.leave_one_out.samples import read_samples
from augrad.learning.leave_one_out.targets import LEAST_SAMPLES
from augrad.learning.objective import Objective, StepLoss
from augrad.learning.penalties import DisplacementPenalty
from augrad.learning.stage import Budget, Computation, Row, Stage, StageResult
from augrad.model import InvariantModel
from augrad.options import count, number

LABEL = "evidence"
"""Label of the first stage."""

LEAST_COPIES = 4


@dataclass(frozen=True)
class LeaveOneOut:
    """Options of the leave-one-out rule, `fit`'s default.

    `augrad.fit(..., objective=augrad.LeaveOneOut(n_samples=200))` trains with other options than the default's.

    Args:
        n_samples: samples of the training data that the evidence is computed from, at most; at least 20.
        n_copies: augmented copies of each sample, at least 4.
        max_transforms: transforms in the policy at most; each needs a layer of its own that holds it.
        features: the name of a module of the trunk, or a function `(trunk, x) -> (samples, features)`; as for
            `augrad.find_policy`.
        max_seconds: the search ends after about this time with what it has found; None for no limit. With a limit, a
            run that is started anew may find another policy.
        fallback_penalty: of the joint loss, where no evidence can be had; None for `augrad.DisplacementPenalty()`.

    Raises:
        ArgumentError: an option is not accepted.

    Example:
        >>> LeaveOneOut(n_samples=200).n_samples
        200
    """

    n_samples: int = N_SAMPLES
    n_copies: int = N_COPIES
    max_transforms: int = MAX_TRANSFORMS
    features: str | Callable[[nn.Module, Any], Tensor] | None = None
    max_seconds: float | None = None
    fallback_penalty: Callable[[ModuleState], Tensor] | None = None

    takes_penalty = False
    predicts = True

    def __post_init__(self) -> None:
        count("n_samples", self.n_samples, least=LEAST_SAMPLES)
        count("n_copies", self.n_copies, least=LEAST_COPIES)
        count("max_transforms", self.max_transforms)
        if self.max_seconds is not None:
            number("max_seconds", self.max_seconds, above=0)

    def __call__(self, model: InvariantModel, criterion: Any, penalty: Any) -> LeaveOneOutLoss:
        """Makes the objective for a model."""
        return LeaveOneOutLoss(criterion, self)

    def unsuited(self, model: InvariantModel, x: Any, target: Any) -> str | None:
        """The reason why no evidence can be had for a task; None if it can.

        Args:
            model: the model to train.
            x, target: a first batch; None where there is none yet.
        """
        if model.aggregation == "equivariant":
            return "outputs are equivariant"
        if not any(parameter.requires_grad for parameter in model.trunk.parameters()):
            return "the trunk does not learn"
        reason = Places(model.augmentation).reason
        if reason is not None or x is None:
            return reason
        n_samples = batch.count(x)
        if not isinstance(target, Tensor):
            return f"targets are of type {type(target).__name__}"
        if target.ndim not in (1, 2) or len(target) != n_samples:
            return f"targets have the shape {tuple(target.shape)} for {n_samples} samples"
        if target.ndim == 2 and not target.is_floating_point() and bool((target.long() > 1).any()):
            return "each sample has several classes"
        return None


class LeaveOneOutLoss(Objective):
    """The plan of the leave-one-out rule: evidence is computed, then the trunk is trained with the policy it found.

    Where no evidence can be had, for example from fewer than 20 samples, a warning names the reason, and trunk and
    augmentation are trained with the joint loss and a penalty instead.

    Args:
        criterion: maps output and target to a scalar.
        options: of the rule.

    Attributes:
        evidence: the `Evidence`, once it is known.

    Warns:
        EvidenceWarning: no evidence can be had.
    """

    takes_penalty = False
    predicts = True

    def __init__(self, criterion: Any, options: LeaveOneOut) -> None:
        self.criterion, self.options = criterion, options
        self.evidence: Evidence | None = None
        self._joint = JointLoss(criterion)

    def step(
        self,
        model: nn.Module,
        x: Any,
        target: Any,
        *,
        progress: float,
        factor: float = 1.0,
        generator: Generator | None = None,
    ) -> StepLoss:
        """The criterion of augmented samples, without penalty."""
        return self._joint.step(model, x, target, progress=progress, factor=factor, generator=generator)

    def plan(
        self, model: InvariantModel, budget: Budget
    ) -> Generating[Stage | Computation, StageResult, list[Row] | None]:
        """Yields the computation of the evidence, and the training of the trunk; or the joint training alone."""
        unsuited = self.options.unsuited(model, None, None)
        if unsuited is not None:
            yield self._joint_stage(f"{unsuited}.", n_stages=1)
            return None
        places = Places(model.augmentation)

        def compute(loader: Any, report: Callable[[float, str], None]) -> Mapping[str, Any]:
            return self._computed(model, places, loader, report)

        result = yield Computation(compute, LABEL, n_stages=2)
        if "refused" in result.found:
            yield self._joint_stage(str(result.found["refused"]), n_stages=2)
            return None
        entries = {entry["transform"]: entry["magnitudes"] for entry in result.found["entries"]}
        place(model.augmentation, places, entries)
        if self.evidence is None:
            policy = placed_policy(model.augmentation, places, entries)
            self.evidence = Evidence.from_dict(result.found["evidence"], policy=policy)
        layers = list(model.augmentation)
        drawn = [layers[index] for index in places.assigned(list(entries)) or {}]
        yield Stage(FixedPolicyLoss(self.criterion, drawn), learns=("trunk",), n_stages=2)
        return None

    def _joint_stage(self, reason: str, *, n_stages: int) -> Stage:
        """The joint training, where no evidence can be had; a warning names the reason."""
        warnings.warn(fallback(reason), stacklevel=2)
        penalty = self.options.fallback_penalty or DisplacementPenalty()
        return Stage(JointLoss(self.criterion, penalty), n_stages=n_stages)

    def _computed(
        self, model: InvariantModel, places: Places, loader: Any, report: Callable[[float, str], None]
    ) -> Mapping[str, Any]:
        try:
            evidence = examined(model, places, loader, self.options, report=report)
        except (ArgumentError, ArgumentTypeError) as error:
            known = getattr(error, "argument", None) in ("loader", "features", "transforms", "trunk")
            if not known or self.options.features is not None:
                raise
            return {"refused": str(error)}
        self.evidence = evidence
        return stored(evidence)


def examined(
    model: InvariantModel,
    places: Places,
    loader: Any,
    options: LeaveOneOut,
    *,
    report: Callable[[float, str], None] = lambda share, text: None,
    seed: int = 0,
) -> Evidence:
    """The evidence for the transforms of a model's own augmentation.

    Args:
        model: its trunk gives the features, and is left as it is.
        places: of its augmentation.
        loader: as `read_samples` takes it.
        options: of the rule.
        report: told of progress.
        seed: of all draws.

    Raises:
        ArgumentError, ArgumentTypeError, InputError: no evidence can be had.
    """
    return examine(
        model.trunk,
        read_samples(loader, options.n_samples, seed),
        places.candidates,
        features=options.features,
        n_copies=options.n_copies,
        max_transforms=options.max_transforms,
        fits=places.fit,
        max_seconds=options.max_seconds,
        report=report,
        seed=seed,
    )


def stored(evidence: Evidence) -> dict[str, Any]:
    """The evidence as JSON can hold it, and the magnitudes of each transform of its policy, as `place` takes them."""
    helped = [each.transform for each in evidence.candidates if each.step is not None]
    return {
        "evidence": evidence.to_dict(),
        "entries": [
            {"transform": layer.names[0], "magnitudes": layer.magnitudes.tolist()}
            for layer in evidence.policy.as_module()
            if layer.names[0] in helped
        ],
    }


def fallback(reason: str) -> EvidenceWarning:
    """The warning that names the reason why the joint loss is used."""
    return EvidenceWarning(
        f"the joint loss is used instead of the leave-one-out rule, because no evidence can be had: {reason} "
        "Pass objective='joint' to choose it yourself, or see augrad.find_policy for what evidence needs."
    )


def deciding_constants() -> dict[str, Any]:
    """All constants that decide a result, as JSON can hold them: a benchmark repeats runs with other constants."""
    rooms = {"errors": errors, "features": features, "judge": judge, "search": search_room}
    plain = (bool, int, float, str, tuple, list, dict)
    found: dict[str, Any] = {"options": asdict(LeaveOneOut())}
    for room, module in rooms.items():
        own = {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, plain)}
        found[room] = {name: repr(value) for name, value in sorted(own.items())}
    return found
