"""Checks on gradients: they reach the parameters, do not vanish at the ends, and fit the declaration."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import gradcheck

from augrad import batch
from augrad.errors import ConformanceError
from augrad.randomness import keyed_generator
from augrad.testing.examples import (
    Values,
    call,
    example_batch,
    floats,
    inner_values,
    mapped,
    noise_for,
    tensors,
    values_at,
)
from augrad.testing.registry import check, has_parameters, require
from augrad.transform.transform import Transform

NEAR_END = 0.05
"""Distance from the end of a range at which its gradient is tested. At the very end a derivative may rightly be zero,
for example that of a blur at width 0."""

DEAD = 1e-9
"""A gradient near an end counts as dead if it is this much smaller than in the middle of the range."""

N_DRAWS = 64
"""Number of draws over which the gradient of a transform with jumps is averaged, to compare it with differences."""

AGREEMENT = 0.5
"""Least cosine between the mean gradient and the mean difference. A biased estimator still points the right way."""


def _is_pathwise(transform: Transform) -> bool:
    return transform.gradient == "pathwise"


def _is_pathwise_with_parameters(transform: Transform) -> bool:
    return has_parameters(transform) and _is_pathwise(transform)


def _has_estimator(transform: Transform) -> bool:
    return has_parameters(transform) and transform.gradient != "pathwise"


def parameter_gradients(transform: Transform, x: Any, values: Values, noise: Any) -> dict[str, Tensor | None]:
    """Returns the gradient of a random linear function of the output for each parameter; None where it is cut."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in values.items()}
    generator = keyed_generator("projection")
    loss = torch.zeros((), dtype=torch.float64)
    for part in floats(call(transform, x, leaves, noise)):
        loss = loss + (part.double() * torch.rand(part.shape, generator=generator, dtype=torch.float64)).sum()
    if not loss.requires_grad:
        return dict.fromkeys(leaves)
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return dict(zip(leaves, gradients, strict=True))


@check(has_parameters)
def check_gradient_reaches_parameters(transform: Transform) -> None:
    """The gradient reaches every declared parameter: it exists, is finite, and is not zero everywhere."""
    x = example_batch(transform, 4)
    gradients = parameter_gradients(transform, x, inner_values(transform, 4), noise_for(transform, x))
    for name, gradient in gradients.items():
        if gradient is None:
            raise ConformanceError(
                f"{transform.name}: no gradient reaches {name!r}: the output does not depend on it, or the path to it "
                "is cut (detach, rounding, a comparison).",
                transform=transform.name,
            )
        require(bool(torch.isfinite(gradient).all()), transform, f"the gradient of {name!r} is not finite.")
        require(bool(gradient.abs().sum() > 0), transform, f"the gradient of {name!r} is zero for every sample.")


@check(has_parameters)
def check_gradient_alive_at_ends(transform: Transform) -> None:
    """The gradient of every parameter is finite at both ends of its range, and does not vanish just inside them."""
    x = example_batch(transform, 4)
    noise = noise_for(transform, x)
    middle = _largest_gradients(transform, x, 0.5, noise)
    for end in (0.0, 1.0, -1.0):
        if end < 0 and not any(declared.signed for declared in transform.ranges.values()):
            continue
        inside = NEAR_END if end == 0 else end * (1 - NEAR_END)
        at, near = _largest_gradients(transform, x, end, noise), _largest_gradients(transform, x, inside, noise)
        for name, declared in transform.ranges.items():
            value = f"{declared.identity + end * declared.span:g} {declared.unit}".rstrip()
            require(bool(torch.isfinite(at[name])), transform, f"the gradient of {name!r} is not finite at {value}.")
            require(
                bool(near[name] > DEAD * middle[name]),
                transform,
                f"the gradient of {name!r} is dead near {value}: a magnitude that gets there cannot come back. Use a "
                "smooth bound, not a clamp, or declare a narrower Range.",
            )


def _largest_gradients(transform: Transform, x: Any, fraction: float, noise: Any) -> dict[str, Tensor]:
    values = values_at(transform, torch.full((4,), fraction, dtype=torch.float64))
    found = parameter_gradients(transform, x, values, noise)
    return {name: torch.zeros(()) if grad is None else grad.abs().max() for name, grad in found.items()}


@check(_is_pathwise_with_parameters)
def check_gradcheck_of_parameters(transform: Transform) -> None:
    """The pathwise gradient of every parameter equals finite differences, in double precision."""
    x = example_batch(transform, 2)
    values, noise = inner_values(transform, 2), noise_for(transform, x)
    names = list(values)

    def function(*leaves: Tensor) -> Tensor:
        return _projected(call(transform, x, dict(zip(names, leaves, strict=True)), noise))

    _gradcheck(transform, function, tuple(values.values()), "its parameters")


