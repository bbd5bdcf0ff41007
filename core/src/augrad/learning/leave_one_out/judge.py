"""`Judge`: leave-one-out errors of policies on the same samples, features and random numbers.

Uses features.py, copies.py, errors.py; used by search.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from augrad import batch
from augrad.errors import InputError
from augrad.learning.leave_one_out.copies import Copies
from augrad.learning.leave_one_out.errors import leave_one_out
from augrad.learning.leave_one_out.features import Features
from augrad.learning.leave_one_out.policies import Entry
from augrad.transform.transform import Transform

Errors = Tensor
"""As `leave_one_out` returns them: `(3, samples)`."""

Curve = dict[float, tuple[Errors, Errors]]
"""By magnitude, errors without and with a transform."""

COARSE = (0.25, 0.5, 0.75, 1.0)
"""Roots of the magnitudes that are tried first."""

FINE = tuple(place / 16 for place in range(2, 17))
"""Roots of the magnitudes that are tried for candidates that look good."""

MOST_ENTRIES = 64
"""A transform with more magnitudes keeps the same for all."""

PROBE, TOLERANCE = 0.5, 0.002
"""The magnitude at which each entry is tried alone, and the share by which it may raise the error."""

GRID = (0.1, 0.25, 0.5, 0.8)
"""Magnitudes of transforms with several parameters or entries, all of which share one."""


class Judge:
    """Errors of policies. Everything but the policy is the same for all of them, so differences are paired.

    Args:
        features: of an untrained trunk, or of the trunk as it is.
        x: the samples.
        targets: `(samples, outputs)`, of mean 0, in double precision.
        transforms: the candidates.
        n_copies: copies of each sample, a multiple of 16 for the finest magnitudes.
        key: of all draws.
        patterns: which magnitudes of a transform with several are used, by name: shared by judges, and found by one.
        tick: called between any two steps that take time, to end the search by an exception.
    """

    def __init__(
        self,
        features: Features,
        x: Any,
        targets: Tensor,
        transforms: Sequence[Transform],
        *,
        n_copies: int,
        key: Sequence[int | str],
        tick: Callable[[], None] = lambda: None,
        patterns: dict[str, tuple[float, ...]] | None = None,
    ) -> None:
        self._features, self._x, self._targets = features, x, targets
        self.copies = Copies(transforms, x, n_copies, key)
        self._tick = tick
        self.patterns: dict[str, tuple[float, ...]] = {} if patterns is None else patterns
        self._passes: dict[tuple[Any, ...], Tensor] = {}
        self._sweeps: dict[tuple[Any, ...], tuple[Tensor, Tensor]] = {}
        self._known: dict[tuple[Any, ...], Errors] = {}

    def errors(self, policy: Sequence[Entry]) -> Errors:
        """Errors of a policy; without an entry, of the samples as they are."""
        return self._first(policy, self.copies.n_copies if policy else 1, None)

    def curve(self, policy: Sequence[Entry], name: str, roots: Sequence[float] = COARSE) -> Curve:
        """Errors of a policy, and of the policy followed by a transform, by magnitude of the transform.

        Both are measured with the same number of copies, and with the same draws of the policy: fewer for a smaller
        magnitude.

        Args:
            policy: the entries before it.
            name: the transform.
            roots: roots of the magnitudes; ignored by transforms that have none, or several.
        """
        layer = self.copies.layers[name]
        if not layer.columns or not self.copies.sweeps(name):
            before = self.errors(policy)
            magnitudes = GRID if layer.columns else (1.0,)
            return {m: (before, self.errors([*policy, self.entry(name, m)])) for m in magnitudes}
        found = {}
        n_copies = self.copies.n_copies
        # Whole numbers of copies: with few of them, several roots are the same strength.
        for n_first in sorted({max(2, math.floor(root * n_copies)) for root in roots}):
            after = self._first([*policy, Entry(name, ())], n_first, self._swept(policy, name)[1])
            before = self._first(policy, n_first, self._middles()) if policy else self.errors(policy)
            found[(n_first / n_copies) ** 2] = (before, after)
        return found

    def entry(self, name: str, magnitude: float) -> Entry:
        """An entry at a magnitude; of a transform with several magnitudes, those that the targets depend on are 0."""
        pattern = self.patterns.get(name)
        return Entry(name, (magnitude,) if pattern is None else tuple(magnitude * share for share in pattern))

    def find_pattern(self, policy: Sequence[Entry], name: str) -> None:
        """Tries each magnitude of a transform alone, such as noise on each column of a table; keeps the harmless.

        With several parameters or entries, a transform may destroy what tells the target by one of them alone.

        Args:
            policy: the entries before it.
            name: the transform; nothing is done if it has a single magnitude, or more than `MOST_ENTRIES`.
        """
        n_columns = int(self.copies.layers[name].magnitudes.numel())
        if not 1 < n_columns <= MOST_ENTRIES:
            return
        before = self.errors(policy).sum(dim=0).mean()
        pattern = []
        for place in range(n_columns):
            alone = tuple(PROBE if other == place else 0.0 for other in range(n_columns))
            after = self.errors([*policy, Entry(name, alone)]).sum(dim=0).mean()
            pattern.append(float(after <= (1 + TOLERANCE) * before))
        self.patterns[name] = tuple(pattern) if any(pattern) else (1.0,) * n_columns

    @torch.no_grad()
    def _first(self, policy: Sequence[Entry], n_first: int, roots: Tensor | None) -> Errors:
        """Errors from the first copies of a policy, weighted by their roots; None for equal weights."""
        key = (*policy, n_first, roots is None)
        if key not in self._known:
            if policy and not policy[-1].magnitudes:
                copies = self._swept(policy[:-1], policy[-1].name)[0]
            else:
                copies = self._fixed(policy)
            self._tick()  # with many samples, the errors take longer than the pass
            weights = None if roots is None else roots[:n_first] / roots[:n_first].sum(dim=0)
            self._known[key] = leave_one_out(copies[:n_first], self._targets, weights)
        return self._known[key]

    def _middles(self) -> Tensor:
        """The mean roots of a sweep's copies, which are the same for all candidates that follow a policy."""
        n_copies, device = self.copies.n_copies, self._targets.device
        roots = (torch.arange(n_copies, device=device) + 0.5) / n_copies
        return roots[:, None].expand(n_copies, self.copies.n_samples)

    def _fixed(self, policy: Sequence[Entry]) -> Tensor:
        key = tuple(policy)
        if key not in self._passes:
            x = self.copies.fixed(policy) if policy else self._x
            self._passes[key] = self._of(x, policy[-1].name if policy else "")
        return self._passes[key]

    @torch.no_grad()
    def _swept(self, policy: Sequence[Entry], name: str) -> tuple[Tensor, Tensor]:
        key = (*policy, name)
        if key not in self._sweeps:
            x, roots = self.copies.swept(policy, name)
            self._sweeps[key] = (self._of(x, name), roots)
        return self._sweeps[key]

    def forget(self) -> None:
        """Releases the features of all sweeps."""
        self._passes.clear()
        self._sweeps.clear()

    def _of(self, x: Any, name: str) -> Tensor:
        n_samples = batch.count(self._x)
        try:
            values = self._features(x)
        except InputError as error:
            if not name or "row" not in error.facts:
                raise
            sample = int(self._features.index[error.facts["row"] % n_samples])
            raise InputError(
                f"transforms: {name} turns sample {sample}, counted from 0, into one whose features are not finite. "
                "Leave this transform out, or give it a smaller range.",
                argument="transforms",
                transform=name,
                index=sample,
            ) from error
        self._tick()
        return values.reshape(len(values) // n_samples, n_samples, *values.shape[1:])
