"""`invariance`: measures how little a model's output changes under a transform (the paper's measure).

Uses model.py and layer.py.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError, InputError, MagnitudeError, suggestion
from augrad.layers.construction import resolve_transforms
from augrad.model import InvariantModel, unwrapped
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

# Smaller distances are rounding errors of float32 outputs. A constant model must not count as varying.
_SMALLEST_DISTANCE = 1e-12


@dataclass(frozen=True)
class Invariance:
    """Invariance for each value of the transform and each sample.

    1 means that the output does not change. 0 means that it changes as much as it differs between two samples. Negative
    numbers mean that it changes even more.

    Attributes:
        trunk: invariance of the trunk alone, `(values, batch)`.
        model: invariance of the whole model, averaged over its copies, `(values, batch)`.
    """

    trunk: Float[Tensor, "*values_batch"]
    model: Float[Tensor, "*values_batch"]

    def median(self) -> Invariance:
        """Returns the medians over all values and samples, as scalars; per value: `result.model.median(dim=1)`."""
        return Invariance(self.trunk.quantile(0.5), self.model.quantile(0.5))


def invariance(
    model: nn.Module,
    x: Any,
    transform: str | Transform | type[Transform],
    values: Mapping[str, Any] | Sequence[float] | Tensor | float,
    *,
    generator: Generator | None = None,
) -> Invariance:
    r"""Measures how invariant the trunk and the whole model are to a transform, for each sample and value.

    The result is `(d_random - d_T) / d_random`. `d_T` is the cosine distance between the outputs for `x` and for
    `T(x)`. `d_random` is the cosine distance between the outputs for `x` and for another, randomly chosen sample of the
    batch.

    The outputs are those that the model returns, so log-probabilities for `aggregation="log_prob"`, as in the paper.
    The trunk's output goes through the same aggregation, as a single copy, so that both numbers are comparable: a model
    whose augmentation is the identity gets the same numbers twice. In regression with a single number per sample there
    is no direction, so the absolute difference replaces the cosine distance. For `aggregation="equivariant"` the output
    for `T(x)` is first moved back, so the equivariance is measured.

    Train / eval: measures in eval mode and without gradient. Every module is then put back into its previous mode.

    Args:
        model: the `InvariantModel`, or a wrapper around it.
        x: a batch of at least 2 samples.
        transform: a name, class or instance.
        values: physical values by parameter. For each parameter: a number, `(values,)` numbers, or a tensor
            `(values, batch)`; a single number is combined with all values of the other parameters. A parameter that is
            learned for each entry of an axis also takes `(values, batch, entries)`; otherwise all entries get the same
            value. Parameters that are left out stay at their identity. If the transform has a single parameter, pass
            its values without a mapping; if it has no parameters, pass `{}`.
        generator: draws the random partners and the transform's noise; must be on the device of `x`. If None, a new
            generator with a fixed key is used, so the same call gives the same result.

    Raises:
        InputError: `x` has fewer than 2 samples, or a shape that the transform does not accept.
        InputTypeError: the transform does not accept this type of batch.
        ArgumentError, ArgumentTypeError: `values` names an unknown parameter, is empty, or has different lengths.
        MagnitudeError: a value lies outside its declared range.

    Example:
        >>> from augrad import AugmentationLayer, InvariantModel, Range, Transform
        >>> class Offset(Transform):
        ...     modality = "invariance_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> class Slope(nn.Module):  # sees differences only
        ...     def forward(self, x):
        ...         return x - x.mean(dim=1, keepdim=True)
        >>> model = InvariantModel(Slope(), AugmentationLayer([Offset]), aggregation="mean")
        >>> result = invariance(model, torch.rand(5, 3), Offset, {"level": [-1.0, 0.0, 1.0]})
        >>> result.trunk.shape, round(result.median().model.item(), 3)
        (torch.Size([3, 5]), 1.0)

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022.
    """
    inner = unwrapped(model)
    probe = copy.deepcopy(resolve_transforms([transform])[0]).to(batch.device(x)).eval()
    n_samples = batch.count(x)
    if n_samples < 2:
        raise InputError(
            f"invariance compares each sample with another of the batch, so it needs at least 2, but got {n_samples}.",
            n_samples=n_samples,
        )
    probe.validate(x)
    rows = _rows(probe, values, n_samples, x)
    generator = keyed_generator("invariance", device=batch.device(x)) if generator is None else generator
    partner = partners(n_samples, generator)
    with _measuring(inner):
        before = _outputs(inner, x)
        apart = [distance(each, each[partner]).clamp_min(_SMALLEST_DISTANCE) for each in before]
        measured = []
        for row in rows:
            noise = probe.draw_noise(x, generator)
            moving = {**row, **({} if noise is None else {"noise": noise})}
            after = _outputs(inner, probe(x, **moving))
            if inner.aggregation == "equivariant" and probe.moves_coordinates:
                after = [probe.invert(each, **moving) for each in after]
            measured.append([1 - distance(a, b) / far for a, b, far in zip(before, after, apart, strict=True)])
    trunk, whole = (torch.stack(each) for each in zip(*measured, strict=True))
    return Invariance(trunk, whole)


def _outputs(model: InvariantModel, x: Any) -> list[Tensor]:
    """Of the trunk, as a single copy, and of the whole model."""
    # One copy, made as the model makes them, so that the trunk gets what it is used to.
    return [model.aggregate(model.trunk(batch.repeat(x, 1)), batch.count(x)), model(x)]


def distance(a: Tensor, b: Tensor) -> Float[Tensor, " batch"]:
    """Returns the cosine distance between outputs; for single numbers the absolute difference."""
    a, b = (each.reshape(each.shape[0], -1).double() for each in (a, b))
    if a.shape[1] == 1:
        return (a - b).abs()[:, 0]
    # For unit vectors, 1 - cos is half the squared distance. Computed this way it is exactly 0 for equal outputs, and
    # exact for nearly equal outputs, where 1 - cos itself would be rounding noise.
    return (normalize(a, dim=1) - normalize(b, dim=1)).square().sum(dim=1) / 2


def partners(n_samples: int, generator: Generator) -> Int[Tensor, " batch"]:
    """Returns the index of another sample for each sample."""
    device = generator.device
    step = torch.randint(1, n_samples, (n_samples,), generator=generator, device=device)
    return (torch.arange(n_samples, device=device) + step) % n_samples


@contextmanager
def _measuring(model: nn.Module) -> Iterator[None]:
    modes = [(each, each.training) for each in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for each, training in modes:
            each.training = training


def _rows(transform: Transform, values: Any, n_samples: int, x: Any) -> list[dict[str, Tensor]]:
    """Returns the keyword arguments of `transform.forward` for each value, with a number for each sample."""
    given = _by_parameter(transform, values)
    wide = isinstance(x, Tensor) and x.dtype == torch.float64
    like = torch.empty(0, device=batch.device(x), dtype=torch.float64 if wide else torch.float32)
    columns = {name: _column(transform, name, value, n_samples) for name, value in given.items()}
    lengths = {name: len(column) for name, column in columns.items() if len(column) != 1}
    if len(set(lengths.values())) > 1:
        raise ArgumentError(
            f"values must have the same length for each parameter (or be single numbers), but got {lengths}.",
            argument="values",
            value=lengths,
        )
    n_values = next(iter(lengths.values()), 1)
    rows = []
    for index in range(n_values):
        row = transform.identity(n_samples, like)
        for name, column in columns.items():
            row[name] = column[index if len(column) > 1 else 0].to(like)
        rows.append(row)
    return rows


def _by_parameter(transform: Transform, values: Any) -> Mapping[str, Any]:
    names = list(transform.ranges)
    listed = ", ".join(names) or "none"
    if not isinstance(values, Mapping):
        if len(names) != 1:
            raise ArgumentError(
                f"values must be a mapping from parameter to values for a transform with {len(names)} parameters; "
                f"{transform.name} has: {listed}.",
                argument="values",
            )
        return {names[0]: values}
    for name in values:
        if name not in names:
            raise ArgumentError(
                f"{transform.name} has no parameter {name!r}; it has: {listed}." + suggestion(str(name), names),
                argument="values",
                value=name,
            )
    if names and not values:
        raise ArgumentError(
            f"values must give values for at least one parameter of {transform.name}: {listed}.", argument="values"
        )
    return values


def _column(transform: Transform, name: str, value: Any, n_samples: int) -> Float[Tensor, "values batch *entries"]:
    """Returns the checked values of a parameter with all their axes, in float64 on the CPU."""
    try:
        column = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentTypeError(
            f"values of {transform.name}: {name} must be numbers, but got {value!r}.", argument="values"
        ) from error
    declared = transform.ranges[name]
    wanted = (n_samples,) if declared.per is None else (n_samples, transform.sizes[name])
    if column.numel() == 0 or column.ndim > 1 + len(wanted) or column.shape[1:] != wanted[: max(0, column.ndim - 1)]:
        raise ArgumentError(
            f"values of {transform.name}: {name} must be a number, (values,) or (values, "
            f"{', '.join(map(str, wanted))}), but got shape {tuple(column.shape)}.",
            argument="values",
            shape=tuple(column.shape),
        )
    low, high = declared.bounds
    slack = 1e-6 * (high - low)  # the ends may have been rounded to float32
    outside = ~((column >= low - slack) & (column <= high + slack))
    if bool(outside.any()):
        worst = column[outside][0].item()
        raise MagnitudeError(
            f"{transform.name}: {name} must lie in [{low:g}, {high:g}]{' ' + declared.unit if declared.unit else ''}, "
            f"but got {worst:g}. To measure beyond this range, pass an instance with a wider range.",
            value=worst,
            low=low,
            high=high,
        )
    return column.reshape(-1, *column.shape[1:], *[1] * (1 + len(wanted) - max(1, column.ndim))).expand(-1, *wanted)