@check(_is_pathwise)
def check_gradcheck_of_input(transform: Transform) -> None:
    """The pathwise gradient of the input equals finite differences, in double precision."""
    n_samples = 2 if transform.mixes_samples else 1
    x = example_batch(transform, n_samples)
    values, noise = inner_values(transform, n_samples), noise_for(transform, x)

    def function(*leaves: Tensor) -> Tensor:
        given = iter(leaves)
        leaf = mapped(x, lambda part: next(given) if part.is_floating_point() else part)
        return _projected(call(transform, leaf, values, noise))

    _gradcheck(transform, function, tuple(part for part in tensors(x) if part.is_floating_point()), "the input")


def _projected(y: Any) -> Tensor:
    # A few random sums represent all entries of the output. A wrong derivative shows in each sum.
    flat = torch.cat([part.flatten().double() for part in floats(y)])
    weights = torch.rand(6, len(flat), generator=keyed_generator("gradcheck"), dtype=torch.float64)
    return weights @ flat


def _gradcheck(transform: Transform, function: Any, inputs: tuple[Tensor, ...], of: str) -> None:
    leaves = tuple(leaf.detach().clone().requires_grad_() for leaf in inputs)
    try:
        gradcheck(function, leaves, eps=1e-6, atol=1e-4, rtol=1e-3)
    except RuntimeError as error:
        raise ConformanceError(
            f"{transform.name}: the gradient of {of} differs from finite differences, so gradient='pathwise' is not "
            f"true. {error}",
            transform=transform.name,
        ) from error


@check(_has_estimator)
def check_gradient_agrees_with_differences(transform: Transform) -> None:
    """A relaxed or straight-through gradient points in the direction in which the smoothed map changes.

    Values are spread evenly from 0.2 to 0.8 of the range. The mean derivative of the smoothed map is then the
    difference between its two ends, divided by their distance. The mean of the declared gradient must point in the same
    direction.
    """
    n_kinds = 4
    x = example_batch(transform, n_kinds)
    rows = torch.arange(n_kinds).repeat_interleave(N_DRAWS)
    x = batch.select(x, rows)
    noise = noise_for(transform, x)
    low, high = (torch.full((len(rows),), at, dtype=torch.float64) for at in (0.2, 0.8))
    spread = low + (high - low) * torch.linspace(0, 1, N_DRAWS, dtype=torch.float64).repeat(n_kinds)
    for name in transform.ranges:
        ends = []
        for fraction in (low, high):
            values = {**values_at(transform, spread), name: values_at(transform, fraction)[name]}
            ends.append([part.detach() for part in _by_kind(call(transform, x, values, noise), n_kinds)])
        towards = 1 if transform.ranges[name].span > 0 else -1
        differences = [towards * (high - low).mean(0) for low, high in zip(*ends, strict=True)]
        leaf = values_at(transform, spread)[name].requires_grad_()
        y = _by_kind(call(transform, x, {**values_at(transform, spread), name: leaf}, noise), n_kinds)
        found, expected = _directional(y, leaf, differences)
        cosine = torch.nn.functional.cosine_similarity(found.flatten(), expected.flatten(), dim=0)
        require(
            bool(cosine >= AGREEMENT),
            transform,
            f"the {transform.gradient} gradient of {name!r} does not agree with differences over 0.2 to 0.8 of its "
            f"range: cosine {float(cosine):.2f}, but at least {AGREEMENT} is needed (check its sign and scale).",
        )


def _by_kind(y: Any, n_kinds: int) -> list[Tensor]:
    """Returns `N_DRAWS` outputs for each kind of sample, as the rows of a matrix. Kinds may differ in size."""
    kinds = torch.arange(n_kinds * N_DRAWS).chunk(n_kinds)
    return [torch.cat([p.double().reshape(N_DRAWS, -1) for p in floats(batch.select(y, k))], dim=1) for k in kinds]


def _directional(y: list[Tensor], leaf: Tensor, differences: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns mean gradient and mean difference of random linear functions of the output, for each kind of sample."""
    generator = keyed_generator("directions")
    directions = [torch.randn(16, len(part), generator=generator, dtype=torch.float64) for part in differences]
    expected = torch.stack([along @ part for along, part in zip(directions, differences, strict=True)], dim=1)
    if not any(part.requires_grad for part in y):
        return torch.zeros_like(expected), expected
    found = []
    for each in zip(*directions, strict=True):
        total = torch.stack([(part @ direction).sum() for part, direction in zip(y, each, strict=True)]).sum()
        (gradient,) = torch.autograd.grad(total, leaf, retain_graph=True)
        found.append(gradient.flatten(1).sum(1) if gradient.ndim > 1 else gradient)
    return torch.stack(found).reshape(len(found), len(y), N_DRAWS).mean(2), expected
