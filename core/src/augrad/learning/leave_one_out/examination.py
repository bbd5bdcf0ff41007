"""An examination: from samples, a trunk and candidates to `Evidence`.

Uses search.py, judging.py; used by find.py, rule.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.learning.leave_one_out.evidence import HELPS, Candidate, Evidence, Facts, Shown
from augrad.learning.leave_one_out.features import Chosen, Features
from augrad.learning.leave_one_out.judge import Judge
from augrad.learning.leave_one_out.judging import judged
from augrad.learning.leave_one_out.samples import Samples, n_repeated
from augrad.learning.leave_one_out.search import N_FINALISTS, Found, search
from augrad.learning.leave_one_out.targets import Targets, targets_of
from augrad.learning.leave_one_out.trunks import built, is_fresh, reinitialised
from augrad.policies.policy import Policy
from augrad.randomness import derived_seed, preserved_generators, seed_global_generators
from augrad.report.words import counted
from augrad.transform.transform import Transform
from augrad.transform.unchanged import Unchanged

N_SAMPLES = 400
"""Samples that are read at most."""

N_SCREENED = 128
"""Samples on which every candidate is tried; the best are tried again on all."""

N_COPIES = 16
"""Copies of each sample."""

MAX_TRANSFORMS = 3
"""Transforms in a policy at most."""

N_SHOWN = 3
"""Samples that are kept for pictures."""

MOST_REPEATED = 0.05
"""A warning tells if a larger share of the samples equals another one."""

BLIND = 0.95
"""A warning tells if nothing helps, and the error is at least this without any transform: 1 is that of a guess."""

Report = Callable[[float, str], None]
"""Called with the share that is done, in [0, 1], and what is being done."""


class _OutOfTime(Exception):  # noqa: N818 - no error: the search ends
    pass


def examine(
    trunk: nn.Module,
    samples: Samples,
    transforms: Sequence[Transform],
    *,
    features: Chosen = None,
    n_copies: int = N_COPIES,
    max_transforms: int = MAX_TRANSFORMS,
    fits: Callable[[Sequence[str]], bool] = lambda _: True,
    max_seconds: float | None = None,
    seed: int = 0,
    report: Report = lambda share, text: None,
    warnings: Sequence[str] = (),
) -> Evidence:
    """Searches for the policy with the least leave-one-out error, and judges every candidate.

    Args:
        trunk: the network whose features are used; left as it is.
        samples: as `read_samples` returns them.
        transforms: the candidates, with distinct names; copied.
        features: as for `Features`.
        n_copies: copies of each sample.
        max_transforms: transforms in the policy at most.
        fits: whether transforms of these names can stand together in the policy.
        max_seconds: the search ends after about this time, with what it has found; None for no limit.
        seed: of all draws.
        report: told of progress.
        warnings: sentences for the facts.

    Raises:
        ArgumentError, ArgumentTypeError, InputError: the targets, the samples or the features are not accepted.
    """
    started = time.perf_counter()
    targets = targets_of(samples.target, batch.count(samples.x), samples.index)
    index = samples.index[targets.kept.cpu()]
    x = _placed(samples.x, trunk)
    columns = targets.columns.to(batch.device(x))
    if not targets.kept.all():
        x = batch.select(x, targets.kept.nonzero()[:, 0].to(batch.device(x)))
    for transform in transforms:
        transform.validate(x)
    names = [transform.name for transform in transforms]
    tried = [transform for transform in transforms if not transform.mixes_samples]
    if not tried:
        raise ArgumentError(
            f"transforms: {', '.join(names)} put values of other samples into a sample, so leaving that sample out "
            "leaves a part of it in, and its error says nothing. Add candidates that change each sample by itself.",
            argument="transforms",
        )
    found = Found((), {}, {})
    complete = True
    with preserved_generators():
        seed_global_generators(seed, "evidence", "forward")  # a trunk may draw from them
        tick = _Clock(started, max_seconds).tick
        judges = _Judges(
            trunk, x, columns, tried, chosen=features, n_copies=n_copies, seed=seed, tick=tick, index=index
        )
        progress = _Progress(len(tried), max_transforms, report)
        state: list[Found] = []
        try:
            found = search(
                judges.screen,
                judges.confirm,
                [transform.name for transform in tried],
                n_samples=len(columns),
                max_depth=max_transforms,
                fits=fits,
                tried=progress.tried,
                known=state.append,
            )
        except _OutOfTime:
            complete = False
            found = state[-1] if state else found
        layers = judges.screen.copies.layers
        candidates = judged(found, names, layers, n_samples=len(columns))
        policy = Policy.from_module(judges.screen.copies.module(found.policy) if found.policy else _nothing())
    told = [*warnings, *_told(targets, transforms), *_told_of_repeated(samples.x), *_told_of_blindness(candidates)]
    facts = Facts(
        n_samples=len(columns),
        more_samples=samples.more,
        targets=targets.words,
        features=_described(features, judges.features),
        trunk="as initialised" if judges.fresh else "trained before",
        n_features=judges.features.n_features,
        n_copies=n_copies,
        seconds=time.perf_counter() - started,
        complete=complete,
        seed=seed,
        warnings=tuple(told),
    )
    report(1.0, "done")
    return Evidence(policy, candidates, facts, transforms[0].modality, shown=_shown(x, transforms))


class _Judges:
    """The judge that screens and those that confirm, with features from trunks of their own if the trunk is fresh."""

    def __init__(
        self,
        trunk: nn.Module,
        x: Any,
        targets: Tensor,
        transforms: Sequence[Transform],
        *,
        chosen: Chosen,
        n_copies: int,
        seed: int,
        tick: Callable[[], None],
        index: Tensor,
    ) -> None:
        trunk = built(trunk, x)
        self.fresh = is_fresh(trunk)
        self.features = Features(trunk, x, chosen, index=index)
        anew = reinitialised(trunk, derived_seed(seed, "evidence", "trunk"))
        other = Features(anew, x, chosen, index=index)
        n_samples = len(targets)
        patterns: dict[str, tuple[float, ...]] = {}

        def judge(features: Features, n_first: int, part: str) -> Judge:
            rows = batch.first_of(x, n_first)
            columns = targets[:n_first] - targets[:n_first].mean(dim=0)
            key = (seed, "evidence", part)
            return Judge(features, rows, columns, transforms, n_copies=n_copies, key=key, tick=tick, patterns=patterns)

        self.screen = judge(self.features, min(n_samples, N_SCREENED), "screen")
        self.confirm = [judge(other if self.fresh else self.features, n_samples, "confirm")]
        if n_samples <= N_SCREENED:
            self.confirm.append(self.screen)


class _Clock:
    def __init__(self, started: float, max_seconds: float | None) -> None:
        self._end = None if max_seconds is None else started + max_seconds

    def tick(self) -> None:
        """Ends the search when its time is over."""
        if self._end is not None and time.perf_counter() > self._end:
            raise _OutOfTime


class _Progress:
    """The share of an examination that is done; a search that finds less is over sooner."""

    def __init__(self, n_candidates: int, max_transforms: int, report: Report) -> None:
        n_rounds = min(max_transforms, n_candidates)
        self._total = n_candidates + N_FINALISTS + (n_rounds - 1) * (0.5 * n_candidates + N_FINALISTS)
        self._done = 0
        self._report = report

    def tried(self, name: str) -> None:
        """A candidate was tried."""
        self._done += 1
        self._report(min(0.99, self._done / self._total), name)


def _placed(x: Any, trunk: nn.Module) -> Any:
    """The samples on the device of the trunk."""
    parameter = next(trunk.parameters(), None)
    return x if parameter is None or parameter.device == batch.device(x) else x.to(parameter.device)


def _nothing() -> AugmentationModule:
    return AugmentationModule([AugmentationLayer([Unchanged])])


def _described(chosen: Chosen, features: Features) -> str:
    if chosen is None:
        many = len(features.layers)
        return f"inputs of {many} layer{'s' if many > 1 else ''}: {', '.join(features.layers)}"
    if isinstance(chosen, str):
        return f"output of the module {chosen}"
    return f"the function {getattr(chosen, '__qualname__', type(chosen).__name__)}"


def _told(targets: Targets, transforms: Sequence[Transform]) -> list[str]:
    told = []
    dropped = int((~targets.kept).sum())
    if dropped:
        told.append(f"{counted(dropped, 'sample')} with a negative class {'was' if dropped == 1 else 'were'} left out")
    mixing = [each.name for each in transforms if each.mixes_samples]
    if mixing:
        told.append(
            f"not examined: {', '.join(mixing)}, because values of other samples enter a sample, and leaving that "
            "sample out leaves a part of it in"
        )
    return told


def _told_of_repeated(x: Any) -> list[str]:
    many, n_samples = n_repeated(x), batch.count(x)
    if many <= MOST_REPEATED * n_samples:
        return []
    told = (
        f"{many} of {n_samples} samples equal another one: leaving a sample out leaves its copy in, so transforms look "
        "worse than they are; read each sample once, without a sampler that repeats them"
    )
    return [told]


def _told_of_blindness(candidates: Sequence[Candidate]) -> list[str]:
    examined = [each for each in candidates if each.examined]
    least = min((each.error_without for each in examined), default=0.0)
    if least < BLIND or any(each.verdict == HELPS for each in examined):
        return []
    told = (
        f"the features tell hardly anything about the targets (error {least:.2f}; 1 is that of their mean), so even a "
        "transform that harms may seem harmless; read more samples, or pass other features or a trained trunk"
    )
    return [told]


def _shown(x: Any, transforms: Sequence[Transform]) -> Shown:
    return Shown(batch.first_of(x, N_SHOWN), {each.name: each for each in transforms})
