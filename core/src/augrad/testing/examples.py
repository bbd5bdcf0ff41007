"""The inputs of the checks: example batches, values over the range of a transform, noise. Used by all check files."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import singledispatch
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad.errors import InputTypeError
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

Values = dict[str, Tensor]
"""Physical values per parameter, as `forward` takes them."""


def smooth(shape: tuple[int, ...], generator: Generator | None = None, *, n_axes: int = 1) -> Float[Tensor, "..."]:
    """Returns smooth random signals in [0.1, 0.9], in double precision, which avoid kinks and clipping at 0 and 1.

    Args:
        shape: shape of the batch, `(batch, *event)`.
        generator: source of randomness; if None, torch's default generator.
        n_axes: number of trailing axes that are smooth: 1 for signals, 2 for images.

    Example:
        >>> images = smooth((2, 3, 8, 8), n_axes=2)
        >>> images.shape, round(images.min().item(), 6), round(images.max().item(), 6)
        (torch.Size([2, 3, 8, 8]), 0.1, 0.9)
    """
    n_waves, axes = 4, tuple(range(len(shape) - n_axes, len(shape)))
    waves = torch.rand(*shape[:-n_axes], *[n_waves] * n_axes, generator=generator, dtype=torch.float64) - 0.5
    for axis in axes:
        place = (torch.arange(shape[axis], dtype=torch.float64) + 0.5) / shape[axis]
        basis = torch.cos(math.pi * place[:, None] * torch.arange(n_waves))
        waves = torch.tensordot(waves, basis, dims=([len(shape) - n_axes], [1]))
    low, high = waves.amin(dim=axes, keepdim=True), waves.amax(dim=axes, keepdim=True)
    return 0.1 + 0.8 * (waves - low) / (high - low).clamp_min(torch.finfo(torch.float64).tiny)


def example_batch(transform: Transform, n_samples: int = 3, dtype: torch.dtype = torch.float64, seed: int = 0) -> Any:
    """Returns a batch that `transform` accepts: `Transform.example_batch`, or else smooth tensors `(n_samples, 4, 16)`.

    Example:
        >>> from augrad import Range, Transform
        >>> class Gain(Transform):
        ...     modality = "signal"
        ...     gain_db = Range(6.0, unit="dB")
        ...     def forward(self, x, *, gain_db):
        ...         return x * 10 ** (gain_db / 20)[:, None, None]
        >>> example_batch(Gain(), 2).shape
        torch.Size([2, 4, 16])
    """
    generator = keyed_generator(seed, "example")
    given = transform.example_batch(n_samples, generator)
    if given is None:
        given = smooth((n_samples, 4, 16), generator)
    return cast(given, dtype)


@singledispatch
def floats(x: Any) -> tuple[Tensor, ...]:
    """Returns the floating-point tensors of a batch, which the checks compare. A plugin registers its own batch type.

    Example:
        >>> [part.shape for part in floats(torch.zeros(2, 3))]
        [torch.Size([2, 3])]
    """
    raise InputTypeError(
        f"a batch of type {type(x).__name__} cannot be compared: augrad knows tensors; a plugin registers other types "
        "with augrad.testing.floats.",
        type=type(x).__name__,
    )


@floats.register
def _(x: Tensor) -> tuple[Tensor, ...]:
    return (x,)


@singledispatch
def mapped(x: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """Returns a batch with `function` applied to each of its tensors, including integers, always in the same order.

    The checks use it to change a batch's dtype, device and contents, and to find every tensor that a transform could
    write into. A plugin registers its own batch type.

    Example:
        >>> mapped(torch.ones(2), torch.neg).tolist()
        [-1.0, -1.0]
    """
    raise InputTypeError(
        f"a batch of type {type(x).__name__} cannot be taken to another dtype or device: augrad knows tensors; a "
        "plugin registers other types with augrad.testing.mapped.",
        type=type(x).__name__,
    )


@mapped.register
def _(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    return function(x)


def cast(x: Any, dtype: torch.dtype) -> Any:
    """Returns a batch with its floating-point tensors in `dtype`."""
    return mapped(x, lambda part: part.to(dtype) if part.is_floating_point() else part)


def tensors(x: Any) -> tuple[Tensor, ...]:
    """Returns every tensor of a batch, including integers. A transform could write into each of them."""
    found: list[Tensor] = []

    def noted(part: Tensor) -> Tensor:
        found.append(part)
        return part

    mapped(x, noted)
    return tuple(found)


def values_at(transform: Transform, fraction: Float[Tensor, " batch"]) -> Values:
    """Returns values at a fraction of the way from each parameter's identity to its far end.

    A fraction below 0 gives the other side. If a parameter is learned for each entry of an axis, all entries get the
    same value.

    Example:
        >>> from augrad import Range, Transform
        >>> class Gain(Transform):
        ...     modality = "signal"
        ...     gain_db = Range(6.0, unit="dB")
        ...     def forward(self, x, *, gain_db):
        ...         return x * 10 ** (gain_db / 20)[:, None, None]
        >>> values_at(Gain(), torch.tensor([0.0, 0.5]))["gain_db"].tolist()
        [0.0, 3.0]
    """
    values = {}
    for name, declared in transform.ranges.items():
        value = declared.identity + fraction * declared.span
        values[name] = value if declared.per is None else value[:, None].repeat(1, transform.sizes[name])
    return values


def inner_values(
    transform: Transform, n_samples: int, dtype: torch.dtype = torch.float64, *, reach: float = 1.0, seed: int = 0
) -> Values:
    """Returns random values away from the identity, from both ends of each range, and from round numbers.

    Args:
        transform: the transform whose ranges are used.
        n_samples: number of values for each parameter.
        dtype: dtype of the values.
        reach: fraction of each range that is used.
        seed: seed of the draw.
    """
    generator = keyed_generator(seed, "values")
    values = {}
    for name, declared in transform.ranges.items():
        size = (n_samples,) if declared.per is None else (n_samples, transform.sizes[name])
        fraction = reach * (0.15 + 0.7 * torch.rand(size, generator=generator, dtype=torch.float64))
        if declared.signed:
            fraction = fraction * (2 * torch.randint(2, size, generator=generator) - 1)
        values[name] = (declared.identity + fraction * declared.span).to(dtype)
    return values


def fractions_of_interest(transform: Transform) -> tuple[float, ...]:
    """Returns fractions of the range at its ends, at the identity and in between, on both sides if signed."""
    above = (0.0, 0.5, 1.0)
    return (-1.0, -0.5, *above) if any(declared.signed for declared in transform.ranges.values()) else above


def noise_for(transform: Transform, x: Any, seed: int = 0) -> Any:
    """Returns the noise that `transform` draws for a batch from a keyed generator; None if it draws no noise."""
    return transform.draw_noise(x, keyed_generator(seed, "noise"))


def call(transform: Transform, x: Any, values: Values, noise: Any = None) -> Any:
    """Calls `forward` as a layer does: without the noise argument if there is no noise."""
    return transform(x, **values) if noise is None else transform(x, **values, noise=noise)


def noise_parts(noise: Any) -> tuple[Tensor, ...]:
    """Returns the tensors of a noise value: none, a single tensor, or several."""
    if noise is None:
        return ()
    return (noise,) if isinstance(noise, Tensor) else tuple(noise)


def noise_rows(noise: Any, index: Tensor) -> Any:
    """Returns the noise of the samples at `index`."""
    if noise is None or isinstance(noise, Tensor):
        return noise if noise is None else noise.index_select(0, index)
    return tuple(part.index_select(0, index) for part in noise)


def gap(x: Any, y: Any) -> Tensor:
    """Returns the largest absolute difference between two batches, as a tensor without axes; 0 for empty batches.

    The difference between batches of different shape is infinite.
    """
    largest = torch.zeros((), dtype=torch.float64)
    for a, b in zip(floats(x), floats(y), strict=True):
        if a.shape != b.shape:
            return torch.full_like(largest, math.inf)
        if a.numel():
            largest = torch.maximum(largest, (a.detach().double() - b.detach().double()).abs().max())
    return largest


def is_tensor_based(transform: Transform) -> bool:
    """Whether the transform's batches are plain tensors, whose dtype and shape the checks can vary."""
    return isinstance(example_batch(transform, 1), Tensor)
