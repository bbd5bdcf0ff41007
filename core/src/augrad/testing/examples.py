"""What checks run a transform on: example batches, values over its range, noise. Used by every file of checks."""

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
    """Smooth random signals in [0.1, 0.9], in double precision: kinks and clipping at 0 and 1 are out of the way.

    Args:
        shape: of the batch, `(batch, *event)`.
        generator: source of randomness; torch's default one if None.
        n_axes: how many of the last axes are smooth: 1 for signals, 2 for images.

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
    """A batch that `transform` accepts: its own `Transform.example_batch`, or smooth tensors `(n_samples, 4, 16)`.

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
    """The floating-point tensors of a batch, which checks compare. A plugin registers it for its own batch type.

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
    """A batch with `function` applied to each of its tensors, integers too, always in the same order.

    With it checks change a batch's dtype, device and contents, and see all that could be written into. A plugin
    registers it for its own batch type.

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
    """A batch with its floating-point tensors in `dtype`."""
    return mapped(x, lambda part: part.to(dtype) if part.is_floating_point() else part)


def tensors(x: Any) -> tuple[Tensor, ...]:
    """Every tensor of a batch, integers too: what a transform could write into."""
    found: list[Tensor] = []

    def noted(part: Tensor) -> Tensor:
        found.append(part)
        return part

    mapped(x, noted)
    return tuple(found)


def values_at(transform: Transform, fraction: Float[Tensor, " batch"]) -> Values:
    """Values at a fraction of each parameter's way from its identity to its far end; below 0 for the other side.

    Every entry of a parameter that is learned per axis entry gets the same value.

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
    """Random values away from the identity and from both ends of each range, and from round numbers.

    Args:
        transform: whose ranges are meant.
        n_samples: how many values of each parameter.
        dtype: of the values.
        reach: the fraction of each range to stay within.
        seed: of the draw.
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
    """Fractions of the range at its ends, at the identity and between; both sides if any parameter is signed."""
    above = (0.0, 0.5, 1.0)
    return (-1.0, -0.5, *above) if any(declared.signed for declared in transform.ranges.values()) else above


def noise_for(transform: Transform, x: Any, seed: int = 0) -> Any:
    """The inner noise that `transform` draws for a batch from a keyed generator; None if it has none."""
    return transform.draw_noise(x, keyed_generator(seed, "noise"))


def call(transform: Transform, x: Any, values: Values, noise: Any = None) -> Any:
    """`forward` as a layer calls it: the noise is left out where there is none."""
    return transform(x, **values) if noise is None else transform(x, **values, noise=noise)


def noise_parts(noise: Any) -> tuple[Tensor, ...]:
    """The tensors that noise consists of: none, one, or several."""
    if noise is None:
        return ()
    return (noise,) if isinstance(noise, Tensor) else tuple(noise)


def noise_rows(noise: Any, index: Tensor) -> Any:
    """The noise of the samples at `index`."""
    if noise is None or isinstance(noise, Tensor):
        return noise if noise is None else noise.index_select(0, index)
    return tuple(part.index_select(0, index) for part in noise)


def gap(x: Any, y: Any) -> Tensor:
    """Largest absolute difference between two batches, as a tensor without axes; 0 for empty ones.

    Batches of different shape are infinitely far apart.
    """
    largest = torch.zeros((), dtype=torch.float64)
    for a, b in zip(floats(x), floats(y), strict=True):
        if a.shape != b.shape:
            return torch.full_like(largest, math.inf)
        if a.numel():
            largest = torch.maximum(largest, (a.detach().double() - b.detach().double()).abs().max())
    return largest


def is_tensor_based(transform: Transform) -> bool:
    """Whether the transform's batches are plain tensors, with a dtype and shape that checks can vary."""
    return isinstance(example_batch(transform, 1), Tensor)
